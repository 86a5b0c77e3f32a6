"""An error that no handler takes, in applications of FastAPI and Starlette that a real uvicorn serves: one event on the
request's span, and one ERROR log record of the request's trace."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import _logs
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import tidegate
from asgi_serving import prepare, serving
from framework_telemetry import Telemetry

KEPT = ValueError("kept, and raised again and again")


async def unhandled(request: Request) -> Response:
    raise ValueError("unhandled")


async def tracked(request: Request) -> Response:
    try:
        raise ValueError("tracked")
    except ValueError as error:
        tidegate.track_error(error, order=7)
        raise


async def logged(request: Request) -> Response:
    logging.getLogger("shop").error("my own words")
    raise ValueError("logged")


async def refused(request: Request) -> Response:
    raise HTTPException(409, "sold out")


async def again(request: Request) -> Response:
    tidegate.track_error(KEPT)
    raise KEPT


async def streamed(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"the first"
        raise ValueError("midway")

    return StreamingResponse(parts())


async def afterwards(request: Request) -> Response:
    def fail() -> None:
        raise ValueError("afterwards")

    return PlainTextResponse("done", background=BackgroundTask(fail))


async def hung_up(socket: WebSocket) -> None:
    await socket.accept()
    raise ValueError("hung up")


ENDPOINTS = (unhandled, tracked, logged, refused, again, streamed, afterwards)


def routes() -> list[Any]:
    plain = [Route(f"/{endpoint.__name__}", endpoint) for endpoint in ENDPOINTS]
    return [*plain, WebSocketRoute("/hung_up", hung_up)]


@pytest.fixture(params=["fastapi", "starlette"])
def client(
    request: pytest.FixtureRequest, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.Client]:
    prepare(monkeypatch)
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", telemetry.loggers)
    app: Any = FastAPI(routes=routes()) if request.param == "fastapi" else Starlette(routes=routes())
    instrumentor: Any = FastAPIInstrumentor if request.param == "fastapi" else StarletteInstrumentor
    instrumentor.instrument_app(app, tracer_provider=telemetry.tracers)
    with serving(app) as client:
        yield client
    instrumentor.uninstrument_app(app)


def errors(telemetry: Telemetry) -> list[Any]:
    return [log for log in telemetry.logs if log.severity_text == "ERROR"]


def events(span: Any) -> list[str]:
    return [event.attributes["exception.message"] for event in span.events]


def told(telemetry: Telemetry, wait_for: Callable[..., None], count: int = 1) -> tuple[Any, list[Any]]:
    """The server span and the errors, once there are all: a server reports after it has answered."""
    wait_for(lambda: len(telemetry.server_spans) >= count and len(errors(telemetry)) >= count)
    return telemetry.server_spans[-1], errors(telemetry)


def test_an_error_is_one_event_and_one_record(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    assert client.get("/unhandled").status_code == 500
    span, [log] = told(telemetry, wait_for)
    assert events(span) == ["unhandled"]
    assert log.attributes["exception.message"] == "unhandled"
    assert (log.trace_id, log.span_id) == (span.context.trace_id, span.context.span_id)


def test_a_servers_report_has_what_is_known_of_the_request(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    client.get("/unhandled", headers={"X-Request-ID": "a1b2"})
    _, [log] = told(telemetry, wait_for)
    assert log.attributes["request.id"] == "a1b2"


def test_an_error_that_is_tracked_is_not_reported_a_second_time(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    assert client.get("/tracked").status_code == 500
    client.get("/unhandled")
    wait_for(lambda: "unhandled" in [log.attributes["exception.message"] for log in errors(telemetry)])
    span, log = telemetry.server_spans[0], errors(telemetry)[0]
    assert [each.attributes["exception.message"] for each in errors(telemetry)] == ["tracked", "unhandled"]
    assert events(span) == ["tracked"]
    assert (log.attributes["order"], log.trace_id) == (7, span.context.trace_id)


def test_what_an_application_logs_itself_stays(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    client.get("/logged")
    wait_for(lambda: len(errors(telemetry)) == 2)
    assert [log.body.strip() for log in errors(telemetry)] == ["my own words", "Exception in ASGI application"]
    assert len({log.trace_id for log in errors(telemetry)}) == 1


def test_an_http_exception_is_no_error(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    assert client.get("/refused").status_code == 409
    wait_for(lambda: telemetry.server_spans)
    [span] = telemetry.server_spans
    assert (events(span), span.status.is_ok or span.status.is_unset, telemetry.logs) == ([], True, [])


def test_an_exception_that_is_kept_and_raised_again_is_told_for_each_request(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    client.get("/again")
    client.get("/again")
    _, logs = told(telemetry, wait_for, 2)
    assert [log.trace_id for log in logs] == [span.context.trace_id for span in telemetry.server_spans]
    assert [len(events(span)) for span in telemetry.server_spans] == [1, 1]


def test_a_response_that_breaks_off_is_one_event_and_one_record(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/streamed")
    span, [log] = told(telemetry, wait_for)
    assert (events(span), span.attributes["error.type"]) == (["midway"], "ValueError")
    assert log.trace_id == span.context.trace_id


def test_an_error_after_the_response_is_one_record_of_the_requests_trace(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    assert client.get("/afterwards").status_code == 200
    span, [log] = told(telemetry, wait_for)
    assert log.trace_id == span.context.trace_id
    assert [events(each) for each in telemetry.spans if each.events] in ([], [["afterwards"]])  # FastAPI's has a span


def test_an_error_of_a_websocket_is_one_event_and_one_record(
    client: httpx.Client, telemetry: Telemetry, wait_for: Callable[..., None]
) -> None:
    address = f"ws://127.0.0.1:{client.base_url.port}/hung_up"
    with connect(address, proxy=None) as socket, pytest.raises(ConnectionClosed):
        socket.recv()
    span, [log] = told(telemetry, wait_for)
    assert events(span) == ["hung up"]
    assert log.trace_id == span.context.trace_id

"""Starlette: instrumented by one call, whenever that comes; its requests known inside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.context import get_current
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

import tidegate
from asgi_serving import ask, prepare, serving
from framework_telemetry import Telemetry
from tidegate.api.request.sessions import hashed_session

Instrument = Callable[..., Starlette]


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    before = get_current()
    yield
    assert get_current() == before


@pytest.fixture
def instrument(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Instrument:
    """Instruments an application as its user would."""
    prepare(monkeypatch)

    def instrument(app: Starlette, **options: Any) -> Starlette:
        tidegate.instrument_app(app, tracer_provider=telemetry.tracers, **options)
        return app

    return instrument


class ByHeader(AuthenticationBackend):
    """Believes everybody."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        name = conn.headers.get("authorization")
        return (AuthCredentials(["shop"]), SimpleUser(name)) if name else None


async def orders(request: Request) -> Response:
    return JSONResponse(tidegate.get_request_context().to_attributes())


def shop(**options: Any) -> Starlette:
    return Starlette(routes=[Route("/orders/{id}", orders), Route("/healthz", orders)], **options)


def names(telemetry: Telemetry) -> list[str]:
    return [span.name for span in telemetry.server_spans]


class TestRequests:
    def test_who_is_authenticated_is_on_the_span(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = instrument(shop(middleware=[Middleware(AuthenticationMiddleware, backend=ByHeader())]))
        [found] = ask(app, "/orders/7", headers={"authorization": "ann"})
        assert found.json()["user.id"] == "ann"
        assert telemetry.server_spans[0].attributes["user.id"] == "ann"

    def test_who_is_not_authenticated_is_nobody(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = instrument(shop(middleware=[Middleware(AuthenticationMiddleware, backend=ByHeader())]))
        [found] = ask(app, "/orders/7")
        assert "user.id" not in found.json()
        assert "user.id" not in telemetry.server_spans[0].attributes

    def test_the_route_is_its_template(self, instrument: Instrument) -> None:
        [found] = ask(instrument(shop()), "/orders/7")
        assert (found.json()["url.path"], found.json()["http.route"]) == ("/orders/7", "/orders/{id}")

    def test_what_a_middleware_notes_in_the_state_counts(self, instrument: Instrument, telemetry: Telemetry) -> None:
        async def note(request: Request, call_next: RequestResponseEndpoint) -> Response:
            request.state.session_id = "f2c1a9"
            return await call_next(request)

        ask(instrument(shop(middleware=[Middleware(BaseHTTPMiddleware, dispatch=note)])), "/orders/7")
        assert telemetry.server_spans[0].attributes["session.id"] == hashed_session("f2c1a9")

    def test_a_mounted_application_handles_the_same_request(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = instrument(Starlette(routes=[Mount("/shop", instrument(shop()))]))
        [found] = ask(app, "/shop/orders/7")
        assert found.json()["url.path"] == "/shop/orders/7"
        assert len(telemetry.server_spans) == 1


def statuses(telemetry: Telemetry) -> list[int]:
    """By whichever names the instrumentation was imported with."""
    names = ("http.status_code", "http.response.status_code")
    return [span.attributes[name] for span in telemetry.server_spans for name in names if name in span.attributes]


class TestErrors:
    """Starlette answers an unhandled error outside of its instrumentation."""

    def failing(self, **options: Any) -> Starlette:
        async def fail(request: Request) -> Response:
            raise ValueError("no such order")

        return Starlette(routes=[Route("/", fail)], **options)

    def test_the_span_has_the_status_that_the_client_gets(self, instrument: Instrument, telemetry: Telemetry) -> None:
        assert ask(instrument(self.failing()), "/")[0].status_code == 500
        assert statuses(telemetry) == [500]

    @pytest.mark.parametrize("handled", [Exception, 500])
    def test_the_span_has_none_where_a_handler_may_choose_it(
        self, instrument: Instrument, telemetry: Telemetry, handled: Any
    ) -> None:
        async def apologize(request: Request, error: Exception) -> Response:
            return Response("sorry", 503)

        app = instrument(self.failing(exception_handlers={handled: apologize}))
        assert ask(app, "/")[0].status_code == 503
        assert statuses(telemetry) == []


class TestInstrumenting:
    def test_excluded_urls_make_no_spans(self, instrument: Instrument, telemetry: Telemetry) -> None:
        ask(instrument(shop(), excluded_urls="/healthz"), "/orders/7", "/healthz")
        assert names(telemetry) == ["GET /orders/{id}"]

    def test_the_setting_excludes_where_the_call_does_not(
        self, instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prepare(monkeypatch, excluded_urls="/healthz")
        ask(instrument(shop()), "/orders/7", "/healthz")
        assert names(telemetry) == ["GET /orders/{id}"]

    def test_a_second_call_changes_nothing(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = instrument(shop())
        tidegate.instrument_app(app)
        ask(app, "/orders/7")
        assert len(telemetry.spans) == 1

    def test_an_application_that_is_instrumented_takes_what_is_to_be_excluded(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        ask(instrument(instrument(shop()), excluded_urls="/healthz"), "/orders/7", "/healthz")
        assert names(telemetry) == ["GET /orders/{id}"]

    def test_it_may_come_as_late_as_the_start(self, instrument: Instrument, telemetry: Telemetry) -> None:
        @asynccontextmanager
        async def start(app: Starlette) -> AsyncIterator[None]:
            instrument(app)
            yield

        with serving(shop(lifespan=start)) as client:
            client.get("/orders/7")
        assert names(telemetry) == ["GET /orders/{id}"]

    def test_it_is_undone_by_the_instrumentor(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = instrument(shop())
        StarletteInstrumentor.uninstrument_app(app)
        ask(app, "/orders/7")
        assert not telemetry.spans

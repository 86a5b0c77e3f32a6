"""Django: whose a request is, without asking the database, and where that shows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import opentelemetry.instrumentation.django
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext
from opentelemetry.context import get_current, get_value
from opentelemetry.instrumentation.django import DjangoInstrumentor

import django_users
from framework_telemetry import Telemetry
from tidegate.api.context import REQUEST_KEY
from tidegate.api.request.sessions import hashed_session
from tidegate.frameworks import loading
from tidegate.frameworks.django import prepare
from tidegate.settings import load

Instrument = Callable[..., None]

logger = logging.getLogger("shop")


pytestmark = pytest.mark.usefixtures("django_project")


@pytest.fixture
def instrument(telemetry: Telemetry) -> Iterator[Instrument]:
    """Instruments Django as its user would, by the standard instrumentation."""
    prepare(opentelemetry.instrumentation.django)
    yield lambda **options: DjangoInstrumentor().instrument(tracer_provider=telemetry.tracers, **options)
    DjangoInstrumentor().uninstrument()
    connections.close_all()


@pytest.fixture
def client(instrument: Instrument) -> Client:
    instrument()
    return Client(raise_request_exception=False)


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Whatever a test does, the context is afterwards what it was before."""
    before = get_current()
    yield
    assert get_current() == before


def later(path: str, client: Client) -> Any:
    """What Django answers under ASGI, to the same client."""

    async def visit() -> Any:
        other = AsyncClient(raise_request_exception=False)
        other.cookies = client.cookies
        response = await other.get(path)
        await sync_to_async(connections.close_all)()
        return response

    return asyncio.run(visit())


def note(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware of the application's own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        logger.warning("on the way in")
        response = get_response(request)
        logger.warning("on the way out")
        return response

    return middleware


def refuse(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware that fails."""

    def middleware(request: HttpRequest) -> HttpResponse:
        raise ValueError("no middleware")

    return middleware


class Sorry:
    """A middleware that answers errors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        return HttpResponse("sorry", status=418)


class TestWhoseARequestIs:
    def test_a_user_whom_the_view_asked_for_is_on_span_and_log_record(
        self, client: Client, telemetry: Telemetry
    ) -> None:
        client.get("/login")
        client.get("/account")
        assert [span.attributes["user.id"] for span in telemetry.server_spans] == ["1", "1"]
        assert [log.attributes.get("user.id") for log in telemetry.logs] == [None, "1", "1"]

    def test_a_user_whom_nobody_asked_for_is_not_fetched(self, client: Client, telemetry: Telemetry) -> None:
        client.get("/login")
        with CaptureQueriesContext(connection) as queries:
            client.get("/prices/2026")
        assert len(queries) == 0
        assert "user.id" not in telemetry.server_spans[-1].attributes

    def test_a_session_is_told_by_the_hash_of_its_cookie_without_loading_it(
        self, client: Client, telemetry: Telemetry
    ) -> None:
        client.get("/login")
        client.get("/prices/2026")
        session = hashed_session(client.cookies["sessionid"].value)
        assert [span.attributes.get("session.id") for span in telemetry.server_spans] == [session, session]
        assert telemetry.logs[-1].attributes["session.id"] == session

    def test_a_response_does_not_vary_by_a_session_that_only_telemetry_looked_at(self, client: Client) -> None:
        client.get("/login")
        assert "Vary" not in client.get("/prices/2026").headers

    def test_nobody_is_the_user_of_an_anonymous_request(self, client: Client, telemetry: Telemetry) -> None:
        client.get("/nobody")
        assert not {"user.id", "session.id"} & telemetry.server_spans[0].attributes.keys()

    def test_a_request_of_an_application_without_sessions_has_its_request_id(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        with override_settings(MIDDLEWARE=[]):
            instrument()
            Client().get("/prices/2026", headers={"X-Request-ID": "r-1"})
        [span], [log] = telemetry.server_spans, telemetry.logs
        assert (span.attributes["request.id"], log.attributes["request.id"]) == ("r-1", "r-1")

    def test_an_asynchronous_view_tells_of_its_user(self, client: Client, telemetry: Telemetry) -> None:
        client.get("/login")
        assert later("/account/later", client).status_code == 200
        assert telemetry.server_spans[-1].attributes["user.id"] == "1"
        assert telemetry.logs[-1].attributes["user.id"] == "1"

    def test_a_synchronous_view_under_asgi_tells_of_its_user(self, client: Client, telemetry: Telemetry) -> None:
        client.get("/login")
        assert later("/account", client).status_code == 200
        assert telemetry.server_spans[-1].attributes["user.id"] == "1"
        assert telemetry.logs[-1].attributes["user.id"] == "1"

    def test_middleware_of_the_application_runs_inside(self, instrument: Instrument, telemetry: Telemetry) -> None:
        with override_settings(MIDDLEWARE=[f"{__name__}.note", *django_users.MIDDLEWARE]):
            instrument()
            Client().get("/login")
        [span] = telemetry.server_spans
        users = [log.attributes.get("user.id") for log in telemetry.logs]
        assert users == [None, None, "1", "1"]
        assert {log.trace_id for log in telemetry.logs} == {span.context.trace_id}

    def test_a_streamed_response_ends_its_request(self, client: Client, telemetry: Telemetry) -> None:
        assert b"".join(client.get("/stream", headers={"X-Request-ID": "r-1"})) == b"abc"
        assert telemetry.server_spans[0].attributes["request.id"] == "r-1"


class TestErrors:
    @pytest.mark.parametrize("path", ["/broken", "/broken/later"])
    def test_an_unhandled_error_is_one_event_and_one_record_of_one_trace(
        self, client: Client, telemetry: Telemetry, path: str
    ) -> None:
        assert client.get(path).status_code == 500
        [span], [log] = telemetry.server_spans, telemetry.logs
        assert [event.name for event in span.events] == ["exception"]
        assert span.attributes["error.type"] == "ValueError"
        assert log.body == f"Internal Server Error: {path}"
        assert log.attributes["exception.message"] == "no such order"
        assert (log.trace_id, log.span_id) == (span.context.trace_id, span.context.span_id)

    def test_an_error_is_one_record_too_where_the_project_has_disabled_the_logger(
        self, client: Client, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)
        assert client.get("/broken").status_code == 500
        [span], [log] = telemetry.server_spans, telemetry.logs
        assert (log.body, log.severity_text) == ("Internal Server Error: /broken", "ERROR")
        assert log.attributes["exception.message"] == "no such order"
        assert (log.trace_id, log.span_id) == (span.context.trace_id, span.context.span_id)

    def test_an_error_that_is_logged_already_is_not_reported_there_either(
        self, client: Client, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)
        client.get("/logged")
        assert not telemetry.logs

    def test_an_error_under_asgi_is_one_event_and_one_record_of_one_trace(
        self, client: Client, telemetry: Telemetry
    ) -> None:
        assert later("/broken/later", client).status_code == 500
        [span], [log] = telemetry.server_spans, telemetry.logs
        assert [event.name for event in span.events] == ["exception"]
        assert log.trace_id == span.context.trace_id

    def test_an_error_of_a_middleware_is_one_event_and_one_record_too(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        with override_settings(MIDDLEWARE=[f"{__name__}.refuse"]):
            instrument()
            assert Client(raise_request_exception=False).get("/prices/2026").status_code == 500
        [span], [log] = telemetry.server_spans, telemetry.logs
        assert [event.name for event in span.events] == ["exception"]
        assert log.trace_id == span.context.trace_id

    def test_what_a_middleware_of_the_application_answers_is_no_error(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        with override_settings(MIDDLEWARE=[f"{__name__}.Sorry"]):
            instrument()
            assert Client().get("/broken").status_code == 418
        [span] = telemetry.server_spans
        assert not span.events
        assert span.status.is_unset

    def test_a_page_that_a_view_does_not_find_is_no_error(self, client: Client, telemetry: Telemetry) -> None:
        assert client.get("/nothing").status_code == 404
        [span] = telemetry.server_spans
        assert not span.events
        assert span.status.is_unset

    def test_what_django_logs_of_a_refusal_is_in_the_trace_of_its_request(
        self, client: Client, telemetry: Telemetry
    ) -> None:
        assert client.get("/refused").status_code == 402
        [span], [log] = telemetry.server_spans, telemetry.logs
        assert (log.body, log.trace_id) == ("Payment Required: /refused", span.context.trace_id)

    def test_an_error_that_is_logged_already_is_not_reported(self, client: Client, telemetry: Telemetry) -> None:
        assert client.get("/logged").status_code == 500
        assert not telemetry.logs

    def test_an_error_reaches_the_test_client(self, instrument: Instrument) -> None:
        instrument()
        with pytest.raises(ValueError, match="no such order"):
            Client().get("/broken")

    def test_a_hook_of_the_user_that_fails_leaves_nothing_behind(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        def fail(*arguments: object) -> None:
            raise RuntimeError("a hook")

        instrument(request_hook=fail, response_hook=fail)
        assert Client().get("/prices/2026").status_code == 200
        assert len(telemetry.server_spans) == 1


class TestInstrumenting:
    def test_the_hooks_of_the_user_are_called_inside(self, instrument: Instrument, telemetry: Telemetry) -> None:
        seen = []
        instrument(
            request_hook=lambda span, request: seen.append(get_value(REQUEST_KEY) is not None),
            response_hook=lambda span, request, response: seen.append(get_value(REQUEST_KEY) is not None),
        )
        Client().get("/prices/2026")
        assert seen == [True, True]

    def test_a_request_stays_unknown_if_the_setting_says_so(
        self, client: Client, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loading, "_settings", load({"request_context": False}))
        client.get("/login", headers={"X-Request-ID": "r-1"})
        client.get("/broken")
        ids = {"user.id", "session.id", "request.id"}
        assert not ids & {name for span in telemetry.spans for name in span.attributes}
        assert not ids & {name for log in telemetry.logs for name in log.attributes}
        assert [len(span.events) for span in telemetry.server_spans] == [0, 1]

    def test_urls_that_are_excluded_leave_no_spans(self, instrument: Instrument, telemetry: Telemetry) -> None:
        instrument(excluded_urls="/prices")
        assert Client().get("/prices/2026").status_code == 200
        assert not telemetry.spans
        assert len(telemetry.logs) == 1

    def test_the_instrumentation_is_in_front_of_all_middleware(self, client: Client) -> None:
        assert [name.rpartition(".")[2] for name in settings.MIDDLEWARE][:2] == [
            "_DjangoMiddleware",
            "SessionMiddleware",
        ]

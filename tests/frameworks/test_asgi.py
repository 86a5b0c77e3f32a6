"""ASGI: the layer inside the standard middleware. Applications are called as a server calls them, without one."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from opentelemetry.context import get_current
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.trace import get_current_span

import tidegate
from asgi_serving import prepare
from framework_telemetry import Telemetry
from tidegate.api.request.sessions import hashed_session
from tidegate.frameworks.asgi import ErrorLayer, RequestLayer
from tidegate.record.raised import context_of

logger = logging.getLogger("shop")

Send = Callable[[dict[str, Any]], Awaitable[None]]


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    before = get_current()
    yield
    assert get_current() == before


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)


@pytest.fixture
def instrument(telemetry: Telemetry) -> Callable[..., Any]:
    return lambda app, **options: OpenTelemetryMiddleware(app, tracer_provider=telemetry.tracers, **options)


def scope(**more: Any) -> dict[str, Any]:
    headers = [(name.encode(), value.encode()) for name, value in more.pop("headers", {}).items()]
    return {"type": "http", "method": "GET", "path": "/orders", "headers": headers, "state": {}, **more}


async def never() -> Any:
    """A client that sends nothing."""
    await asyncio.get_running_loop().create_future()


async def answer(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def call(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What an application sends."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, never, send))
    return sent


async def shop(scope: dict[str, Any], receive: Any, send: Send) -> None:
    """Learns who its user is after it has logged a line."""
    logger.warning("someone comes")
    scope["state"].update(user_id=42, session_id="f2c1a9")
    logger.warning("it is %s", scope["state"]["user_id"])
    await answer(send)


def test_the_server_span_has_what_is_known_when_the_response_starts(
    instrument: Callable[..., Any], telemetry: Telemetry
) -> None:
    call(instrument(shop), scope(headers={"x-request-id": "a1b2"}))
    [span] = telemetry.server_spans
    found = {name: span.attributes.get(name) for name in ("user.id", "session.id", "request.id")}
    assert found == {"user.id": "42", "session.id": hashed_session("f2c1a9"), "request.id": "a1b2"}


def test_what_the_application_has_set_itself_stays(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        get_current_span().set_attribute("user.id", "mine")
        await answer(send)

    call(instrument(app), scope(user={"id": 42}))
    assert telemetry.server_spans[0].attributes["user.id"] == "mine"


def test_a_log_record_has_what_is_known_by_then(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    call(instrument(shop), scope(headers={"x-request-id": "a1b2"}))
    first, second = telemetry.logs
    assert dict(first.attributes) == {"request.id": "a1b2"}
    assert second.attributes["user.id"] == "42"
    assert second.attributes["session.id"] == hashed_session("f2c1a9")


def test_a_span_inside_has_it_too(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        with telemetry.tracers.get_tracer("shop").start_as_current_span("charge"):
            await answer(send)

    call(instrument(app), scope(user={"id": 42}))
    assert [span.attributes.get("user.id") for span in telemetry.spans] == ["42", "42"]


def test_requests_at_the_same_time_keep_apart(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    seen: dict[str, Any] = {}

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await asyncio.sleep(0)
        seen[scope["path"]] = tidegate.get_request_context()
        await answer(send)

    async def send(message: Any) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        wrapped = instrument(app)
        paths = [f"/orders/{number}" for number in range(10)]
        await asyncio.gather(*(wrapped(scope(path=path, state={"user_id": path}), never, send) for path in paths))

    asyncio.run(main())
    assert len(seen) == 10
    assert {path: (context.path, context.user_id) for path, context in seen.items()} == {
        path: (path, path) for path in seen
    }


class Outlived:
    """A request of ann's in which a task is started that runs when it is over."""

    def __init__(self, instrument: Callable[..., Any]) -> None:
        self.resource: Any = None
        asyncio.run(self.main(instrument(self.app)))

    async def app(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        self.resource = weakref.ref(scope["state"].setdefault("resource", type("Resource", (), {})()))
        scope["state"].update(user_id="ann", session_id="f2c1a9")
        self.over = asyncio.Event()
        self.task = asyncio.create_task(self.later())
        await answer(send)

    async def later(self) -> None:
        await self.over.wait()
        gc.collect()
        self.seen = tidegate.get_request_context()
        self.kept = self.resource()
        logger.warning("maintenance")

    async def main(self, app: Any) -> None:
        async def send(message: Any) -> None:
            """Takes it."""

        await app(scope(headers={"x-request-id": "a1b2"}), never, send)
        self.over.set()
        await self.task


def test_a_task_that_outlives_its_request_knows_its_id_and_nobody_of_it(
    instrument: Callable[..., Any], telemetry: Telemetry
) -> None:
    outlived = Outlived(instrument)
    assert outlived.seen == tidegate.RequestContext(request_id="a1b2")
    assert dict(telemetry.logs[0].attributes) == {"request.id": "a1b2"}


def test_nobody_had_to_ask_for_the_id_before(instrument: Callable[..., Any]) -> None:
    unrecorded = functools.partial(OpenTelemetryMiddleware, excluded_urls="orders")
    assert Outlived(unrecorded).seen == tidegate.RequestContext(request_id="a1b2")


def test_a_task_that_outlives_its_request_keeps_nothing_of_it_alive(instrument: Callable[..., Any]) -> None:
    assert Outlived(instrument).kept is None


def test_an_application_mounted_in_another_handles_the_same_request(
    instrument: Callable[..., Any], telemetry: Telemetry
) -> None:
    seen = []

    async def inner(scope: dict[str, Any], receive: Any, send: Send) -> None:
        seen.append(tidegate.get_request_context().path)
        await answer(send)

    mounted = instrument(inner)

    async def outer(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await mounted({**scope, "root_path": "/shop", "path": "/shop/orders"}, receive, send)

    call(instrument(outer), scope(user={"id": 42}))
    assert seen == ["/orders"]
    assert len(telemetry.server_spans) == 1
    assert telemetry.server_spans[0].attributes["user.id"] == "42"


def test_a_request_from_within_another_is_one_of_its_own(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    seen = []

    async def inner(scope: dict[str, Any], receive: Any, send: Send) -> None:
        seen.append(tidegate.get_request_context().path)
        await answer(send)

    async def outer(own: dict[str, Any], receive: Any, send: Send) -> None:
        await instrument(inner)(scope(path="/inner"), never, send)
        seen.append(tidegate.get_request_context().path)

    call(instrument(outer), scope(path="/outer"))
    assert seen == ["/inner", "/outer"]


def test_the_lifespan_is_no_request(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    seen = []

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        seen.append(tidegate.get_request_context())

    call(instrument(app), {"type": "lifespan", "state": {"user_id": 42}})
    assert seen == [tidegate.RequestContext()]
    assert not telemetry.spans


def test_a_websocket_is_a_request_from_when_it_is_accepted(
    instrument: Callable[..., Any], telemetry: Telemetry
) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        scope["state"]["user_id"] = 42
        await send({"type": "websocket.accept"})
        logger.warning("welcome")

    call(instrument(app), scope(type="websocket"))
    assert telemetry.server_spans[0].attributes["user.id"] == "42"
    assert telemetry.logs[0].attributes["user.id"] == "42"


def test_a_websocket_that_learns_who_it_is_after_that_has_it_on_its_span(
    instrument: Callable[..., Any], telemetry: Telemetry
) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send({"type": "websocket.accept"})
        scope["state"]["user_id"] = 42

    call(instrument(app), scope(type="websocket"))
    assert telemetry.server_spans[0].attributes["user.id"] == "42"


def test_an_excluded_request_is_known_without_a_span(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    call(instrument(shop, excluded_urls="orders"), scope())
    assert not telemetry.spans
    assert telemetry.logs[1].attributes["user.id"] == "42"


def test_an_error_is_the_same_object_and_knows_its_request(
    instrument: Callable[..., Any], telemetry: Telemetry
) -> None:
    error = ValueError("no such order")

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        scope["state"]["user_id"] = 42
        raise error

    with pytest.raises(ValueError, match="no such order") as raised:
        call(instrument(app), scope())
    [span] = telemetry.server_spans
    assert raised.value is error
    assert (span.attributes["user.id"], span.attributes["error.type"]) == ("42", "ValueError")
    assert context_of(error) is not None


def test_a_request_whose_client_has_gone_is_no_error(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        started.set()
        await never()

    async def send(message: Any) -> None:
        """Takes it."""

    async def main() -> None:
        task = asyncio.create_task(instrument(app)(scope(user={"id": 42}), never, send))
        await started.wait()
        task.cancel()
        await task

    started = asyncio.Event()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    [span] = telemetry.server_spans
    assert (span.events, span.status.is_ok or span.status.is_unset, span.attributes["user.id"]) == ((), True, "42")


def test_a_request_that_is_cancelled_before_it_answers_has_its_ids(
    instrument: Callable[..., Any], telemetry: Telemetry
) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        scope["state"]["user_id"] = 42
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        call(instrument(app), scope(headers={"x-request-id": "a1b2"}))
    [span] = telemetry.server_spans
    assert (span.attributes["user.id"], span.attributes["request.id"]) == ("42", "a1b2")


def test_the_body_is_never_asked_for(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    async def receive() -> Any:
        pytest.fail("the body is the application's")

    async def send(message: Any) -> None:
        """Takes it."""

    asyncio.run(instrument(shop)(scope(), receive, send))
    assert telemetry.server_spans


def test_messages_pass_as_they_are(instrument: Callable[..., Any]) -> None:
    assert [message["type"] for message in call(instrument(shop), scope())] == [
        "http.response.start",
        "http.response.body",
    ]


def test_what_a_server_fails_to_send_is_the_applications_to_see(
    instrument: Callable[..., Any], telemetry: Telemetry
) -> None:
    async def send(message: Any) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(instrument(shop)(scope(), never, send))


def test_a_user_that_fails_does_not_fail_the_request(instrument: Callable[..., Any], telemetry: Telemetry) -> None:
    class Broken:
        @property
        def is_authenticated(self) -> bool:
            raise RuntimeError("no session")

    assert call(instrument(shop), scope(user=Broken()))[0]["status"] == 200
    assert telemetry.server_spans[0].attributes["user.id"] == "42"


def test_without_a_provider_nothing_is_different(telemetry: Telemetry) -> None:
    assert call(OpenTelemetryMiddleware(shop), scope())[0]["status"] == 200


class TestSettings:
    def test_the_request_may_be_left_alone(
        self, instrument: Callable[..., Any], telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prepare(monkeypatch, request_context=False)
        call(instrument(shop), scope(headers={"x-request-id": "a1b2"}))
        assert not {"user.id", "request.id"} & {*telemetry.server_spans[0].attributes}
        assert not telemetry.logs[1].attributes

    def test_errors_are_noted_even_then(self, instrument: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
            raise ValueError("no such order")

        prepare(monkeypatch, request_context=False)
        with pytest.raises(ValueError, match="no such order") as raised:
            call(instrument(app), scope())
        assert context_of(raised.value) is not None

    def test_cookies_are_read_where_they_are_named(
        self, instrument: Callable[..., Any], telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
            await answer(send)

        prepare(monkeypatch, user_cookies="uid", session_cookies="sid")
        call(instrument(app), scope(headers={"cookie": "uid=ann; sid=f2c1a9"}))
        attributes = telemetry.server_spans[0].attributes
        assert (attributes["user.id"], attributes["session.id"]) == ("ann", hashed_session("f2c1a9"))

    def test_internal_spans_are_left_out_unless_they_are_asked_for(
        self, instrument: Callable[..., Any], telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call(instrument(shop), scope())
        assert len(telemetry.spans) == 1
        prepare(monkeypatch, http_internal_spans=True)
        call(instrument(shop), scope())
        assert len(telemetry.spans) == 4

    def test_preparing_twice_makes_one_layer(
        self, instrument: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prepare(monkeypatch)
        assert type(instrument(shop).app) is RequestLayer
        assert not isinstance(instrument(shop).app.app, ErrorLayer)

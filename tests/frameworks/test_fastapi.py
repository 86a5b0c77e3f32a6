"""FastAPI: instrumented by one call, whenever that comes; its requests known inside."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Header, Request, WebSocket
from opentelemetry.context import get_current
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from websockets.sync.client import connect

import tidegate
from asgi_serving import ask, prepare, serving, with_client
from framework_telemetry import Telemetry
from tidegate.settings import load

Instrument = Callable[..., FastAPI]

logger = logging.getLogger("shop")


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    before = get_current()
    yield
    assert get_current() == before


@pytest.fixture
def instrument(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instrument]:
    """Instruments an application as its user would; it is undone at the end."""
    prepare(monkeypatch)
    apps = []

    def instrument(app: FastAPI, **options: Any) -> FastAPI:
        apps.append(app)
        tidegate.instrument_app(app, tracer_provider=telemetry.tracers, **options)
        return app

    yield instrument
    for app in apps:
        FastAPIInstrumentor.uninstrument_app(app)


def current_user(authorization: Annotated[str, Header()], request: Request) -> str:
    """A dependency that says who the user is, as most applications have one."""
    request.state.user_id = authorization
    return authorization


@tidegate.traced
async def connection() -> AsyncIterator[str]:
    """A dependency with an end."""
    yield "connected"


def names(telemetry: Telemetry) -> list[str]:
    return [span.name for span in telemetry.server_spans]


class TestRequests:
    def test_a_user_whom_a_dependency_finds_is_on_span_and_logs(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        app = FastAPI()

        @app.get("/orders/{id}")
        async def order(id: int, user: Annotated[str, Depends(current_user)]) -> dict[str, Any]:
            logger.warning("order %d", id)
            return tidegate.get_request_context().to_attributes()

        headers = {"authorization": "ann", "x-request-id": "a1b2"}
        [response] = ask(instrument(app), "/orders/7", headers=headers)
        assert response.json() == {
            "http.request.method": "GET",
            "url.path": "/orders/7",
            "http.route": "/orders/{id}",
            "user.id": "ann",
            "request.id": "a1b2",
            "client.address": "127.0.0.1",
        }
        assert telemetry.server_spans[0].attributes["user.id"] == "ann"
        assert telemetry.logs[0].attributes["user.id"] == "ann"

    def test_the_route_is_the_one_on_the_span(self, instrument: Instrument, telemetry: Telemetry) -> None:
        inner, outer, app = APIRouter(prefix="/orders"), APIRouter(prefix="/shop"), FastAPI()
        inner.get("/{id:int}")(lambda: tidegate.get_request_context().route)
        outer.include_router(inner)
        app.include_router(outer)
        assert ask(instrument(app), "/shop/orders/7")[0].json() == "/shop/orders/{id:int}"
        assert telemetry.server_spans[0].attributes["http.route"] == "/shop/orders/{id:int}"

    def test_a_function_in_a_thread_knows_the_request(self, instrument: Instrument) -> None:
        app = FastAPI()
        app.get("/orders")(lambda: tidegate.get_request_context().path)
        assert ask(instrument(app), "/orders")[0].json() == "/orders"

    def test_a_background_task_knows_the_request(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = FastAPI()

        @app.get("/orders")
        async def orders(tasks: BackgroundTasks) -> None:
            tasks.add_task(logger.warning, "later")

        ask(instrument(app), "/orders", headers={"x-request-id": "a1b2"})
        assert telemetry.logs[0].attributes["request.id"] == "a1b2"
        assert telemetry.logs[0].trace_id == telemetry.server_spans[0].context.trace_id

    def test_a_websocket_knows_its_user(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = FastAPI()

        @app.websocket("/feed")
        async def feed(socket: WebSocket) -> None:
            socket.state.user_id = 42
            await socket.accept()
            await socket.send_text(str(tidegate.extract_user_id(socket)))

        with (
            serving(instrument(app)) as client,
            connect(f"ws://127.0.0.1:{client.base_url.port}/feed", proxy=None) as socket,
        ):
            assert socket.recv() == "42"
        assert telemetry.server_spans[0].attributes["user.id"] == "42"

    def test_a_mounted_application_that_is_instrumented_too_makes_no_second_server_span(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        inner, app = FastAPI(), FastAPI()

        @inner.get("/orders")
        async def orders(request: Request) -> str | None:
            request.state.user_id = 42
            return tidegate.get_request_context().path

        app.mount("/shop", instrument(inner))
        assert ask(instrument(app), "/shop/orders")[0].json() == "/shop/orders"
        assert len(telemetry.server_spans) == 1
        assert telemetry.server_spans[0].attributes["user.id"] == "42"

    def test_a_mounted_application_that_is_not_instrumented_makes_none_of_its_own(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        inner, app = FastAPI(telemetry={"tracer_provider": telemetry.tracers}), FastAPI()
        inner.get("/orders")(lambda: "")
        app.mount("/shop", inner)
        assert ask(instrument(app), "/shop/orders")[0].status_code == 200
        assert len(telemetry.server_spans) == 1


class TestDecorated:
    @pytest.mark.parametrize("decorator", [tidegate.instrument, tidegate.traced])
    def test_endpoints_keep_dependencies_and_types_of_parameters(
        self, instrument: Instrument, decorator: Callable[..., Any]
    ) -> None:
        app = FastAPI()

        @app.get("/orders/{id}")
        @decorator
        async def order(id: int, user: Annotated[str, Depends(current_user)], full: bool = False) -> dict[str, Any]:
            return {"id": id, "user": user, "full": full}

        @app.get("/carts/{id}")
        @decorator
        def cart(id: int, user: Annotated[str, Depends(current_user)]) -> dict[str, Any]:
            return {"id": id, "user": user}

        headers = {"authorization": "ann"}
        good, wrong, thread = ask(instrument(app), "/orders/7?full=yes", "/orders/x", "/carts/7", headers=headers)
        assert good.json() == {"id": 7, "user": "ann", "full": True}
        assert (wrong.status_code, thread.json()) == (422, {"id": 7, "user": "ann"})
        assert inspect.iscoroutinefunction(order)
        assert not inspect.iscoroutinefunction(cart)

    def test_a_dependency_may_be_decorated(self, instrument: Instrument) -> None:
        app = FastAPI()

        @app.get("/")
        async def index(found: Annotated[str, Depends(connection)]) -> str:
            return found

        assert ask(instrument(app), "/")[0].json() == "connected"


class TestInstrumenting:
    def test_excluded_urls_make_no_spans(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = FastAPI()
        app.get("/orders")(lambda: "")
        app.get("/healthz")(lambda: "")
        ask(instrument(app, excluded_urls=["/healthz", "/static/"]), "/orders", "/healthz")
        assert names(telemetry) == ["GET /orders"]

    def test_the_setting_excludes_where_the_call_does_not(
        self, instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prepare(monkeypatch, excluded_urls="/healthz")
        app = FastAPI()
        app.get("/orders")(lambda: "")
        app.get("/healthz")(lambda: "")
        ask(instrument(app), "/orders", "/healthz")
        assert names(telemetry) == ["GET /orders"]

    def test_a_second_call_changes_nothing(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = instrument(FastAPI())
        tidegate.instrument_app(app)
        app.get("/orders")(lambda: "")
        ask(app, "/orders")
        assert len(telemetry.spans) == 1

    def test_an_application_that_is_instrumented_takes_what_is_to_be_excluded(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        app = instrument(instrument(FastAPI()), excluded_urls="/healthz")
        app.get("/orders")(lambda: "")
        app.get("/healthz")(lambda: "")
        app.add_middleware(Passing)
        ask(app, "/orders", "/healthz")
        assert names(telemetry) == ["GET /orders"]

    def test_it_may_come_as_late_as_the_start(self, instrument: Instrument, telemetry: Telemetry) -> None:
        @asynccontextmanager
        async def start(app: FastAPI) -> AsyncIterator[None]:
            instrument(app)
            yield

        app = FastAPI(lifespan=start)
        app.get("/orders")(lambda: "")
        with serving(app) as client:
            client.get("/orders")
        assert names(telemetry) == ["GET /orders"]

    def test_hooks_are_the_instrumentors(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = FastAPI()
        app.get("/orders")(lambda: "")
        hook = lambda span, scope: span.set_attribute("shop", scope["path"])
        ask(instrument(app, server_request_hook=hook), "/orders")
        assert telemetry.server_spans[0].attributes["shop"] == "/orders"

    @pytest.mark.parametrize("app", [None, 7, "shop:app", object(), FastAPI])
    def test_what_is_no_application_is_refused(self, app: object) -> None:
        with pytest.raises(tidegate.ConfigurationError, match="it must be a FastAPI, Starlette or Flask application"):
            tidegate.instrument_app(app)

    def test_a_hook_that_nobody_takes_is_refused(self) -> None:
        with pytest.raises(tidegate.ConfigurationError, match=r"request_hok.* it takes .*server_request_hook"):
            tidegate.instrument_app(FastAPI(), request_hok=print)

    @pytest.mark.parametrize("urls", ["(", ["("], [7], 7])
    def test_what_is_no_pattern_is_refused(self, urls: Any) -> None:
        app = FastAPI()
        with pytest.raises(tidegate.ConfigurationError, match=r"excluded_urls is .* it must be"):
            tidegate.instrument_app(app, excluded_urls=urls)
        assert not getattr(app, "_is_instrumented_by_opentelemetry", False)


class TestHandle:
    """`configure_observability` returns what instruments an application as Flask's extensions do."""

    def test_init_app_instruments_an_application(self, telemetry: Telemetry, instrument: Instrument) -> None:
        app = FastAPI()
        app.get("/orders")(lambda: "")
        tidegate.Handle(load({"store": "off"}), None).init_app(app, tracer_provider=telemetry.tracers)
        ask(app, "/orders")
        FastAPIInstrumentor.uninstrument_app(app)
        assert names(telemetry) == ["GET /orders"]

    def test_init_app_does_nothing_where_nothing_is_recorded(self) -> None:
        app = FastAPI()
        tidegate.Handle(load({"disabled": True}), None, idle=True).init_app(app)
        assert not getattr(app, "_is_instrumented_by_opentelemetry", False)


class Passing:
    """A middleware of the user's."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def test_a_client_that_talks_to_it_several_times_gets_a_request_each(
    instrument: Instrument, telemetry: Telemetry
) -> None:
    app = FastAPI()
    app.get("/orders")(lambda: tidegate.get_request_context().request_id)

    async def talk(client: httpx.AsyncClient) -> list[Any]:
        return [(await client.get("/orders", headers={"x-request-id": id})).json() for id in ("one", "two")]

    assert with_client(instrument(app), talk) == ["one", "two"]

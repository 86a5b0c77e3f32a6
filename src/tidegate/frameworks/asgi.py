"""ASGI: the request that is being handled is known inside the span that its standard instrumentation makes.

`opentelemetry.instrumentation.asgi` is what FastAPI's and Starlette's instrumentations make their spans with, and
what one puts around any other application. One thin layer stands right inside of it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, MutableMapping
from types import ModuleType
from typing import Any

from opentelemetry.context import set_value
from opentelemetry.trace import get_current_span

from tidegate.api.context import REQUEST_KEY
from tidegate.api.request.carriers import Asgi
from tidegate.api.request.handled import Request, describe
from tidegate.frameworks.hooks import guarded, tell
from tidegate.frameworks.loading import in_force
from tidegate.otel.current import current_context, enter_context, leave_context

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

#: What a function has that is ours.
_NAME = "_tidegate"

_REQUESTS = frozenset({"http", "websocket"})

#: With these an application answers: by then it knows who asks, and the span still takes attributes.
_ANSWERS = frozenset({"http.response.start", "websocket.accept"})


#: Where FastAPI keeps its own telemetry of a request, which it leaves to the standard middleware if an application
#: has that; one that is mounted in it, and has not, must not make a second server span.
_FASTAPI = "fastapi.telemetry"


def prepare(instrumentation: ModuleType) -> None:
    """Follow the requests of every application that gets an ``OpenTelemetryMiddleware`` from now on."""
    middleware = instrumentation.OpenTelemetryMiddleware
    original = middleware.__init__
    if hasattr(original, _NAME):
        return

    @functools.wraps(original)
    def initialize(self: Any, *args: Any, **kwargs: Any) -> None:
        settings = in_force()
        if not settings.http_internal_spans and kwargs.get("exclude_spans") is None:
            kwargs["exclude_spans"] = ["receive", "send"]  # one span a request instead of three or more
        original(self, *args, **kwargs)
        self.app = (RequestLayer if settings.request_context else ErrorLayer)(self.app)

    setattr(initialize, _NAME, True)
    middleware.__init__ = initialize


class ErrorLayer:
    """Notes the request's context on an error that no handler takes: its server reports it outside of the request."""

    __slots__ = ("app",)

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        scope.setdefault(_FASTAPI, None)
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            tell(error, get_current_span())
            raise


class RequestLayer(ErrorLayer):
    """Makes the request known as the one that is being handled, and its span tell whose it is."""

    __slots__ = ()

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        context = current_context()
        if scope["type"] not in _REQUESTS or _is_of(scope, context.get(REQUEST_KEY)):
            await self.app(scope, receive, send)
            return
        scope.setdefault(_FASTAPI, None)
        request = Request(scope, get_current_span(context), Asgi(scope))
        is_answered = False

        def answer(message: Message) -> Awaitable[None]:
            nonlocal is_answered
            if message["type"] in _ANSWERS:
                is_answered = True
                describe(request)
            return send(message)

        token = enter_context(set_value(REQUEST_KEY, request, context))
        try:
            await self.app(scope, receive, answer)
        except Exception as error:
            tell(error, request.span)
            if not is_answered:
                _say_500(scope, request.span)
            raise
        finally:
            describe(request)  # of a WebSocket, or where what answers stands around all this
            request.forget()
            try:
                leave_context(token)
            except ValueError:  # closed by the garbage collector, in another context
                pass


@guarded
def _say_500(scope: Scope, span: Any) -> None:
    """Put the status on the span that a server answers with where the application does not: the instrumentation sees
    only what passes it. Handlers of Starlette's around it may answer with another one."""
    handlers = getattr(scope.get("app"), "exception_handlers", ())
    if scope["type"] == "http" and 500 not in handlers and Exception not in handlers:
        is_stable = "http.request.method" in getattr(span, "attributes", ())
        span.set_attribute("http.response.status_code" if is_stable else "http.status_code", 500)


def _is_of(scope: Scope, request: Any) -> bool:
    """Whether ``request``, which is being handled here, has only come to an application mounted in another."""
    carrier = getattr(request, "carrier", None)
    return isinstance(carrier, dict) and carrier.get("headers") is scope.get("headers")

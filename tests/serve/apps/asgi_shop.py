"""An ASGI application without a framework, behind the readers."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

import tidegate.serve


async def hello(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["type"] == "http":
        logging.getLogger("app").warning("hello")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})


app = OpenTelemetryMiddleware(tidegate.serve.asgi(hello))

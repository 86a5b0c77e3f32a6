"""ASGI applications that are served in the test's own process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import opentelemetry.instrumentation.asgi
import pytest
import uvicorn
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import Span

from tidegate.api.request import finding
from tidegate.frameworks import asgi, loading
from tidegate.otel import record_exceptions_once
from tidegate.record import raised
from tidegate.settings import load

Result = TypeVar("Result")


@contextmanager
def serving(app: Any) -> Iterator[httpx.Client]:
    """A client of an application that a real uvicorn serves; when it is left, all requests are handled."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        each_anew = httpx.Limits(max_keepalive_connections=0)  # uvicorn closes the connection after an error
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30, limits=each_anew) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)


def ask(app: Any, *requests: str, **options: Any) -> list[httpx.Response]:
    """What an application answers to GET requests, one after the other, without a server."""

    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get(path, **options) for path in requests]

    return with_client(app, talk)


def with_client(app: Any, talk: Callable[[httpx.AsyncClient], Awaitable[Result]]) -> Result:
    """What ``talk`` returns, given a client of an application without a server."""

    async def main() -> Result:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            return await talk(client)

    return asyncio.run(main())


def prepare(monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """Do what configuring does for frameworks, with these settings, as long as the test runs."""
    settings = load(options)
    monkeypatch.setattr(OpenTelemetryMiddleware, "__init__", OpenTelemetryMiddleware.__init__)
    monkeypatch.setattr(Span, "record_exception", Span.record_exception)
    monkeypatch.setattr(loading, "_settings", settings)
    monkeypatch.setattr(finding, "sources", finding.sources)
    finding.read_from(
        finding.Sources(settings.user_cookies, settings.session_cookies, tuple(settings.request_id_headers))
    )
    asgi.prepare(opentelemetry.instrumentation.asgi)
    record_exceptions_once(raised.is_new_on, raised.note)

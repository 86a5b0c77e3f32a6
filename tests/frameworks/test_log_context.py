"""The log context of a middleware, in the endpoint behind it: as the documentation of FastAPI writes both."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

from framework_telemetry import Telemetry
from tidegate import get_log_context, log_context

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have another httpx
    from fastapi.testclient import TestClient

logger = logging.getLogger("shop")


@pytest.fixture
def client(telemetry: Telemetry) -> Iterator[TestClient]:
    """A client of an application whose middleware notes a header."""
    app = FastAPI()
    tracer = telemetry.tracers.get_tracer("shop")

    @app.middleware("http")
    async def note(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        with log_context(tenant=request.headers["x-tenant"]):
            return await call_next(request)

    def answer() -> str:
        logger.warning("answered")
        with tracer.start_as_current_span("work"):
            return str(get_log_context()["tenant"])

    @app.get("/async")
    async def in_the_loop() -> str:
        return answer()

    @app.get("/sync")
    def in_a_thread() -> str:
        return answer()

    FastAPIInstrumentor.instrument_app(app, tracer_provider=telemetry.tracers)
    with TestClient(app) as client:
        yield client
    FastAPIInstrumentor.uninstrument_app(app)


def tenants(records: Any) -> list[Any]:
    return [record.attributes.get("tenant") for record in records]


@pytest.mark.parametrize("path", ["/async", "/sync"])
def test_the_endpoint_has_it(client: TestClient, telemetry: Telemetry, path: str) -> None:
    assert client.get(path, headers={"x-tenant": "acme"}).json() == "acme"
    assert tenants(log for log in telemetry.logs if log.body == "answered") == ["acme"]
    assert tenants(span for span in telemetry.spans if span.name == "work") == ["acme"]


def test_the_next_request_has_its_own(client: TestClient, telemetry: Telemetry) -> None:
    for tenant in ("acme", "globex"):
        client.get("/async", headers={"x-tenant": tenant})
    assert tenants(log for log in telemetry.logs if log.body == "answered") == ["acme", "globex"]


def test_nothing_of_it_stays(client: TestClient) -> None:
    client.get("/async", headers={"x-tenant": "acme"})
    assert get_log_context() == {}

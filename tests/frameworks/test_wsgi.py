"""WSGI without a framework, through the standard middleware."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

from opentelemetry.context import get_current
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

from framework_telemetry import Telemetry
from tidegate import get_request_context


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(get_request_context(environ).request_id).encode()]


def visit(app: Any, **environ: str) -> bytes:
    request: dict[str, Any] = {"PATH_INFO": "/orders/7", **environ}
    setup_testing_defaults(request)
    answer = app(request, lambda status, headers, error=None: None)
    try:
        return b"".join(answer)
    finally:
        answer.close()


def test_an_application_knows_its_request(telemetry: Telemetry) -> None:
    app = OpenTelemetryMiddleware(application, tracer_provider=telemetry.tracers)
    assert visit(app, HTTP_X_REQUEST_ID="r-7") == b"r-7"


def test_a_hook_of_the_user_puts_what_is_known_on_the_span(telemetry: Telemetry) -> None:
    def describe(span: Any, environ: dict[str, Any]) -> None:
        span.set_attributes(get_request_context(environ).to_attributes())

    app = OpenTelemetryMiddleware(application, request_hook=describe, tracer_provider=telemetry.tracers)
    before = get_current()
    visit(app, HTTP_X_REQUEST_ID="r-7", REMOTE_USER="ann")
    [span] = telemetry.server_spans
    assert {name: span.attributes[name] for name in ("request.id", "user.id", "url.path")} == {
        "request.id": "r-7",
        "user.id": "ann",
        "url.path": "/orders/7",
    }
    assert get_current() == before

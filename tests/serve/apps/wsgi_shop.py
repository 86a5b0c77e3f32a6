"""A WSGI application without a framework, behind the readers."""

import logging
from collections.abc import Iterable
from typing import Any

from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

import tidegate.serve


def hello(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    logging.getLogger("app").warning("hello")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


application = OpenTelemetryMiddleware(tidegate.serve.wsgi(hello))

"""A WSGI application without a framework, behind the readers."""

import logging
from collections.abc import Iterable
from typing import Any

import tidegate.serve


def hello(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    logging.getLogger("app").warning("hello")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


application = tidegate.serve.wsgi(hello)

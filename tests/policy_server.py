"""A real HTTP server that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


class PolicyServer:
    """``answer`` is called with every request; `documents` makes one with ETags."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answer: Answer = document("")
        remember, server = self.requests, self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                remember.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                try:
                    server.answer(self)
                except OSError:  # the client has had enough
                    pass

            def log_message(self, *args: Any) -> None:
                """Nothing on the console."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def policy_server() -> Iterator[PolicyServer]:
    server = PolicyServer()
    try:
        yield server
    finally:
        server.close()


def document(text: str | bytes, status: int = 200, **headers: str) -> Answer:
    """Answers with a text; header names have ``_`` for ``-``."""
    content = text.encode() if isinstance(text, str) else text

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def with_etag(text: str, etag: str) -> Answer:
    """Answers 304 to whoever has it already."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        known = handler.headers.get("If-None-Match") == etag
        document("" if known else text, 304 if known else 200, ETag=etag)(handler)

    return answer

"""The readers as a WSGI application, alone or in front of another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from tidegate.serve.message import MAX_BODY, POLL, Body, Request
from tidegate.serve.site import Site

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Readers:
    """A WSGI application that answers below ``at`` and leaves everything else to ``app``, if there is one."""

    def __init__(self, site: Site, app: Application | None = None, at: str = "") -> None:
        self._site = site
        self._app = app
        self._at = at.rstrip("/")

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path != self._at and not path.startswith(self._at + "/") and self._app is not None:
            return self._app(environ, start_response)
        response = self._site.respond(request(environ, self._at))
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", response.headers)
        return Chunks(response.body)


class Chunks:
    """A body for servers that ask for the next chunk and wait for it."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            if chunk:
                yield chunk
            else:
                time.sleep(POLL)

    def close(self) -> None:
        self._body.close()


def request(environ: Environ, at: str = "") -> Request:
    """What a WSGI server (PEP 3333) says that a client asks."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return Request(
        environ["REQUEST_METHOD"].upper(),
        _text(environ.get("PATH_INFO", ""))[len(at) :] or "/",
        environ.get("QUERY_STRING", ""),
        headers,
        _text(environ.get("SCRIPT_NAME", "")) + at,
        environ.get("wsgi.url_scheme", "http"),
        _body(environ) if environ["REQUEST_METHOD"] == "POST" else b"",
        bool(environ.get("wsgi.multithread")),
    )


def _text(path: str) -> str:
    """A path as text: WSGI hands out its bytes as if they were Latin-1."""
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _body(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    wanted = min(int(length), MAX_BODY + 1) if length.isdigit() else 0
    content: bytes = environ["wsgi.input"].read(wanted)
    return content

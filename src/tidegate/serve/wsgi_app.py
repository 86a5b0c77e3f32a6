"""The readers as a WSGI application, alone or in front of another one."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tidegate.serve.message import AGAIN, MAX_BODY, MAX_LIVE_THREADS, POLL, Body, Request, Response

if TYPE_CHECKING:
    from tidegate.serve.site import Site

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

#: What belongs to the connection, which is the server's (PEP 3333).
_HOP_BY_HOP = ("connection", "upgrade")


class Readers:
    """A WSGI application that answers below ``at`` and leaves everything else to ``app``, if there is one.

    ``site`` makes the site, at the first request; inside ``around`` requests are answered.
    """

    def __init__(
        self,
        site: Callable[[], Site],
        app: Application | None = None,
        at: str = "",
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._site = site
        self._app = app
        self._at = at.rstrip("/")
        self._around = around

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path != self._at and not path.startswith(self._at + "/") and self._app is not None:
            return self._app(environ, start_response)
        with self._around():
            response = self._site().respond(request(environ, self._at))
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers(response))
        return Chunks(response.body, environ)


class Chunks:
    """A body for servers that ask for the next chunk and wait for it."""

    def __init__(self, body: Body, environ: Mapping[str, Any]) -> None:
        self._body = body
        self._connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            if chunk:
                yield chunk
            elif self._is_gone():
                return
            elif chunk is not AGAIN:
                time.sleep(POLL)

    def _is_gone(self) -> bool:
        """Whether the client has left. Where the server does not show its connection, writing to it will tell."""
        if self._connection is None:
            return False
        poll = select.poll()
        poll.register(self._connection.fileno(), getattr(select, "POLLRDHUP", 0))
        return bool(poll.poll(0))

    def close(self) -> None:
        self._body.close()


def request(environ: Environ, at: str = "") -> Request:
    """What a WSGI server (PEP 3333) says that a client asks."""
    return Request(
        environ["REQUEST_METHOD"].upper(),
        _text(environ.get("PATH_INFO", ""))[len(at) :] or "/",
        environ.get("QUERY_STRING", ""),
        headers_of(environ),
        _text(environ.get("SCRIPT_NAME", "")) + at,
        environ.get("wsgi.url_scheme", "http"),
        _body(environ) if environ["REQUEST_METHOD"] == "POST" else b"",
        MAX_LIVE_THREADS if environ.get("wsgi.multithread") else 0,
    )


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """A request's headers from an environ, or from Django's META."""
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    return {**found, "content-type": environ.get("CONTENT_TYPE", "")}


def headers(response: Response) -> list[tuple[str, str]]:
    """A response's headers without those that only a server may send."""
    return [(name, value) for name, value in response.headers if name not in _HOP_BY_HOP]


def _text(path: str) -> str:
    """A path as text: WSGI hands out its bytes as if they were Latin-1."""
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _body(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    wanted = min(int(length), MAX_BODY + 1) if length.isdigit() else 0
    content: bytes = environ["wsgi.input"].read(wanted)
    return content

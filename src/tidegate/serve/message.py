"""Requests and responses as plain values, the same whatever server and framework stand around them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

JSON = "application/json"
NDJSON = "application/x-ndjson"
PROBLEM = "application/problem+json"
HTML = "text/html; charset=utf-8"
EVENTS = "text/event-stream"

#: Greatest length in bytes of a request's body and of its path with query; nothing that is asked for is longer.
MAX_BODY = 4096
MAX_TARGET = 8192

#: Clients that may follow at a time: on an event loop, and where each occupies a thread of the server.
MAX_LIVE = 32
MAX_LIVE_THREADS = 2

#: Seconds after which a body that gave an empty chunk is asked again.
POLL = 0.25


class _Again(bytes):
    """An empty chunk that is told from others by being this one."""


#: The empty chunk that says "nothing yet, but ask again at once": a search that makes room for others.
AGAIN = _Again()


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks. ``path`` stands below the mount, whose own path is ``root``; ``headers`` have
    lower-case names; ``max_live`` is how many clients may follow at a time under the server that there is."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    root: str = ""
    scheme: str = "http"
    body: bytes = b""
    max_live: int = MAX_LIVE

    @property
    def base(self) -> str:
        """``root`` as it may stand in a header or a page, whoever chose it: empty, or a path on this host."""
        root = self.root.strip("/")
        return f"/{quote(root, errors='replace')}" if root else ""


class Body:
    """Chunks of a response. An empty one says "nothing yet": ask again in `POLL` seconds, or at once if it is `AGAIN`.

    Whoever takes them calls `close` at the end, whatever the end is; ``release`` is called then, at once
    even while another thread makes a chunk, which is the last.
    """

    def __init__(self, chunks: Iterator[bytes], release: Callable[[], object] | None = None) -> None:
        self._chunks = chunks
        self._release = release
        self._closed = False
        self._lock = threading.Lock()

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> bytes:
        with self._lock:
            if self._closed:
                raise StopIteration
            return next(self._chunks)

    def close(self) -> None:
        self._closed = True
        if self._lock.acquire(blocking=False):  # otherwise the chunks end with the one that is being made
            try:
                getattr(self._chunks, "close", lambda: None)()
            finally:
                self._lock.release()
        release, self._release = self._release, None
        if release is not None:
            release()


@dataclass(slots=True)
class Response:
    """What a client gets; ``live`` bodies go on until the client or the server ends."""

    body: Body
    content_type: str = JSON
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    live: bool = False


def answer(content: bytes, content_type: str = JSON, status: int = 200) -> Response:
    """A response that is there as a whole."""
    return Response(Body(iter([content])), content_type, status, headers=[("content-length", str(len(content)))])


class Problem(Exception):
    """A request that is refused: becomes ``application/problem+json`` (RFC 9457).

    ``detail`` says value, rule and next step; ``members`` are the problem's own (``parameter``, …).
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.members = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail, **members}

    def response(self) -> Response:
        from tidegate import ndjson

        found = answer(ndjson.dumps(self.members), PROBLEM, self.status)
        found.headers += self.headers.items()
        return found

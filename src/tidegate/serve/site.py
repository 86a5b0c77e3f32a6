"""One server's or mount's answers: a request goes in, a response comes out, whatever framework stands around.

request ──guard──▶ route ──parameters──▶ endpoint ──▶ response ──▶ gzip, headers
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.errors import QueryError, StoreError
from tidegate.serve import encoding, routes
from tidegate.serve.guard import Guard
from tidegate.serve.message import Body, Problem, Request, Response

if TYPE_CHECKING:
    from tidegate.serve.prometheus import Exposition
    from tidegate.store import Reader
    from tidegate.watch.health import Report

_logger = logging.getLogger("tidegate")

#: Sent with everything. No page of another site may read, embed or be told about what is here.
HEADERS = (
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)

#: Requests answered at one time, and among them live ones that go on.
MAX_REQUESTS = 64
MAX_LIVE = 32

_UNCOMPRESSED_BYTES = 256


class Site:
    """Answers for one store. ``open_reader`` is called in each process at its first request.

    ``open_health`` lets anyone ask for health, without components; ``gzip`` compresses for clients
    that accept it; ``max_live`` bounds the requests that follow. Threads may share a site.
    """

    def __init__(
        self,
        open_reader: Callable[[], Reader],
        guard: Guard,
        *,
        gzip: bool = True,
        open_health: bool = False,
        max_live: int = MAX_LIVE,
    ) -> None:
        self.guard = guard
        self._open_health = open_health
        self._open_reader = open_reader
        self._gzip = gzip
        self._max_live = max_live
        self._lock = threading.Lock()
        self._pid = 0
        self._reader: Reader | None = None
        self._busy = self._following = 0

    @property
    def reader(self) -> Reader:
        """The reader of this process; a forked child opens its own."""
        with self._lock:
            if self._reader is None or self._pid != os.getpid():
                self._reader, self._pid = self._open_reader(), os.getpid()
            return self._reader

    @cached_property
    def exposition(self) -> Exposition:
        """Prometheus text of this store's series, with what it remembers of them from one scrape to the next."""
        from tidegate.serve.prometheus import Exposition

        return Exposition()

    def report(self) -> Report:
        """How this process is."""
        from tidegate.watch import health

        return health.report()

    def respond(self, request: Request) -> Response:
        """The response to any request; never raises. Its body is to be closed by whoever sends it."""
        try:
            response = self._answer(request)
        except Problem as problem:
            response = problem.response()
        except QueryError as error:
            response = Problem(400, str(error)).response()
        except StoreError as error:
            response = Problem(503, str(error)).response()
        except Exception as error:
            _logger.error("a request to the readers failed: %r", error)
            response = Problem(500, "the answer could not be made; the log of the server says why.").response()
        return self._finish(request, response)

    def admit(self, request: Request) -> routes.Found:
        """The route of a request that may be answered; raises `Problem` otherwise."""
        self.guard.check_host(request)
        self.guard.check_size(request)
        found = routes.find(request.path)
        if found is None or not found.route.from_anywhere:
            self.guard.check_origin(request)
        if found is None or not self._is_open(found.route):
            self.guard.check_token(request)
        if found is None:
            raise Problem(404, f"there is nothing at {request.path[:200]!r}; {request.base}/ lists what there is.")
        return found

    def _is_open(self, route: routes.Route) -> bool:
        return route.is_open or (self._open_health and route.path.startswith("/health"))

    def may_see_details(self, request: Request) -> bool:
        """Whether more than a status may be said of this process's health."""
        return not self._open_health or self.guard.is_known(request)

    def _answer(self, request: Request) -> Response:
        found = self.admit(request)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in found.route.methods:
            allowed = ", ".join(("HEAD", *found.route.methods))
            raise Problem(
                405, f"the method is {request.method[:20]!r}; it must be one of {allowed}.", {"allow": allowed}
            )
        return self._bounded(found.route.endpoint(self, request, found.values(request)))

    def _bounded(self, response: Response) -> Response:
        """Count it among the requests that are being answered until its body is closed."""
        try:
            release = self.take_place(live=response.live)
        except Problem:
            response.body.close()
            raise
        body = response.body

        def close() -> None:
            body.close()
            release()

        response.body = Body(body, close)
        return response

    def take_place(self, *, live: bool) -> Callable[[], None]:
        """Be one of the requests that are answered at a time, until what is returned is called; `Problem` 503
        when there are as many as there may be."""
        with self._lock:
            if self._busy >= MAX_REQUESTS or (live and self._following >= self._max_live):
                most = f"{self._max_live} clients follow" if live else f"{MAX_REQUESTS} requests are answered"
                raise Problem(503, f"{most} already, which is the bound; come again.", {"retry-after": "5"})
            self._busy += 1
            self._following += live

        def release() -> None:
            with self._lock:
                self._busy -= 1
                self._following -= live

        return release

    def _finish(self, request: Request, response: Response) -> Response:
        response.headers += HEADERS
        response.headers.append(("content-type", response.content_type))
        if self._gzip and not response.live:
            _vary(response, "Accept-Encoding")
            if encoding.accepts_gzip(request.headers.get("accept-encoding", "")) and not _is_small(response):
                response.headers = [(name, value) for name, value in response.headers if name != "content-length"]
                response.headers.append(("content-encoding", "gzip"))
                response.body = encoding.gzipped(response.body)
        if request.method == "HEAD":
            response.body.close()
            response.body = Body(iter(()))
        return response


def _vary(response: Response, name: str) -> None:
    former = [value for key, value in response.headers if key == "vary"]
    response.headers = [header for header in response.headers if header[0] != "vary"]
    response.headers.append(("vary", ", ".join([*former, name])))


def _is_small(response: Response) -> bool:
    return any(name == "content-length" and int(value) < _UNCOMPRESSED_BYTES for name, value in response.headers)

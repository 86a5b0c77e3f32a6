"""One server's or mount's answers: a request goes in, a response comes out, whatever framework stands around.

request ──guard──▶ route ──parameters──▶ endpoint ──▶ response ──▶ gzip, headers
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tidegate.errors import QueryError, StoreError
from tidegate.serve import encoding, routes
from tidegate.serve.guard import Guard
from tidegate.serve.message import Body, Problem, Request, Response
from tidegate.serve.places import Places

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
    ("referrer-policy", "same-origin"),  # with "no-referrer" a browser hides the origin of our own forms, too
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)

_UNCOMPRESSED_BYTES = 256


class Site:
    """Answers for one store. ``open_reader`` is called in each process at its first request.

    ``open_health`` lets anyone ask for health, without components; ``gzip`` compresses for clients
    that accept it. Threads may share a site.
    """

    def __init__(
        self,
        open_reader: Callable[[], Reader],
        guard: Guard,
        *,
        gzip: bool = True,
        open_health: bool = False,
    ) -> None:
        self.guard = guard
        self.places = Places()
        self._open_health = open_health
        self._open_reader = open_reader
        self._gzip = gzip
        self._opened: tuple[int, Reader] | None = None
        self._exposition: Exposition | None = None

    @property
    def reader(self) -> Reader:
        """The reader of this process; a forked child opens its own. No lock: it could be held over a fork,
        and of two readers that are opened at once one is used and the other harmless."""
        opened = self._opened
        if opened is None or opened[0] != os.getpid():
            self._opened = opened = (os.getpid(), self._open_reader())
        return opened[1]

    @property
    def exposition(self) -> Exposition:
        """Prometheus text of this store's series, with what it remembers of them from one scrape to the next."""
        exposition = self._exposition
        if exposition is None:
            from tidegate.serve.prometheus import Exposition

            self._exposition = exposition = Exposition()
        return exposition

    def report(self) -> Report:
        """How this process is."""
        from tidegate.watch import health

        return health.report()

    def respond(self, request: Request) -> Response:
        """The response to any request; never raises. Its body is to be closed by whoever sends it."""
        found = self.begin(request)
        return found if isinstance(found, Response) else found()

    def begin(self, request: Request) -> Response | Callable[[], Response]:
        """The response if it needs no store, which may keep one waiting; else what makes it."""
        try:
            found = self._admitted(request)
            answer = partial(self._respond, request, found, found.values(request))
        except Exception as error:
            return self.refuse(request, error)
        return answer() if found.route.is_quick else answer

    def refuse(self, request: Request, error: Exception) -> Response:
        """The response that tells a client of an error."""
        return self._finish(request, problem(error).response())

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

    def _admitted(self, request: Request) -> routes.Found:
        found = self.admit(request)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in found.route.methods:
            allowed = ", ".join(("HEAD", *found.route.methods))
            raise Problem(
                405, f"the method is {request.method[:20]!r}; it must be one of {allowed}.", {"allow": allowed}
            )
        return found

    def _respond(self, request: Request, found: routes.Found, values: dict[str, Any]) -> Response:
        try:
            return self._finish(request, self._answer(request, found, values))
        except Exception as error:
            return self.refuse(request, error)

    def _answer(self, request: Request, found: routes.Found, values: dict[str, Any]) -> Response:
        if found.route.path == "/health/live":  # how busy it is must not make an orchestrator end it
            return found.route.endpoint(self, request, values)
        place = self.places.take()
        response = found.route.endpoint(self, request, values)
        if response.live and request.method != "HEAD":
            place.stay(request.max_live)
        response.body = Body(response.body, place.leave)
        return response

    def _finish(self, request: Request, response: Response) -> Response:
        response.headers += HEADERS
        response.headers.append(("content-type", response.content_type))
        if response.live:
            # whatever stands around us and compresses would wait for more
            response.headers += [("content-encoding", "identity"), ("x-accel-buffering", "no")]
        elif self._gzip:
            _vary(response, "Accept-Encoding")
            if encoding.accepts_gzip(request.headers.get("accept-encoding", "")) and not _is_small(response):
                response.headers = [(name, value) for name, value in response.headers if name != "content-length"]
                response.headers.append(("content-encoding", "gzip"))
                response.body = encoding.gzipped(response.body)
        if request.method == "HEAD":
            response.body.close()
            response.body = Body(iter(()))
        return response


def problem(error: Exception) -> Problem:
    """What to tell a client of an error."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, QueryError):
        return Problem(400, str(error))
    if isinstance(error, StoreError):
        return Problem(503, str(error))
    _logger.error("a request to the readers failed: %r", error)
    return Problem(500, "the answer could not be made; the log of the server says why.")


def _vary(response: Response, name: str) -> None:
    former = [value for key, value in response.headers if key == "vary"]
    response.headers = [header for header in response.headers if header[0] != "vary"]
    response.headers.append(("vary", ", ".join([*former, name])))


def _is_small(response: Response) -> bool:
    return any(name == "content-length" and int(value) < _UNCOMPRESSED_BYTES for name, value in response.headers)

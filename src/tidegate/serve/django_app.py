"""The readers as a view of Django, under WSGI and under ASGI."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, StreamingHttpResponse
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from tidegate.serve import asgi_app, wsgi_app
from tidegate.serve.message import MAX_BODY, MAX_LIVE, MAX_LIVE_THREADS, Body, Request
from tidegate.serve.threads import Threads

if TYPE_CHECKING:
    from tidegate.serve.site import Site


def patterns(site: Callable[[], Site], at: str, around: Callable[[], AbstractContextManager[None]]) -> list[Any]:
    """One pattern for everything at and below ``at``, with or without a slash at the end."""
    threads = Threads("reader", asgi_app.THREADS, asgi_app.REST)

    def readers(request: HttpRequest, rest: str = "") -> StreamingHttpResponse:  # Django leaves out what is None
        request.get_host()  # ALLOWED_HOSTS, whatever middleware there is
        with around():
            response = site().respond(_request(request, rest))
        is_asgi = hasattr(request, "scope")
        body = AsyncChunks(response.body, threads) if is_asgi else wsgi_app.Chunks(response.body, request.META)
        found = StreamingHttpResponse(body, status=response.status)
        for name, value in wsgi_app.headers(response):
            found.headers[name] = value
        return found

    readers.login_required = False  # type: ignore[attr-defined]  # LoginRequiredMiddleware: the token is asked for
    return [re_path(rf"^{re.escape(at.strip('/'))}(?P<rest>/.*)?$", csrf_exempt(readers))]


class AsyncChunks:
    """A body for Django's ASGI handler."""

    def __init__(self, body: Body, threads: Threads) -> None:
        self._body = body
        self._threads = threads

    def __aiter__(self) -> AsyncIterator[bytes]:
        return asgi_app.chunks(self._body, self._threads)

    def close(self) -> None:
        self._body.close()


def _request(request: HttpRequest, rest: str) -> Request:
    method = str(request.method)
    return Request(
        method,
        rest or "/",
        request.META.get("QUERY_STRING", ""),
        wsgi_app.headers_of(request.META),
        request.path[: len(request.path) - len(rest)],
        str(request.scheme),
        request.read(MAX_BODY + 1) if method == "POST" else b"",
        MAX_LIVE if hasattr(request, "scope") else MAX_LIVE_THREADS if request.META.get("wsgi.multithread") else 0,
    )

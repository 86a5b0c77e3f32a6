"""What an application asks of a request, the one being handled or another that it has: what it is, and whose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tidegate.api.request import finding
from tidegate.api.request.handled import Request, current


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What is known of a request; None for what is not.

    ``route`` is the template that its path matched, ``session_id`` is hashed, ``request_id`` comes from its headers,
    and ``client_address`` is the peer's as the server has it.

        >>> import tidegate
        >>> context = tidegate.RequestContext(method="GET", path="/orders/7", user_id="42")
        >>> context.to_attributes()
        {'http.request.method': 'GET', 'url.path': '/orders/7', 'user.id': '42'}
    """

    method: str | None = None
    path: str | None = None
    route: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    client_address: str | None = None

    def to_attributes(self) -> dict[str, str]:
        """What is known, by the names of OpenTelemetry's semantic conventions; these have none for ``request.id``."""
        values = ((name, getattr(self, field)) for field, name in _ATTRIBUTES.items())
        return {name: value for name, value in values if value is not None}


_ATTRIBUTES = {
    "method": "http.request.method",
    "path": "url.path",
    "route": "http.route",
    "user_id": "user.id",
    "session_id": "session.id",
    "request_id": "request.id",
    "client_address": "client.address",
}


def get_request_context(request: Any = None) -> RequestContext:
    """What ``request`` is, and whose: method, path, route, user, session, request id and client. Never raises.

    ``request`` is one of Starlette's or FastAPI's (or a WebSocket), of Flask's or Django's, an ASGI scope or a WSGI
    environ. Without one it is the request that is being handled here; outside of any, nothing is known. Cookies are
    read as the settings ``user_cookies`` and ``session_cookies`` say, a request's id from ``request_id_headers``.

        >>> import tidegate
        >>> scope = {"type": "http", "method": "GET", "path": "/orders/7", "headers": [(b"x-request-id", b"a1b2")]}
        >>> context = tidegate.get_request_context(scope)
        >>> context.method, context.path, context.request_id
        ('GET', '/orders/7', 'a1b2')
        >>> tidegate.get_request_context().path is None
        True
    """
    handled = current() if request is None else Request(request)
    if handled is None:
        return RequestContext()
    ids = handled.attributes()
    place = finding.place(finding.reader_of(handled.carrier))
    return RequestContext(
        method=place.get("method"),
        path=place.get("path"),
        route=place.get("route") or _route_of(handled.span),
        user_id=ids.get("user.id"),
        session_id=ids.get("session.id"),
        request_id=ids.get("request.id"),
        client_address=place.get("client_address"),
    )


def _route_of(span: Any) -> str | None:
    """The route that the instrumentation has found."""
    route = (getattr(span, "attributes", None) or {}).get("http.route")
    return route if isinstance(route, str) else None


def extract_user_id(request: Any, *, cookies: Iterable[str] | None = None) -> str | None:
    """The id of a request's user as text; None where nobody is authenticated. Never raises.

    It is ``pk``, ``id`` or ``identity`` of the framework's authenticated user, ``request.state.user_id``,
    ``request.state.user``, Flask's ``session["user_id"]`` or Flask-Login's user. A user that Django would have to
    fetch is not fetched. ``cookies`` are names of cookies to read it from otherwise, which any client can forge; the
    default is the setting ``user_cookies``.

        >>> import tidegate
        >>> tidegate.extract_user_id({"type": "http", "state": {"user_id": 42}})
        '42'
    """
    return finding.user(finding.reader_of(request), _names(cookies, finding.sources.user_cookies))


def extract_session_id(request: Any, *, cookies: Iterable[str] | None = None) -> str | None:
    """The id of a request's session, hashed since it is a credential; None where there is none. Never raises.

    It is ``request.state.session_id``, Django's ``session.session_key``, or Flask-Session's ``session.sid``.
    ``cookies`` are names of cookies to read it from otherwise, such as ``("sessionid",)``; the default is the setting
    ``session_cookies``.

        >>> import tidegate
        >>> tidegate.extract_session_id({"type": "http", "state": {"session_id": "f2c1a9"}})
        'hash:b06c545791ecde5af5dab23428de62a9'
    """
    return finding.session(finding.reader_of(request), _names(cookies, finding.sources.session_cookies))


def _names(cookies: Iterable[Any] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """The names of cookies that ``cookies`` gives."""
    if cookies is None or isinstance(cookies, str):
        return default if cookies is None else (cookies,)
    try:
        return tuple(name for name in cookies if isinstance(name, str))
    except Exception as error:
        finding.complain_of("cookies", error)
        return ()

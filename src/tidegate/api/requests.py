"""The request that is being handled: what it is, and whose.

Frameworks put a `Request` into the OpenTelemetry context, where `tidegate.api.attributes` finds it for every span
and log record. What an application calls reads the same of a request that it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import Token
from dataclasses import dataclass
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current, get_value, set_value

from tidegate.api.context import REQUEST_KEY
from tidegate.api.inner.complaints import complain
from tidegate.api.request import finding
from tidegate.api.request.carriers import NOTHING, Carrier
from tidegate.otel.objects import set_missing


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


class Request:
    """The request being handled. ``carrier`` is what the framework has: an ASGI scope, a WSGI environ, or an object
    of Flask's or Django's, and None when the request is over; ``span`` its server span; ``token`` ends it."""

    __slots__ = ("_found", "_reader", "carrier", "span", "token")

    def __init__(self, carrier: Any, span: Any = None, reader: Carrier | None = None) -> None:
        self.carrier = carrier
        self.span = span
        self._reader = reader
        self._found: dict[str, str] | None = None
        self.token: Token[Context] | None = None

    def attributes(self) -> Mapping[str, str]:
        """``user.id``, ``session.id`` and ``request.id`` as far as they are known by now.

        What is not is looked for again: an application learns who its user is while it handles the request.
        """
        reader, found = self._reader or self._read(), self._found
        if found is None:
            found = self._found = {}
            _add(found, "request.id", finding.request_id(reader))
        if self.carrier is None:
            return found
        sources = finding.sources
        if not sources.user_cookies and not sources.session_cookies and reader.knows_nobody():
            return found
        if "user.id" not in found:
            _add(found, "user.id", finding.user(reader, sources.user_cookies))
        if "session.id" not in found:
            _add(found, "session.id", finding.session(reader, sources.session_cookies))
        return found

    def forget(self) -> None:
        """The request is over. What was started in it and goes on, such as a pool's maintenance, is its user's no more
        than anybody's: it keeps the request's id, and nothing else alive."""
        found = self._found
        id = finding.request_id(self._reader or self._read()) if found is None else found.get("request.id")
        self._found = {} if id is None else {"request.id": id}
        self.carrier, self._reader = None, NOTHING

    def _read(self) -> Carrier:
        self._reader = finding.reader_of(self.carrier)
        return self._reader


def _add(found: dict[str, str], name: str, value: str | None) -> None:
    if value is not None:
        found[name] = value


def begin(carrier: Any, span: Any = None) -> Request:
    """Make ``carrier`` the request that is being handled here, until `end`."""
    request = Request(carrier, span)
    request.token = attach(set_value(REQUEST_KEY, request, get_current()))
    return request


def end(request: Request) -> None:
    """The request that began here is handled: its span says whose it was."""
    describe(request)
    request.forget()
    if request.token is not None:
        detach(request.token)


def current() -> Request | None:
    """The request that is being handled here."""
    found = get_value(REQUEST_KEY)
    return found if isinstance(found, Request) else None


def describe(request: Request) -> None:
    """Set what is known of a request's user and session on its server span, while that is open: when the response
    starts, and at the end. What the application has set itself stays. Never raises."""
    try:
        if request.span is not None and request.span.is_recording():
            attributes = request.attributes()
            if attributes:
                set_missing(request.span, attributes)
    except Exception as error:
        complain("request", "span", "A request's ids could not be put on its span: %r", error)


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

"""The request that is being handled. Frameworks put it into the OpenTelemetry context, where `tidegate.api.attributes`
finds it for every span and log record."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current, get_value, set_value

from tidegate.api.calls.complaints import complain
from tidegate.api.context import REQUEST_KEY
from tidegate.api.request import finding
from tidegate.api.request.carriers import NOTHING, Carrier
from tidegate.otel.objects import set_missing


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
        self.carrier, self.span, self._reader = None, None, NOTHING

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

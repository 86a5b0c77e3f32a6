"""The request that is being handled: what it is, and whose.

Frameworks put a `Request` into the OpenTelemetry context, where `tidegate.api.attributes` finds it for every span
and log record. What an application calls reads the same without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current, set_value

from tidegate.api.context import REQUEST_KEY


class Request:
    """The request being handled. ``carrier`` is what the framework has: an ASGI scope, a WSGI environ, or an object
    of Flask's or Django's; ``span`` its server span."""

    __slots__ = ("_attributes", "carrier", "span")

    def __init__(self, carrier: Any, span: Any = None) -> None:
        self.carrier = carrier
        self.span = span
        self._attributes: dict[str, str] = {}

    def attributes(self) -> Mapping[str, str]:
        """``user.id``, ``session.id`` and ``request.id`` as far as they are known by now."""
        return self._attributes


def begin(carrier: Any, span: Any = None) -> Token[Context]:
    """Make ``carrier`` the request that is being handled here, until `end`."""
    return attach(set_value(REQUEST_KEY, Request(carrier, span), get_current()))


def end(token: Token[Context]) -> None:
    """The request that began with this token is handled."""
    detach(token)


def describe(request: Request) -> None:
    """Set what is known of a request's user and session on its server span: when its response starts."""
    if request.span is not None:
        request.span.set_attributes(request.attributes())

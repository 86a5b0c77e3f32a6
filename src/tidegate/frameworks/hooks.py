"""What begins and ends a request, whatever the framework, and never fails it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import Token
from typing import Any, NamedTuple

from opentelemetry.context import Context

from tidegate.api.inner.complaints import complain
from tidegate.api.request.finding import place, reader_of
from tidegate.api.requests import begin, current, describe, end
from tidegate.frameworks.loading import in_force
from tidegate.record.raised import note


class Begun(NamedTuple):
    """A request with its span; the token is what to end it with, where requests are to be known."""

    span: Any
    token: Token[Context] | None


def begun(carrier: Any, span: Any) -> Begun:
    """Make ``carrier`` the request that is being handled here, unless the settings say otherwise."""
    attributes = getattr(span, "attributes", ())
    if "http.request.method" in attributes and "url.path" not in attributes:  # of a server that has no RAW_URI
        span.set_attribute("url.path", place(reader_of(carrier)).get("path", ""))
    return Begun(span, begin(carrier, span) if in_force().request_context else None)


def finish(request: Begun) -> None:
    """End a request, and say on its span whose it was."""
    if request.token is not None:
        describe(current())
        end(request.token)


def tell(error: BaseException, span: Any) -> None:
    """Note on ``error`` where it came from, and its type on the span if that has not ended with a response."""
    try:
        note(error)
        if span.is_recording():
            kind = type(error)
            name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
            span.set_attribute("error.type", name)
    except Exception as failure:
        complain("request", "error", "A request's error could not be noted: %r", failure)


def guarded(hook: Callable[..., None]) -> Callable[..., None]:
    """``hook``, of which the application hears nothing when it fails."""

    @functools.wraps(hook)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            hook(*args, **kwargs)
        except Exception as error:
            complain("request", hook.__module__, "%s failed, the request goes on: %r", hook.__module__, error)

    return guarded

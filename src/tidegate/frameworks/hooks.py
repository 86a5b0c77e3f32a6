"""What begins and ends a request, whatever the framework, and never fails it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from tidegate.api.calls.complaints import complain
from tidegate.api.request.finding import place, reader_of
from tidegate.api.request.handled import Request, begin, end
from tidegate.frameworks.loading import in_force
from tidegate.record.plain import type_name
from tidegate.record.raised import note


class Begun(NamedTuple):
    """The span of a request, and the request where requests are to be known."""

    span: Any
    request: Request | None


def begun(carrier: Any, span: Any) -> Begun:
    """Make ``carrier`` the request that is being handled here, unless the settings say otherwise."""
    attributes = getattr(span, "attributes", ())
    if "http.request.method" in attributes and "url.path" not in attributes:  # of a server that has no RAW_URI
        span.set_attribute("url.path", place(reader_of(carrier)).get("path", ""))
    return Begun(span, begin(carrier, span) if in_force().request_context else None)


def finish(begun: Begun) -> None:
    """End a request, and say on its span whose it was."""
    if begun.request is not None:
        end(begun.request)


def tell(error: BaseException, span: Any) -> None:
    """Note on ``error`` where it came from, and its type on the span if that has not ended with a response."""
    try:
        note(error)
        if span.is_recording():
            span.set_attribute("error.type", type_name(type(error)))
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

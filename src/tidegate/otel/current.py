"""The current context: what is current in it, left out or suppressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, detach, set_value
from opentelemetry.trace import SpanContext, TraceFlags, get_current_span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

try:
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY

    SUPPRESS_KEY: str = _SUPPRESS_INSTRUMENTATION_KEY
except ImportError:  # its value is part of no specification, but has not changed since 1.3
    SUPPRESS_KEY = "suppress_instrumentation"


class LeftOut(SpanContext):
    """The context of a span that is neither recorded nor sent. ``used`` saves asking while there is none."""

    used = False


@contextmanager
def left_out() -> Iterator[None]:
    """Leave the current span out, and what is logged or instrumented in the meantime."""
    span = get_current_span()
    if span.is_recording() and hasattr(span, "_context"):
        context = span.get_span_context()
        span._context = LeftOut(
            context.trace_id, context.span_id, context.is_remote, TraceFlags(0), context.trace_state
        )
        LeftOut.used = True
    token = attach(set_value(SUPPRESS_KEY, True))
    try:
        yield
    finally:
        detach(token)


def is_left_out(span: ReadableSpan) -> bool:
    """Whether this span, or the one around it, was left out."""
    return type(span.context) is LeftOut or type(span.parent) is LeftOut


def _context_calls() -> tuple[Callable[[], Context], Callable[[Context], Any], Callable[[Any], object]]:
    """What tells, sets and resets the current context; without the two calls around each if possible."""
    from opentelemetry import context

    variable = getattr(getattr(context, "_RUNTIME_CONTEXT", None), "_current_context", None)
    if isinstance(variable, ContextVar):
        return variable.get, variable.set, variable.reset
    return context.get_current, context.attach, context.detach


#: The current context, empty outside of everything; OpenTelemetry's `attach`; and its `detach`, which here
#: raises ValueError in another `contextvars.Context` instead of printing a traceback. Each costs one call.
current_context, enter_context, leave_context = _context_calls()


@contextmanager
def suppressed() -> Iterator[None]:
    """Record nothing of what is logged or instrumented in the meantime: it is an exporter's own work."""
    token = attach(set_value(SUPPRESS_KEY, True))
    try:
        yield
    finally:
        detach(token)


@contextmanager
def handing_to(handler: Any) -> Iterator[None]:
    """A context that is not empty, and in which OpenTelemetry's own handler takes records although
    another one of its kind may be at work here."""
    token = attach(set_value("tidegate.handing", True))
    guard = getattr(handler, "_is_emitting", None)
    former = guard.set(False) if isinstance(guard, ContextVar) else None
    try:
        yield
    finally:
        if former is not None:
            guard.reset(former)  # type: ignore[union-attr]
        detach(token)


def is_suppressed() -> bool:
    """Whether the current context belongs to an exporter's own work."""
    return bool(current_context().get(SUPPRESS_KEY))

"""Exceptions on spans."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import set_span_in_context

#: What a function has that is ours.
_NAME = "_tidegate"


def record_exceptions_once(
    is_new: Callable[[BaseException, int], bool], note: Callable[[BaseException, Any], object]
) -> None:
    """Let each span have an exception once that several places record which it passes, as an instrumentation and
    the SDK do. ``is_new`` tells whether one is new to the span with such an id, and ``note`` is told its context,
    since the SDK records what a span was left by when it is current no more. Neither must raise.

    What is recorded with attributes is somebody's own word, and always recorded.
    """
    from opentelemetry.sdk.trace import Span

    original = Span.record_exception
    if hasattr(original, _NAME):
        return

    @functools.wraps(original)
    def record_exception(self: Any, exception: BaseException, *args: Any, **kwargs: Any) -> None:
        note(exception, set_span_in_context(self))
        if is_new(exception, self.context.span_id) or any(args) or kwargs.get("attributes"):
            original(self, exception, *args, **kwargs)

    setattr(record_exception, _NAME, True)
    Span.record_exception = record_exception  # type: ignore[method-assign]

"""What is known of an exception on its way up: the context it was raised in, and where it was told already.

The servers that report an unhandled error do so outside of the request, where no trace is current any more; and the
same error passes several places each of which would tell it. What they must know is kept on the exception itself,
so that it lives exactly as long: a table beside it would hold what its context refers to, which may be the exception.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.trace import get_current_span

#: Where an exception carries it.
_NAME = "__tidegate__"

#: What was said of exceptions under another one counts no more.
_era = object()

#: Spans that are remembered to have an exception; those of more than that may get it twice.
MAX_SPANS = 64


class Raised(str):
    """What an exception carries. In a deep copy, and in another process, it is None.

    It is a text, an empty one, for applications that write an exception's attributes as JSON.
    """

    __slots__ = ("context", "era", "logged_in", "spans")

    def __init__(self) -> None:
        self.context: Context | None = None
        self.logged_in: int | None = None
        self.spans: list[int] = []
        self.era = _era

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def begin_anew() -> None:
    """Know nothing of any exception: ids of spans and traces may come again, as they do in tests."""
    global _era
    _era = object()


def _of(error: BaseException | None) -> Raised | None:
    try:
        found = object.__getattribute__(error, _NAME)  # the application's own `__getattr__` is not to be called
    except Exception:
        return None
    return found if type(found) is Raised and found.era is _era else None


def _made(error: BaseException) -> Raised:
    """What ``error`` carries; one that takes nothing gets it again each time."""
    found = _of(error)
    if found is None:
        found = Raised()
        try:
            BaseException.__setattr__(error, _NAME, found)  # also where a class forbids it, as a frozen dataclass does
        except Exception:  # slots all the way down
            pass
    return found


def _trace(context: Context | None) -> int:
    return get_current_span(context).get_span_context().trace_id


def note(error: BaseException, context: Context | None = None) -> None:
    """Remember a context, by default the current one, as the one that ``error`` was raised in, unless one of the same
    trace is remembered: the first is the closest. Never raises.

    An exception that an application keeps and raises again in another trace gets that one.
    """
    raised, context = _made(error), context or get_current()
    if raised.context is None:
        raised.context = context
    elif _trace(context) not in (0, _trace(raised.context)):
        raised.context = context
        raised.spans.clear()


def context_of(error: BaseException | None) -> Context | None:
    """The context that ``error`` was noted in."""
    raised = _of(error)
    return raised.context if raised is not None else None


def context_around(error: BaseException | None) -> Context | None:
    """The context that ``error`` was noted in, where what is said of it is said outside of any trace."""
    return None if _of(error) is None or _trace(None) else context_of(error)


def mark_logged(error: BaseException) -> None:
    """Note ``error``, and remember that there is a log record of it."""
    note(error)
    raised = _made(error)
    raised.logged_in = _trace(raised.context)


def is_logged(error: BaseException | None) -> bool:
    """Whether `mark_logged` was told of ``error`` in the trace that it was last noted in."""
    raised = _of(error)
    return raised is not None and raised.logged_in is not None and raised.logged_in == _trace(raised.context)


def is_new_on(error: BaseException, span_id: int) -> bool:
    """Whether ``error`` meets this span for the first time; from then on it does not."""
    spans = _made(error).spans
    if span_id in spans:
        return False
    if len(spans) < MAX_SPANS:
        spans.append(span_id)
    return True

"""What is known of an exception on its way up: the context it was raised in, and where it was told already.

The servers that report an unhandled error do so outside of the request, where no trace is current any more; and the
same error passes several places each of which would tell it. What they must know lives as long as the exception: kept
by a weak reference to it, so that an application which looks at its exception's attributes finds its own; or on the
exception itself where it takes no such reference, as Python's own do not.
"""

from __future__ import annotations

from typing import Any
from weakref import KeyedRef

from opentelemetry.context import Context, get_current
from opentelemetry.trace import get_current_span

#: Where an exception carries it that takes no weak reference.
_NAME = "__tidegate__"

#: By ``id``, what is kept of the others.
_kept: dict[int, tuple[KeyedRef[int, BaseException], Raised]] = {}

#: Spans that are remembered to have an exception; those of more than that may get it twice.
MAX_SPANS = 64


class Raised:
    """What is known of an exception. In a deep copy, and in another process, it is None."""

    __slots__ = ("context", "logged_in", "spans")

    def __init__(self) -> None:
        self.context: Context | None = None
        self.logged_in: int | None = None
        self.spans: list[int] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def _of(error: BaseException | None) -> Raised | None:
    kept = _kept.get(id(error))
    if kept is not None and kept[0]() is error:
        return kept[1]
    try:
        found = object.__getattribute__(error, _NAME)  # the application's own `__getattr__` is not to be called
    except Exception:
        return None
    return found if type(found) is Raised else None


def _made(error: BaseException) -> Raised:
    """What is known of ``error``; one that takes nothing gets it again each time."""
    found = _of(error)
    if found is None:
        found = Raised()
        try:
            _kept[id(error)] = KeyedRef(error, _forget, id(error)), found
        except TypeError:
            _put_on(error, found)
    return found


def _put_on(error: BaseException, raised: Raised) -> None:
    try:
        BaseException.__setattr__(error, _NAME, raised)  # also where a class forbids it
    except Exception:  # slots all the way down
        pass


def _forget(gone: KeyedRef[int, BaseException], kept: dict[int, Any] = _kept) -> None:
    if (found := kept.get(gone.key)) is not None and found[0] is gone:  # not one that has got its place since
        del kept[gone.key]


def _trace(context: Context | None) -> int:
    return get_current_span(context).get_span_context().trace_id


def note(error: BaseException) -> None:
    """Remember the current OpenTelemetry context as the one that ``error`` was raised in, unless one of the same
    trace is remembered: the first is the closest. Never raises.

    An exception that an application keeps and raises again in another trace gets that one.
    """
    raised, context = _made(error), get_current()
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

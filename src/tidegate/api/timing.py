"""What takes time: as a histogram, and as log records of its beginning and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from tidegate.api.calls.arguments import joined
from tidegate.api.calls.complaints import complain
from tidegate.api.calls.emitting import ERROR, emit, severity
from tidegate.api.calls.functions import Place, is_error, place_of
from tidegate.api.calls.wrapping import Function, Step, underlying, wrap
from tidegate.api.metrics import DEFAULT_HISTOGRAM_BUCKETS, HISTOGRAM, measure
from tidegate.record.plain import text, type_name

#: Runs of a shared object that are open at once in one context.
MAX_OPEN = 100

#: Runs of objects that were running already, or within such a run: with each its start, the latest first.
_open: ContextVar[tuple[tuple[Timed, float], ...]] = ContextVar("tidegate_open", default=())

#: Units of time, by UCUM.
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9, "min": 1 / 60, "h": 1 / 3600}

_DEFAULT_BUCKETS = {
    unit: tuple(bound * factor for bound in DEFAULT_HISTOGRAM_BUCKETS) for unit, factor in _PER_SECOND.items()
} | {"s": DEFAULT_HISTOGRAM_BUCKETS}


class Timed(Step):
    """A context manager and decorator that says how long something took.

    One object may be entered again before it is left, by a recursion, in other threads and in tasks.
    """

    __slots__ = ("_start",)

    _start: float | None

    def __enter__(self) -> Any:
        self._begin()
        start, opened = perf_counter(), _open.get()
        if self._start is None and not opened:
            self._start = start
        else:
            _open.set(((self, start), *opened)[:MAX_OPEN])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        end = perf_counter()
        opened = _open.get()
        start = _taken(self, opened) if opened else None
        if start is None:
            start, self._start = self._start, None
        if start is not None:  # it was entered
            self._end(end - start, error)

    def __call__(self, function: Function) -> Function:
        about = self._about(underlying(function))
        return wrap(function, lambda args, kwargs: about._again())

    def _about(self, function: Any) -> Timed:
        """What is decorated."""
        return self

    def _again(self) -> Timed:
        raise NotImplementedError

    def _begin(self) -> None:
        """It begins."""

    def _end(self, seconds: float, error: BaseException | None) -> None:
        """It has ended, by an error or without."""


def _taken(timed: Timed, opened: tuple[tuple[Timed, float], ...]) -> float | None:
    """The start of the latest run of ``timed`` in this context, which is open no more."""
    for place, (owner, start) in enumerate(opened):
        if owner is timed:
            _open.set(opened[:place] + opened[place + 1 :])
            return start
    return None


class Timer(Timed):
    """What `timer` returns."""

    __slots__ = ("_attributes", "_buckets", "_name", "_unit")

    def __init__(self, name: str, unit: str, buckets: Sequence[float], attributes: Mapping[str, Any]) -> None:
        self._start = None
        self._name, self._unit, self._buckets, self._attributes = name, unit, buckets, attributes

    def _again(self) -> Timer:
        return Timer(self._name, self._unit, self._buckets, self._attributes)

    def _end(self, seconds: float, error: BaseException | None) -> None:
        attributes = self._attributes
        if error is not None and is_error(error):
            attributes = {**attributes, "error.type": type_name(type(error))}
        measure(HISTOGRAM, self._name, seconds * _PER_SECOND[self._unit], self._unit, "", self._buckets, attributes)


def timer(
    name: str,
    /,
    *mappings: Mapping[str, Any],
    unit: str = "s",
    buckets: Sequence[float] = DEFAULT_HISTOGRAM_BUCKETS,
    **attributes: Any,
) -> Timer:
    """Record in the histogram ``name`` how long something takes: a context manager and a decorator.

    The time is the clock's, not the processor's, in ``unit``: s, ms, us, ns, min or h. ``buckets`` are upper bounds in
    this unit, by default `DEFAULT_HISTOGRAM_BUCKETS` converted to it. After an exception the point has ``error.type``
    besides ``attributes``; the exception goes on its way. Functions of every kind can be decorated; a generator is
    timed from its first item to its end. Never raises.

        >>> import tidegate
        >>> with tidegate.timer("shop.pricing", currency="EUR"):
        ...     pass
        >>> @tidegate.timer("shop.sum")
        ... def add(a, b):
        ...     return a + b
        >>> add(1, 2)
        3
    """
    if unit != "s":
        if unit not in tuple(_PER_SECOND):
            complain("unit", name, "timer %r is in seconds: %r is none of %s.", name, unit, ", ".join(_PER_SECOND))
            unit = "s"
        if buckets is DEFAULT_HISTOGRAM_BUCKETS:
            buckets = _DEFAULT_BUCKETS[unit]
    return Timer(name, unit, buckets, joined(mappings, attributes))


class TimedLog(Timed):
    """What `timed_log` returns."""

    __slots__ = ("_attributes", "_level", "_message", "_place", "_scope")

    def __init__(
        self, message: Any, level: Any, attributes: Mapping[str, Any], place: Place, scope: str | None = None
    ) -> None:
        self._start = None
        self._message, self._level, self._attributes = message, level, attributes
        self._place, self._scope = place, scope

    def _about(self, function: Any) -> TimedLog:
        return TimedLog(self._message, self._level, self._attributes, place_of(function), self._scope)

    def _again(self) -> TimedLog:
        return TimedLog(self._message, self._level, self._attributes, self._place, self._scope)

    def _begin(self) -> None:
        self._emit(severity(self._level), "started", {})

    def _end(self, seconds: float, error: BaseException | None) -> None:
        more = {"duration": seconds}
        if error is None or isinstance(error, _ENDS):
            self._emit(severity(self._level), "finished", more)
        elif is_error(error):
            self._emit(ERROR, "failed", {**more, "exc_info": error})
        else:
            self._emit(severity(self._level), "cancelled", more)

    def _emit(self, severity: Any, what: str, more: Mapping[str, Any]) -> None:
        emit(severity, f"{text(self._message)} {what}", {**self._attributes, **more}, self._place, self._scope)


#: How generators and iterators end.
_ENDS = (GeneratorExit, StopIteration, StopAsyncIteration)

"""Functions whose calls are spans, and are counted and timed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from time import perf_counter
from types import TracebackType
from typing import Any, NamedTuple, overload

from opentelemetry.trace import Span, SpanKind, set_span_in_context

from tidegate.api.calls.arguments import Arguments, Pick, picker, plain_attributes
from tidegate.api.calls.complaints import complain
from tidegate.api.calls.functions import is_error, place_of
from tidegate.api.calls.providers import tracer
from tidegate.api.calls.wrapping import NOTHING, Around, Decorator, Function, InContext, Step, underlying, wrap
from tidegate.api.errors import record_on, without_ours
from tidegate.api.metrics import COUNTER, DEFAULT_HISTOGRAM_BUCKETS, HISTOGRAM, measure
from tidegate.errors import ConfigurationError
from tidegate.otel import is_suppressed
from tidegate.record.plain import text, type_name

_DURATION = "Duration of the calls of a function."
_CALLS = "Calls of a function."


@overload
def traced(function: Function, /) -> Function: ...
@overload
def traced(
    name: str | None = None,
    /,
    *,
    arguments: Arguments = (),
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, Any] | None = None,
    record_exception: bool = True,
) -> Decorator: ...
def traced(
    name: Any = None,
    /,
    *,
    arguments: Arguments = (),
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, Any] | None = None,
    record_exception: bool = True,
) -> Any:
    """A decorator that makes a span of each call, current while the function runs.

    The span is named ``name``, else after the function, ``module.function``. ``attributes`` are on every span, those
    that ``arguments`` names are as in `track_event`, and read before the call. An error that leaves the function is
    recorded on the span, whose status becomes ERROR; with ``record_exception=False`` only the latter. A generator's
    span lasts until it ends or is closed, and is current only while the generator's own code runs.

        >>> import tidegate
        >>> @tidegate.traced("order.place", arguments=("order_id",))
        ... def place(order_id):
        ...     return f"placed {order_id}"
        >>> place("A1")
        'placed A1'

    Functions, coroutines, generators, async generators, `classmethod` and `staticmethod` stay what they are, with
    their signature. Nothing of it raises in a call. ConfigurationError is raised when a name is no parameter, or what
    is decorated is no function.
    """

    def decorate(function: Any) -> Any:
        called = underlying(function)
        place = place_of(called)
        pick = picker(called, arguments, None, attributes or {})
        return wrap(function, _Spans(place.module, named or place.name, kind, pick, record_exception).around)

    named = _checked(name) if isinstance(name, str) else None
    return decorate if name is None or named is not None else decorate(name)


@overload
def instrument(function: Function, /) -> Function: ...
@overload
def instrument(
    name: str | None = None,
    /,
    *,
    arguments: Arguments = (),
    span: bool = True,
    attributes: Mapping[str, Any] | None = None,
) -> Decorator: ...
def instrument(
    name: Any = None,
    /,
    *,
    arguments: Arguments = (),
    span: bool = True,
    attributes: Mapping[str, Any] | None = None,
) -> Any:
    """A decorator that makes a span of each call, times it, and counts how it ended.

    ``<name>.duration`` is a histogram in seconds with `DEFAULT_HISTOGRAM_BUCKETS`, ``<name>.calls`` a counter; both
    have ``outcome``, one of ``ok``, ``error`` and ``cancelled``, and ``error.type`` after an error. ``attributes``
    are on both and on the span, those that ``arguments`` names on the span only: each value would make a series of its
    own. Without ``span`` there are only the metrics. The rest is as in `traced`.

        >>> import tidegate
        >>> @tidegate.instrument("order.place", attributes={"shop": "north"})
        ... def place(order_id):
        ...     return f"placed {order_id}"
        >>> place("A1")
        'placed A1'
    """

    def decorate(function: Any) -> Any:
        called = underlying(function)
        place = place_of(called)
        fixed = plain_attributes(attributes or {})
        pick = picker(called, arguments, None, fixed)
        spans = _Spans(place.module, named or place.name, SpanKind.INTERNAL, pick, True)
        return wrap(function, _Calls(named or _metric_name(place.name), fixed, spans.around if span else None).around)

    named = _checked(name) if isinstance(name, str) else None
    return decorate if name is None or named is not None else decorate(name)


def _checked(name: str) -> str:
    if not name.strip():
        raise ConfigurationError(f"the name is {name!r}, but must not be empty: leave it out to have the function's.")
    return name


class _Spans(NamedTuple):
    """The spans of a function's calls."""

    scope: str
    name: str
    kind: SpanKind
    pick: Pick
    record_exception: bool

    def around(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Step:
        try:
            makes = tracer(self.scope)
            if makes is None or is_suppressed():
                return NOTHING
            span = makes.start_span(self.name, kind=self.kind, attributes=self.pick(args, kwargs))
            return _InSpan(span, self.record_exception)
        except Exception as error:  # a provider, sampler or processor that fails
            _complain("started", self.name, error)
            return NOTHING


class _InSpan(InContext):
    __slots__ = ("_record_exception", "_span")

    def __init__(self, span: Span, record_exception: bool) -> None:
        self._context = set_span_in_context(span)
        self._span, self._record_exception = span, record_exception

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if error is not None and is_error(error):
            record_on(self._span, error, without_ours(trace), event=self._record_exception)
        self._leave()
        try:
            self._span.end()
        except Exception as failure:
            _complain("ended", text(getattr(self._span, "name", "")), failure)


def _complain(what: str, name: str, error: Exception) -> None:
    kind = type(error).__qualname__
    complain("span", name, "the span %r could not be %s: %s: %s", name, what, kind, text(error))


class _Calls:
    """The durations and outcomes of a function's calls."""

    __slots__ = ("_spans", "calls", "cancelled", "duration", "failed", "ok")

    def __init__(self, name: str, attributes: dict[str, Any], spans: Around | None) -> None:
        self.duration, self.calls, self._spans = f"{name}.duration", f"{name}.calls", spans
        self.ok, self.failed, self.cancelled = (
            {**attributes, "outcome": outcome} for outcome in ("ok", "error", "cancelled")
        )

    def around(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Step:
        return _Measured(self, NOTHING if self._spans is None else self._spans(args, kwargs))

    def attributes(self, error: BaseException | None) -> dict[str, Any]:
        """How a call ended."""
        if error is None or isinstance(error, (StopIteration, StopAsyncIteration)):
            return self.ok
        return {**self.failed, "error.type": type_name(type(error))} if is_error(error) else self.cancelled


class _Measured(Step):
    __slots__ = ("_begin", "_calls", "_in_span")

    def __init__(self, calls: _Calls, in_span: Step) -> None:
        self._calls, self._in_span = calls, in_span

    def __enter__(self) -> Step:
        self._in_span.__enter__()
        self._begin = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        duration, calls = perf_counter() - self._begin, self._calls
        attributes = calls.attributes(error)
        measure(HISTOGRAM, calls.duration, duration, "s", _DURATION, DEFAULT_HISTOGRAM_BUCKETS, attributes)
        measure(COUNTER, calls.calls, 1, "{call}", _CALLS, None, attributes)
        self._in_span.__exit__(kind, error, trace)

    def pause(self) -> None:
        self._in_span.pause()

    def resume(self) -> None:
        self._in_span.resume()


def _metric_name(name: str) -> str:
    """The name of a function as that of a metric, which begins with a letter and has few other signs."""
    sane = re.sub(r"[^A-Za-z0-9_./-]", "_", name.replace("__main__.", "main."))
    return sane.lstrip("_./-0123456789")[:200] or "function"

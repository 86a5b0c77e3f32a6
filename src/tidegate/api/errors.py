"""Errors that an application has caught, or lets pass: on the span where they happened, and as one log record."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Literal, NamedTuple, ParamSpec, Protocol, TypeVar, overload

from opentelemetry.trace import Span, StatusCode, get_current_span, set_span_in_context

from tidegate.api.calls.arguments import Arguments, Extract, Pick, joined, picker, plain_attributes
from tidegate.api.calls.complaints import complain
from tidegate.api.calls.emitting import ERROR, emit
from tidegate.api.calls.functions import Place, is_error, place_of, place_of_caller
from tidegate.api.calls.providers import takes_logs
from tidegate.api.calls.wrapping import Decorator, Function, Step, underlying, wrap
from tidegate.otel import enter_context, leave_context
from tidegate.record.plain import MAX_MESSAGE, exception_attributes, shortened, text, type_name
from tidegate.record.raised import context_around, is_logged, is_new_on, mark_logged, note

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Yielded = TypeVar("Yielded")
Sent = TypeVar("Sent")


#: What the decorator takes.
_OPTIONS = {"reraise", "arguments", "extract"}


class Forgiving(Protocol):
    """What ``track_error(reraise=False)`` returns: a call that raises returns None."""

    @overload
    def __call__(
        self, function: Callable[Parameters, Coroutine[Yielded, Sent, Result]], /
    ) -> Callable[Parameters, Coroutine[Yielded, Sent, Result | None]]: ...
    @overload
    def __call__(self, function: Callable[Parameters, Result], /) -> Callable[Parameters, Result | None]: ...


@overload
def track_error(exc: BaseException, /, *mappings: Mapping[str, Any], **attributes: Any) -> None: ...
@overload
def track_error(function: Function, /) -> Function: ...
@overload
def track_error(
    *, reraise: Literal[True] = True, arguments: Arguments = (), extract: Extract | None = None
) -> Decorator: ...
@overload
def track_error(*, reraise: Literal[False], arguments: Arguments = (), extract: Extract | None = None) -> Forgiving: ...
def track_error(exc: Any = ..., /, *mappings: Mapping[str, Any], **attributes: Any) -> Any:
    """Record an exception: on the span that is current here, whose status becomes ERROR, and as one ERROR log record.

    Both have ``exception.type``, ``exception.message``, ``exception.stacktrace`` and the given attributes, which may
    have any value, and are given by name or in mappings; the span has ``error.type``, too. However often it passes
    here, the same exception is logged once in a trace, and a span has it once. Outside of traces it is logged once
    altogether: raise a new one each time. Of a message of more than 32,768 characters, and a stack trace of more than
    65,536, beginning and end are kept. Never raises, and does nothing as long as there are no providers.

        >>> import tidegate
        >>> try:
        ...     1 / 0
        ... except ZeroDivisionError as error:
        ...     tidegate.track_error(error, order_id=7)

    As a decorator it records what a call raises, and lets the very same exception pass; with ``reraise=False`` the
    call returns None instead, and a generator ends. Cancellation, the closing of a generator and the end of the
    program are no errors. ``arguments`` and ``extract`` add attributes, as in `track_event`.

        >>> @tidegate.track_error(reraise=False, arguments=("name",))
        ... def load(name):
        ...     raise LookupError(name)
        >>> load("settings")
    """
    if isinstance(exc, BaseException):
        record(exc, place_of_caller(), joined(mappings, attributes), exc.__traceback__)
    elif exc is ...:
        if attributes.keys() - _OPTIONS:
            complain("error", "none", "track_error(…) was given %s, but no exception", ", ".join(attributes))
        return lambda function: _decorate(function, **attributes)
    elif isinstance(exc, (classmethod, staticmethod)) or (callable(exc) and not isinstance(exc, type)):
        return _decorate(exc, **attributes)
    else:
        kind = type(exc).__qualname__
        complain("error", kind, "track_error takes an exception; %s, of type %s, is none", text(exc), kind)
    return None


def record(error: BaseException, place: Place, attributes: Mapping[str, Any], trace: TracebackType | None) -> None:
    """Record ``error`` wherever it is not yet. Never raises."""
    try:
        span, is_new = get_current_span(), False
        note(error)
        if span.is_recording():
            is_new = is_new_on(error, span.get_span_context().span_id)
            _fail(span, error)
        in_log = takes_logs(place.module) and not is_logged(error)
        if not is_new and not in_log:
            return
        values = {**exception_attributes((type(error), error, trace)), **plain_attributes(attributes)}
        if is_new:
            span.add_event("exception", values)
        if in_log and _emit(error, values, place):
            mark_logged(error)
    except Exception as failure:  # a span processor, or an exception that allows nothing
        _complain(failure)


def _emit(error: BaseException, values: dict[str, Any], place: Place) -> bool:
    """Log ``error``, outside of any trace in the one that it left."""
    around = context_around(error)
    if around is None:
        return emit(ERROR, described(error), values, place)
    token = enter_context(set_span_in_context(get_current_span(around)))
    try:
        return emit(ERROR, described(error), values, place)
    finally:
        leave_context(token)


def record_on(span: Span, error: BaseException, trace: TracebackType | None, *, event: bool = True) -> None:
    """Record ``error`` on a span that is still current, as one that ended it; without ``event`` only the status."""
    try:
        note(error)
        if not span.is_recording():
            return
        _fail(span, error)
        if event and is_new_on(error, span.get_span_context().span_id):
            span.add_event("exception", exception_attributes((type(error), error, trace)))
    except Exception as failure:
        _complain(failure)


def without_ours(trace: TracebackType | None) -> TracebackType | None:
    """The traceback that a step is told of, from the decorated function on."""
    return trace.tb_next if trace is not None and trace.tb_next is not None else trace


def described(error: BaseException) -> str:
    """``Type: message``, as OpenTelemetry describes the status of a span."""
    return shortened(f"{type(error).__name__}: {text(error)}", MAX_MESSAGE)


def _fail(span: Span, error: BaseException) -> None:
    span.set_status(StatusCode.ERROR, described(error))
    span.set_attribute("error.type", type_name(type(error)))


def _complain(failure: Exception) -> None:
    kind = type(failure).__qualname__
    complain("error", kind, "an exception of the application was not recorded: %s: %s", kind, text(failure))


class _Errors(NamedTuple):
    """The errors of a function's calls."""

    place: Place
    pick: Pick
    reraise: bool


class _Call(Step):
    __slots__ = ("_args", "_errors", "_kwargs")

    def __init__(self, errors: _Errors, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._errors, self._args, self._kwargs = errors, args, kwargs

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool:
        if error is None or not is_error(error):
            return False
        place, pick, reraise = self._errors
        record(error, place, pick(self._args, self._kwargs), without_ours(trace))
        return not reraise


def _decorate(
    function: Function, *, reraise: bool = True, arguments: Arguments = (), extract: Extract | None = None
) -> Function:
    called = underlying(function)
    place = place_of(called)
    pick = picker(called, arguments, extract, {})
    return wrap(function, partial(_Call, _Errors(place, pick, reraise)))

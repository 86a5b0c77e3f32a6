"""What an application calls, over the same by hand through OpenTelemetry's API, on an SDK with nothing behind it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import Logger, SeverityNumber, get_logger
from opentelemetry.trace import Status, StatusCode, Tracer

from benchmarks import api_signals
from benchmarks.measure import interleaved, table
from tidegate.api.decorators import instrument, traced
from tidegate.api.errors import track_error
from tidegate.api.events import track_event

CALLS = 2_000

Call = Callable[[int], Any]


def run(repeats: int) -> str:
    with on_the_sdk():
        pairs = {**_calls(), **_decorated(), **api_signals.pairs()}
        cases = {
            f"{name}{side}": _many(call) for name, pair in pairs.items() for side, call in zip("ab", pair, strict=True)
        }
        times = interleaved(cases, repeats)
    rows = [[name, *_figures(times[f"{name}a"], times[f"{name}b"])] for name in pairs]
    return table("What an application calls, over the same by hand", ["", "by hand, µs", "Tidegate, µs", "ratio"], rows)


def _figures(by_hand: float, ours: float) -> list[str]:
    return [f"{by_hand / CALLS * 1e6:.2f}", f"{ours / CALLS * 1e6:.2f}", f"{ours / by_hand:.2f}"]


def _many(call: Call) -> Callable[[], None]:
    if inspect.iscoroutinefunction(call):
        return lambda: asyncio.run(_many_awaited(call))

    def many() -> None:
        for number in range(CALLS):
            call(number)

    return many


async def _many_awaited(call: Callable[[int], Coroutine[Any, Any, Any]]) -> None:
    for number in range(CALLS):
        await call(number)


@contextmanager
def on_the_sdk() -> Iterator[None]:
    """The SDK's providers with processors that do nothing; afterwards those that were there before."""
    from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    from tidegate.otel.globals import SIGNALS

    class Nothing(LogRecordProcessor):
        def on_emit(self, log_record: ReadWriteLogRecord) -> None: ...

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SpanProcessor())
    loggers.add_log_record_processor(Nothing())
    former = [signal.provider for signal in SIGNALS]
    ours = [tracers, loggers, MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)]
    for signal, provider in zip(SIGNALS, ours, strict=True):
        signal.provider = provider
    try:
        yield
    finally:
        for signal, provider in zip(SIGNALS, former, strict=True):
            signal.provider = provider


def _calls() -> dict[str, tuple[Call, Call]]:
    tracer, logger = trace.get_tracer("shop"), get_logger("shop")

    def event(number: int) -> None:
        attributes = {"order.id": number, "user.id": "u7", "event.category": "shop"}
        _emit(logger, attributes, event_name="order.placed")

    def tracked_event(number: int) -> None:
        track_event("order.placed", user_id="u7", category="shop", **{"order.id": number})

    def error(number: int) -> None:
        with tracer.start_as_current_span("place"):
            try:
                fail(number)
            except LookupError as caught:
                _record(logger, caught, {"order.id": number})

    def tracked_error(number: int) -> None:
        with tracer.start_as_current_span("place"):
            try:
                fail(number)
            except LookupError as caught:
                track_error(caught, **{"order.id": number})

    return {"`track_event(…)`": (event, tracked_event), "`track_error(…)` in a span": (error, tracked_error)}


def fail(number: int) -> int:
    raise LookupError(number)


def _emit(logger: Logger, attributes: dict[str, Any], *, event_name: str) -> None:
    logger.emit(
        timestamp=time.time_ns(),
        severity_number=SeverityNumber.INFO,
        severity_text="INFO",
        attributes=attributes,
        event_name=event_name,
    )


def _record(logger: Logger, error: Exception, attributes: dict[str, Any]) -> None:
    span, text = trace.get_current_span(), f"{type(error).__name__}: {error}"
    span.record_exception(error, attributes)
    span.set_status(Status(StatusCode.ERROR, text))
    logger.emit(
        timestamp=time.time_ns(),
        severity_number=SeverityNumber.ERROR,
        severity_text="ERROR",
        body=text,
        attributes=attributes,
        exception=error,
    )


def _decorated() -> dict[str, tuple[Call, Call]]:
    tracer, logger = trace.get_tracer("shop"), get_logger("shop")

    def place(order_id: int, note: str = "") -> int:
        return order_id

    async def later(order_id: int, note: str = "") -> int:
        return order_id

    def evented(order_id: int) -> int:
        result = place(order_id)
        _emit(logger, {"order_id": order_id}, event_name="order.placed")
        return result

    def caught(order_id: int) -> None:
        try:
            fail(order_id)
        except LookupError as error:
            _record(logger, error, {"order_id": order_id})

    event: dict[str, Any]
    errors: dict[str, Any]
    event, errors = (
        {"event": "order.placed", "arguments": ("order_id",)},
        {"reraise": False, "arguments": {"order_id": "number"}},
    )
    found: dict[str, tuple[Call, Call]] = {
        "`@track_event`": (evented, track_event(**event)(place)),
        "`@track_error`, an error": (caught, track_error(**errors)(fail)),
    }
    for name, function in {"": place, ", async": later}.items():
        found[f"`@traced`{name}"] = (_span(tracer, function), traced("place", arguments=("order_id",))(function))
        found[f"`@instrument`{name}"] = (
            _measured(tracer, function),
            instrument("place", arguments=("order_id",))(function),
        )
    return found


def _span(tracer: Tracer, function: Any) -> Call:
    def call(order_id: int) -> Any:
        with tracer.start_as_current_span("place", attributes={"order_id": order_id}):
            return function(order_id)

    async def call_later(order_id: int) -> Any:
        with tracer.start_as_current_span("place", attributes={"order_id": order_id}):
            return await function(order_id)

    return call_later if inspect.iscoroutinefunction(function) else call


def _measured(tracer: Tracer, function: Any) -> Call:
    meter = metrics.get_meter("shop")
    duration, calls = meter.create_histogram("by_hand.duration", "s"), meter.create_counter("by_hand.calls")

    @contextmanager
    def measured(order_id: int) -> Iterator[None]:
        attributes, begin = {"outcome": "ok"}, time.perf_counter()
        try:
            yield
        except Exception as error:
            attributes = {"outcome": "error", "error.type": type(error).__qualname__}
            raise
        finally:
            duration.record(time.perf_counter() - begin, attributes)
            calls.add(1, attributes)

    def call(order_id: int) -> Any:
        with tracer.start_as_current_span("place", attributes={"order_id": order_id}), measured(order_id):
            return function(order_id)

    async def call_later(order_id: int) -> Any:
        with tracer.start_as_current_span("place", attributes={"order_id": order_id}), measured(order_id):
            return await function(order_id)

    return call_later if inspect.iscoroutinefunction(function) else call

"""What a log call costs that the gate drops, or keeps: by its filter on a handler, by the capture, and without."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from benchmarks.measure import interleaved, table

CALLS = 20_000

LABELS = {
    "null": "stdlib's NullHandler",
    "constant": "OpenTelemetry's handler with a filter that drops all",
    "filter": "OpenTelemetry's handler with the gate's filter, all dropped",
    "budget": "OpenTelemetry's handler with the gate's filter, 10 a second kept",
    "capture": "Tidegate's capture where nothing is stored, all dropped",
    "share": "OpenTelemetry's handler with the gate's filter, 20 % kept and queued",
    "stock": "OpenTelemetry's handler, all queued",
    "processor": "OpenTelemetry's handler without a filter, all dropped in the gate's processor",
    "whole": "OpenTelemetry's handler without a filter, all kept by the gate's processor and queued",
    "errors": "OpenTelemetry's handler with the gate's filter, errors, all kept and queued",
    "rare": "OpenTelemetry's handler with the gate's filter, below one a second, all kept and queued",
}

#: Records that the queue has room for: all, since one that drops costs less.
QUEUE = 100_000


def run(repeats: int) -> str:
    log = logging.getLogger("shop.orders")
    log.setLevel(logging.INFO)
    log.propagate = False
    former = logging.Logger.callHandlers
    try:
        cases = {
            name: _case(log.error if name == "errors" else log.info, log, handler, call)
            for name, (handler, call) in _ways().items()
        }
        times = interleaved(cases, repeats * 2)
    finally:
        logging.Logger.callHandlers = former  # type: ignore[method-assign]
        log.handlers = []
    rows = [
        [LABELS[name], f"{seconds / CALLS * 1e6:.2f}", f"{seconds / times['null']:.2f}"]
        for name, seconds in sorted(times.items(), key=lambda item: list(LABELS).index(item[0]))
    ]
    return table("Cost of a log call that is dropped, or kept", ["", "µs of CPU", "over NullHandler"], rows)


def _ways() -> dict[str, tuple[logging.Handler, Any]]:
    """Handler and `Logger.callHandlers` of each case."""
    from opentelemetry.instrumentation.logging.handler import LoggingHandler

    plain = logging.Logger.callHandlers

    def otel(*, choose: Callable[[Any], Any] | None = None, **options: Any) -> logging.Handler:
        provider, processor = _provider(**options)
        handler = LoggingHandler(logger_provider=provider)
        if choose is not None:
            handler.addFilter(choose(processor))
        return handler

    return {
        "null": (logging.NullHandler(), plain),
        "constant": (otel(gate=False, choose=lambda _: _never), plain),
        "filter": (otel(choose=lambda processor: processor.filter), plain),
        "budget": (otel(rate=1.0, budget=10, choose=lambda processor: processor.filter), plain),
        "share": (otel(rate=0.2, choose=lambda processor: processor.filter), plain),
        "stock": (otel(gate=False), plain),
        "processor": (otel(), plain),
        "whole": (otel(rate=1.0), plain),
        "errors": (otel(choose=lambda processor: processor.filter), plain),
        "rare": (otel(rate=0.2, min_rate=1, clock=_slowly(), choose=lambda processor: processor.filter), plain),
        "capture": (logging.NullHandler(), _captured()),
    }


def _slowly() -> Callable[[], float]:
    """A clock that is asked several times for each record, and lets some seconds pass between two of them."""
    times = count()
    return lambda: float(next(times))


def _never(record: logging.LogRecord) -> bool:
    return False


def _captured() -> Any:
    from tidegate.record import capture

    provider, processor = _provider()
    capture.install(provider)
    capture.drop_early(processor.filter.filter)
    return logging.Logger.callHandlers


def _case(
    write: Callable[..., None], log: logging.Logger, handler: logging.Handler, call_handlers: Any
) -> Callable[[], None]:
    def log_many() -> None:
        logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
        log.handlers = [handler]
        for number in range(CALLS):
            write("order %d of user %d was placed for %.2f EUR", number, 7, 12.5)

    return log_many


def _provider(*, gate: bool = True, rate: float = 0.0, min_rate: float = 0.0, **options: Any) -> tuple[Any, Any]:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult

    from tidegate.gate import PatternLogRecordProcessor

    class Nowhere(LogRecordExporter):
        def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None:
            pass

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    processor: Any = BatchLogRecordProcessor(Nowhere(), max_queue_size=QUEUE)
    if gate:
        rates = {"INFO": rate}
        processor = PatternLogRecordProcessor(processor, severity_rates=rates, min_rate=min_rate, seed=1, **options)
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    return provider, processor

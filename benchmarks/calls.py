"""The program that `benchmarks.calling` runs: ``python -m benchmarks.calls CASE CALLS`` prints microseconds a call.

One case a process, since capturing and instrumenting cannot be undone.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import trace

#: Calls between two pauses, in which a writer or exporter thread works as it does beside real requests.
BURST = 500
PAUSE = 0.02

log = logging.getLogger("shop.orders")
ATTRIBUTES = {"http.request.method": "GET", "http.route": "/orders", "url.path": "/orders", "server.port": 8000}


def without() -> None:
    """The stdlib's logging and OpenTelemetry's API alone."""


def standard() -> None:
    """The SDK and its logging handler, with nothing behind them."""
    _providers()


def tidegate() -> None:
    from tidegate import configure_observability

    configure_observability(instrument=False)


def otlp() -> None:
    """What the SDK does to export, up to the bytes that it would send."""
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Spans(SpanExporter):
        def export(self, spans: Sequence[Any]) -> SpanExportResult:
            encode_spans(spans).SerializeToString()
            return SpanExportResult.SUCCESS

    class Logs(LogRecordExporter):
        def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
            encode_logs(batch).SerializeToString()
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None:
            pass

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    tracers, loggers = _providers()
    tracers.add_span_processor(BatchSpanProcessor(Spans(), schedule_delay_millis=500))
    loggers.add_log_record_processor(BatchLogRecordProcessor(Logs(), schedule_delay_millis=500))


def _providers() -> tuple[Any, Any]:
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.trace import TracerProvider

    tracers, loggers = TracerProvider(), LoggerProvider()
    trace.set_tracer_provider(tracers)
    log.addHandler(LoggingHandler(logger_provider=loggers))
    return tracers, loggers


CASES: dict[str, Callable[[], None]] = {"without": without, "standard": standard, "tidegate": tidegate, "otlp": otlp}


def main(case: str, calls: int) -> None:
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(logging.NullHandler())
    CASES[case]()
    tracer = trace.get_tracer("shop")

    def log_once(number: int) -> None:
        log.info("order %d of user %d was placed for %.2f EUR", number, 7, 12.5)

    def span_once(number: int) -> None:
        with tracer.start_as_current_span("GET /orders", attributes=ATTRIBUTES):
            pass

    for name, call in (("log call", log_once), ("span", span_once)):
        for number in range(1000):
            call(number)
        time.sleep(0.8)
        print(name, *_measured(call, calls), sep="\t")


def _measured(call: Callable[[int], None], calls: int) -> tuple[float, float]:
    """CPU of the calling thread and of the process, in microseconds a call."""
    caller = 0.0
    process = time.process_time()
    for start in range(0, calls, BURST):
        begin = time.thread_time()
        for number in range(start, start + BURST):
            call(number)
        caller += time.thread_time() - begin
        time.sleep(PAUSE)
    time.sleep(0.8)  # the rest is written, or encoded
    return caller / calls * 1e6, (time.process_time() - process) / calls * 1e6


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

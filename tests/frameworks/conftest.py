"""Telemetry of applications that run in the test's own process, through the SDK's providers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from tidegate.api.attributes import ContextLogRecordProcessor, ContextSpanProcessor
from tidegate.record import capture


class Telemetry:
    """Providers with what Tidegate puts into them to enrich, and what came out of them."""

    def __init__(self) -> None:
        self._spans, self._logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
        self.tracers, self.loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(ContextSpanProcessor())
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.loggers.add_log_record_processor(ContextLogRecordProcessor())
        self.loggers.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """Those that have ended, in that order."""
        return self._spans.get_finished_spans()

    @property
    def server_spans(self) -> list[ReadableSpan]:
        return [span for span in self.spans if span.kind is SpanKind.SERVER]

    @property
    def logs(self) -> list:
        return [each.log_record for each in self._logs.get_finished_logs()]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """What is recorded while the test runs, log records of the stdlib included."""
    telemetry = Telemetry()
    capture.install(telemetry.loggers)
    yield telemetry
    capture.install(NoOpLoggerProvider())
    telemetry.tracers.shutdown()
    telemetry.loggers.shutdown()

"""Telemetry of applications that run in the test's own process, through the SDK's providers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from tidegate.api.attributes.processors import ContextLogRecordProcessor, ContextSpanProcessor


class Telemetry:
    """Providers with what Tidegate puts into them to enrich, and what came out of them."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.tracers, self.loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(ContextSpanProcessor())
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.loggers.add_log_record_processor(ContextLogRecordProcessor())
        self.loggers.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    @property
    def spans(self) -> Sequence[Any]:
        """Those that have ended, in that order."""
        return self._spans.get_finished_spans()

    @property
    def server_spans(self) -> list[Any]:
        return [span for span in self.spans if span.kind is SpanKind.SERVER]

    @property
    def logs(self) -> list[Any]:
        return [each.log_record for each in self._logs.get_finished_logs()]

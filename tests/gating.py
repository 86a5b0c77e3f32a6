"""A log gate between a real logger and an exporter in memory, for tests."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from tidegate.gate.processor import PatternLogRecordProcessor

COUNT, PATTERN, TEMPLATE, REASON = (
    "tidegate.adjusted_count",
    "tidegate.pattern.id",
    "log.record.template",
    "tidegate.keep.reason",
)


def memory() -> InMemoryLogRecordExporter:
    make: Any = InMemoryLogRecordExporter  # which has no types
    return make()  # type: ignore[no-any-return]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Gated:
    """``log`` writes through OpenTelemetry's own handler into ``processor``, ``kept`` is what it passes on.

    With ``early`` the handler has the processor's filter; ``behind`` are further processors.
    Everything is seeded and on a virtual clock.
    """

    def __init__(self, *, early: bool = False, behind: Sequence[LogRecordProcessor] = (), **options: Any) -> None:
        self.exporter = memory()
        self.clock = Clock()
        options = {"seed": 1, "clock": self.clock, "meter_provider": MeterProvider(shutdown_on_exit=False), **options}
        self.processor = PatternLogRecordProcessor([SimpleLogRecordProcessor(self.exporter), *behind], **options)
        self.provider = LoggerProvider(shutdown_on_exit=False)
        self.provider.add_log_record_processor(self.processor)
        self.traces = TracerProvider(shutdown_on_exit=False)
        self.traces.add_span_processor(self.processor.span_processor())
        self.tracer = self.traces.get_tracer("test")
        self.handler = LoggingHandler(logger_provider=self.provider)
        if early:
            self.handler.addFilter(self.processor.filter)
        self.log = logging.Logger("shop", logging.DEBUG)
        self.log.addHandler(self.handler)

    def kept(self, *, events: bool = False) -> list[ReadableLogRecord]:
        """What was passed on, without our own reports unless they are asked for."""
        records = self.exporter.get_finished_logs()
        return [record for record in records if events or scope(record) != "tidegate"]

    def bodies(self) -> list[Any]:
        return [record.log_record.body for record in self.kept()]

    def seen(self) -> int:
        return sum(row.seen for row in self.processor.counts())

    def counted(self) -> int:
        """Records that were counted as kept when they came."""
        return sum(row.kept for row in self.processor.counts())

    def stands_for(self) -> float:
        """The sum of adjusted counts."""
        return sum(float(attribute(record, COUNT)) for record in self.kept())


def attribute(record: ReadableLogRecord, name: str) -> Any:
    return (record.log_record.attributes or {}).get(name)


def scope(record: ReadableLogRecord) -> str:
    return record.instrumentation_scope.name if record.instrumentation_scope is not None else ""

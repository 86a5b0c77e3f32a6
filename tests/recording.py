"""Real providers with Tidegate's processors, and what a reader finds afterwards."""

from __future__ import annotations

from pathlib import Path

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import tidegate.store
from tidegate.record import logs, spans
from tidegate.record.processors import StoreLogRecordProcessor, StoreSpanProcessor
from tidegate.record.recorder import Recorder
from tidegate.records import Log, Point, Span
from tidegate.store.sinks import FileSink

RESOURCE = Resource({"service.name": "shop", "host.name": "box"}, "https://example.com/schema/1")


class Recording:
    """A recorder as a process has it, providers that write to it, and what a reader finds."""

    def __init__(self, directory: Path, queue_size: int = 4096) -> None:
        self.directory = directory
        self.recorder = Recorder(
            FileSink(str(directory)),
            {"spans": spans.batch, "logs": logs.batch},
            commit_interval=0.1,
            queue_size=queue_size,
        )
        self.tracers = TracerProvider(resource=RESOURCE)
        self.tracers.add_span_processor(StoreSpanProcessor(self.recorder))
        self.tracer = self.tracers.get_tracer("shop")
        self.loggers = LoggerProvider(resource=RESOURCE)
        self.loggers.add_log_record_processor(StoreLogRecordProcessor(self.recorder))
        self.logger = self.loggers.get_logger("shop")

    def spans(self) -> list[Span]:
        """All spans so far, oldest first."""
        with self._reader() as reader:
            return list(reader.spans())[::-1]

    def span(self) -> Span:
        [span] = self.spans()
        return span

    def logs(self) -> list[Log]:
        with self._reader() as reader:
            return list(reader.logs())[::-1]

    def log(self) -> Log:
        [log] = self.logs()
        return log

    def points(self) -> list[Point]:
        with self._reader() as reader:
            return list(reader.metrics())[::-1]

    def _reader(self) -> tidegate.store.Reader:
        assert self.recorder.flush()
        assert not self.recorder.dropped
        return tidegate.store.open(self.directory)

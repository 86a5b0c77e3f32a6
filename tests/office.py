"""A route that is led by hand: a store that processes write to, a judge, and real exporters that keep what they get."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import tidegate.store
from making import put
from tidegate.records import Resource
from tidegate.ship.destinations import Destination, destination
from tidegate.ship.lead import Lead
from tidegate.ship.memory import Alone, MemoryCursors, MemoryLog
from tidegate.ship.pace import Share
from tidegate.ship.plan import Plan
from tidegate.ship.route import Route
from tidegate.store.sinks import FileSink

ROUTE = Route("0" * 16, (), (), (), "gated", {})


class KeepingExporter(SpanExporter):
    """Keeps spans, but for so many calls that fail."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.failures = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.failures:
            self.failures -= 1
            return SpanExportResult.FAILURE
        self.spans += spans
        return SpanExportResult.SUCCESS


class Office:
    """One leader after the other over a store; time is a test's."""

    def __init__(self, store: Path, **options: Any) -> None:
        self.store = store
        self.now = 1000.0
        self.spans = KeepingExporter()
        self.logs: Any = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.destinations: list[Destination] = [
            destination("traces-kept", "spans", self.spans),
            destination("logs-kept", "logs", self.logs),
        ]
        self.plan = Plan(ROUTE, self.destinations, **options)
        self.log = MemoryLog()
        self.cursors = MemoryCursors(self.log)
        self.lead = self.elect()

    def elect(self) -> Lead:
        """The next leader, where the former one left the log."""
        reader = tidegate.store.open(self.store, missing_ok=True)
        return Lead(self.plan, reader, self.log, self.cursors, Alone(), Share(1.0))

    def process(self, route: str = ROUTE.id) -> FileSink:
        return FileSink(str(self.store), route=route)

    def commit(self, *records: Any, by: FileSink | None = None, of: Resource | None = None) -> None:
        sink = by or self.process()
        put(sink, records, of)
        if by is None:
            sink.close()

    def judge(self, after: float = 2.0, *, last: bool = False) -> None:
        """Look, and look again so many seconds later."""
        self.lead.look(self.now)
        self.now += after
        self.lead.look(self.now, last=last)

    def send(self) -> None:
        """All that there is for each destination, unless it fails."""
        for line in self.lead.lines:
            while line.sending.step(time.monotonic()) == 0.0:
                pass

    def forget_store(self) -> None:
        shutil.rmtree(self.store)

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans.spans]

    @property
    def bodies(self) -> list[Any]:
        return [record.log_record.body for record in self.logs.get_finished_logs()]

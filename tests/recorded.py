"""All that a store holds, for tests that count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tidegate import store
from tidegate.records import Log, Point, Span


@dataclass(frozen=True)
class Recorded:
    """Every record of a store, and how many blocks or segments could not be read."""

    spans: list[Span]
    logs: list[Log]
    points: list[Point]
    damaged: int
    processes: int

    @property
    def names(self) -> Counter[str]:
        """How often each span name occurs."""
        return Counter(span.name for span in self.spans)

    @property
    def server_spans(self) -> list[Span]:
        return [span for span in self.spans if span.kind == "SERVER"]

    @property
    def bodies(self) -> Counter[str]:
        """How often each log body occurs."""
        return Counter(str(log.body) for log in self.logs)

    def logs_of(self, logger: str) -> list[Log]:
        return [log for log in self.logs if log.scope.name == logger]


def read(directory: Path) -> Recorded:
    """Everything in a store directory; nothing at all when it does not exist."""
    with store.open(directory, missing_ok=True) as reader:
        return Recorded(
            list(reader.spans()),
            list(reader.logs()),
            list(reader.metrics()),
            reader.damaged,
            sum(service.processes for service in reader.services()),
        )

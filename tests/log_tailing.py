"""Log records of several processes, stored as recorders store them, and judged in virtual time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource as SDKResource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags

from making import resource
from tidegate.gate.tail.logs import Kept, LogTail
from tidegate.record import logs
from tidegate.records import ORIGIN, Origin, Resource
from tidegate.store import block, codec
from tidegate.store.rows import LogRows, open_block
from tidegate.store.segment import FORMAT, BlockRef, Header

#: A whole minute; times of tests are seconds since then.
T0 = 1_700_000_040

INFO, WARN, ERROR = 9, 13, 17


_scope = lru_cache(InstrumentationScope)


class Emitted(NamedTuple):
    """A record: seconds since `T0`, and what the application said."""

    at: float
    template: str = "order %s shipped"
    args: tuple[Any, ...] = (1,)
    severity: int = INFO
    logger: str = "shop"
    trace: int = 0
    event: str = ""
    attributes: Mapping[str, Any] = {}
    line: int = 0

    def sdk(self) -> ReadableLogRecord:
        """As the capture gives it to the recorder."""
        time = round((T0 + self.at) * 1e9)
        record = LogRecord(
            timestamp=time,
            observed_timestamp=time,
            severity_number=SeverityNumber(self.severity),
            severity_text=SeverityNumber(self.severity).name,
            body=self.template % self.args if self.template else None,
            attributes=dict(self.attributes),
            event_name=self.event or None,
        )
        record.trace_id, record.span_id, record.trace_flags = self.trace, 1 if self.trace else 0, TraceFlags(1)
        template = self.template if self.args else ""
        path, line = ("/app/shop.py", self.line) if self.line else ("", 0)
        setattr(record, ORIGIN, Origin(template, path, line, "sell" if line else ""))
        return ReadableLogRecord(record, SDKResource.get_empty(), _scope(self.logger))


class Portion(NamedTuple):
    rows: LogRows
    picked: Sequence[int]


class Process:
    """Commits blocks of one segment."""

    def __init__(self, segment: str = "aa", of: Resource | None = None) -> None:
        self._header = Header(FORMAT, segment, of or resource(), T0 * 10**9, {})
        self._sequence = 0

    def commit(self, emitted: Iterable[Emitted]) -> Portion:
        """A block as it is read again."""
        return self.commit_sdk([each.sdk() for each in emitted])

    def commit_sdk(self, records: Sequence[ReadableLogRecord]) -> Portion:
        batch = logs.batch(records)
        index, frame = block.encode(batch, self._sequence)
        self._sequence += batch.count
        rows = open_block(codec.decompress(frame), BlockRef(self._header, index))
        assert isinstance(rows, LogRows)
        return Portion(rows, range(rows.count))


def evenly(start: float, seconds: float, rate: float, **of: Any) -> list[Emitted]:
    return [Emitted(start + number / rate, **of) for number in range(int(seconds * rate))]


def judge(tail: LogTail, emitted: Sequence[Emitted], process: Process | None = None, **options: Any) -> Kept:
    """Judge what was emitted, poll by poll as a second's worth is committed."""
    process = process or Process()
    kept: Kept = {}
    seconds: dict[int, list[Emitted]] = {}
    for each in emitted:
        seconds.setdefault(int(each.at), []).append(each)
    for second, records in sorted(seconds.items()):
        found = tail.judge([process.commit(records)], T0 + second + 1, **options)
        for segment, rows in found.items():
            kept.setdefault(segment, []).extend(rows)
    return kept


def counted(tail: LogTail) -> tuple[int, int]:
    """Seen and kept, over all that was counted since the last time."""
    rows = tail.take_counts().get("counts", [])
    return sum(row[4] for row in rows), sum(row[5] for row in rows)

"""What a capture keeps: records on their way into a private ring in memory, encoded and redacted as for a store."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from threading import RLock
from typing import Any, NamedTuple

from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
from opentelemetry.sdk.trace import ReadableSpan, Span

from tidegate.record import logs, metrics, spans
from tidegate.record.blocks import Blocks
from tidegate.record.processors import StoreLogRecordProcessor, StoreSpanProcessor
from tidegate.record.recorder import BLOCK_RECORDS
from tidegate.store.block import Batch, unpack
from tidegate.store.catalog.memory import MemoryCatalog
from tidegate.store.reader import Reader
from tidegate.store.sinks import MemorySink

#: Bytes that a capture keeps, compressed; the oldest go first, which `Telemetry.lost` counts.
MAX_BYTES = 256 << 20

#: Places of secrets, and spans that have not ended, that are kept to be told.
MAX_TOLD = 1000

#: Records of the standard library whose second way in is recognised.
MAX_RECENT = 1000


class Find(NamedTuple):
    """Where redaction found a secret; ``value`` is what it made of it."""

    signal: str
    record: str
    place: str
    value: str

    def __str__(self) -> str:
        return f"{_NOUNS[self.signal]} {self.record!r}: {self.place} is {self.value!r}"


_NOUNS = {"spans": "span", "logs": "log record", "metrics": "metric", "resource": "resource"}


class Kept:
    """A recorder without thread or file: writes in the thread that asks, when it is asked or a block is full."""

    def __init__(self, redact: Callable[[Batch], None], *, is_redacted: bool) -> None:
        self.is_open = True
        self.finds: dict[Find, None] = {}
        #: Names of spans that have not ended, by their ids.
        self.unended: dict[int, str] = {}
        self._redact, self._is_redacted = redact, is_redacted
        self._queue: deque[tuple[str, Any]] = deque()
        self._lock = RLock()
        self._sink = MemorySink(MAX_BYTES, private=True)
        self._blocks = Blocks(self._sink, {"spans": spans.batch, "logs": logs.batch}, self._clean, None)
        self.reader = Reader(MemoryCatalog([self._sink]))

    @property
    def lost(self) -> int:
        """Records that could not be kept, or were too many."""
        held = sum(ref.index.count for ref, _ in self._sink.ring)
        return sum(self._blocks.dropped.values()) + sum(self._blocks.recorded.values()) - held

    def put(self, signal: str, record: Any, urgent: bool = False) -> None:
        if self.is_open:
            self._queue.append((signal, record))
            if len(self._queue) >= BLOCK_RECORDS:
                self.commit()

    def flush(self, timeout: float = 5.0) -> bool:
        """Asked by processors when their provider is flushed: nothing waits but for whoever asks a question."""
        return True

    def commit(self) -> None:
        """Write what waits."""
        with self._lock:
            waiting = [self._queue.popleft() for _ in range(len(self._queue))]
            self._blocks.write(waiting)

    def close(self) -> None:
        """Keep what there is, and nothing more."""
        self.is_open = False
        self.commit()

    def _clean(self, batch: Batch) -> None:
        former = dict(batch.columns)
        self._redact(batch)
        for name, column in batch.columns.items():
            if column is not former.get(name):
                self._find(batch, name, former.get(name), column)
        if not self._is_redacted:
            batch.columns.update(former)

    def _find(self, batch: Batch, name: str, former: Any, column: Any) -> None:
        for row, place, value in _differences(_items(former), _items(column)):
            if len(self.finds) < MAX_TOLD:
                record = _name(batch, row) if name in _BY_RECORD else name
                self.finds[Find(batch.signal, record, place or name, value)] = None


#: Columns that have an item for each record.
_BY_RECORD = frozenset({"attributes", "body", "events", "links", "exemplars", "name", "status_message", "event_name"})


def _items(column: Any) -> Any:
    """The items of a column; one, where all records have the same."""
    return [column["all"]] if isinstance(column, Mapping) and column.keys() == {"all"} else column


def _name(batch: Batch, row: int) -> str:
    """What a record is called: a span's name, the text of a log record, a metric's name."""
    if batch.signal == "metrics":
        return str(batch.columns["metrics"][unpack(batch.columns, "metric", batch.count, 0)[row]]["name"])
    for column in ("name", "body"):
        found = _items(batch.columns.get(column))
        if isinstance(found, (list, tuple)) and found and found[min(row, len(found) - 1)]:
            return str(found[min(row, len(found) - 1)])
    return ""


def _differences(former: Any, value: Any) -> Iterator[tuple[int, str, str]]:
    """Number of the item, path and text of each leaf that has changed in a column."""
    if isinstance(value, Mapping) or not isinstance(value, (list, tuple)):
        yield from ((0, path, text) for path, text in _changed(former, value, ""))
        return
    for row, item in enumerate(value):
        yield from ((row, path, text) for path, text in _changed(former[row], item, ""))


def _changed(former: Any, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if value is former:
        return
    if isinstance(value, Mapping) and isinstance(former, Mapping):
        for name, item in value.items():
            yield from _changed(former.get(name), item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, (list, tuple)) and isinstance(former, (list, tuple)):
        for before, item in zip(former, value, strict=False):
            yield from _changed(before, item, path)
    elif value != former:
        yield path, str(value)


class CapturedSpans(StoreSpanProcessor):
    """Keeps every span that ends, and the names of those that have not."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept)  # type: ignore[arg-type]
        self._kept = kept

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        if len(self._kept.unended) < MAX_TOLD:
            self._kept.unended[span.get_span_context().span_id] = span.name

    def on_end(self, span: ReadableSpan) -> None:
        self._kept.unended.pop(span.context.span_id, None)
        super().on_end(span)


class CapturedLogs(StoreLogRecordProcessor):
    """Keeps every log record. ``seen`` are those of the standard library that came another way; with ``timed``, a
    record's own time is that at which it was emitted."""

    def __init__(self, kept: Kept, seen: Seen, *, timed: bool) -> None:
        super().__init__(kept)  # type: ignore[arg-type]
        self._seen, self._timed = seen, timed

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        if self._seen.is_second(self, log_record):
            return
        if self._timed:
            log_record.log_record.timestamp = log_record.log_record.observed_timestamp
        super().on_emit(log_record)


class Seen:
    """Which log records of the standard library came by our own way, and need not come by OpenTelemetry's handler."""

    def __init__(self) -> None:
        self._recent: deque[tuple[str, int | None]] = deque(maxlen=MAX_RECENT)
        #: The processor at the end of our own way.
        self.own: CapturedLogs | None = None

    def is_second(self, processor: CapturedLogs, record: ReadWriteLogRecord) -> bool:
        scope = record.instrumentation_scope
        key = (scope.name if scope else "", record.log_record.timestamp)
        if processor is self.own:
            self._recent.append(key)
            return False
        return self.own is not None and key[1] is not None and key in self._recent


class CapturedMetrics(MetricReader):
    """Keeps what instruments have measured since it was added to their provider."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self._kept = kept
        self._take: Callable[[MetricsData], None] = self._note
        #: What observable counters stood at before, by series.
        self.former: dict[Any, float] = {}

    def begin(self, *, observes: bool) -> None:
        """Begin; what counts from the process's beginning, and is told by callbacks, is noted first."""
        if observes:
            self.collect()
        self._take = self._keep

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        self._take(metrics_data)

    def _note(self, data: MetricsData) -> None:
        for _, scope, metric, point in _points(data):
            if getattr(metric.data, "is_monotonic", False):
                self.former[_series(scope, metric, point)] = point.value

    def _keep(self, data: MetricsData) -> None:
        for points, scope, metric, point in list(_points(data)):
            former = self.former.get(_series(scope, metric, point)) if self.former else None
            if former is not None and point.value == former:
                points.remove(point)
            elif former is not None:
                object.__setattr__(point, "value", point.value - former)
        for resource, batch in metrics.batches(data):
            self._kept.put("metrics", (resource, batch))

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Nothing is open."""


def _points(data: MetricsData) -> Iterator[tuple[Any, Any, Any, Any]]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points: Any = metric.data.data_points
                yield from ((points, scope.scope, metric, point) for point in points)


def _series(scope: Any, metric: Any, point: Any) -> Any:
    return scope.name, metric.name, tuple(sorted((name, str(value)) for name, value in point.attributes.items()))

"""Readers: questions over everything that all processes have committed, streamed newest first."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, cast

from tidegate.errors import QueryError
from tidegate.records import Log, Point, Service, Span, Trace
from tidegate.store.catalog import AnyRows, BlockCache, Catalog
from tidegate.store.query import Position, Query
from tidegate.store.rows import LogRows, Record, SpanRows
from tidegate.store.segment import BlockRef

Signal = Literal["spans", "logs", "metrics"]

#: Fewest hexadecimal digits by which a trace may be named.
MIN_PREFIX = 4


class Reader:
    """Reads one store; get one from `tidegate.store.open`.

    Every question streams: records come newest first (a span by its start), memory stays bounded by
    the blocks whose times overlap. Filters are keywords: ``since`` and ``until`` (ns, a datetime, or
    text such as ``15m``), ``service``, ``where`` (attribute equality, compared as text), ``text``
    (a part of the message, name or an attribute value, whatever the case), ``limit``, and ``cursor``
    (of the last record of the former page). A filter that makes no sense raises `QueryError`.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._cache = BlockCache(catalog)

    @property
    def location(self) -> str:
        return self._catalog.location

    @property
    def damaged(self) -> int:
        """Blocks and segments that could not be read so far."""
        return self._catalog.damaged

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget what was read; the reader can be used again."""
        self._cache = BlockCache(self._catalog)

    def spans(self, **filters: Any) -> Iterator[Span]:
        """Spans; further filters ``name``, ``trace_id`` and ``errors`` (only those with status ERROR)."""
        return cast(Iterator[Span], self._stream(Query.build("spans", **_allowed(filters, "name trace_id errors"))))

    def logs(self, **filters: Any) -> Iterator[Log]:
        """Log records; further filters ``level`` (exactly this one), ``min_level`` and ``trace_id``."""
        return cast(Iterator[Log], self._stream(Query.build("logs", **_allowed(filters, "level min_level trace_id"))))

    def metrics(self, **filters: Any) -> Iterator[Point]:
        """Metric points; further filter ``name``."""
        return cast(Iterator[Point], self._stream(Query.build("metrics", **_allowed(filters, "name"))))

    def traces(self, **filters: Any) -> Iterator[Trace]:
        """Whole traces of which a span matches, by the newest such span; further filter ``errors``."""
        filters = _allowed(filters, "name errors")
        limit = Query.build("spans", **filters).limit
        return self._traces({**filters, "limit": None}, limit)

    def _traces(self, filters: dict[str, Any], limit: int | None) -> Iterator[Trace]:
        seen: set[str] = set()
        for span in self.spans(**filters):
            if span.trace_id in seen:
                continue
            seen.add(span.trace_id)
            trace = self.trace(span.trace_id, logs=False)
            if trace is not None:
                trace.cursor = span.cursor
                yield trace
            if limit is not None and len(seen) >= limit:
                return

    def trace(self, trace_id: str, *, logs: bool = True) -> Trace | None:
        """Everything of one trace, or None. A unique beginning of its id, of four digits or more, will do."""
        trace_id = trace_id.strip().lower()
        if not MIN_PREFIX <= len(trace_id) <= 32 or not set(trace_id) <= set("0123456789abcdef"):
            raise QueryError(f"the trace id is {trace_id!r}; it must be 4 to 32 hexadecimal digits.")
        spans = cast(list[Span], self._of_trace("spans", trace_id))
        records = cast(list[Log], self._of_trace("logs", trace_id)) if logs or not spans else []
        found = {span.trace_id for span in spans} | {log.trace_id for log in records}
        if len(found) > 1:
            raise QueryError(f"{len(found)} traces begin with {trace_id!r}; give more digits.")
        if not spans:
            return None
        spans.sort(key=lambda span: span.start_time_unix_nano)
        records.sort(key=lambda log: log.time_unix_nano or log.observed_time_unix_nano)
        return Trace(found.pop(), spans, records)

    def _of_trace(self, signal: Signal, prefix: str) -> list[Record]:
        found: list[Record] = []
        for ref in self._catalog.blocks():
            if ref.index.signal == signal and ref.index.has_trace(prefix):
                rows = self._cache.rows(ref)
                if rows is not None:
                    found += [
                        _at(rows, row, ref) for row, trace in enumerate(rows.trace_ids) if trace.startswith(prefix)
                    ]
        return found

    def services(self) -> list[Service]:
        """What is stored of each service, by name; read from indexes alone."""
        services: dict[str, Service] = {}
        processes: dict[str, set[str]] = {}
        for ref in self._catalog.blocks():
            name, index = ref.header.resource.service, ref.index
            service = services.setdefault(name, Service(name, first_time_unix_nano=index.first))
            processes.setdefault(name, set()).add(ref.header.process["id"])
            service.spans += index.count if index.signal == "spans" else 0
            service.logs += index.count if index.signal == "logs" else 0
            service.points += index.count if index.signal == "metrics" else 0
            service.errors += index.errors
            service.first_time_unix_nano = min(service.first_time_unix_nano, index.first)
            service.last_time_unix_nano = max(service.last_time_unix_nano, index.last)
        for name, service in services.items():
            service.processes = len(processes[name])
        return sorted(services.values(), key=lambda service: service.name)

    def follow(
        self,
        signal: Signal = "logs",
        *,
        poll: float = 0.25,
        stop: Callable[[], bool] | None = None,
        **filters: Any,
    ) -> Iterator[Record]:
        """Records committed after this call by any process, oldest first; goes on until ``stop()`` is true.

        ``poll`` is the time in seconds between two looks at the store.
        """
        query = Query.build(signal, **filters)
        seen = {(ref.header.segment, ref.index.sequence) for ref in self._catalog.blocks()}
        return self._follow(query, seen, poll, stop)

    def _follow(
        self, query: Query, seen: set[tuple[str, int]], poll: float, stop: Callable[[], bool] | None
    ) -> Iterator[Record]:
        while stop is None or not stop():
            blocks = self._catalog.blocks()
            present = {(ref.header.segment, ref.index.sequence): ref for ref in blocks}
            fresh = [ref for key, ref in present.items() if key not in seen and query.wants(ref)]
            found = [entry for ref in fresh for entry in self._matches(query, ref)]
            for _, record in sorted(found, key=lambda entry: entry[0]):
                yield record
            seen = set(present)
            if not found:
                time.sleep(poll)

    def _stream(self, query: Query) -> Iterator[Record]:
        """Merge blocks newest first: a record may go out once no unopened block can hold a newer one."""
        blocks = sorted((ref for ref in self._catalog.blocks() if query.wants(ref)), key=lambda ref: ref.index.last)
        heap: list[tuple[tuple[int, int, int], Record]] = []
        sent = 0
        while blocks or heap:
            while blocks and (not heap or -heap[0][0][0] <= blocks[-1].index.last):
                for (moment, segment, sequence), record in self._matches(query, blocks.pop()):
                    heapq.heappush(heap, ((-moment, -int(segment, 16), -sequence), record))
            if not heap:
                return
            yield heapq.heappop(heap)[1]
            sent += 1
            if query.limit is not None and sent >= query.limit:
                return

    def _matches(self, query: Query, ref: BlockRef) -> Iterator[tuple[tuple[int, str, int], Record]]:
        rows = self._cache.rows(ref, query.needle)
        if rows is None:
            return
        after = query.after.key() if query.after else None
        for row in range(rows.count):
            moment = rows.times[row]
            key = (moment, ref.header.segment, ref.index.sequence + row)
            if not query.wants_time(moment) or (after is not None and key >= after) or not _passes(query, rows, row):
                continue
            record = _at(rows, row, ref)
            if query.matches(record):
                yield key, record


def _allowed(filters: dict[str, Any], further: str) -> dict[str, Any]:
    known = {"since", "until", "service", "where", "text", "limit", "cursor", *further.split()}
    for name in filters:
        if name not in known:
            raise QueryError(f"{name!r} is not a filter of this question; it has {', '.join(sorted(known))}.")
    return filters


def _passes(query: Query, rows: AnyRows, row: int) -> bool:
    """Conditions that need no record object."""
    if query.trace_id is not None and rows.trace_ids[row] != query.trace_id:
        return False
    if isinstance(rows, SpanRows):
        return not query.errors or rows.is_error(row)
    return not isinstance(rows, LogRows) or query.low <= rows.severity[row] <= query.high


def _at(rows: AnyRows, row: int, ref: BlockRef) -> Record:
    record = rows.record(row)
    record.cursor = Position(rows.times[row], ref.header.segment, ref.index.sequence + row).cursor()
    return record

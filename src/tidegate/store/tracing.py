"""Whole traces: the spans of some trace ids, wherever they are."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import cast

from tidegate.records import Span, Trace
from tidegate.store.catalog import AnyRef, AnyRows, BlockCache, Catalog, steadily
from tidegate.store.query import Query
from tidegate.store.segment import BlockRef
from tidegate.store.selection import selected
from tidegate.store.stream import records, steps

#: Traces that are looked up together: one pass through the indexes serves all of them.
MAX_TOGETHER = 64


def traces(cache: BlockCache, query: Query) -> Iterator[Trace | None]:
    """Whole traces of which a span matches, in the order of the first such span; None after each block that was
    searched and each span that was looked at."""
    left = query.limit or sys.maxsize
    query = replace(query, limit=None)
    seen: set[str] = set()
    waiting: list[Span] = []
    together = 1  # at first few, so that the first ones come soon
    for span in cast("Iterator[Span | None]", steps(cache, query, cache.catalog.candidates(query), records)):
        yield None
        if span is not None and span.trace_id not in seen:
            seen.add(span.trace_id)
            waiting.append(span)
        if len(waiting) >= min(together, left):
            for trace in _whole(cache, query, waiting):
                left -= 1
                yield trace
            if not left:
                return
            waiting, together = [], min(2 * together, MAX_TOGETHER)
    yield from _whole(cache, query, waiting)


def _whole(cache: BlockCache, query: Query, firsts: list[Span]) -> list[Trace]:
    """The traces of these spans, without those of which a span was on an earlier page."""
    ids = [span.trace_id for span in firsts]
    earlier: set[str] = steadily(lambda: _earlier(cache, query, ids)) if query.after and ids else set()
    spans = spans_of(set(ids) - earlier, cache)
    return [
        Trace(span.trace_id, spans[span.trace_id], cursor=span.cursor) for span in firsts if spans.get(span.trace_id)
    ]


def _earlier(cache: BlockCache, query: Query, trace_ids: Collection[str]) -> set[str]:
    """Of which of these traces a span matches that is not behind the query's cursor."""
    anew = replace(query, after=None)
    return {
        rows.trace_ids[row]
        for ref, rows, picked in _rows_of(trace_ids, cache)
        for row in set(picked).intersection(selected(anew, rows, ref))
        if not query.follows((rows.times[row], *rows.places[row]))
    }


def spans_of(trace_ids: Collection[str], cache: BlockCache) -> dict[str, list[Span]]:
    """All spans of some traces, by their start."""
    return steadily(lambda: _spans_of(trace_ids, cache)) if trace_ids else {}


def _spans_of(trace_ids: Collection[str], cache: BlockCache) -> dict[str, list[Span]]:
    spans: dict[str, list[Span]] = {trace_id: [] for trace_id in trace_ids}
    for ref, rows, picked in _rows_of(trace_ids, cache):
        make = records(rows, ref)
        for row in picked:
            spans[rows.trace_ids[row]].append(cast(Span, make(row)))
    for found in spans.values():
        found.sort(key=lambda span: span.start_time_unix_nano)
    return spans


def _rows_of(trace_ids: Collection[str], cache: BlockCache) -> Iterator[tuple[AnyRef, AnyRows, list[int]]]:
    """The blocks with spans of some traces, and the rows that are such."""
    wanted = set(trace_ids)
    for ref in _holding(wanted, cache.catalog):
        rows = cache.rows(ref)
        if rows is not None:
            yield ref, rows, [row for row, trace_id in enumerate(rows.trace_ids) if trace_id in wanted]


def _holding(trace_ids: set[str], catalog: Catalog) -> Iterator[AnyRef]:
    """The blocks that may hold spans of some traces."""
    wanted = set(_hashes(bytes.fromhex("".join(trace_id[:8] for trace_id in trace_ids))))
    ids: dict[str, set[int]] = {}
    for each in catalog.groups():
        if each.index.signal != "spans":
            continue
        if isinstance(each, BlockRef):
            if not wanted.isdisjoint(_hashes(each.index.traces)):
                yield each
            continue
        file = each.file
        if file.name not in ids:
            ids[file.name] = {id for trace_id in trace_ids for id in catalog.of_trace(file, trace_id)}
        yield from (ref for ref in each.refs if ref.id in ids[file.name])


def _hashes(traces: bytes) -> memoryview:
    """The first four bytes of each trace id, as numbers."""
    return memoryview(traces[: len(traces) // 4 * 4]).cast("I")

"""The one way through the blocks: which rows match, and in which order they come."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from tidegate.store.catalog import AnyRows, BlockCache
from tidegate.store.query import MAX_SEVERITY, Query, cursor_of
from tidegate.store.rows import LogRows, Record, SpanRows
from tidegate.store.segment import BlockRef

T = TypeVar("T")

#: Makes of a row what the caller wants: for a block, a function of the row's number.
Shape = Callable[[AnyRows, BlockRef], Callable[[int], T]]

#: A matching row and its place in the order: time, segment, sequence; then row and how to make of it
#: what is wanted. Only what goes out is made, so that a row that waits for its turn costs little.
Entry = tuple[int, str, int, int, Callable[[int], T]]


def stream(cache: BlockCache, query: Query, among: Iterable[BlockRef], shape: Shape[T]) -> Iterator[T]:
    """What matches, newest first. Memory is bounded by the blocks whose times overlap."""
    return (found for found in steps(cache, query, among, shape) if found is not None)


def steps(cache: BlockCache, query: Query, among: Iterable[BlockRef], shape: Shape[T]) -> Iterator[T | None]:
    """The same, and None after each block that was opened, for who has something else to do meanwhile."""
    found = _merged(cache, query, among, shape)
    return found if query.limit is None else _limited(found, query.limit)


def _limited(found: Iterator[T | None], left: int) -> Iterator[T | None]:
    for item in found:
        left -= item is not None
        yield item
        if not left:
            return


def _merged(cache: BlockCache, query: Query, among: Iterable[BlockRef], shape: Shape[T]) -> Iterator[T | None]:
    """Merge blocks newest first: a row may go out once no unopened block can hold a newer one."""
    blocks = sorted((ref for ref in among if query.wants(ref)), key=lambda ref: ref.index.last)
    pending: list[Entry[T]] = []
    while blocks or pending:
        while blocks and (not pending or pending[-1][0] <= blocks[-1].index.last):
            pending += matches(cache, query, blocks.pop(), shape)
            pending.sort()
            yield None
        first = bisect_left(pending, (blocks[-1].index.last + 1,)) if blocks else 0
        ready = pending[first:]
        del pending[first:]
        for _, _, _, row, make in reversed(ready):
            yield make(row)


def matches(cache: BlockCache, query: Query, ref: BlockRef, shape: Shape[T]) -> list[Entry[T]]:
    """The matching rows of one block, in no order; none when it is gone or damaged."""
    rows = cache.rows(ref, query.may_match if query.text else None)
    if rows is None:
        return []
    times, segment, base, make = rows.times, ref.header.segment, ref.index.sequence, shape(rows, ref)
    return [(times[row], segment, base + row, row, make) for row in _selected(query, rows, ref)]


def _selected(query: Query, rows: AnyRows, ref: BlockRef) -> Sequence[int]:
    """The numbers of the rows that match; the cheapest conditions come first."""
    selected: Sequence[int] = range(rows.count)
    if query.since is not None or query.until is not None:
        selected = [row for row in selected if query.wants_time(rows.times[row])]
    if query.after is not None:
        after, segment, base = query.after.key(), ref.header.segment, ref.index.sequence
        selected = [row for row in selected if (rows.times[row], segment, base + row) < after]
    if query.trace_id is not None:
        selected = [row for row in selected if rows.trace_ids[row].startswith(query.trace_id)]
    if query.errors and isinstance(rows, SpanRows):
        selected = [row for row in selected if rows.is_error(row)]
    if isinstance(rows, LogRows) and (query.low > 0 or query.high < MAX_SEVERITY):
        selected = [row for row in selected if query.low <= rows.severity[row] <= query.high]
    if query.looks_inside:
        selected = [row for row in selected if query.matches(rows.record(row))]
    return selected


def records(rows: AnyRows, ref: BlockRef) -> Callable[[int], Record]:
    """The shape of a record with its cursor."""
    segment, base = ref.header.segment, ref.index.sequence

    def make(row: int) -> Record:
        record = rows.record(row)
        record.cursor = cursor_of(rows.times[row], segment, base + row)
        return record

    return make

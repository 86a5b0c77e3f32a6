"""The one way through the blocks: in which order what matches comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from tidegate.store.catalog import AnyRef, BlockCache, Moved
from tidegate.store.query import Position, Query, cursor_of
from tidegate.store.rows import AnyRows, Record
from tidegate.store.segment import Key
from tidegate.store.selection import selected

T = TypeVar("T")

#: Makes of a row what the caller wants: for a block, a function of the row's number.
Shape = Callable[[AnyRows, AnyRef], Callable[[int], T]]

#: A matching row and its place in the order: time, segment, sequence; then row and how to make of it
#: what is wanted. Only what goes out is made, so that a row that waits for its turn costs little.
Entry = tuple[int, str, int, int, Callable[[int], T]]


def stream(cache: BlockCache, query: Query, among: Iterable[AnyRef], shape: Shape[T]) -> Iterator[T]:
    """What matches in the query's candidates, in its order. Memory is bounded by the blocks whose times overlap."""
    return (found for found in steps(cache, query, among, shape) if found is not None)


def steps(cache: BlockCache, query: Query, among: Iterable[AnyRef], shape: Shape[T]) -> Iterator[T | None]:
    """The same, and None after each block that was opened, for who has something else to do meanwhile.

    Raises `QueryTimeout` where the query's deadline is over.
    """
    found = _steady(cache, query, among, shape)
    return found if query.limit is None else limited(found, query.limit)


def limited(found: Iterator[T | None], left: int) -> Iterator[T | None]:
    for item in found:
        left -= item is not None
        yield item
        if not left:
            return


def _steady(cache: BlockCache, query: Query, among: Iterable[AnyRef], shape: Shape[T]) -> Iterator[T | None]:
    """Go on behind what has gone out with what there is then, when a block was sealed or removed meanwhile."""
    gone: set[Key] = set()
    last: Entry[T] | None = None
    while True:
        try:
            for entry in _merged(cache, query, (ref for ref in among if ref.key not in gone), shape):
                last = entry or last
                yield entry and entry[4](entry[3])
            return
        except Moved as moved:
            gone.add(moved.key)
            query = replace(query, after=Position(*last[:3])) if last else query
            among = cache.catalog.candidates(query)


def _merged(cache: BlockCache, query: Query, among: Iterable[AnyRef], shape: Shape[T]) -> Iterator[Entry[T] | None]:
    """Merge blocks in order: a row may go out once no unopened block can hold one before it."""
    blocks, may_wait = _in_order(query, among)
    total = len(blocks)
    pending: list[Entry[T]] = []  # what goes out next is last
    while blocks or pending:
        while blocks and (not pending or may_wait(pending[-1], blocks[-1])):
            query.deadline.check(total - len(blocks), total)
            pending += matches(cache, query, blocks.pop(), shape)
            pending.sort(reverse=query.oldest_first)
            yield None
        while pending and not (blocks and may_wait(pending[-1], blocks[-1])):
            yield pending.pop()


def _in_order(query: Query, among: Iterable[AnyRef]) -> tuple[list[AnyRef], Callable[[Entry[T], AnyRef], bool]]:
    """The blocks, the next one last; and whether a block may hold what comes before an entry."""
    blocks = list(among)
    if query.oldest_first:
        blocks.sort(key=lambda ref: -ref.index.first)
        return blocks, lambda entry, ref: ref.index.first <= entry[0]
    blocks.sort(key=lambda ref: ref.index.last)
    return blocks, lambda entry, ref: ref.index.last >= entry[0]


def matches(cache: BlockCache, query: Query, ref: AnyRef, shape: Shape[T]) -> list[Entry[T]]:
    """The matching rows of one block, in no order; none when it is damaged. Raises `Moved` when it is gone."""
    rows = cache.rows(ref, query)
    if rows is None:
        return []
    times, places, make = rows.times, rows.places, shape(rows, ref)
    return [(times[row], *places[row], row, make) for row in selected(query, rows, ref)]


def records(rows: AnyRows, ref: AnyRef) -> Callable[[int], Record]:
    """The shape of a record with its cursor."""
    times, places = rows.times, rows.places

    def make(row: int) -> Record:
        record = rows.record(row)
        record.cursor = cursor_of(times[row], *places[row])
        return record

    return make

"""The one way through the blocks for answers in which the order of records does not matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tidegate.store.catalog import AnyRef, BlockCache
from tidegate.store.conditions import as_text
from tidegate.store.query import MAX_SEVERITY, Query
from tidegate.store.rows import AnyRows, LogRows, SpanRows
from tidegate.store.sealed.shapes import MISSING
from tidegate.store.selection import column, pick, selected

#: Values of a key that have a place of their own in an answer; the first that are met. All others share one.
MAX_GROUPS = 500

#: What fills a group's place for records that do not have the key.
Group = str | None

_ERROR = 17


class Part(NamedTuple):
    """What matches in one block: the numbers of its rows."""

    ref: AnyRef
    rows: AnyRows
    found: Sequence[int]

    def values(self, key: str) -> Sequence[Any]:
        """Of each row that was found the value by this key, `MISSING` for none."""
        return self.pick(column(self.rows, key))

    def pick(self, values: Sequence[Any]) -> Sequence[Any]:
        return pick(values, self.found, self.rows.count)

    def errors(self) -> Sequence[bool]:
        """Whether each row that was found is an error; empty if none is."""
        if not self.ref.index.errors:
            return ()
        if isinstance(self.rows, SpanRows):
            return [status == 2 for status in self.pick(self.rows.status)]
        return [number >= _ERROR for number in self.pick(self.rows.severity)] if isinstance(self.rows, LogRows) else ()


def scan(cache: BlockCache, query: Query, refs: Sequence[AnyRef]) -> Iterator[Part]:
    """What matches in each of these blocks; raises `QueryTimeout`, and `Moved` where one is gone."""
    for done, ref in enumerate(refs):
        query.deadline.check(done, len(refs))
        rows = cache.rows(ref, query)
        found = selected(query, rows, ref) if rows is not None else ()
        if rows is not None and found:
            yield Part(ref, rows, found)


def known(query: Query, ref: AnyRef) -> int | None:
    """How many of a block's records match, if its index says so."""
    index = ref.index
    if query.looks_inside or query.trace_id is not None or not query.covers(index.first, index.last):
        return None
    if query.errors:
        return index.errors
    if (query.low, query.high) == (_ERROR, MAX_SEVERITY):
        return index.errors
    return index.count if (query.low, query.high) == (0, MAX_SEVERITY) else None


def groups(values: Sequence[Any]) -> Sequence[Group]:
    """Values as they name groups: as text, None for what is missing."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return values
    if len(values) > 1 and values.count(values[0]) == len(values) and len(kinds) == 1:
        return [group(values[0])] * len(values)
    return list(map(group, values))


def group(value: Any) -> Group:
    if type(value) is str:
        return value
    return None if value is MISSING else as_text(value)


class Rooms:
    """Which groups have a place of their own: the first `MAX_GROUPS`."""

    def __init__(self) -> None:
        self.known: set[Group] = set()
        self.is_full = False

    def has(self, group: Group) -> bool:
        if group in self.known:
            return True
        if len(self.known) >= MAX_GROUPS:
            self.is_full = True
            return False
        self.known.add(group)
        return True

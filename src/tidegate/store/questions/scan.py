"""The one way through the blocks for answers in which the order of records does not matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from tidegate.store.catalog import AnyRef, BlockCache
from tidegate.store.conditions import as_text
from tidegate.store.query import MAX_SEVERITY, Query
from tidegate.store.rows import AnyRows, LogRows, SpanRows
from tidegate.store.sealed.shapes import MISSING
from tidegate.store.selection import column, pick, selected

T = TypeVar("T")

#: Values of a key that have a place of their own in an answer: the most frequent. All others share one.
MAX_GROUPS = 500

#: Values that are counted one by one; with more, those that are rare are given up.
MAX_VALUES = 100_000

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


class Frequencies:
    """How often there is each value, in bounded memory.

    A count is too low by ``error`` at most: 0 up to `MAX_VALUES` values. Beyond, the rarest are given up (J. Misra,
    D. Gries: Finding repeated elements, 1982; merged as in P. K. Agarwal et al.: Mergeable summaries, 2012).
    """

    def __init__(self) -> None:
        self.counts: Counter[Group] = Counter()
        self.error = 0

    def add(self, found: Sequence[Group]) -> None:
        self.counts.update(found)
        if len(self.counts) > 2 * MAX_VALUES:
            self._thin()

    def _thin(self) -> None:
        missing = self.counts.pop(None, 0)
        less = self.counts.most_common(MAX_VALUES + 1)[-1][1]
        kept = {value: number - less for value, number in self.counts.items() if number > less}
        self.counts = Counter(kept)
        if missing:
            self.counts[None] = missing
        self.error += less


class TooManyGroups(Exception):
    """There are more groups than places, so that it must be found out which are the greatest."""


class Rooms:
    """Which groups have a place of their own: ``chosen`` ones, or all, as long as they are `MAX_GROUPS`.

    ``error`` is how much greater than one of the chosen another group may be.
    """

    def __init__(self, chosen: frozenset[Group] | None = None, error: int = 0) -> None:
        self.is_full = chosen is not None
        self.error = error
        self._chosen = chosen
        self._known: set[Group] = set()

    def has(self, group: Group) -> bool:
        """Raises `TooManyGroups` where none are chosen."""
        if self._chosen is not None:
            return group in self._chosen
        self._known.add(group)
        if len(self._known) > MAX_GROUPS:
            raise TooManyGroups
        return True


def in_rooms(answer: Callable[[Rooms], T], names: Callable[[], Iterable[Sequence[Group]]]) -> T:
    """An answer by groups, of which the greatest have places of their own. ``names`` goes through the group of each
    record, and is asked only where there are too many."""
    try:
        return answer(Rooms())
    except TooManyGroups:
        found = Frequencies()
        for each in names():
            found.add(each)
        greatest = sorted(found.counts.items(), key=lambda item: (-item[1], item[0] or ""))[:MAX_GROUPS]
        return answer(Rooms(frozenset(group for group, _ in greatest), found.error))

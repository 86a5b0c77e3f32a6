"""Where the rows of a sealed block come from: segment and number there, which they keep for ever.

``segments`` is a table of segments, each with the number of its first row in the block; ``segment``
says each row's segment (absent: all the first), ``step`` by how much its number exceeds that of the
row before of the same segment (absent: all 1; for a first row without meaning).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from operator import sub
from typing import Any, overload

from tidegate.store.block import pack, unpack

Place = tuple[str, int]

#: Takes some rows of a column.
Pick = Callable[[Sequence[Any]], Iterable[Any]]


class GatheredPlaces:
    """Places of rows that wait to become a block."""

    def __init__(self) -> None:
        self._segments: dict[str, int] = {}
        self._firsts: list[int] = []
        self._segment: list[int] = []
        self._numbers: list[int] = []

    def add(self, places: Places, pick: Pick) -> None:
        """Those of a block that are picked, one at least."""
        numbers = list(pick(places.numbers))
        named = list(pick(places.segment)) if places.segment else [0] * len(numbers)
        at = {each: self._place(places.names[each], numbers[named.index(each)]) for each in dict.fromkeys(named)}
        self._numbers += numbers
        self._segment.extend(map(at.__getitem__, named))

    def _place(self, name: str, first: int) -> int:
        """A segment's place in the table, of which the first row has this number if it is new there."""
        place = self._segments.setdefault(name, len(self._segments))
        if place == len(self._firsts):
            self._firsts.append(first)
        return place

    def pack(self, columns: dict[str, Any]) -> None:
        """Put the column of places into ``columns``."""
        columns["segments"] = list(zip(self._segments, self._firsts, strict=True))
        pack("segment", self._segment, 0, columns)
        pack("step", self._steps(), 1, columns)

    def _steps(self) -> list[int]:
        last = [first - 1 for first in self._firsts]
        if len(last) == 1:
            return list(map(sub, self._numbers, [last[0], *self._numbers]))
        steps = []
        for place, number in zip(self._segment, self._numbers, strict=True):
            steps.append(number - last[place])
            last[place] = number
        return steps


class Places(Sequence[Place]):
    """Each row's place, made when it is asked for. ``segment`` says which of ``names``; None: all the first."""

    def __init__(self, names: Sequence[str], segment: Sequence[int] | None, numbers: Sequence[int]) -> None:
        self.names, self.segment, self.numbers = names, segment, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, row: int) -> Place: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Place]: ...
    def __getitem__(self, row: int | slice) -> Place | Sequence[Place]:
        if isinstance(row, slice):
            return list(self)[row]
        return self.names[self.segment[row] if self.segment else 0], self.numbers[row]

    def __iter__(self) -> Iterator[Place]:
        names = map(self.names.__getitem__, self.segment) if self.segment else repeat(self.names[0])
        return zip(names, self.numbers, strict=False)


def unpack_places(columns: Mapping[str, Any], count: int) -> Places:
    """The inverse of `GatheredPlaces.pack`."""
    names = [name for name, _ in columns["segments"]]
    firsts = [first for _, first in columns["segments"]]
    steps = unpack(columns, "step", count, 1)
    if "segment" not in columns:
        return Places(names, None, list(accumulate(steps[1:], initial=firsts[0])))
    segment = unpack(columns, "segment", count, 0)
    last = [first - 1 for first in firsts]
    numbers = []
    for place, step in zip(segment, steps, strict=True):
        last[place] += step
        numbers.append(last[place])
    return Places(names, segment, numbers)

"""Where the rows of a sealed block come from: segment and number there, which they keep for ever.

``segments`` is a table of segments, each with the number of its first row in the block; ``segment``
says each row's segment (absent: all the first), ``step`` by how much its number exceeds that of the
row before of the same segment (absent: all 1; for a first row without meaning).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from typing import Any, overload

from tidegate.store.block import pack, unpack

Place = tuple[str, int]


def pack_places(places: Sequence[Place], columns: dict[str, Any]) -> None:
    """Put a column of places into ``columns``."""
    table: dict[str, int] = {}
    firsts: list[Place] = []
    last: dict[str, int] = {}
    segment, steps = [], []
    for name, number in places:
        if name not in table:
            table[name] = len(table)
            firsts.append((name, number))
            last[name] = number - 1
        segment.append(table[name])
        steps.append(number - last[name])
        last[name] = number
    columns["segments"] = firsts
    pack("segment", segment, 0, columns)
    pack("step", steps, 1, columns)


class Places(Sequence[Place]):
    """Each row's place, made when it is asked for. ``segment`` says which of the ``names``; None: all the first."""

    def __init__(self, names: Sequence[str], segment: Sequence[int] | None, numbers: Sequence[int]) -> None:
        self._names, self._segment, self._numbers = names, segment, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, row: int) -> Place: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Place]: ...
    def __getitem__(self, row: int | slice) -> Place | Sequence[Place]:
        if isinstance(row, slice):
            return list(self)[row]
        return self._names[self._segment[row] if self._segment else 0], self._numbers[row]

    def __iter__(self) -> Iterator[Place]:
        names = map(self._names.__getitem__, self._segment) if self._segment else repeat(self._names[0])
        return zip(names, self._numbers, strict=False)


def unpack_places(columns: Mapping[str, Any], count: int) -> Places:
    """The inverse of `pack_places`."""
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

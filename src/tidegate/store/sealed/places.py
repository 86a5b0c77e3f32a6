"""Where the rows of a sealed block come from: segment and number there, which they keep for ever.

``segments`` is a table of segments, each with the number of its first row in the block; ``segment``
says each row's segment (absent: all the first), ``step`` by how much its number exceeds that of the
row before of the same segment (absent: all 1; for a first row without meaning).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, repeat
from typing import Any

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


def unpack_places(columns: Mapping[str, Any], count: int) -> Sequence[Place]:
    """The inverse of `pack_places`."""
    names = [name for name, _ in columns["segments"]]
    if "segment" not in columns:
        steps = unpack(columns, "step", count, 1)
        return list(zip(repeat(names[0]), accumulate(steps[1:], initial=columns["segments"][0][1]), strict=False))
    last = [first - 1 for _, first in columns["segments"]]
    out = []
    for place, step in zip(unpack(columns, "segment", count, 0), unpack(columns, "step", count, 1), strict=True):
        last[place] += step
        out.append((names[place], last[place]))
    return out

"""Rows that are to be sent, cut into parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.ship.wire import Picked
    from tidegate.store.rows import AnyRows
    from tidegate.store.sealed.places import Place


def count(picked: Sequence[Picked]) -> int:
    """How many records there are."""
    return sum(len(each.picked) for each in picked)


def part(picked: Sequence[Picked], start: int, end: int) -> list[Picked]:
    """The records from number ``start`` to before ``end``, counted over all blocks."""
    parts, at = [], 0
    for each in picked:
        first, last = max(start - at, 0), min(end - at, len(each.picked))
        if first < last:
            marks = each.marks[first:last] if each.marks is not None else None
            parts.append(replace(each, picked=each.picked[first:last], marks=marks))
        at += len(each.picked)
        if at >= end:
            break
    return parts


def rows(picked: Sequence[Picked]) -> Iterator[tuple[AnyRows, int]]:
    """Each record as its block and its row there."""
    return ((each.rows, row) for each in picked for row in each.picked)


def places(picked: Sequence[Picked]) -> list[Place]:
    """Each record's identity: its segment, and its number there."""
    return [block.places[row] for block, row in rows(picked)]

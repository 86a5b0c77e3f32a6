"""How many records of each pattern and severity were seen and kept: exact, and never reset.

Readers take differences. What is evicted, or merged into another pattern, keeps its counts there,
so that sums over all rows are always what came and what was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

#: The id and template under which the counts of evicted patterns go on.
OTHER = "__other__"


class Named(Protocol):
    """What the gate wants of a `tidegate.patterns.Pattern`."""

    id: str
    template: str
    kind: str


class Count(NamedTuple):
    """One row: ``kept`` by the reason for which, ``dropped`` by the reason for which. ``seen`` is their sum."""

    pattern_id: str
    template: str
    severity: int
    kept: dict[str, int]
    dropped: dict[str, int]

    @property
    def seen(self) -> int:
        return self.total_kept + sum(self.dropped.values())

    @property
    def total_kept(self) -> int:
        return sum(self.kept.values())


class Cell:
    """Counters of one pattern and severity: two integers for the hottest path, and kept by reason.

    ``into``: the cell that goes on for this one since its pattern was evicted.
    """

    __slots__ = ("beyond", "into", "kept", "lowered")

    def __init__(self) -> None:
        self.into: Cell | None = None
        self.lowered = 0  # dropped by a rate
        self.beyond = 0  # dropped by a budget
        self.kept: dict[str, int] = {}

    def lower(self, number: int, *, beyond: bool = False) -> None:
        """Count what a rate, or a budget, dropped meanwhile, without `LogGate.judge`."""
        cell = self if self.into is None else self.into
        if beyond:
            cell.beyond += number
        else:
            cell.lowered += number

    def keep(self, reason: str) -> None:
        self.kept[reason] = self.kept.get(reason, 0) + 1

    def total(self) -> int:
        return self.lowered + self.beyond + sum(self.kept.values())

    def absorb(self, other: Cell) -> None:
        self.lowered += other.lowered
        self.beyond += other.beyond
        for reason, number in list(other.kept.items()):
            self.kept[reason] = self.kept.get(reason, 0) + number

    def plus(self, other: Cell) -> Cell:
        """A new cell with what both have counted."""
        both = Cell()
        both.absorb(self)
        both.absorb(other)
        return both

    def reset(self) -> None:
        self.lowered = self.beyond = 0
        self.kept.clear()

    def row(self, pattern_id: str, template: str, severity: int) -> Count:
        dropped: dict[str, int] = {}
        if self.lowered:
            dropped["rate"] = self.lowered
        if self.beyond:
            dropped["budget"] = self.beyond
        return Count(pattern_id, template, severity, self.kept.copy(), dropped)


#: A pattern's id, its template and its cells by severity.
Row = tuple[str, str, dict[int, Cell]]


def rows(patterns: Iterable[Row], resolve: Callable[[str], Named | None] | None = None) -> list[Count]:
    """What was counted so far, one row for each pattern and severity.

    ``resolve`` gives what a pattern was merged into (or itself), None where it knows nothing.
    """
    merged: dict[tuple[str, int], tuple[str, Cell]] = {}
    for pattern_id, template, severity, cell in _flat(patterns):
        found = resolve(pattern_id) if resolve is not None else None
        id, text = (pattern_id, template) if found is None else (found.id, found.template)
        before = merged.get((id, severity))
        merged[id, severity] = (text, cell if before is None else before[1].plus(cell))
    return [cell.row(id, text, severity) for (id, severity), (text, cell) in merged.items()]


def _flat(patterns: Iterable[Row]) -> Iterator[tuple[str, str, int, Cell]]:
    for pattern_id, template, cells in patterns:
        for severity, cell in list(cells.items()):
            yield pattern_id, template, severity, cell

"""Counts of records that were dropped when they came, and let through when their trace had an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tidegate.gate.logs.counts import OTHER, Count, Named
from tidegate.gate.logs.reporting import Row

#: Patterns and severities that are counted apart; beyond that they are one.
MAX_RELEASED = 40_000


class Releases:
    """By pattern and severity."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}

    def count(self, pattern_id: str, severity: int) -> None:
        key = (pattern_id, severity)
        if key not in self._numbers and len(self._numbers) >= MAX_RELEASED:
            key = (OTHER, severity)
        self._numbers[key] = self._numbers.get(key, 0) + 1

    def clear(self) -> None:
        """Count from zero."""
        self._numbers.clear()

    def rows(self, counts: Iterable[Count], resolve: Callable[[str], Named | None]) -> list[Row]:
        """What the gate has counted, and these beside it. ``resolve`` gives what a pattern has become."""
        released = self._of_living(resolve)
        rows = [
            Row(*key, each.severity, each.seen, each.total_kept, released.pop((each.pattern_id, each.severity), 0))
            for each in counts
            for key in [(each.pattern_id, each.template)]
        ]
        return rows + [Row(id, OTHER, severity, 0, 0, number) for (id, severity), number in released.items()]

    def _of_living(self, resolve: Callable[[str], Named | None]) -> dict[tuple[str, int], int]:
        merged: dict[tuple[str, int], int] = {}
        for (id, severity), number in list(self._numbers.items()):
            living = resolve(id)
            key = (living.id if living is not None else id, severity)
            merged[key] = merged.get(key, 0) + number
        return merged

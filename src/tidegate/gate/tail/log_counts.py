"""Counts of log records for the ledger of patterns: what came, and what was kept, by the minute."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tidegate.patterns import Pattern
from tidegate.patterns.pattern import living

#: Nanoseconds of a minute.
MINUTE_NS = 60 * 10**9

#: Patterns whose templates were told and are remembered; beyond it they are told once more.
MAX_TOLD = 20_000


def sound(text: str) -> str:
    """``text`` with escapes in place of lone surrogates, which JSON cannot carry."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Cell:
    """One minute, service, pattern and severity."""

    __slots__ = ("kept", "pattern", "seen")

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.seen = self.kept = 0


#: Minutes since 1970, service.
When = tuple[int, str]


class Counts:
    """What was counted since it was last taken. ``kept`` and ``dropped`` are by reason."""

    def __init__(self) -> None:
        self._cells: dict[tuple[When, str, int], Cell] = {}
        self._told: dict[str, str] = {}
        self.kept: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def cell(self, when: When, pattern: Pattern, severity: int) -> Cell:
        key = (when, pattern.id, severity)
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = Cell(pattern)
        return found

    def take(self) -> dict[str, Any]:
        """See `tidegate.gate.tail.logs.LogTail.take_counts`."""
        cells, self._cells = self._cells, {}
        patterns = {pattern.id: pattern for pattern in (living(cell.pattern) for cell in cells.values())}
        if len(self._told) > MAX_TOLD:
            self._told.clear()
        news = {id: one for id, one in patterns.items() if self._told.get(id) != one.template}
        self._told.update((id, pattern.template) for id, pattern in news.items())
        rows = [
            [minute, sound(service), living(cell.pattern).id, severity, cell.seen, cell.kept]
            for ((minute, service), _, severity), cell in cells.items()
        ]
        told = {id: [pattern.kind, sound(pattern.template)] for id, pattern in news.items()}
        return {"counts": rows, "patterns": told} if rows else {}

    def take_reasons(self) -> dict[str, dict[str, int]]:
        """See `tidegate.gate.tail.logs.LogTail.take_reasons`."""
        taken = {"kept": dict(self.kept), "dropped": dict(self.dropped)}
        self.kept.clear()
        self.dropped.clear()
        return taken

"""What the log gate says about itself: counters for metrics, and a report now and then.

Counts come in as `Row`s, one for each pattern and severity since the gate began. Nothing here knows
a clock or OpenTelemetry.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.gate.logs.severities import severity_name

#: Series of a metric that have a name of their own; the rest is one more, `OTHER`.
MAX_SERIES = 200

#: Patterns that a report names, those with the most records.
MAX_REPORTED = 20

#: Characters of a template in a metric's attribute or in a report.
TEMPLATE_LENGTH = 120

OTHER = "__other__"

METRICS: Mapping[str, str] = {
    "seen": "Log records that came to the gate, by pattern.",
    "kept": "Log records that the gate let through when they came, by pattern.",
    "released": "Log records that the gate let through when their trace had an error, by pattern.",
}


class Row(NamedTuple):
    """Exact counts of one pattern and severity. ``kept`` is without what was released later."""

    id: str
    template: str
    severity: int
    seen: int
    kept: int
    released: int = 0


def attributes(row: Row) -> dict[str, str]:
    """What names a pattern's series."""
    template = row.template if len(row.template) <= TEMPLATE_LENGTH else row.template[: TEMPLATE_LENGTH - 1] + "…"
    return {
        "tidegate.pattern.id": row.id,
        "log.record.template": template,
        "severity": severity_name(row.severity) or "UNSPECIFIED",
    }


class Series:
    """Which rows are series of a metric: the largest as long as there is room, then always the same.

    A series that gave its place away would fall, or be counted twice; so the sum over all series,
    `OTHER` included, is exact and no series ever falls.
    """

    def __init__(self, limit: int = MAX_SERIES) -> None:
        self._limit = limit
        self._named: dict[tuple[str, int], dict[str, str]] = {}

    def points(self, rows: Sequence[Row], field: str) -> list[tuple[int, dict[str, str]]]:
        """Value and attributes of each series; ``field`` is one of `METRICS`."""
        self._name(rows)
        points, rest = [], 0
        for row in rows:
            value = getattr(row, field)
            named = self._named.get((row.id, row.severity))
            if named is None:
                rest += value
            elif value:
                points.append((value, named))
        if rest:
            points.append((rest, {"tidegate.pattern.id": OTHER, "log.record.template": OTHER, "severity": OTHER}))
        return points

    def _name(self, rows: Iterable[Row]) -> None:
        room = self._limit - len(self._named)
        if room > 0:
            new = (row for row in rows if (row.id, row.severity) not in self._named)
            for row in heapq.nlargest(room, new, key=_seen):
                self._named[row.id, row.severity] = attributes(row)


class Report:
    """What happened between two reports."""

    def __init__(self) -> None:
        self._former: dict[tuple[str, int], Row] = {}

    def next(self, rows: Sequence[Row]) -> dict[str, Any]:
        """The attributes of a report on what came since the last call, empty when nothing did."""
        new = [row for row in map(self._since, rows) if row.seen or row.released]
        self._former = {(row.id, row.severity): row for row in rows}
        if not new:
            return {}
        return {
            "tidegate.log.seen": sum(row.seen for row in new),
            "tidegate.log.kept": sum(row.kept for row in new),
            "tidegate.log.released": sum(row.released for row in new),
            "tidegate.log.patterns": len({row.id for row in new}),
            "tidegate.log.top": [
                {**attributes(row), "seen": row.seen, "kept": row.kept, "released": row.released}
                for row in heapq.nlargest(MAX_REPORTED, new, key=_seen)
            ],
        }

    def _since(self, row: Row) -> Row:
        former = self._former.get((row.id, row.severity))
        if former is None:
            return row
        return row._replace(
            seen=row.seen - former.seen, kept=row.kept - former.kept, released=row.released - former.released
        )


def _seen(row: Row) -> int:
    return row.seen

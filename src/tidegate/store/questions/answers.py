"""What questions are answered with. Times and lengths of time in ns; ``to_dict`` is what JSON shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tidegate.records import Metric


class _Answer:
    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, slots=True)
class Bars(_Answer):
    """Counts of one group, one for each interval. ``value`` is the key's as text, None where it is missing."""

    value: str | None
    counts: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Histogram(_Answer):
    """Counts over time: the interval at place ``i`` begins at ``start + i * interval``.

    ``groups`` come by their totals, the greatest first; ``other`` is what had no place of its own
    among them, None if all had. ``error`` is by how many more than one of the groups a value in
    ``other`` may have: 0 unless there were too many values to count each.
    """

    start: int
    interval: int
    groups: Sequence[Bars]
    other: Bars | None = None
    error: int = 0

    @property
    def totals(self) -> list[int]:
        """Counts of all groups."""
        every = [*self.groups, *([self.other] if self.other else [])]
        return [sum(column) for column in zip(*(bars.counts for bars in every), strict=True)]


@dataclass(frozen=True, slots=True)
class Quantiles(_Answer):
    """Of one group: how many values, how many of the records are errors, and the quantiles in the order asked for."""

    value: str | None
    count: int
    errors: int
    quantiles: Sequence[float]

    @property
    def error_rate(self) -> float:
        return self.errors / self.count if self.count else 0.0

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "error_rate": self.error_rate}


@dataclass(frozen=True, slots=True)
class QuantilesBy(_Answer):
    """Groups by their counts, the greatest first.

    ``relative_error`` is how far a quantile may be from the exact one, as a share of it: 0 when all
    values were kept. ``missing`` records matched, but have no number by the key. ``other`` and ``error``
    as for `Histogram`.
    """

    groups: Sequence[Quantiles]
    relative_error: float = 0.0
    other: Quantiles | None = None
    missing: int = 0
    error: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "groups": [group.to_dict() for group in self.groups],
            "relative_error": self.relative_error,
            "other": self.other.to_dict() if self.other else None,
            "missing": self.missing,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Top(_Answer):
    """The most frequent values with their counts. ``total`` records had the key, ``missing`` did not.

    When there were too many values to count each, a count may be too low by as much as ``error``;
    else ``error`` is 0.
    """

    values: Sequence[tuple[str, int]]
    total: int
    missing: int
    error: int = 0


@dataclass(frozen=True, slots=True)
class Edge(_Answer):
    """Calls between services; ``caller`` is None where the parent span is not stored."""

    caller: str | None
    callee: str
    count: int
    errors: int


@dataclass(frozen=True, slots=True)
class Line(_Answer):
    """One series: a value for each step, None where it has none.

    Of what only grows (counters, histograms) the value is how much that was per second, or in the
    step; of others it is the last in the step. ``quantiles`` are those of histograms, a list for each
    that was asked for. ``instance`` tells gauges of several processes apart.
    """

    metric: Metric
    service: str
    attributes: Mapping[str, Any]
    values: Sequence[float | None]
    quantiles: Sequence[Sequence[float | None]] = ()
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Lines(_Answer):
    """Series over time: the step at place ``i`` begins at ``start + i * step``. ``left_out`` counts the points
    of series for which there was no room."""

    start: int
    step: int
    series: Sequence[Line] = field(default_factory=list)
    left_out: int = 0

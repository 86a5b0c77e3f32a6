"""What was measured: the newest point of each series, and several of them as one number."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.records import Point


@dataclass(frozen=True)
class Distribution:
    """What a histogram has measured. ``counts`` has a number for each bucket: up to each of ``bounds``, and above; both
    are empty for exponential ones."""

    count: int
    sum: float
    min: float | None = None
    max: float | None = None
    bounds: Sequence[float] = ()
    counts: Sequence[int] = ()

    def __add__(self, other: Distribution) -> Distribution:
        least = [value for value in (self.min, other.min) if value is not None]
        greatest = [value for value in (self.max, other.max) if value is not None]
        alike = list(self.bounds) == list(other.bounds)
        return Distribution(
            self.count + other.count,
            self.sum + other.sum,
            min(least, default=None),
            max(greatest, default=None),
            self.bounds if alike else (),
            [a + b for a, b in zip(self.counts, other.counts, strict=True)] if alike else (),
        )


def newest(points: Iterable[Point]) -> list[Point]:
    """The last point of each series, in the order in which the series began."""
    series: dict[Any, Point] = {}
    for point in points:
        series[_series(point)] = point
    return list(series.values())


def _series(point: Point) -> Any:
    attributes = tuple(sorted((name, repr(value)) for name, value in point.attributes.items()))
    # two providers may have the same resource; what they add up began at different times
    begin = 0 if _is_gauge(point) else point.start_time_unix_nano
    return point.service, point.scope.name, point.metric, attributes, begin


def value_of(point: Point) -> float | Distribution:
    """A sum or a gauge as a number, a histogram as a `Distribution`."""
    found: Mapping[str, Any] = point.value
    for field in ("as_int", "as_double"):
        if field in found:
            number: float = found[field]
            return number
    extremes = (found.get("min"), found.get("max"))
    return Distribution(
        found["count"],
        found["sum"],
        *(extremes if found["count"] else (None, None)),
        found.get("explicit_bounds", ()),
        found.get("bucket_counts", ()),
    )


def together(points: Sequence[Point]) -> float | Distribution | None:
    """Sums and histograms of several series added up; None where that means nothing: several gauges, several kinds."""
    if len(points) > 1 and ({point.metric.type for point in points} != {points[0].metric.type} or _is_gauge(points[0])):
        return None
    values = [value_of(point) for point in points]
    total: float | Distribution = functools.reduce(operator.add, values)
    return total


def _is_gauge(point: Point) -> bool:
    return point.metric.type == "gauge"

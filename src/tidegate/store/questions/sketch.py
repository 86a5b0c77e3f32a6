"""Quantiles of any number of values in bounded memory, with a stated error, and mergeable.

Values are counted in exponential buckets, as in OpenTelemetry's exponential histogram (metrics data
model, "ExponentialHistogram"): bucket ``i`` of scale ``s`` takes values in ``(b**i, b**(i + 1)]`` with
``b = 2**(2**-s)``. A quantile is the point of its bucket whose relative distance to both ends is the
same, ``(b - 1) / (b + 1)``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

#: Scale to begin with: an error of 0.55 %.
SCALE = 6

#: Buckets of a sketch; what needs more has its scale reduced, which doubles the error.
MAX_BUCKETS = 1024


class Sketch:
    """Counts by buckets, of negative numbers by their absolute values."""

    __slots__ = ("_negative", "_positive", "_zeros", "count", "greatest", "least", "scale")

    def __init__(self) -> None:
        self.scale = SCALE
        self.count = self._zeros = 0
        self._positive: Counter[int] = Counter()
        self._negative: Counter[int] = Counter()
        self.least, self.greatest = math.inf, -math.inf

    @property
    def _base(self) -> float:
        return math.pow(2.0, math.pow(2.0, -self.scale))

    @property
    def relative_error(self) -> float:
        return (self._base - 1) / (self._base + 1)

    def add(self, values: Sequence[float]) -> None:
        """Count finite numbers."""
        if not values:
            return
        self.count += len(values)
        self.least, self.greatest = min(self.least, *values, math.inf), max(self.greatest, *values, -math.inf)
        self._positive.update(self._places(value for value in values if value > 0))
        if self.least <= 0:
            self._negative.update(self._places(-value for value in values if value < 0))
            self._zeros += values.count(0)
        self._shrink()

    def _places(self, values: Iterable[float]) -> list[int]:
        factor, log2, ceil = 2.0**self.scale, math.log2, math.ceil
        return [ceil(log2(value) * factor) - 1 for value in values]

    def merge(self, other: Sketch) -> None:
        """Count what another has counted; ``other`` may lose resolution."""
        while self.scale > other.scale:
            self._halve()
        while other.scale > self.scale:
            other._halve()
        self._positive.update(other._positive)
        self._negative.update(other._negative)
        self._zeros += other._zeros
        self.count += other.count
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)
        self._shrink()

    def _shrink(self) -> None:
        while len(self._positive) + len(self._negative) > MAX_BUCKETS:
            self._halve()

    def _halve(self) -> None:
        self.scale -= 1
        for buckets in (self._positive, self._negative):
            former = dict(buckets)
            buckets.clear()
            for place, count in former.items():
                buckets[place >> 1] += count

    def quantile(self, share: float) -> float:
        """The value with at least this share of all values at or below it; of at least one value."""
        left = rank(share, self.count)
        for value, count in self._ascending():
            if left < count:
                return min(max(value, self.least), self.greatest)
            left -= count
        return self.greatest

    def _ascending(self) -> Iterable[tuple[float, int]]:
        for place in sorted(self._negative, reverse=True):
            yield -self._middle(place), self._negative[place]
        yield 0.0, self._zeros
        for place in sorted(self._positive):
            yield self._middle(place), self._positive[place]

    def _middle(self, place: int) -> float:
        exponent = (place + 1) * math.pow(2.0, -self.scale)
        return 2 / (1 + self._base) * math.pow(2.0, exponent) if exponent < 1023 else self.greatest


def rank(share: float, count: int) -> int:
    """The place, from 0, of a quantile among so many values in order (the nearest rank)."""
    return max(0, math.ceil(share * count) - 1)

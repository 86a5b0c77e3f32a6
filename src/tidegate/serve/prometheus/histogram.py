"""Histograms with explicit boundaries: as recorded, converted from exponential ones, and added up.

**Exponential histograms.** Both text formats know explicit boundaries only. A series of buckets is told
apart by its boundary (``le``), so boundaries must stay as they are from one scrape to the next, while the
SDK changes the scale of an exponential histogram as its range grows. The boundaries here are therefore the
powers of √2 (scale 1: two buckets an octave, a little finer than OpenTelemetry's default boundaries),
whatever finer scale a point has: buckets of a finer scale lie wholly within those of a coarser one, so
nothing is estimated. All boundaries from the lowest populated bucket's lower to the highest one's upper
are there, and 0; as counts never fall, boundaries are added at either end but do not go away. Only where
a series would have more than `MAX_BOUNDARIES` (15 orders of magnitude), or the SDK itself went to a
coarser scale, every second, fourth … boundary is left, and these were there before.

Boundaries are inclusive above, as ``le`` wants it; of negative buckets, which are inclusive below, a
measurement that lies exactly on a boundary counts to the bucket above.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import ge
from typing import Any, NamedTuple

#: The finest scale shown: boundaries are powers of 2 ** (1 / 2).
SCALE = 1

#: How many boundaries an exponential histogram may have here, per sign.
MAX_BOUNDARIES = 100

#: The coarsest scale that OTLP's buckets can have and still tell numbers of 64 bits apart.
_COARSEST = -11

_ROOTS = (1.0, math.sqrt(2))


class Histogram(NamedTuple):
    """``counts[i]`` measurements lie in (``bounds[i - 1]``, ``bounds[i]``]; the last count has no bound.

    ``sum`` is None where it is unknown or could fall, as it does with negative measurements.
    """

    bounds: Sequence[float]
    counts: Sequence[int]
    sum: float | None


def read(value: Mapping[str, Any]) -> Histogram:
    """The histogram in a point's value. LookupError, TypeError or ValueError where there is none, or a broken one."""
    bounds: Sequence[float]
    counts: Sequence[int]
    if "scale" in value:
        bounds, counts = _explicit(value)
    else:
        bounds, counts = value.get("explicit_bounds") or (), value.get("bucket_counts") or [value["count"]]
    if len(counts) != len(bounds) + 1 or min(counts) < 0:
        raise ValueError(f"{len(counts)} counts, {len(bounds)} bounds: one count more than bounds, and none below 0")
    if any(map(math.isnan, bounds)) or any(map(ge, bounds, bounds[1:])):
        raise ValueError(f"bounds {list(bounds)!r} do not rise")
    total = value.get("sum")
    if total is not None and (not total >= 0 or (bounds and bounds[0] < 0) or (value.get("min") or 0) < 0):
        total = None
    return Histogram(bounds, counts, total)


def scaled(histogram: Histogram, divisor: int) -> Histogram:
    """The same measurements in a unit ``divisor`` times as large."""
    bounds = [bound / divisor for bound in histogram.bounds]
    return Histogram(bounds, histogram.counts, None if histogram.sum is None else histogram.sum / divisor)


def add(histograms: Sequence[Histogram]) -> Histogram:
    """All their measurements. Of differing boundaries those in common are kept, where counts are known exactly."""
    first, *others = histograms
    if not others:
        return first
    sums = [histogram.sum for histogram in histograms]
    total = None if None in sums else math.fsum(sum_ for sum_ in sums if sum_ is not None)
    if any(list(other.bounds) != list(first.bounds) for other in others):
        histograms = _with_common_bounds(histograms)
    counts = [sum(column) for column in zip(*(each.counts for each in histograms), strict=True)]
    return Histogram(histograms[0].bounds, counts, total)


def _with_common_bounds(histograms: Sequence[Histogram]) -> list[Histogram]:
    common = sorted(set.intersection(*(set(each.bounds) for each in histograms)))
    return [_with_bounds(each, common) for each in histograms]


def _with_bounds(histogram: Histogram, bounds: list[float]) -> Histogram:
    *cumulative, total = accumulate(histogram.counts)
    up_to = dict(zip(histogram.bounds, cumulative, strict=True))
    kept = [0, *(up_to[bound] for bound in bounds), total]
    return Histogram(bounds, [after - before for before, after in pairwise(kept)], histogram.sum)


def _explicit(value: Mapping[str, Any]) -> tuple[list[float], list[int]]:
    positive, negative = _populated(value.get("positive")), _populated(value.get("negative"))
    scale = value["scale"]
    if scale < _COARSEST:
        raise ValueError(f"scale {scale}: buckets of one number's range are wider than all numbers")
    coarser = max(scale - SCALE, 0)
    while max(_width(positive, coarser), _width(negative, coarser)) > MAX_BOUNDARIES:
        coarser += 1
    scale -= coarser
    below, above = (_side(_coarsened(buckets, coarser), scale) for buckets in (negative, positive))
    return _assembled(below, value.get("zero_count") or 0, above)


def _populated(buckets: Mapping[str, Any] | None) -> list[tuple[int, int]]:
    """(index, count) of the buckets that have any."""
    if not buckets:
        return []
    return [item for item in enumerate(buckets.get("bucket_counts") or (), buckets.get("offset") or 0) if item[1]]


def _width(buckets: list[tuple[int, int]], coarser: int) -> int:
    return (buckets[-1][0] >> coarser) - (buckets[0][0] >> coarser) + 2 if buckets else 0


def _coarsened(buckets: Iterable[tuple[int, int]], coarser: int) -> dict[int, int]:
    merged: dict[int, int] = {}
    for index, count in buckets:
        merged[index >> coarser] = merged.get(index >> coarser, 0) + count
    return merged


def _side(buckets: dict[int, int], scale: int) -> list[tuple[float, int]]:
    """(upper bound, count) of all buckets in the populated range, after the lower bound of the first with 0."""
    if not buckets:
        return []
    indexes = range(min(buckets) - 1, max(buckets) + 1)
    return [(_bound(index + 1, scale), buckets.get(index, 0)) for index in indexes]


def _bound(index: int, scale: int) -> float:
    """2 ** (index * 2 ** -scale): the same digits for one boundary, whatever scale it is named by."""
    halves = index << (SCALE - scale)
    try:
        return math.ldexp(_ROOTS[halves & 1], halves >> 1)
    except OverflowError:
        return math.inf


def _assembled(
    below: list[tuple[float, int]], zeros: int, above: list[tuple[float, int]]
) -> tuple[list[float], list[int]]:
    """Boundaries from the lowest to the highest, and the counts up to each and beyond the last.

    What lies beyond the numbers of 64 bits, or nearer to zero than any, falls to the neighbouring bucket.
    """
    # A negative bucket ends where the next one, nearer to zero, begins.
    ends = [-bound for bound, _ in reversed(below)]
    sizes = [0, *(count for _, count in reversed(below))]
    bounds: list[float] = []
    counts: list[int] = []
    carried = 0
    for bound, count in [*zip(ends, sizes, strict=False), (0.0, zeros), *above]:
        if not math.isfinite(bound):
            carried += count
        elif bounds and bound <= bounds[-1]:
            counts[-1] += count
        else:
            bounds.append(bound + 0.0)  # -0.0 is 0.0
            counts.append(count + carried)
            carried = 0
    return bounds, [*counts, carried]

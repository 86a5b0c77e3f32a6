"""What a histogram point says in a few words: count, mean and estimated quantiles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: Lowest and highest value that a bucket takes, and how many it took.
Bucket = tuple[float, float, int]

#: Scales beyond this one, or its negative, have buckets that end where those of these do: at 1, or beyond any float.
_MAX_SCALE = 1022


def mean(value: Mapping[str, Any]) -> float | None:
    """Sum by count; None for a histogram that is empty or has no sum."""
    count, total = value.get("count") or 0, value.get("sum")
    return total / count if count and total is not None else None


def quantile(value: Mapping[str, Any], share: float) -> float | None:
    """The value below which ``share`` (0 to 1) of the measurements lie, taken as even within a bucket.

    Buckets end at the smallest and greatest measurement where these are known. None for an empty histogram.
    """
    found = [bucket for bucket in _buckets(value) if bucket[2]]
    wanted = share * sum(count for _, _, count in found)
    for low, high, count in found:
        if wanted <= count:
            return low + (high - low) * wanted / count
        wanted -= count
    return found[-1][1] if found else None


def _buckets(value: Mapping[str, Any]) -> list[Bucket]:
    raw = _exponential(value) if "scale" in value else _explicit(value)
    least, most = _known(value.get("min"), -math.inf), _known(value.get("max"), math.inf)
    return [_finite(max(low, least), min(high, most), count) for low, high, count in raw]


def _known(number: Any, otherwise: float) -> float:
    return number if isinstance(number, (int, float)) and math.isfinite(number) else otherwise


def _finite(low: float, high: float, count: int) -> Bucket:
    """An endless bucket stands for its one known end."""
    low = low if math.isfinite(low) else min(high, 0.0)
    return low, max(low, high if math.isfinite(high) else low), count


def _explicit(value: Mapping[str, Any]) -> list[Bucket]:
    bounds = [-math.inf, *(value.get("explicit_bounds") or ()), math.inf]
    return list(zip(bounds, bounds[1:], value.get("bucket_counts") or (), strict=False))


def _exponential(value: Mapping[str, Any]) -> list[Bucket]:
    growth = 2.0 ** -min(max(value["scale"], -_MAX_SCALE), _MAX_SCALE)  # the base's binary logarithm

    def side(name: str) -> list[Bucket]:
        buckets = value.get(name) or {}
        start = buckets.get("offset", 0)
        counts = enumerate(buckets.get("bucket_counts") or (), start)
        return [(_power(place * growth), _power((place + 1) * growth), count) for place, count in counts]

    negative = [(-high, -low, count) for low, high, count in reversed(side("negative"))]
    return [*negative, (0.0, 0.0, value.get("zero_count") or 0), *side("positive")]


def _power(exponent: float) -> float:
    return 2.0**exponent if exponent < 1024 else math.inf

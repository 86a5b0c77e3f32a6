"""Adding values of one series: numbers, explicit histograms, exponential histograms.

Values have OTLP's field names, as in `tidegate.records.Point`. Addition is exact, so that neither the
order in which processes are added nor what has been added before makes a difference: a total of floats
is the correctly rounded sum of all of them, and therefore never falls when something is added. `gather`
keeps what rounding has cut off under the name ``rest``; `add` is what is shown, without it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Value = Mapping[str, Any]

#: Buckets of an exponential histogram on each side of zero, as many as the SDK keeps by default. What
#: needs more is shown at a lower scale.
MAX_BUCKETS = 160

#: What rounding cut off of ``as_double`` or ``sum``: floats that add up to it.
REST = "rest"

_Number = int | float
_Side = tuple[int, Sequence[int]]  # index of the first bucket, counts


def add(values: Sequence[Value]) -> Value:
    """The total of these values, at least one, to be shown; a single one is returned as it is."""
    return _total(values, exact=False) if len(values) > 1 or REST in values[0] else values[0]


def gather(values: Sequence[Value]) -> Value:
    """The total of these values, at least one, to be added to later: exact."""
    return _total(values, exact=True) if len(values) > 1 else values[0]


def size(value: Value) -> _Number:
    """What can only grow while a series goes on: a sum's number, a histogram's count."""
    found: _Number
    for name in ("as_int", "count", "as_double"):
        if name in value:
            found = value[name]
            return found
    raise ValueError(f"{value!r} is not a value of a sum or a histogram")


def _total(values: Sequence[Value], *, exact: bool) -> Value:
    if "count" not in values[0]:
        return _numbers(values, exact=exact)
    common = _common(values, exact=exact)
    return {**common, **(_exponential(values) if "scale" in values[0] else _explicit(values))}


def _numbers(values: Sequence[Value], *, exact: bool) -> Value:
    """A sum of whole numbers is whole; with others among them it is not."""
    if all("as_int" in value for value in values):
        return {"as_int": sum(value["as_int"] for value in values)}
    numbers = [value["as_int"] if "as_int" in value else value["as_double"] for value in values]
    return _float_field("as_double", numbers, values, exact=exact)


def _common(values: Sequence[Value], *, exact: bool) -> dict[str, Any]:
    """Count, sum, min and max; what one does not know is not known of all."""
    out: dict[str, Any] = {"count": sum(value["count"] for value in values)}
    filled = [value for value in values if value["count"]] or values
    sums = [value.get("sum") for value in filled]
    if None not in sums:
        whole = all(isinstance(number, int) for number in sums) and not any(REST in value for value in filled)
        out |= {"sum": sum(sums)} if whole else _float_field("sum", sums, filled, exact=exact)  # type: ignore[arg-type]
    for name, extreme in (("min", min), ("max", max)):
        found = [value.get(name) for value in filled]
        if None not in found:
            out[name] = extreme(found)  # type: ignore[type-var]
    return out


def _float_field(name: str, numbers: Iterable[Any], values: Sequence[Value], *, exact: bool) -> dict[str, Any]:
    numbers = list(numbers)
    pieces = [number for number in numbers if not isinstance(number, int)]
    pieces += _as_floats(sum(number for number in numbers if isinstance(number, int)))
    for value in values:
        pieces += value.get(REST, ())
    total = _rounded(pieces)
    rest = _rest(pieces, total) if exact else []
    return {name: total, REST: rest} if rest else {name: total}


def _as_floats(whole: int) -> list[float]:
    """A whole number as floats that add up to it."""
    if whole.bit_length() > 1023:
        return [math.inf if whole > 0 else -math.inf]
    out = []
    while whole:
        out.append(float(whole))
        whole -= int(out[-1])
    return out


def _rounded(pieces: Sequence[float]) -> float:
    try:
        return math.fsum(pieces)
    except (OverflowError, ValueError):  # more than a float can hold, or infinities of both signs
        return sum(pieces)


def _rest(pieces: Sequence[float], total: float) -> list[float]:
    rest: list[float] = []
    while total and math.isfinite(total):
        pieces = [*pieces, -total]
        total = _rounded(pieces)
        rest += [total] if total else []
    return rest


# --- explicit histograms


def _explicit(values: Sequence[Value]) -> dict[str, Any]:
    """Buckets by the bounds that all have; at these the counts are exact."""
    given = [_buckets(value) for value in values]
    first = given[0][0]
    if all(bounds == first for bounds, _ in given):
        shared: Sequence[float] = first
        counts = [counts for _, counts in given]
    else:
        shared = sorted(set(first).intersection(*(bounds for bounds, _ in given)))
        counts = [_reduced(bounds, counts, shared) for bounds, counts in given]
    return {"bucket_counts": [sum(column) for column in zip(*counts, strict=True)], "explicit_bounds": list(shared)}


def _buckets(value: Value) -> tuple[Sequence[float], Sequence[int]]:
    """Bounds and counts. A histogram without buckets, or with others than its bounds say, has a single one."""
    bounds, counts = value.get("explicit_bounds") or (), value.get("bucket_counts") or ()
    return (list(bounds), counts) if len(counts) == len(bounds) + 1 else ([], [value["count"]])


def _reduced(bounds: Sequence[float], counts: Sequence[int], shared: Sequence[float]) -> list[int]:
    out = [0]
    wanted = set(shared)
    for bound, count in zip([*bounds, None], counts, strict=True):
        out[-1] += count
        if bound in wanted:
            out.append(0)
    return out


# --- exponential histograms


def _exponential(values: Sequence[Value]) -> dict[str, Any]:
    """Buckets at a scale that all have or can be brought to.

    Bucket ``i`` of scale ``s`` takes values in ``(b**i, b**(i + 1)]`` with ``b = 2**(2**-s)``. Halving
    the resolution is exact: bucket ``i`` of scale ``s`` lies within bucket ``i >> n`` of scale ``s - n``
    (OpenTelemetry metrics data model, "Exponential Scale" and "Exponential Histogram: Merging"). The
    result has the greatest scale that no part with buckets is below and at which neither side needs more
    than `MAX_BUCKETS`.
    """
    sides = {name: [_side(value, name) for value in values] for name in ("positive", "negative")}
    # what measured nothing but zeros says nothing by its scale
    scales = [value["scale"] for value, *each in zip(values, *sides.values(), strict=True) if any(n for _, n in each)]
    scale = least = min(scales or [value["scale"] for value in values])
    for each in sides.values():
        scale = min(scale, _scale([(value["scale"], side) for value, side in zip(values, each, strict=True)], least))
    shifts = [value["scale"] - scale for value in values]
    return {
        "scale": scale,
        "zero_count": sum(value.get("zero_count") or 0 for value in values),
        **{name: _added(each, shifts) for name, each in sides.items()},
    }


def _side(value: Value, name: str) -> _Side:
    """The buckets from the first to the last that took anything."""
    buckets = value.get(name) or {}
    counts = buckets.get("bucket_counts") or ()
    filled = [place for place, count in enumerate(counts) if count]
    if not filled:
        return 0, ()
    return buckets.get("offset", 0) + filled[0], counts[filled[0] : filled[-1] + 1]


def _scale(sides: Sequence[tuple[int, _Side]], scale: int) -> int:
    """The greatest scale up to this one at which the buckets of all sides together are few enough."""
    ends = [(own, place) for own, (start, counts) in sides if counts for place in (start, start + len(counts) - 1)]
    if not ends:
        return scale
    places = [place >> (own - scale) for own, place in ends]
    low, high = min(places), max(places)
    while high - low >= MAX_BUCKETS:
        low, high, scale = low >> 1, high >> 1, scale - 1
    return scale


def _added(sides: Sequence[_Side], shifts: Sequence[int]) -> dict[str, Any]:
    total: dict[int, int] = {}
    for (start, counts), shift in zip(sides, shifts, strict=True):
        for place, count in enumerate(counts, start):
            total[place >> shift] = total.get(place >> shift, 0) + count
    if not total:
        return {"offset": 0, "bucket_counts": []}
    low = min(total)
    return {"offset": low, "bucket_counts": [total.get(place, 0) for place in range(low, max(total) + 1)]}

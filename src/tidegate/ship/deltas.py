"""Cumulative points as deltas, for exporters that want these: what was added since the point that was sent last.

The store has totals, of which one that is lost costs nothing; a delta that is lost, or sent twice, makes totals wrong
for good. So differences are made while sending, to what was taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics import Counter, Histogram, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality

from tidegate.records import Point, Resource, Scope
from tidegate.ship.wire import Picked
from tidegate.store.metrics import merging
from tidegate.store.metrics.series import canonical, identity

#: Series of which the last point is remembered; what comes when there are so many stays cumulative.
MAX_SERIES = 20_000

#: A series of which nothing came for so long (in ns, by its own times) makes room for others.
STALE_NS = 3600 * 10**9

Value = Mapping[str, Any]


class _Last(NamedTuple):
    start: int
    time: int
    value: Value


class _Made:
    """Points that are not a block's, where `tidegate.ship` expects rows of one."""

    signal = "metrics"

    def __init__(self, points: Sequence[Point], places: Sequence[tuple[str, int]]) -> None:
        self.count = len(points)
        self.places = places
        self.record = points.__getitem__
        self.resource = self.scope = range(self.count)

    @property
    def resources(self) -> Sequence[Resource]:
        return [self.record(row).resource for row in range(self.count)]

    @property
    def scopes(self) -> Sequence[Scope]:
        return [self.record(row).scope for row in range(self.count)]


class Deltas:
    """Differences to the last points that were sent, by series.

    ``preferred`` are an exporter's temporalities by kind of instrument. Observable counters go by what is preferred
    for the others: the store does not tell them apart. Of a series that is seen for the first time, the first point
    is sent as a whole if the series began at ``since`` (ns) or later; before that, somebody else has sent it, and the
    point is but what later ones are compared with. A gauge has no difference, and a difference no minimum and maximum.
    Nothing is sent of a series to which nothing was added.
    """

    def __init__(self, preferred: Mapping[Any, Any] | None, since: int) -> None:
        wanted = {kind for kind, each in (preferred or {}).items() if each == AggregationTemporality.DELTA}
        self._types = {
            **dict.fromkeys([("histogram", False), ("exponential_histogram", False)], Histogram in wanted),
            ("sum", True): Counter in wanted,
            ("sum", False): UpDownCounter in wanted,
        }
        self.since = since
        self._last: dict[Any, _Last] = {}
        self._next: dict[Any, _Last] = {}

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return any(self._types.values())

    def __len__(self) -> int:
        return len(self._last)

    def of(self, picked: Sequence[Picked]) -> list[Picked]:
        """What to send instead of these points, which are in the order of time. Nothing is remembered before `sent`."""
        self._next = {}
        out = []
        for each in picked:
            places = each.rows.places
            made = [(point, places[row]) for row in each.picked for point in self._of(each.rows.record(row))]
            if made:
                rows: Any = _Made(*zip(*made, strict=True))
                out.append(Picked(rows, range(rows.count)))
        return out

    def sent(self) -> None:
        """The last call's points were taken: from now on they are what later ones are compared with."""
        self._last.update(self._next)
        self._next = {}
        if len(self._last) >= MAX_SERIES:
            self._forget(max(each.time for each in self._last.values()) - STALE_NS)

    def _forget(self, before: int) -> None:
        stale = [key for key, each in self._last.items() if each.time < before]
        for key in stale:
            # should it go on, it is not taken for a new one
            self.since = max(self.since, self._last.pop(key).start + 1)

    def _of(self, point: Any) -> Iterator[Point]:
        metric = point.metric
        if not self._types.get((metric.type, metric.is_monotonic)) or metric.temporality != "cumulative":
            yield point
            return
        key = (canonical(point.resource.attributes), identity(metric, point.scope, point.attributes))
        known = self._next.get(key) or self._last.get(key)
        if known is None and len(self._last) + len(self._next) >= MAX_SERIES:
            yield point
            return
        if known is not None and (point.start_time_unix_nano < known.start or point.time_unix_nano <= known.time):
            return  # it was sent before
        self._next[key] = _Last(point.start_time_unix_nano, point.time_unix_nano, point.value)
        found = self._difference(point, known)
        if found is not None:
            start, value = found
            delta = replace(metric, temporality="delta")
            yield replace(point, metric=delta, start_time_unix_nano=start, value=value)

    def _difference(self, point: Point, known: _Last | None) -> tuple[int, Value] | None:
        """From when on, and how much; None if there is nothing to send."""
        start, value = point.start_time_unix_nano, point.value
        if known is None:
            return (start, value) if start >= self.since else None
        if start > known.start:
            return start, value
        if _is_reset(point, known.value):
            return known.time, value
        made = merging.add([value, _negated(known.value)])
        return (known.time, made) if merging.size(made) else None


def _is_reset(point: Point, before: Value) -> bool:
    """Whether what can only grow has become less: whoever counts began anew, without saying so."""
    is_growing = point.metric.is_monotonic or point.metric.type != "sum"
    return is_growing and merging.size(point.value) < merging.size(before)


def _negated(value: Value) -> Value:
    """What `merging.add` takes away."""
    out: dict[str, Any] = {name: item for name, item in value.items() if name not in ("min", "max")}
    for name in ("as_int", "as_double", "count", "sum", "zero_count"):
        if out.get(name) is not None:
            out[name] = -out[name]
    if "bucket_counts" in out:
        out["bucket_counts"] = [-count for count in out["bucket_counts"]]
    for name in ("positive", "negative"):
        if name in out:
            out[name] = _negated(out[name])
    return out

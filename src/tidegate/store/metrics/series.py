"""One series of a service: its point, and what the point is the sum of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from tidegate.records import AttributeMap, Metric, Point, Resource, Scope
from tidegate.store import values
from tidegate.store.metrics import merging
from tidegate.store.metrics.merging import Value

#: Exemplars kept of a series, the newest ones.
MAX_EXEMPLARS = 16

INSTANCE = "service.instance.id"

Exemplars = Sequence[Mapping[str, Any]]

#: What tells a series from the others of its service.
Identity = tuple[tuple[str, str, str, bool], tuple[str, str, str, bytes], bytes]


class Group:
    """A service, by its name and namespace. ``resource`` has what all its processes agree on."""

    __slots__ = ("key", "members", "resource")

    def __init__(self, key: tuple[str, str], resource: Resource) -> None:
        self.key = key
        self.resource = resource
        self.members: set[Series] = set()

    def agree(self, resource: Resource) -> None:
        """Leave out what another process has otherwise."""
        mine, other = self.resource.attributes, resource.attributes
        common = {key: value for key, value in mine.items() if key in other and other[key] == value}
        schema = self.resource.schema_url if self.resource.schema_url == resource.schema_url else ""
        if len(common) < len(mine) or schema != self.resource.schema_url:
            self.resource = Resource(common, schema)
            for series in self.members:
                series.point.resource = self.resource


class State:
    """What one process has of one series.

    ``began`` is its earliest start and ``start`` that of ``value``; ``carried`` is what was counted
    before resets. Times in ns.
    """

    __slots__ = ("began", "carried", "exemplars", "is_delta", "series", "size", "start", "time", "value")

    def __init__(self, series: Series, is_delta: bool) -> None:
        self.series, self.is_delta = series, is_delta
        self.value: Value = {}
        self.carried: Value | None = None
        self.began = self.start = self.time = 0
        self.size: int | float = 0
        self.exemplars: Exemplars = ()

    def advance(self, value: Value, start: int, time: int) -> None:
        """Take the next point of the series; ``start`` is 0 when it does not say."""
        if self.is_delta:
            value = merging.gather([self.value, value]) if self.value else value
        elif self.series.keeps:
            size = merging.size(value)
            if start < self.start or (size < self.size and start == self.start and time <= self.time):
                return  # of a stream that another one has taken the place of, or what it was before
            if self.value and (start > self.start or size < self.size):
                self.carried = merging.gather(self.total())
            self.size = size
        self.value, self.start, self.time = value, start, time
        if not self.began:
            self.began = start

    def restore(self) -> None:
        """Complete what was set from a checkpoint."""
        self.size = merging.size(self.value) if self.series.keeps and self.value else 0
        self.exemplars = tuple(self.exemplars)

    def total(self) -> list[Value]:
        """Values that add up to all that the process has counted."""
        return [self.value] if self.carried is None else [self.carried, self.value]


class Base:
    """What processes that ended have counted of one series. Times in ns."""

    __slots__ = ("began", "exemplars", "time", "value")

    def __init__(self, value: Value, began: int, time: int, exemplars: Exemplars = ()) -> None:
        self.value, self.began, self.time, self.exemplars = value, began, time, exemplars


class Series:
    """A series: of a sum or histogram the one of a service, of a gauge that of a process."""

    __slots__ = ("base", "group", "keeps", "key", "order", "parts", "point")

    def __init__(self, key: Any, group: Group, point: Point, order: Any) -> None:
        self.key, self.group, self.point, self.order = key, group, point, order
        self.keeps = keeps(point.metric)
        self.parts: list[State] = []
        self.base: Base | None = None

    @property
    def time(self) -> int:
        """When it was updated last, in ns."""
        return max(each.time for each in self._all())

    def _all(self) -> list[State | Base]:
        return [*self.parts] if self.base is None else [self.base, *self.parts]

    def renew(self) -> None:
        """Bring the point up to date. What it held is replaced, not changed: somebody may be reading it."""
        point, parts = self.point, self.parts
        if self.base is None and len(parts) == 1 and parts[0].carried is None:
            [state] = parts
            point.value = merging.add([state.value])
            point.time_unix_nano, point.start_time_unix_nano = state.time, state.began
            point.exemplars = state.exemplars
            return
        every = self._all()
        pieces = [value for state in parts for value in state.total()]
        point.value = merging.add([self.base.value, *pieces] if self.base else pieces)
        point.time_unix_nano = max(each.time for each in every)
        point.start_time_unix_nano = min((each.began for each in every if each.began), default=0)
        exemplars = newest(exemplar for each in every for exemplar in each.exemplars)
        if exemplars != point.exemplars:
            point.exemplars = exemplars

    def fold(self, state: State) -> None:
        """Let the base have what a process that ended has counted."""
        pieces, former = state.total(), self.base
        if former is not None:
            pieces.append(former.value)
            began = min(state.began, former.began) if state.began and former.began else state.began or former.began
            exemplars = newest([*state.exemplars, *former.exemplars])
            self.base = Base(merging.gather(pieces), began, max(state.time, former.time), exemplars)
        else:
            self.base = Base(merging.gather(pieces), state.began, state.time, state.exemplars)
        self.parts.remove(state)


def keeps(metric: Metric) -> bool:
    """Whether what was counted stays counted when the process that did has ended."""
    return metric.is_monotonic or metric.type in ("histogram", "exponential_histogram")


def newest(exemplars: Iterable[Mapping[str, Any]]) -> Exemplars:
    """The newest few, newest first."""
    return tuple(sorted(exemplars, key=_time, reverse=True)[:MAX_EXEMPLARS])


def _time(exemplar: Mapping[str, Any]) -> int:
    time: int = exemplar.get("time_unix_nano", 0)
    return time


def identity(metric: Metric, scope: Scope, attributes: AttributeMap) -> Identity:
    """What tells a series from others (OpenTelemetry metrics data model, "Timeseries Model"), temporality
    apart, since all become cumulative, and description, by which no series differ."""
    return (
        (metric.name, metric.type, metric.unit, metric.is_monotonic),
        (scope.name, scope.version, scope.schema_url, canonical(scope.attributes) if scope.attributes else b"{}"),
        canonical(attributes) if attributes else b"{}",
    )


def canonical(attributes: AttributeMap) -> bytes:
    """The same bytes for the same attributes in any order, and other bytes for others."""
    try:
        raw = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError, RecursionError):
        raw = b"null"
    # orjson writes NaN as null
    made = orjson.dumps(values.tag(attributes), option=orjson.OPT_SORT_KEYS) if b"null" in raw else raw
    return bytes(memoryview(made))  # a copy: what orjson makes holds some KB of room that it did not need

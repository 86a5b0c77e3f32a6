"""Metrics over time: rates of what grows, quantiles of histograms, values of everything else."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.errors import FormatError, QueryError
from tidegate.records import Metric, Point
from tidegate.store.catalog import AnyRef, Moved
from tidegate.store.metrics import merging
from tidegate.store.metrics.merging import Value
from tidegate.store.metrics.series import canonical, identity, keeps
from tidegate.store.questions.answers import Line, Lines
from tidegate.store.questions.estimate import quantile
from tidegate.store.questions.growth import growth
from tidegate.store.rows import AnyRows
from tidegate.store.segment import BlockRef

#: Series of an answer, streams (a series of one process) that are told apart, and values of all series together.
MAX_SERIES = 1000
MAX_STREAMS = 20_000
MAX_VALUES = 1_000_000

#: How far (ns) before ``since`` is looked for what a counter had then.
LOOKBACK_NS = 300 * 10**9

#: A point, and the id of the process that recorded it.
Found = tuple[Point, str]

#: What tells the lines of an answer apart.
_Key = tuple[Any, ...]


@dataclass(slots=True)
class _Stream:
    """What was last seen of a series of one process."""

    value: Value
    start: int
    time: int


@dataclass(slots=True)
class _Series:
    """One line of the answer while it is drawn; values by steps, of gauges and the like also by processes."""

    metric: Metric
    service: str
    attributes: Mapping[str, Any]
    instance: str
    grown: dict[int, Value] = field(default_factory=dict)
    last: dict[int, dict[Any, float]] = field(default_factory=lambda: defaultdict(dict))


class Drawing:
    """Points in order of their times into lines. ``start`` and ``step`` in ns; ``by``: attributes that tell series
    apart, None for all that there are."""

    def __init__(self, start: int, step: int, number: int, by: Sequence[str] | None) -> None:
        self._start, self._step, self._number, self._by = start, step, number, by
        self._room = max(1, min(MAX_SERIES, MAX_VALUES // number))
        self._series: dict[_Key, _Series] = {}
        self._streams: dict[_Key, _Stream] = {}
        self.left_out = 0

    def add(self, point: Point, process: str) -> None:
        """Take the next point of a process."""
        stream_key = (process, point.service, identity(point.metric, point.scope, point.attributes))
        grows = keeps(point.metric)
        grown = self._grown(stream_key, point) if grows else None
        place = (point.time_unix_nano - self._start) // self._step
        if not 0 <= place < self._number or (grows and grown is None):
            return
        series = self._one(point, process)
        if series is None:
            self.left_out += 1
        elif grown is not None:
            known = series.grown.get(place)
            series.grown[place] = grown if known is None else merging.add([known, grown])
        else:
            value = point.value.get("as_int", point.value.get("as_double"))
            if value is not None:
                series.last[place][stream_key] = value

    def _grown(self, key: _Key, point: Point) -> Value | None:
        """By how much the stream has grown since its last point; None where that is not known."""
        if point.metric.temporality == "delta":
            return point.value
        known = self._streams.get(key)
        if known is None:
            if len(self._streams) >= MAX_STREAMS:
                self.left_out += 1
                return None
            self._streams[key] = _Stream(point.value, point.start_time_unix_nano, point.time_unix_nano)
            # what it counted before we looked is not of this time
            return point.value if point.start_time_unix_nano >= self._start - LOOKBACK_NS else None
        former, known.value = known.value, point.value
        is_same = known.start == point.start_time_unix_nano
        known.start, known.time = point.start_time_unix_nano, point.time_unix_nano
        return growth(former, point.value) if is_same else point.value

    def _one(self, point: Point, process: str) -> _Series | None:
        metric = point.metric
        instance = process if metric.type == "gauge" else ""
        attributes = point.attributes
        if self._by is not None:
            attributes = {key: attributes[key] for key in self._by if key in attributes}
        kind = (metric.type, metric.unit, metric.is_monotonic)
        key = (point.service, canonical(attributes), instance, *kind)
        known = self._series.get(key)
        if known is None and len(self._series) < self._room:
            known = self._series[key] = _Series(metric, point.service, attributes, instance)
        return known

    def answer(self, q: Sequence[float], *, rate: bool) -> Lines:
        """Growth per second with ``rate``, else in each step; ``q``: quantiles of histograms."""
        made = [self._line(self._series[key], q, rate) for key in sorted(self._series)]
        if q and made and not any(line.quantiles for line in made):
            raise QueryError(f"{made[0].metric.name!r} is no histogram, so it has no quantiles; leave q out.")
        return Lines(self._start, self._step, made, self.left_out)

    def _line(self, series: _Series, q: Sequence[float], rate: bool) -> Line:
        places = range(self._number)
        values: list[float | None]
        if keeps(series.metric):
            unit = self._step / 10**9 if rate else 1
            values = [_ratio(series.grown.get(place), unit) for place in places]
        else:
            values = [sum(series.last[place].values()) if place in series.last else None for place in places]
        of_histogram = q if "histogram" in series.metric.type else ()
        shares = [[_quantile(series.grown.get(place), share) for place in places] for share in of_histogram]
        return Line(series.metric, series.service, series.attributes, values, shares, series.instance)


def _ratio(value: Value | None, unit: float) -> float | None:
    return None if value is None else merging.size(value) / unit


def _quantile(value: Value | None, share: float) -> float | None:
    return None if value is None else quantile(value, share)


def draw(found: Iterable[Found], drawing: Drawing) -> None:
    for point, process in found:
        drawing.add(point, process)


def points(rows: AnyRows, ref: AnyRef) -> Any:
    """The shape of a point with the id of the process that recorded it."""
    places = rows.places
    process = _processes(ref)

    def make(row: int) -> tuple[Any, str]:
        segment = places[row][0]
        return rows.record(row), process.get(segment, segment)

    return make


def _processes(ref: AnyRef) -> Mapping[str, str]:
    """Ids of processes by their segments."""
    if isinstance(ref, BlockRef):
        return {ref.header.segment: sys.intern(str(ref.header.process["id"]))}
    try:
        return {source.segment: str(source.process["id"]) for source in ref.file.sources}
    except FileNotFoundError:
        raise Moved(ref.key) from None
    except FormatError:  # each segment is taken for a process
        return {}

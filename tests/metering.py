"""Metric points made by hand, and their way into a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from making import SHOP, T0
from tidegate.records import Point, Resource
from tidegate.store.block import Batch
from tidegate.store.sinks import Sink

S = 10**9


@dataclass(frozen=True)
class Made:
    """A point of a counter, unless said otherwise. ``at`` and ``start`` in seconds after `T0`."""

    name: str
    value: Any
    at: float = 0
    start: float = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    type: str = "sum"
    is_monotonic: bool = True
    temporality: str = "cumulative"
    unit: str = ""
    exemplars: Sequence[Mapping[str, Any]] = ()

    @property
    def metric(self) -> dict[str, Any]:
        fields = {"temporality": self.temporality, "is_monotonic": self.is_monotonic, "unit": self.unit}
        return {"name": self.name, "type": self.type, **{name: value for name, value in fields.items() if value}}


def gauge(name: str, value: float, at: float = 0, **fields: Any) -> Made:
    return Made(name, value, at, type="gauge", is_monotonic=False, temporality="", **fields)


def updown(name: str, value: float, at: float = 0, **fields: Any) -> Made:
    return Made(name, value, at, is_monotonic=False, **fields)


def histogram(name: str, counts: Sequence[int], bounds: Sequence[float], at: float = 0, **fields: Any) -> Made:
    value = {"count": sum(counts), "sum": 1.5, "min": 0.5, "max": 1.0, "bucket_counts": counts}
    return Made(name, {**value, "explicit_bounds": bounds}, at, type="histogram", is_monotonic=False, **fields)


def put_points(sink: Sink, *points: Made, of: Resource = SHOP) -> None:
    """Commit one block: what one collection of a process found."""
    times = [T0 + round(point.at * S) for point in points]
    starts = [T0 + round(point.start * S) - 1 for point in points]
    columns: dict[str, Any] = {
        "t0": str(T0),
        "metrics": [point.metric for point in points],
        "metric": list(range(len(points))),
        "attributes": [dict(point.attributes) for point in points],
        "value": [_value(point.value) for point in points],
        "time": [time - T0 for time in times],
        "age": [None if point.type == "gauge" else time - start
                for point, time, start in zip(points, times, starts, strict=True)],
    }  # fmt: skip
    if any(point.exemplars for point in points):
        columns["exemplars"] = [list(point.exemplars) for point in points]
    sink.append(of, Batch("metrics", len(points), columns, min(times), max(times)))


def _value(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return {"as_int" if isinstance(value, int) else "as_double": value}


def shown(points: Sequence[Point]) -> dict[str, Any]:
    """The number or count of each point by its name, with the attributes if there are any."""
    return {_label(point): next(point.value[name] for name in ("as_int", "as_double", "count") if name in point.value)
            for point in points}  # fmt: skip


def _label(point: Point) -> str:
    attributes = ",".join(f"{key}={value}" for key, value in point.attributes.items())
    return point.metric.name + (f"{{{attributes}}}" if attributes else "")

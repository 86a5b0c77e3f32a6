"""SDK metrics to columns: one record per data point."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogram,
    Histogram,
    MetricsData,
    Sum,
)

from tidegate.otel import attribute_dict
from tidegate.record.spans import scope_columns
from tidegate.store.block import Batch, pack, pack_lists, window

_TEMPORALITY: dict[Any, str] = {AggregationTemporality.CUMULATIVE: "cumulative", AggregationTemporality.DELTA: "delta"}


def batches(data: MetricsData) -> Iterator[tuple[Any, Batch]]:
    """For each resource, it and the columns of its points; once for each window of time."""
    for resource_metrics in data.resource_metrics:
        points: dict[int, list[tuple[Any, Any, Any]]] = defaultdict(list)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                for point in metric.data.data_points:
                    points[window(point.time_unix_nano)].append((scope_metrics.scope, metric, point))
        for rows in points.values():
            yield resource_metrics.resource, batch(rows)


def batch(rows: list[tuple[Any, Any, Any]]) -> Batch:
    """The columns of (scope, metric, point) triples, which all have one resource."""
    scopes, metrics, points = zip(*rows, strict=True)
    times = [point.time_unix_nano for point in points]
    base = min(times)
    by_identity = {id(metric): metric for metric in metrics}
    places = {identity: place for place, identity in enumerate(by_identity)}
    columns: dict[str, Any] = {
        "t0": str(base),
        "metrics": [_metric(metric) for metric in by_identity.values()],
        "attributes": [attribute_dict(point.attributes) for point in points],
        "value": [_value(point) for point in points],
    }
    pack("metric", [places[id(metric)] for metric in metrics], 0, columns)
    pack("time", [time - base for time in times], 0, columns)
    pack("age", [_age(point) for point in points], 0, columns)
    pack_lists("exemplars", [[_exemplar(item) for item in point.exemplars or ()] for point in points], columns)
    pack("flags", [getattr(point, "flags", 0) for point in points], 0, columns)
    scope_columns(scopes, columns)
    return Batch("metrics", len(points), columns, base, max(times))


def _age(point: Any) -> int | None:
    """Time since the series began, in ns; None for a point without a beginning (a gauge's)."""
    start = point.start_time_unix_nano
    return point.time_unix_nano - start if start else None


def _metric(metric: Any) -> dict[str, Any]:
    data = metric.data
    fields: dict[str, Any] = {
        "name": metric.name,
        "unit": metric.unit or "",
        "description": metric.description or "",
        "temporality": _TEMPORALITY.get(getattr(data, "aggregation_temporality", None), ""),
        "is_monotonic": getattr(data, "is_monotonic", False),
    }
    return {"type": _type(data), **{name: value for name, value in fields.items() if value}}


def _type(data: Any) -> str:
    if isinstance(data, Sum):
        return "sum"
    if isinstance(data, Histogram):
        return "histogram"
    return "exponential_histogram" if isinstance(data, ExponentialHistogram) else "gauge"


def _number(value: Any) -> dict[str, Any]:
    return {"as_int" if isinstance(value, int) else "as_double": value}


def _value(point: Any) -> dict[str, Any]:
    if hasattr(point, "value"):
        return _number(point.value)
    value = {"count": point.count, "sum": point.sum, "min": point.min, "max": point.max}
    if hasattr(point, "explicit_bounds"):
        bounds = {"bucket_counts": list(point.bucket_counts), "explicit_bounds": list(point.explicit_bounds)}
        return {**value, **bounds}
    return {
        **value,
        "scale": point.scale,
        "zero_count": point.zero_count,
        "positive": _buckets(point.positive),
        "negative": _buckets(point.negative),
    }


def _buckets(buckets: Any) -> dict[str, Any]:
    return {"offset": buckets.offset, "bucket_counts": list(buckets.bucket_counts)}


def _exemplar(exemplar: Any) -> dict[str, Any]:
    fields = {
        "filtered_attributes": attribute_dict(exemplar.filtered_attributes),
        "time_unix_nano": exemplar.time_unix_nano,
        **_number(exemplar.value),
    }
    if exemplar.trace_id:
        fields["trace_id"] = "%032x" % exemplar.trace_id
        fields["span_id"] = "%016x" % (exemplar.span_id or 0)
    return fields

"""Metric points as the SDK's `MetricsData` again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)

from tidegate import records

_TEMPORALITY = {
    "delta": AggregationTemporality.DELTA,
    "cumulative": AggregationTemporality.CUMULATIVE,
    "": AggregationTemporality.UNSPECIFIED,
}


def metrics_data(points: Iterable[records.Point], owners: Any) -> MetricsData:
    """Points under their resources, scopes and metrics, each in the order in which it comes first."""
    resources: dict[Any, dict[Any, dict[records.Metric, list[Any]]]] = {}
    for point in points:
        if point.metric.type in _DATA:
            scopes = resources.setdefault(owners.resource(point.resource), {})
            metrics = scopes.setdefault(owners.scope(point.scope), {})
            metrics.setdefault(point.metric, []).append(_POINTS[point.metric.type](point, point.value))
    return MetricsData(
        [
            ResourceMetrics(
                resource,
                [
                    ScopeMetrics(scope, [_metric(*each) for each in metrics.items()], scope.schema_url or "")
                    for scope, metrics in scopes.items()
                ],
                resource.schema_url,
            )
            for resource, scopes in resources.items()
        ]
    )


def _metric(metric: records.Metric, points: list[Any]) -> Metric:
    return Metric(metric.name, metric.description, metric.unit, _DATA[metric.type](points, metric))


_DATA: dict[str, Callable[[list[Any], records.Metric], Any]] = {
    "gauge": lambda points, metric: Gauge(points),
    "sum": lambda points, metric: Sum(points, _TEMPORALITY[metric.temporality], metric.is_monotonic),
    "histogram": lambda points, metric: Histogram(points, _TEMPORALITY[metric.temporality]),
    "exponential_histogram": lambda points, metric: ExponentialHistogram(points, _TEMPORALITY[metric.temporality]),
}


def _common(point: records.Point) -> dict[str, Any]:
    return {
        "attributes": dict(point.attributes),
        # a gauge has no beginning
        "start_time_unix_nano": point.start_time_unix_nano or None,
        "time_unix_nano": point.time_unix_nano,
        "exemplars": [_exemplar(each) for each in point.exemplars],
    }


def _number(value: Mapping[str, Any]) -> Any:
    whole = value.get("as_int")
    return value.get("as_double", 0.0) if whole is None else whole


def _of_number(point: records.Point, value: Mapping[str, Any]) -> NumberDataPoint:
    return NumberDataPoint(**_common(point), value=_number(value))


def _sums(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.get(name) for name in ("count", "sum", "min", "max")}


def _of_histogram(point: records.Point, value: Mapping[str, Any]) -> HistogramDataPoint:
    buckets: dict[str, Any] = {name: list(value.get(name) or ()) for name in ("bucket_counts", "explicit_bounds")}
    return HistogramDataPoint(**_common(point), **_sums(value), **buckets)


def _of_exponential(point: records.Point, value: Mapping[str, Any]) -> ExponentialHistogramDataPoint:
    return ExponentialHistogramDataPoint(
        **_common(point),
        **_sums(value),
        scale=value.get("scale") or 0,
        zero_count=value.get("zero_count") or 0,
        positive=_buckets(value.get("positive") or {}),
        negative=_buckets(value.get("negative") or {}),
        flags=point.flags,
    )


_POINTS: dict[str, Callable[[records.Point, Mapping[str, Any]], Any]] = {
    "gauge": _of_number,
    "sum": _of_number,
    "histogram": _of_histogram,
    "exponential_histogram": _of_exponential,
}


def _buckets(value: Mapping[str, Any]) -> Buckets:
    return Buckets(value.get("offset") or 0, list(value.get("bucket_counts") or ()))


def _exemplar(exemplar: Mapping[str, Any]) -> Exemplar:
    ids = {name: int(exemplar[name], 16) for name in ("trace_id", "span_id") if exemplar.get(name)}
    filtered = dict(exemplar.get("filtered_attributes") or {})
    return Exemplar(filtered, _number(exemplar), exemplar.get("time_unix_nano") or 0, **ids)

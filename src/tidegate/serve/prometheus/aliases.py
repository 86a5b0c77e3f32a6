"""``http_requests_total`` and ``http_request_duration_seconds``: the names that dashboards know.

Both come from the duration of served requests, ``http.server.request.duration`` in seconds, or
``http.server.duration`` in milliseconds of the semantic conventions before 1.20. Where a service has
both, as in a migration that duplicates them, the new one counts.

Labels are ``service_name`` (and ``service_namespace``), ``method``, ``path`` and ``status``. ``path`` is
the route (``/items/{id}``), never the path that was asked for, of which there is no end; requests without
a route, such as those of scanners that were answered 404, have no label ``path``. Series that differ in
other attributes only are added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tidegate.records import Point
from tidegate.serve.prometheus import histogram, labels
from tidegate.serve.prometheus.families import Family, Group
from tidegate.serve.prometheus.histogram import Histogram
from tidegate.serve.prometheus.series import HistogramText, Series
from tidegate.serve.prometheus.values import label_value

#: The metrics that aliases come from, those that count before others first.
SOURCES = ("http.server.request.duration", "http.server.duration")

#: How many of a unit make a second.
PER_SECOND = {"s": 1, "ms": 1000}

#: Attributes by label, those of the newer semantic conventions first.
ATTRIBUTES = {
    "method": ("http.request.method", "http.method"),
    "path": ("http.route",),
    "status": ("http.response.status_code", "http.status_code"),
}

REQUESTS = Family("http_requests", "counter", help="HTTP requests served, by route.")
DURATION = Family(
    "http_request_duration_seconds", "histogram", unit="seconds", help="Time to serve HTTP requests, by route."
)


class Alias(NamedTuple):
    """The series of both aliases for one set of labels."""

    key: str
    requests: str
    duration: HistogramText


def alias(shown: str) -> Alias:
    return Alias(shown, f"{REQUESTS.name}_total{{{shown}}} ", HistogramText(DURATION.name, shown))


def collapsed(groups: Iterable[Group[Series]]) -> Iterator[tuple[str, Histogram]]:
    """Labels of each alias series, and the durations of its requests in seconds."""
    found: dict[str, list[Histogram]] = {}
    for series in _sources(groups):
        try:
            read = histogram.read(series.point.value)
        except (LookupError, TypeError, ValueError):
            continue  # counted where its own name is shown
        divisor = PER_SECOND[series.point.metric.unit]
        found.setdefault(_labels(series), []).append(histogram.scaled(read, divisor) if divisor != 1 else read)
    for shown, parts in found.items():
        yield shown, histogram.add(parts)


def _sources(groups: Iterable[Group[Series]]) -> Iterator[Series]:
    among = {name: [group for group in groups if group.family.metric == name] for name in SOURCES}
    services: set[tuple[Any, Any]] = set()
    for name in SOURCES:
        series = [
            each
            for group in among[name]
            if group.family.type == "histogram"
            for each in group.series
            if each.point.metric.unit in PER_SECOND and _service(each.point) not in services
        ]
        services |= {_service(each.point) for each in series}
        yield from series


def _service(point: Point) -> tuple[Any, Any]:
    attributes = point.resource.attributes
    return attributes.get("service.namespace"), attributes.get("service.name")


def _labels(series: Series) -> str:
    if series.alias is None:
        attributes = series.point.attributes
        shown = {label: _first(attributes, keys) for label, keys in ATTRIBUTES.items()}
        series.alias = labels.text(labels.service(series.point.resource) | shown)
    return series.alias


def _first(attributes: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((label_value(attributes[key]) for key in keys if key in attributes), "")

"""Points made by hand, points of a real SDK, and what the official parsers read in an exposition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics.export import MetricsData
from prometheus_client import Metric as Family
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.samples import Sample

import tidegate.store
from tidegate.record import metrics
from tidegate.records import Metric, Point, Resource, Scope
from tidegate.serve.prometheus import expose
from tidegate.store.sinks import FileSink

parse_text: Callable[[str], Iterable[Family]] = parser.text_string_to_metric_families
parse_openmetrics: Callable[[str], Iterable[Family]] = openmetrics_parser.text_string_to_metric_families

SHOP = Resource({"service.name": "shop"})
NO_SCOPE = Scope()
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def point(
    name: str,
    value: Mapping[str, Any],
    attributes: Mapping[str, Any] | None = None,
    *,
    kind: str = "gauge",
    unit: str = "",
    description: str = "",
    temporality: str | None = None,
    **fields: Any,
) -> Point:
    """A point of `SHOP`; cumulative, and monotonic if it is a sum, unless told otherwise."""
    if temporality is None:
        temporality = "" if kind == "gauge" else "cumulative"
    is_monotonic = fields.pop("is_monotonic", kind == "sum")
    metric = Metric(name, kind, unit, description, temporality, is_monotonic)
    return Point(
        metric, 2, 1, **{"resource": SHOP, "scope": NO_SCOPE, "value": value, "attributes": attributes or {}, **fields}
    )


def counter(name: str, value: float, attributes: Mapping[str, Any] | None = None, **fields: Any) -> Point:
    return point(name, number(value), attributes, kind="sum", **fields)


def gauge(name: str, value: float, attributes: Mapping[str, Any] | None = None, **fields: Any) -> Point:
    return point(name, number(value), attributes, **fields)


def histogram(
    name: str,
    counts: list[int],
    bounds: list[float],
    attributes: Mapping[str, Any] | None = None,
    *,
    total: float | None = 0.0,
    **fields: Any,
) -> Point:
    value = {"count": sum(counts), "sum": total, "bucket_counts": counts, "explicit_bounds": bounds}
    return point(name, value | fields.pop("value", {}), attributes, kind="histogram", **fields)


def number(value: float) -> dict[str, float]:
    return {"as_int" if isinstance(value, int) else "as_double": value}


def text(points: Iterable[Point], *, openmetrics: bool = False) -> str:
    return b"".join(expose(points, openmetrics=openmetrics)).decode()


def parsed(points: Iterable[Point], *, openmetrics: bool = False) -> list[Family]:
    """What the official client's parser makes of points, without ``target_info``; no TYPE may come twice."""
    shown = text(points, openmetrics=openmetrics)
    types = [line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")]
    assert len(set(types)) == len(types), types
    found = list(parse_openmetrics(shown) if openmetrics else parse_text(shown))
    return found[1:] if found and found[0].documentation == "Target metadata" else found


def families(points: Iterable[Point], *, openmetrics: bool = False) -> dict[str, Family]:
    return {family.name: family for family in parsed(points, openmetrics=openmetrics)}


def samples(points: Iterable[Point], *, openmetrics: bool = False) -> list[Sample]:
    return [sample for family in parsed(points, openmetrics=openmetrics) for sample in family.samples]


def sample(points: Iterable[Point], *, openmetrics: bool = False) -> Sample:
    [only] = samples(points, openmetrics=openmetrics)
    return only


def labels(attributes: Mapping[str, Any], **fields: Any) -> dict[str, str]:
    """Labels of a series with these attributes, without its service's."""
    shown = dict(sample([gauge("g", 1, attributes, **fields)]).labels)
    assert shown.pop("service_name") == "shop"
    return shown


def buckets(found: Iterable[Sample]) -> list[tuple[str, float]]:
    return [(each.labels["le"], each.value) for each in found if each.name.endswith("_bucket")]


def stored(data: Iterable[MetricsData | None], directory: Path) -> list[Point]:
    """The SDK's metrics as a reader finds them after they were recorded."""
    sink = FileSink(str(directory))
    for each in data:
        assert each
        for resource, batch in metrics.batches(each):
            sink.append(Resource(dict(resource.attributes)), batch)
    sink.close()
    with tidegate.store.open(str(directory)) as reader:
        return sorted(reader.metrics(), key=lambda found: found.metric.name)


def lines(points: Iterable[Point], *, openmetrics: bool = False) -> Iterator[str]:
    """Lines of samples, without comments and ``target_info``."""
    for line in text(points, openmetrics=openmetrics).splitlines():
        if not line.startswith(("#", "target_info")):
            yield line

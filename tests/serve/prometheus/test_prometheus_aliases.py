"""``http_requests_total`` and ``http_request_duration_seconds``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from serve.prometheus.samples import buckets, counter, families, gauge, histogram, labels, point, text
from tidegate.records import Point, Resource

FORMATS = pytest.mark.parametrize("openmetrics", [False, True])
GET = {"http.request.method": "GET", "http.route": "/items/{id}", "http.response.status_code": 200}


def served(counts: list[int], attributes: dict[str, Any] | None = None, **fields: Any) -> Point:
    given = {"unit": "s", "total": 1.5, **fields}
    return histogram("http.server.request.duration", counts, [0.005, 0.25], attributes or GET, **given)


def old(counts: list[int], **fields: Any) -> Point:
    attributes = {"http.method": "GET", "http.route": "/items/{id}", "http.status_code": 200, "http.target": "/items/7"}
    return histogram("http.server.duration", counts, [5, 250], attributes, unit="ms", total=1500, **fields)


def requests(points: Iterable[Point], **fields: Any) -> list[tuple[dict[str, str], float]]:
    found = families(points, **fields).get("http_requests")
    return [(each.labels, each.value) for each in found.samples] if found else []


@FORMATS
def test_requests_are_counted_by_method_route_and_status(openmetrics: bool) -> None:
    assert requests([served([1, 2, 3])], openmetrics=openmetrics) == [
        ({"service_name": "shop", "method": "GET", "path": "/items/{id}", "status": "200"}, 6)
    ]


@FORMATS
def test_durations_are_a_histogram_in_seconds(openmetrics: bool) -> None:
    found = families([served([1, 2, 3])], openmetrics=openmetrics)["http_request_duration_seconds"]
    assert buckets(found.samples) == [("0.005", 1), ("0.25", 3), ("+Inf", 6)]
    assert [each.value for each in found.samples if each.name.endswith("_sum")] == [1.5]


def test_the_older_conventions_are_divided_to_seconds() -> None:
    found = families([old([1, 2, 3])])
    assert requests([old([1, 2, 3])])[0][0] == requests([served([1, 2, 3])])[0][0]
    assert buckets(found["http_request_duration_seconds"].samples) == [("0.005", 1), ("0.25", 3), ("+Inf", 6)]
    assert found["http_request_duration_seconds"].samples[-1].value == 1.5


def test_a_service_that_has_both_conventions_is_counted_once() -> None:
    assert [value for _, value in requests([old([1, 2, 3]), served([1, 2, 3])])] == [6]


def test_services_of_both_conventions_are_counted_each() -> None:
    other = Resource({"service.name": "old"})
    assert sorted(value for _, value in requests([old([1, 1, 1], resource=other), served([1, 2, 3])])) == [3, 6]


@FORMATS
def test_series_that_differ_in_other_attributes_add_up(openmetrics: bool) -> None:
    points = [served([1, 2, 3], GET | {"url.scheme": scheme}) for scheme in ("http", "https")]
    [(_, value)] = requests(points, openmetrics=openmetrics)
    found = families(points, openmetrics=openmetrics)["http_request_duration_seconds"]
    assert (value, buckets(found.samples)) == (12, [("0.005", 2), ("0.25", 6), ("+Inf", 12)])


def test_the_path_that_was_asked_for_is_no_label() -> None:
    points = [
        served([1, 0, 0], {"http.request.method": "GET", "url.path": f"/{n}", "http.response.status_code": 404})
        for n in "ab"
    ]
    assert requests(points) == [({"service_name": "shop", "method": "GET", "status": "404"}, 2)]


def test_exponential_histograms_have_aliases_too() -> None:
    value = {"scale": 0, "zero_count": 0, "count": 3, "sum": 4.0, "positive": {"offset": 0, "bucket_counts": [1, 2]}}
    made = point("http.server.request.duration", value, GET, kind="exponential_histogram", unit="s")
    found = families([made])["http_request_duration_seconds"]
    assert buckets(found.samples) == [("0.0", 0), ("1.0", 0), ("2.0", 1), ("4.0", 3), ("+Inf", 3)]


@FORMATS
def test_a_metric_of_the_application_comes_before_an_alias(openmetrics: bool) -> None:
    points = [served([1, 2, 3]), counter("http.requests", 42)]
    assert requests(points, openmetrics=openmetrics) == [({"service_name": "shop"}, 42)]
    assert "left_out" not in text(points, openmetrics=openmetrics)
    assert "http_request_duration_seconds" in families(points, openmetrics=openmetrics)


def test_without_served_requests_there_are_no_aliases() -> None:
    assert list(families([gauge("g", 1)])) == ["g"]


def test_a_malformed_duration_has_no_alias() -> None:
    assert list(families([served([1, 2])])) == [
        "http_server_request_duration_seconds",
        "tidegate_exposition_left_out_points",
    ]


def test_another_unit_has_no_alias() -> None:
    assert requests([served([1, 2, 3], unit="min")]) == []


def test_a_label_of_an_alias_is_escaped() -> None:
    assert requests([served([1, 0, 0], GET | {"http.route": '/"%s"\n'})])[0][0]["path"] == '/"%s"\n'
    assert labels({}) == {}

"""What cannot be shown: left out, counted, and said."""

from __future__ import annotations

import math
from typing import Any

import pytest

from serve.prometheus.samples import counter, families, gauge, histogram, lines, point, text
from tidegate.records import Point

FORMATS = pytest.mark.parametrize("openmetrics", [False, True])


def left_out(points: list[Point], *, openmetrics: bool = False) -> dict[str, float]:
    found = families(points, openmetrics=openmetrics).get("tidegate_exposition_left_out_points")
    return {each.labels["reason"]: each.value for each in found.samples} if found else {}


def test_nothing_is_said_if_nothing_is_left_out() -> None:
    assert "left_out" not in text([gauge("g", 1), counter("c", 1), histogram("h", [1, 2], [1.0])])


@pytest.mark.parametrize(
    "made",
    [
        counter("c", 1, temporality="delta"),
        histogram("h", [1, 2], [1.0], temporality="delta"),
        point("s", {"count": 1}, kind="summary"),
    ],
)
@FORMATS
def test_points_that_are_not_cumulative_are_counted(made: Point, openmetrics: bool) -> None:
    assert left_out([made, gauge("g", 1)], openmetrics=openmetrics) == {"kind": 1}


@pytest.mark.parametrize("value", [-1, -0.5, math.nan, -math.inf])
@FORMATS
def test_a_counter_that_cannot_be_one_is_counted(value: float, openmetrics: bool) -> None:
    assert left_out([counter("c", value), counter("c", 1, {"n": "1"})], openmetrics=openmetrics) == {"value": 1}


@pytest.mark.parametrize("value", [{}, {"as_double": None}, {"as_int": "many"}, {"as_double": [1]}])
def test_a_point_without_a_number_is_counted(value: Any) -> None:
    assert left_out([point("g", value)]) == {"value": 1}


@FORMATS
def test_of_two_types_of_one_name_the_first_is_shown(openmetrics: bool) -> None:
    points = [histogram("a.b", [1, 2], [1.0]), gauge("a_b", 1), gauge("a_b", 2, {"n": "1"})]
    found = families(points, openmetrics=openmetrics)
    assert (found["a_b"].type, left_out(points, openmetrics=openmetrics)) == ("histogram", {"name": 2})


@FORMATS
def test_a_gauge_does_not_take_the_name_of_a_histograms_samples(openmetrics: bool) -> None:
    points = [histogram("size", [1, 2], [1.0]), gauge("size.count", 1)]
    assert left_out(points, openmetrics=openmetrics) == {"name": 1}


def test_a_gauge_and_a_counter_share_a_name_where_the_format_allows_it() -> None:
    points = [gauge("orders", 1), counter("orders", 2)]
    assert left_out(points) == {}
    assert left_out(points, openmetrics=True) == {"name": 1}


def test_metrics_whose_names_become_the_same_are_one_family() -> None:
    [family] = families([counter("a.b", 1, {"n": "1"}), counter("a_b", 2, {"n": "2"})]).values()
    assert [each.value for each in family.samples] == [1, 2]


@FORMATS
def test_of_two_series_of_one_name_and_labels_the_first_is_shown(openmetrics: bool) -> None:
    points = [counter("a.b", 1), counter("a_b", 2)]
    assert families(points, openmetrics=openmetrics)["a_b"].samples[0].value == 1
    assert left_out(points, openmetrics=openmetrics) == {"series": 1}


@FORMATS
def test_counters_whose_units_differ_by_an_annotation_are_one(openmetrics: bool) -> None:
    points = [counter("orders", 25, unit="{order}"), counter("orders", 20), counter("orders", 1, {"n": "1"})]
    [family] = families(points, openmetrics=openmetrics).values()
    assert sorted(each.value for each in family.samples) == [1, 45]


@FORMATS
def test_histograms_whose_units_differ_by_an_annotation_are_one(openmetrics: bool) -> None:
    points = [histogram("basket", [1, 2], [1.0], unit="{item}"), histogram("basket", [3, 4], [1.0], unit="{piece}")]
    [family] = families(points, openmetrics=openmetrics).values()
    assert [each.value for each in family.samples if each.name == "basket_bucket"] == [4, 10]


def test_a_value_that_cannot_be_is_not_added_to_its_like() -> None:
    assert left_out([counter("orders", 25, unit="{order}"), counter("orders", -1)]) == {"series": 1}


def test_units_that_measure_otherwise_are_two_families() -> None:
    found = families([counter("weight", 1, unit="g"), counter("weight", 1, unit="kg")])
    assert set(found) == {"weight_grams", "weight_kg"}


def test_no_metric_takes_the_place_of_target_info() -> None:
    assert left_out([gauge("target.info", 1)]) == {"name": 1}


@FORMATS
def test_the_help_of_the_count_names_what_is_left_out(openmetrics: bool) -> None:
    said = text([counter("orders.sent", 1, temporality="delta")], openmetrics=openmetrics)
    assert "Points that are not shown here: orders.sent (is neither cumulative nor a gauge).\n" in said


def test_only_some_names_are_said() -> None:
    said = text([counter(f"c{number}", -1) for number in range(100)])
    assert " and others.\n" in said
    assert list(lines([counter(f"c{number}", -1) for number in range(100)]))[-1].endswith(" 100")

"""Numbers, label values and what is said of families, read back by the official parsers."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.prometheus.samples import counter, families, gauge, labels, lines, parsed, point, sample, text
from tidegate.records import Point, Resource

FORMATS = pytest.mark.parametrize("openmetrics", [False, True])
NUMBERS = st.integers() | st.integers(-(10**400), 10**400) | st.floats()
#: Any text, lone surrogates included.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)


def as_float(value: float) -> float:
    """The number that Prometheus can hold."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@FORMATS
@given(value=NUMBERS)
def test_any_number_of_a_gauge_is_read_back(openmetrics: bool, value: float) -> None:
    assert same(as_float(sample([gauge("g", value)], openmetrics=openmetrics).value), as_float(value))


@FORMATS
@given(value=st.integers(0, 2**70) | st.floats(0))
def test_any_number_of_a_counter_is_read_back(openmetrics: bool, value: float) -> None:
    assert sample([counter("c", value)], openmetrics=openmetrics).value == value


def test_an_integer_keeps_all_its_digits() -> None:
    assert list(lines([counter("c", 2**63 - 1)])) == ['c_total{service_name="shop"} 9223372036854775807']


def test_a_float_has_the_shortest_text() -> None:
    assert list(lines([gauge("g", 0.1)])) == ['g{service_name="shop"} 0.1']


@pytest.mark.parametrize(("value", "shown"), [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (True, "1")])
def test_special_numbers_are_written_as_prometheus_does(value: float, shown: str) -> None:
    assert list(lines([gauge("g", value)])) == [f'g{{service_name="shop"}} {shown}']


@FORMATS
@given(attributes=st.dictionaries(st.from_regex("[a-z]{2,5}", fullmatch=True).filter(lambda key: key != "le"), TEXT))
def test_any_text_of_an_attribute_is_read_back(openmetrics: bool, attributes: dict[str, str]) -> None:
    shown = dict(sample([gauge("g", 1, attributes)], openmetrics=openmetrics).labels)
    shown.pop("service_name")
    without_surrogates = {key: "".join(map(mended, value)) for key, value in attributes.items()}
    assert shown == {key: value for key, value in without_surrogates.items() if value}


def mended(character: str) -> str:
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        (42, "42"),
        (2.5, "2.5"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
        (["a", 1, None], '["a", 1, null]'),
        ([math.inf, b"x"], '["Infinity", "eA=="]'),
        ({"k": {"n": [1]}}, '{"k": {"n": [1]}}'),
        (["größe"], '["größe"]'),
    ],
)
def test_other_values_are_text_by_the_specification(value: Any, shown: str) -> None:
    assert labels({"key": value}) == {"key": shown}


def test_an_integer_too_long_for_decimal_digits_is_hexadecimal() -> None:
    assert labels({"key": 16**5000}) == {"key": "0x1" + "0" * 5000}


def test_a_list_without_end_has_one() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert labels({"key": endless})["key"].startswith("[[[[")


@given(
    attributes=st.dictionaries(TEXT, st.recursive(st.none() | st.booleans() | NUMBERS | TEXT | st.binary(), st.lists))
)
def test_attributes_of_any_name_and_value_can_be_parsed(attributes: dict[str, Any]) -> None:
    sample([gauge("g", 1, attributes)], openmetrics=True)


@FORMATS
@given(description=TEXT)
def test_any_description_is_read_back(openmetrics: bool, description: str) -> None:
    [family] = families([gauge("g", 1, description=description)], openmetrics=openmetrics).values()
    assert family.documentation.strip() == "".join(map(mended, description)).strip() or "g"


def test_the_first_description_is_the_one() -> None:
    points = [
        gauge("g", 1, {"n": each}, description=said) for each, said in [("1", ""), ("2", "Two."), ("3", "Three.")]
    ]
    [family] = families(points).values()
    assert (family.documentation, len(family.samples)) == ("Two.", 3)


def test_a_metric_without_description_says_its_name() -> None:
    assert "# HELP shop_carts shop.carts\n" in text([gauge("shop.carts", 1)])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (counter("m", 1), "counter"),
        (gauge("m", 1), "gauge"),
        (counter("m", 1, is_monotonic=False), "gauge"),
        (
            point("m", {"count": 1, "sum": 1.0, "bucket_counts": [1], "explicit_bounds": []}, kind="histogram"),
            "histogram",
        ),
    ],
)
@FORMATS
def test_each_family_says_its_type(made: Point, expected: str, openmetrics: bool) -> None:
    [family] = families([made], openmetrics=openmetrics).values()
    assert family.type == expected


def test_openmetrics_ends_as_it_must() -> None:
    assert text([gauge("g", 1)], openmetrics=True).endswith("\n# EOF\n")
    assert text([], openmetrics=True) == "# EOF\n"


def test_nothing_is_an_empty_text() -> None:
    assert text([]) == ""


def test_target_info_has_what_all_processes_of_a_service_agree_on() -> None:
    one = Resource({"service.name": "shop", "host.name": "box", "process.pid": 1, "service.version": "1"})
    other = Resource({"service.name": "shop", "host.name": "box", "process.pid": 2, "service.version": "2"})
    shown = text([gauge("g", 1, resource=one), gauge("h", 1, resource=other)])
    assert '# TYPE target_info gauge\ntarget_info{host_name="box",service_name="shop"} 1\n' in shown


def test_target_info_is_an_info_in_openmetrics() -> None:
    shown = text([gauge("g", 1)], openmetrics=True)
    assert '# TYPE target info\ntarget_info{service_name="shop"} 1\n' in shown


def test_target_info_is_there_once_for_each_service() -> None:
    points = [gauge("g", 1, {"n": n}, resource=Resource({"service.name": name})) for name in ("a", "b") for n in "12"]
    assert text(points).count("\ntarget_info{") == 2


def _identity(point: Point) -> object:
    """What points are added up by; of gauges none are."""
    metric = point.metric
    return (
        id(point)
        if metric.type == "gauge"
        else (metric.name, metric.type, json.dumps(point.attributes, sort_keys=True))
    )


@given(
    points=st.lists(
        st.builds(
            point,
            st.sampled_from(["a.b", "a_b", "a.b.total", "a.b.count", "a.b.bucket", "target", "a.b.created"]) | TEXT,
            st.builds(lambda value: {"as_double": value}, NUMBERS)
            | st.just({"count": 3, "sum": 1.5, "bucket_counts": [1, 2], "explicit_bounds": [0.5]})
            | st.just({}),
            st.dictionaries(st.sampled_from(["x.y", "x_y", "le", "service.name", ""]), st.sampled_from(["", "1", "2"])),
            kind=st.sampled_from(["gauge", "sum", "histogram", "exponential_histogram", "summary"]),
            unit=st.sampled_from(["", "s", "1", "By/s", "total"]) | TEXT,
            description=TEXT,
            is_monotonic=st.booleans(),
        ),
        max_size=12,
        unique_by=_identity,
    )
)
def test_whatever_there_is_it_parses_and_every_point_is_shown_or_counted(points: list[Point]) -> None:
    for openmetrics in (False, True):
        found = parsed(points, openmetrics=openmetrics)
        everything = [each for family in found for each in family.samples]
        series = {(each.name, json.dumps(each.labels, sort_keys=True)) for each in everything}
        assert len(series) == len(everything)
        left_out = [each.value for each in everything if each.name == "tidegate_exposition_left_out_points"]
        numbers = sum(len(family.samples) for family in found if family.type != "histogram")
        histograms = sum(each.labels.get("le") == "+Inf" for each in everything)
        assert numbers - len(left_out) + histograms + sum(left_out) == len(points)

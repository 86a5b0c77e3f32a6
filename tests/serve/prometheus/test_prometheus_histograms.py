"""Histograms: buckets that add up, exponential ones as explicit ones, and exemplars."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.prometheus.samples import (
    SPAN,
    TRACE,
    buckets,
    counter,
    families,
    gauge,
    histogram,
    lines,
    parsed,
    point,
    sample,
    samples,
    text,
)
from tidegate.serve.prometheus.histogram import MAX_BOUNDARIES, Histogram, add, read

FORMATS = pytest.mark.parametrize("openmetrics", [False, True])
BOUNDS = st.lists(st.floats(allow_nan=False), max_size=8, unique=True).map(sorted)
BUCKETS = st.fixed_dictionaries(
    {"offset": st.integers(-3000, 3000), "bucket_counts": st.lists(st.integers(0, 9), max_size=160)}
)
EXPONENTIAL = st.fixed_dictionaries(
    {
        "scale": st.integers(-11, 20),
        "zero_count": st.integers(0, 9),
        "positive": BUCKETS,
        "negative": BUCKETS,
        "sum": st.floats(0, 1e9),
    }
)


def exponential(
    scale: int, positive: dict[int, int], negative: dict[int, int] | None = None, zeros: int = 0
) -> dict[str, Any]:
    """The value of a point with counts by index."""
    sides = {"positive": positive, "negative": negative or {}}
    return {
        "scale": scale,
        "zero_count": zeros,
        "count": zeros + sum(map(sum, (side.values() for side in sides.values()))),
        "sum": 1.0,
        **{
            name: {
                "offset": min(side, default=0),
                "bucket_counts": [
                    side.get(place, 0) for place in range(min(side, default=0), max(side, default=-1) + 1)
                ],
            }
            for name, side in sides.items()
        },
    }


def test_buckets_add_up_to_infinity() -> None:
    shown = list(lines([histogram("h", [1, 0, 3], [0.5, 10], total=4.5)]))
    assert shown == [
        'h_bucket{service_name="shop",le="0.5"} 1',
        'h_bucket{service_name="shop",le="10.0"} 1',
        'h_bucket{service_name="shop",le="+Inf"} 4',
        'h_count{service_name="shop"} 4',
        'h_sum{service_name="shop"} 4.5',
    ]


@FORMATS
@given(bounds=BOUNDS, data=st.data())
def test_any_histogram_is_read_back(openmetrics: bool, bounds: list[float], data: st.DataObject) -> None:
    size = len(bounds) + 1
    counts = data.draw(st.lists(st.integers(0, 2**60), min_size=size, max_size=size))
    found = samples([histogram("h", counts, bounds, {"a%d": "%s %"}, total=1.0)], openmetrics=openmetrics)
    up_to = dict(zip([*bounds, math.inf], accumulate(counts), strict=True))
    up_to[math.inf] = sum(counts)
    assert {float(le): count for le, count in buckets(found)} == up_to


def test_a_histogram_without_buckets_has_the_endless_one() -> None:
    value = {"count": 7, "sum": 1.5}
    assert buckets(samples([point("h", value, kind="histogram")], openmetrics=True)) == [("+Inf", 7)]


def test_an_absent_sum_is_left_out() -> None:
    assert "h_sum" not in text([histogram("h", [1, 2], [1.0], total=None)])


def test_openmetrics_has_count_and_sum_or_neither() -> None:
    found = samples([histogram("h", [1, 2], [1.0], total=None)], openmetrics=True)
    assert {each.name for each in found} == {"h_bucket"}


@pytest.mark.parametrize(
    "made",
    [
        histogram("h", [1, 2, 0], [-1.0, 1.0], total=5.0),
        histogram("h", [1, 2], [1.0], total=-3.0),
        histogram("h", [1, 2], [1.0], total=math.nan),
        histogram("h", [1, 2], [1.0], total=3.0, value={"min": -0.5}),
    ],
)
@FORMATS
def test_a_sum_that_could_fall_is_left_out(made: Any, openmetrics: bool) -> None:
    found = samples([made], openmetrics=openmetrics)
    assert (buckets(found)[-1], "h_sum" in {each.name for each in found}) == (("+Inf", 3), False)


@pytest.mark.parametrize(
    "made",
    [
        histogram("h", [1, 2, 3], [1.0]),
        histogram("h", [1, 2, 3], [2.0, 1.0]),
        histogram("h", [1, 2, 3], [1.0, 1.0]),
        histogram("h", [1, 2], [math.nan]),
        histogram("h", [1, -2], [1.0]),
        point("h", {"scale": -12, "positive": {"offset": 0, "bucket_counts": [1]}}, kind="exponential_histogram"),
    ],
)
def test_buckets_that_are_none_are_left_out_and_counted(made: Any) -> None:
    assert list(lines([made])) == ['tidegate_exposition_left_out_points{reason="value"} 1']


def test_boundaries_may_change_from_one_scrape_to_the_next() -> None:
    made = histogram("h", [1, 2], [1.0])
    first = buckets(samples([made]))
    made.value = {"count": 3, "sum": 0.0, "bucket_counts": [1, 1, 1], "explicit_bounds": [1.0, 2.0]}
    assert (first, buckets(samples([made]))) == (
        [("1.0", 1), ("+Inf", 3)],
        [("1.0", 1), ("2.0", 2), ("+Inf", 3)],
    )


def test_an_exponential_histogram_has_all_boundaries_between_its_ends() -> None:
    value = exponential(0, {0: 2, 2: 5}, zeros=1)
    found = samples([point("h", value, kind="exponential_histogram")], openmetrics=True)
    assert buckets(found) == [("0.0", 1), ("1.0", 1), ("2.0", 3), ("4.0", 3), ("8.0", 8), ("+Inf", 8)]


def test_negative_buckets_stand_before_zero() -> None:
    value = exponential(0, {0: 2}, {0: 3, 1: 4}, zeros=1)
    assert read(value) == Histogram([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0], [0, 4, 3, 1, 0, 2, 0], None)


def test_a_fine_scale_is_shown_in_steps_of_root_two() -> None:
    value = exponential(3, {0: 1, 1: 1, 4: 1, 8: 1})
    assert read(value).bounds == [0.0, 1.0, math.sqrt(2), 2.0, 2 * math.sqrt(2)]
    assert read(value).counts == [0, 0, 2, 1, 1, 0]


@given(value=EXPONENTIAL)
def test_no_measurement_is_lost_and_buckets_are_bounded(value: dict[str, Any]) -> None:
    found = read(value)
    sides = value["positive"]["bucket_counts"], value["negative"]["bucket_counts"]
    assert sum(found.counts) == sum(map(sum, sides)) + value["zero_count"]
    assert len(found.counts) == len(found.bounds) + 1 <= 2 * MAX_BOUNDARIES + 2
    assert sorted(set(found.bounds)) == found.bounds


@given(value=EXPONENTIAL)
def test_any_exponential_histogram_can_be_parsed(value: dict[str, Any]) -> None:
    found = samples([point("h", value, kind="exponential_histogram")], openmetrics=True)
    assert buckets(found)[-1][1] == sum(read(value).counts)


@given(scale=st.integers(-3, 6), indexes=st.lists(st.integers(-40, 40), min_size=1))
def test_every_bucket_counts_what_lies_wholly_below_its_bound(scale: int, indexes: list[int]) -> None:
    value = exponential(scale, {index: indexes.count(index) for index in indexes})
    found = read(value)
    for bound, count in zip(found.bounds, accumulate(found.counts), strict=False):
        below = [index for index in indexes if 2 ** ((index + 1) * 2.0**-scale) <= bound * (1 + 1e-12)]
        assert count == len(below)


@given(
    scale=st.integers(1, 8),
    first=st.sets(st.integers(-30, 30), min_size=1),
    later=st.sets(st.integers(-30, 30)),
    coarser=st.integers(0, 7),
)
def test_boundaries_stay_while_the_range_grows_and_the_sdk_rescales(
    scale: int, first: set[int], later: set[int], coarser: int
) -> None:
    before = read(exponential(scale, dict.fromkeys(first, 1)))
    rescale = min(coarser, scale - 1)
    grown = {index >> rescale: 1 for index in first | later}
    after = read(exponential(scale - rescale, grown))
    assert set(before.bounds) <= set(after.bounds)


def test_a_range_too_wide_loses_every_second_boundary_and_no_other() -> None:
    wide = read(exponential(1, {-80: 1, 80: 1})).bounds
    narrow = read(exponential(1, {-4: 1, 4: 1})).bounds
    assert len(wide) <= MAX_BOUNDARIES + 1
    assert {bound for bound in narrow if bound == 0 or math.log2(bound).is_integer()} <= set(wide)


def test_histograms_of_other_boundaries_add_up_exactly_at_those_in_common() -> None:
    one, other = Histogram([1.0, 2.0, 3.0], [1, 1, 1, 1], 8.0), Histogram([1.0, 3.0], [5, 5, 5], 2.0)
    assert add([one, other]) == Histogram([1.0, 3.0], [6, 7, 6], 10.0)


def exemplar(value: float, at: int, trace: str = TRACE, **attributes: Any) -> dict[str, Any]:
    return {
        "as_double": value,
        "time_unix_nano": at,
        "trace_id": trace,
        "span_id": SPAN,
        "filtered_attributes": attributes,
    }


def test_a_bucket_has_the_latest_exemplar_that_lies_in_it() -> None:
    given_ = [
        exemplar(0.5, 10**9, "1" * 32),
        exemplar(0.7, 3 * 10**9, "2" * 32),
        exemplar(1.0, 2 * 10**9),
        exemplar(9, 1),
    ]
    made = histogram("h", [3, 0, 1], [1.0, 2.0], exemplars=given_)
    found = [each.exemplar for each in samples([made], openmetrics=True) if each.name == "h_bucket"]
    assert [each and each.value for each in found] == [0.7, None, 9]
    assert found[0]
    assert found[0].labels == {"trace_id": "2" * 32, "span_id": SPAN}
    assert str(found[0].timestamp) == "3.000000000"


def test_a_counter_has_its_latest_exemplar() -> None:
    made = counter("c", 5, exemplars=[exemplar(2, 10**9), exemplar(3, 1_500_000_000, user="ann")])
    found = sample([made], openmetrics=True).exemplar
    assert found
    assert (found.value, str(found.timestamp)) == (3, "1.500000000")
    assert found.labels == {"trace_id": TRACE, "span_id": SPAN, "user": "ann"}


def test_attributes_that_do_not_fit_an_exemplar_are_left_out() -> None:
    made = counter("c", 5, exemplars=[exemplar(2, 1, user="x" * 128)])
    found = sample([made], openmetrics=True).exemplar
    assert found
    assert found.labels == {"trace_id": TRACE, "span_id": SPAN}


def test_the_trace_of_an_exemplar_is_no_attributes_to_change() -> None:
    made = counter("c", 5, exemplars=[exemplar(2, 1, trace_id="mine")])
    found = sample([made], openmetrics=True).exemplar
    assert found
    assert found.labels["trace_id"] == TRACE


def test_a_new_exemplar_takes_the_place_of_the_old_one() -> None:
    made = counter("c", 5, exemplars=[exemplar(2, 1)])
    assert [sample([made], openmetrics=True).exemplar.value] == [2]  # type: ignore[union-attr]
    made.exemplars = [exemplar(3, 2)]
    assert [sample([made], openmetrics=True).exemplar.value] == [3]  # type: ignore[union-attr]


def test_the_older_format_has_no_exemplars() -> None:
    assert "# {" not in text([counter("c", 5, exemplars=[exemplar(2, 1)])])


def test_gauges_have_no_exemplars() -> None:
    assert "# {" not in text([gauge("g", 5, exemplars=[exemplar(2, 1)])], openmetrics=True)


@given(
    bounds=BOUNDS,
    given_=st.lists(
        st.fixed_dictionaries(
            {"time_unix_nano": st.integers(0, 2**63), "as_double": st.floats(), "trace_id": st.just(TRACE)},
            # The official parser stumbles over escaped quotes in exemplars.
            optional={
                "filtered_attributes": st.dictionaries(st.text(), st.text().filter(lambda text: '"' not in text))
            },
        )
    ),
)
def test_exemplars_of_any_value_are_read_back_within_their_bucket(
    bounds: list[float], given_: list[dict[str, Any]]
) -> None:
    made = histogram("h", [1] * (len(bounds) + 1), bounds, exemplars=given_)
    below = None
    for each in samples([made], openmetrics=True):
        if each.name == "h_bucket":
            le = float(each.labels["le"])
            if each.exemplar:
                assert each.exemplar.value <= le
                assert below is None or below < each.exemplar.value
            below = le


def test_help_and_type_come_once_for_all_series() -> None:
    points = [histogram("h", [1, 2], [1.0], {"n": n}) for n in "abc"]
    assert len(parsed(points)) == 1
    assert list(families(points, openmetrics=True)) == ["h"]

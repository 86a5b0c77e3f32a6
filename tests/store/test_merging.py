"""Values of one series add up, whatever the order: exactly, and to what the SDK would have made of all measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)

from tidegate.record import metrics
from tidegate.store.metrics.merging import MAX_BUCKETS, REST, add, gather

BOUNDS = (0.0, 1.0, 5.0, 25.0)
OTHER_BOUNDS = (1.0, 2.0, 25.0, 100.0)

#: The SDK makes a provider for every example.
unhurried = settings(deadline=None, max_examples=60)

measurements = st.one_of(st.just(0.0), st.floats(1e-3, 1e3), st.floats(1e-12, 1e12), st.sampled_from([1.0, 5.0]))
samples = st.lists(measurements, min_size=1, max_size=12)
numbers = st.one_of(
    st.builds(lambda n: {"as_int": n}, st.integers(-(2**63), 2**63)),
    st.builds(lambda x: {"as_double": x}, st.floats(-1e300, 1e300)),
)


def measured(aggregation: Aggregation, *recorded: float) -> Mapping[str, Any]:
    """What the SDK makes of these measurements."""
    reader = InMemoryMetricReader()
    views = [View(instrument_name="*", aggregation=aggregation)]
    provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
    histogram = provider.get_meter("test").create_histogram("wait")
    for value in recorded:
        histogram.record(value)
    data = reader.get_metrics_data()
    assert data is not None
    ((_, batch),) = metrics.batches(data)
    provider.shutdown()
    (value,) = batch.columns["value"]
    found: Mapping[str, Any] = value
    return found


def explicit(*recorded: float, bounds: Sequence[float] = BOUNDS) -> Mapping[str, Any]:
    return measured(ExplicitBucketHistogramAggregation(bounds), *recorded)


def exponential(*recorded: float) -> Mapping[str, Any]:
    return measured(ExponentialBucketHistogramAggregation(), *recorded)


def without_rounding(value: Mapping[str, Any]) -> dict[str, Any]:
    """A value as it is exactly, whatever its total was rounded to."""
    exact = dict(value)
    rest = sum(map(Fraction, exact.pop(REST, ())))
    name = "sum" if "count" in exact else "as_double"
    if isinstance(exact.get(name), float):
        exact[name] = Fraction(exact[name]) + rest
    return exact


def buckets(value: Mapping[str, Any]) -> dict[str, Any]:
    """All but the sum, which the SDK rounds at every measurement; empty buckets at either end do not count."""
    sides = {name: _trimmed(value[name]) for name in ("positive", "negative") if name in value}
    return {**{key: item for key, item in value.items() if key not in ("sum", REST)}, **sides}


def _trimmed(side: Mapping[str, Any]) -> dict[int, int]:
    return {place: count for place, count in enumerate(side["bucket_counts"], side["offset"]) if count}


@given(st.lists(numbers, min_size=1, max_size=8))
def test_numbers_add_up_exactly(values: list[dict[str, Any]]) -> None:
    total = gather(values)
    exact = sum(Fraction(number) for value in values for number in value.values())
    (name, found), *rest = total.items()
    assert Fraction(found) + sum(Fraction(part) for _, parts in rest for part in parts) == exact
    assert name == ("as_int" if all("as_int" in value for value in values) else "as_double")


@given(st.lists(numbers, min_size=2, max_size=8), st.data())
def test_it_does_not_matter_what_was_added_before(values: list[dict[str, Any]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(values) - 1))
    assert add([gather(values[:cut]), *values[cut:]]) == add(data.draw(st.permutations(values)))


@given(st.lists(st.floats(0, 1e300), min_size=2, max_size=8), st.data())
def test_a_total_of_what_is_not_negative_never_falls(values: list[float], data: st.DataObject) -> None:
    order = [{"as_double": value} for value in data.draw(st.permutations(values))]
    totals = [add([gather(order[:number])]) for number in range(1, len(order) + 1)]
    found = [total["as_double"] for total in totals]
    assert found == sorted(found)


def test_whole_numbers_beside_others_keep_every_digit() -> None:
    total = gather([{"as_int": 2**53 + 1}, {"as_double": 0.5}])
    assert without_rounding(total) == {"as_double": Fraction(2**54 + 3, 2)}


@pytest.mark.parametrize("strange", [math.inf, -math.inf, math.nan])
def test_what_is_no_number_makes_no_number(strange: float) -> None:
    total = add([{"as_double": strange}, {"as_double": 1.0}])["as_double"]
    assert str(total) == str(strange)


def test_infinities_of_both_signs_and_too_great_numbers_are_not_an_error() -> None:
    assert math.isnan(add([{"as_double": math.inf}, {"as_double": -math.inf}])["as_double"])
    assert add([{"as_double": 1.7e308}] * 2) == {"as_double": math.inf}
    assert add([{"as_int": 1 << 1100}, {"as_double": 1.0}]) == {"as_double": math.inf}


@unhurried
@given(st.lists(samples, min_size=1, max_size=4))
def test_histograms_together_are_the_histogram_of_all_measurements(parts: list[list[float]]) -> None:
    every = [value for part in parts for value in part]
    assert buckets(add([explicit(*part) for part in parts])) == buckets(explicit(*every))


@unhurried
@given(samples, samples)
def test_with_other_bounds_histograms_keep_the_shared_ones(some: list[float], others: list[float]) -> None:
    total = add([explicit(*some), explicit(*others, bounds=OTHER_BOUNDS)])
    assert buckets(total) == buckets(explicit(*some, *others, bounds=(1.0, 25.0)))


@pytest.mark.parametrize("bounds", [None, [1.0], [1.0, 2.0, 3.0]])
def test_a_histogram_whose_buckets_do_not_fit_its_bounds_has_but_a_count(bounds: list[float] | None) -> None:
    odd = {"count": 3, "sum": 1.0, "bucket_counts": [1, 1, 1], "explicit_bounds": bounds}
    total = add([explicit(0.5), odd])
    expected = ([1, 3], [1.0]) if bounds is not None and len(bounds) == 2 else ([4], [])
    assert (total["bucket_counts"], total["explicit_bounds"]) == expected


@unhurried
@given(st.lists(samples, min_size=1, max_size=4))
def test_exponential_histograms_together_are_that_of_all_measurements(parts: list[list[float]]) -> None:
    every = exponential(*(value for part in parts for value in part))
    total = add([exponential(*part) for part in parts])
    # the SDK may have gone to a lower scale than it needs, for an order of measurements that wanted it
    shift = total["scale"] - every["scale"]
    assert shift >= 0
    found = {name: _lowered(_trimmed(total[name]), shift) for name in ("positive", "negative")}
    assert {**buckets(total), **found, "scale": every["scale"]} == buckets(every)


def _lowered(counts: Mapping[int, int], shift: int) -> dict[int, int]:
    out: dict[int, int] = {}
    for place, count in counts.items():
        out[place >> shift] = out.get(place >> shift, 0) + count
    return out


@unhurried
@given(st.lists(samples, min_size=2, max_size=4))
def test_neither_side_of_an_exponential_histogram_grows_without_bound(parts: list[list[float]]) -> None:
    total = add([exponential(*part) for part in parts])
    assert max(len(total[name]["bucket_counts"]) for name in ("positive", "negative")) <= MAX_BUCKETS


@unhurried
@given(st.sampled_from([explicit, exponential]), samples, samples, samples)
def test_merging_is_associative_and_commutative(make: Any, a: list[float], b: list[float], c: list[float]) -> None:
    one, two, three = make(*a), make(*b), make(*c)
    together = without_rounding(gather([one, two, three]))
    assert without_rounding(gather([gather([one, two]), three])) == together
    assert without_rounding(gather([one, gather([three, two])])) == together


@unhurried
@given(samples, samples, samples)
def test_merging_by_shared_bounds_is_associative(a: list[float], b: list[float], c: list[float]) -> None:
    one, two, three = explicit(*a), explicit(*b, bounds=OTHER_BOUNDS), explicit(*c, bounds=(5.0, 25.0))
    left, right = gather([gather([one, two]), three]), gather([one, gather([two, three])])
    assert without_rounding(left) == without_rounding(right)


@unhurried
@given(st.lists(samples, min_size=1, max_size=5))
def test_the_count_of_every_bucket_only_grows(parts: list[list[float]]) -> None:
    totals = list(accumulate((explicit(*part) for part in parts), lambda total, part: gather([total, part])))
    for less, more in pairwise(totals):
        assert all(a <= b for a, b in zip(less["bucket_counts"], more["bucket_counts"], strict=True))


def test_a_sum_that_one_part_does_not_have_is_absent() -> None:
    total = add([explicit(1.0), {**explicit(2.0), "sum": None}])
    assert ("sum" in total, total["count"]) == (False, 2)


def test_least_and_greatest_are_those_of_all_parts_that_measured_anything() -> None:
    empty = {
        "count": 0,
        "sum": 0,
        "min": math.inf,
        "max": -math.inf,
        "bucket_counts": [0] * 5,
        "explicit_bounds": BOUNDS,
    }
    total = add([explicit(1.0, 7.0), empty, explicit(3.0)])
    assert (total["min"], total["max"]) == (1.0, 7.0)


def test_a_least_that_one_part_does_not_know_is_absent() -> None:
    part = {key: value for key, value in explicit(3.0).items() if key != "min"}
    assert "min" not in add([explicit(1.0), part])


def test_parts_are_left_as_they_were() -> None:
    part = exponential(1.0, 2.0)
    before = repr(part)
    add([part, exponential(3000.0)])
    gather([part, part])
    assert repr(part) == before

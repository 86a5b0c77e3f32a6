"""Quantiles estimated from buckets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given
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
from tidegate.store.questions.estimate import mean, quantile

BOUNDS = (0, 1, 10, 100)


def recorded(values: Sequence[float], aggregation: Aggregation) -> dict[str, object]:
    """The value of the point that the SDK makes of these measurements, as it is stored."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], views=[View(instrument_name="*", aggregation=aggregation)])
    instrument = provider.get_meter("test").create_histogram("sizes")
    for value in values:
        instrument.record(value)
    data = reader.get_metrics_data()
    assert data
    ((_, batch),) = metrics.batches(data)
    provider.shutdown()
    value = batch.columns["value"]
    assert isinstance(value, list)
    return dict(value[0])


aggregations = st.sampled_from([ExplicitBucketHistogramAggregation(BOUNDS), ExponentialBucketHistogramAggregation()])
measurements = st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=20)


@given(measurements, aggregations, st.floats(0, 1))
def test_a_quantile_lies_between_the_least_and_the_greatest(
    values: list[float], aggregation: Aggregation, share: float
) -> None:
    estimate = quantile(recorded(values, aggregation), share)
    assert estimate is not None
    assert min(values) <= estimate <= max(values)


@given(measurements, aggregations)
def test_quantiles_grow_with_their_share(values: list[float], aggregation: Aggregation) -> None:
    point = recorded(values, aggregation)
    estimates = [quantile(point, share / 10) or 0 for share in range(11)]
    assert estimates == sorted(estimates)


@given(measurements)
def test_an_exponential_histogram_s_median_is_no_further_off_than_its_buckets_are_wide(values: list[float]) -> None:
    values = sorted(value + 1 for value in values)
    point = recorded(values, ExponentialBucketHistogramAggregation())
    estimate, width = quantile(point, 0.5), 2**2 ** -cast("int", point["scale"]) * (1 + 1e-9)
    assert estimate is not None
    assert values[(len(values) - 1) // 2] / width <= estimate <= values[len(values) // 2] * width


@pytest.mark.parametrize(("scale", "expected"), [(-5000, 1.0), (-2000, 1.0), (2000, 1.0), (5000, 1.0)])
def test_a_scale_far_beyond_what_is_usual_has_quantiles_too(scale: int, expected: float) -> None:
    buckets = {"offset": -1, "bucket_counts": [1]}
    assert quantile({"count": 1, "scale": scale, "positive": buckets}, 1) == expected


def test_a_bucket_is_taken_as_even() -> None:
    assert quantile({"count": 4, "bucket_counts": [0, 4, 0], "explicit_bounds": [10, 20]}, 0.5) == 15


def test_the_last_bucket_without_a_known_greatest_value_is_its_lower_end() -> None:
    assert quantile({"count": 4, "bucket_counts": [0, 4], "explicit_bounds": [10]}, 0.95) == 10


def test_an_empty_histogram_has_no_quantile() -> None:
    assert quantile({"count": 0, "bucket_counts": [0, 0], "explicit_bounds": [1], "min": math.inf}, 0.5) is None


def test_an_empty_histogram_has_no_mean() -> None:
    assert mean({"count": 0, "sum": 0}) is None


def test_the_mean_is_sum_by_count() -> None:
    assert mean({"count": 4, "sum": 10}) == 2.5

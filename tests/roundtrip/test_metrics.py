"""Metric points collected by the SDK come back whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

from recording import RESOURCE, Recording
from tidegate.record.exporters import StoreMetricExporter
from tidegate.records import Metric, Point, Resource, Scope

Collect = Callable[[], list[Point]]


class Metering:
    """A meter whose points go to the store at each `collect`."""

    def __init__(self, recording: Recording, **options: Any) -> None:
        temporality = options.pop("temporality", None)
        self._recording = recording
        self._reader = InMemoryMetricReader(preferred_temporality=temporality)
        self.provider = MeterProvider([self._reader], RESOURCE, shutdown_on_exit=False, **options)
        self.meter: Meter = self.provider.get_meter("shop", "1.0", "https://example.com/2", {"team": "pay"})
        self._exporter = StoreMetricExporter(recorder=recording.recorder)

    def collect(self) -> list[Point]:
        data = self._reader.get_metrics_data()
        if data is not None:
            self._exporter.export(data)
        return self._recording.points()


@pytest.fixture
def metering(recording: Recording) -> Iterator[Callable[..., Metering]]:
    """``metering(views=…, temporality=…)``: a provider of its own; shut down afterwards."""
    made: list[Metering] = []

    def metering(**options: Any) -> Metering:
        made.append(Metering(recording, **options))
        return made[-1]

    yield metering
    for each in made:
        each.provider.shutdown()


def test_a_counter_is_a_sum_that_only_grows(metering: Callable[..., Metering]) -> None:
    metrics = metering()
    metrics.meter.create_counter("orders", "{order}", "Orders placed.").add(3, {"kind": "card"})
    [point] = metrics.collect()
    assert point.metric == Metric("orders", "sum", "{order}", "Orders placed.", "cumulative", is_monotonic=True)
    assert (point.value, point.attributes) == ({"as_int": 3}, {"kind": "card"})
    assert 0 < point.start_time_unix_nano <= point.time_unix_nano


def test_a_counter_that_goes_down_too_is_not_monotonic(metering: Callable[..., Metering]) -> None:
    metrics = metering()
    metrics.meter.create_up_down_counter("queue").add(-2)
    [point] = metrics.collect()
    assert (point.metric.type, point.metric.is_monotonic, point.value) == ("sum", False, {"as_int": -2})


def test_the_resource_and_scope_of_a_point_come_back(metering: Callable[..., Metering]) -> None:
    metrics = metering()
    metrics.meter.create_counter("orders").add(1)
    [point] = metrics.collect()
    assert point.resource == Resource(dict(RESOURCE.attributes), "https://example.com/schema/1")
    assert point.scope == Scope("shop", "1.0", "https://example.com/2", {"team": "pay"})


@pytest.mark.parametrize(
    ("value", "kept"), [(7, {"as_int": 7}), (7.0, {"as_double": 7.0}), (1 << 62, {"as_int": 1 << 62})]
)
def test_whole_and_other_numbers_are_told_apart(
    metering: Callable[..., Metering], value: float, kept: dict[str, float]
) -> None:
    metrics = metering()
    metrics.meter.create_up_down_counter("it").add(value)
    [point] = metrics.collect()
    assert (point.value, {name: type(number) for name, number in point.value.items()}) == (
        kept, {name: type(number) for name, number in kept.items()},
    )  # fmt: skip


def test_a_gauge_has_neither_start_nor_temporality(metering: Callable[..., Metering]) -> None:
    metrics = metering()
    metrics.meter.create_gauge("temperature", "Cel").set(21.5, {"room": "a"})
    [point] = metrics.collect()
    assert point.metric == Metric("temperature", "gauge", "Cel")
    assert (point.start_time_unix_nano, point.value) == (0, {"as_double": 21.5})


def test_an_observed_gauge_has_a_point_for_each_observation(metering: Callable[..., Metering]) -> None:
    def observe(options: CallbackOptions) -> list[Observation]:
        return [Observation(1, {"cpu": 0}), Observation(2, {"cpu": 1})]

    metrics = metering()
    metrics.meter.create_observable_gauge("load", [observe])
    assert sorted((point.attributes["cpu"], point.value["as_int"]) for point in metrics.collect()) == [(0, 1), (1, 2)]


def test_a_histogram_keeps_its_buckets(metering: Callable[..., Metering]) -> None:
    metrics = metering()
    histogram = metrics.meter.create_histogram("wait", "s", explicit_bucket_boundaries_advisory=[1.0, 10.0])
    for value in (0.5, 5.0, 5.0, 50.0):
        histogram.record(value)
    [point] = metrics.collect()
    assert (point.metric.type, point.metric.temporality) == ("histogram", "cumulative")
    assert point.value == {
        "count": 4, "sum": 60.5, "min": 0.5, "max": 50.0, "bucket_counts": [1, 2, 1], "explicit_bounds": [1.0, 10.0],
    }  # fmt: skip


def test_an_exponential_histogram_keeps_its_buckets(metering: Callable[..., Metering]) -> None:
    view = View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation(max_size=4, max_scale=0))
    metrics = metering(views=[view])
    histogram = metrics.meter.create_histogram("wait")
    for value in (0.0, 1.5, 3.0, 3.0):
        histogram.record(value)
    [point] = metrics.collect()
    assert point.metric.type == "exponential_histogram"
    assert point.value == {
        "count": 4, "sum": 7.5, "min": 0.0, "max": 3.0, "scale": 0, "zero_count": 1,
        "positive": {"offset": 0, "bucket_counts": [1, 2]}, "negative": point.value["negative"],
    }  # fmt: skip


def test_an_exponential_histogram_keeps_its_flags(metering: Callable[..., Metering]) -> None:
    view = View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())
    metrics = metering(views=[view])
    metrics.meter.create_histogram("wait").record(1)
    assert [point.flags for point in metrics.collect()] == [0]


def test_delta_points_begin_where_the_last_ones_ended(metering: Callable[..., Metering]) -> None:
    metrics = metering(temporality={Counter: AggregationTemporality.DELTA})
    counter = metrics.meter.create_counter("orders")
    for amount in (3, 4):
        counter.add(amount)
        points = metrics.collect()
    assert [(point.metric.temporality, point.value["as_int"]) for point in points] == [("delta", 3), ("delta", 4)]
    assert points[1].start_time_unix_nano == points[0].time_unix_nano


def test_cumulative_points_begin_where_the_series_began(metering: Callable[..., Metering]) -> None:
    metrics = metering()
    counter = metrics.meter.create_counter("orders")
    for amount in (3, 4):
        counter.add(amount)
        points = metrics.collect()
    assert [point.value["as_int"] for point in points] == [3, 7]
    assert points[1].start_time_unix_nano == points[0].start_time_unix_nano


def test_exemplars_name_the_span_they_were_measured_in(recording: Recording, metering: Callable[..., Metering]) -> None:
    metrics = metering()
    counter = metrics.meter.create_counter("orders")
    with recording.tracer.start_as_current_span("work"):
        counter.add(5)
    [point], span = metrics.collect(), recording.span()
    [exemplar] = point.exemplars
    assert (exemplar["trace_id"], exemplar["span_id"], exemplar["as_int"]) == (span.trace_id, span.span_id, 5)


def test_exemplars_keep_the_attributes_that_a_view_took_away(metering: Callable[..., Metering]) -> None:
    metrics = metering(
        views=[View(instrument_name="orders", attribute_keys={"kind"})], exemplar_filter=AlwaysOnExemplarFilter()
    )
    metrics.meter.create_counter("orders").add(5, {"kind": "card", "user": "ann"})
    [point] = metrics.collect()
    [exemplar] = point.exemplars
    assert (point.attributes, exemplar["filtered_attributes"]) == ({"kind": "card"}, {"user": "ann"})


def test_an_exemplar_without_a_span_names_none(metering: Callable[..., Metering]) -> None:
    metrics = metering(exemplar_filter=AlwaysOnExemplarFilter())
    metrics.meter.create_counter("orders").add(5)
    [point] = metrics.collect()
    assert "trace_id" not in point.exemplars[0]


def test_points_of_many_metrics_keep_their_own(metering: Callable[..., Metering]) -> None:
    metrics = metering()
    for name in ("a", "b", "c"):
        metrics.meter.create_counter(name, unit=name).add(1)
    assert {(point.metric.name, point.metric.unit) for point in metrics.collect()} == {
        ("a", "a"),
        ("b", "b"),
        ("c", "c"),
    }


def test_attributes_that_are_no_plain_values_become_text(metering: Callable[..., Metering]) -> None:
    metrics = metering()
    metrics.meter.create_counter("orders").add(1, {"where": ("a", "b"), "odd": complex(1, 2)})  # type: ignore[dict-item]
    [point] = metrics.collect()
    assert point.attributes == {"where": ["a", "b"], "odd": "(1+2j)"}

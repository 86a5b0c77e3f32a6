"""What was added since the last point that was sent: what the SDK itself says when it is asked for deltas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

from sdk_objects import RESOURCE, active, rows_of
from tidegate.move import columns
from tidegate.records import Metric, Point, Resource, Scope
from tidegate.ship import deltas
from tidegate.ship.deltas import Deltas
from tidegate.ship.rebuild import rebuild
from tidegate.ship.wire import Picked, encode

DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE

#: What the standard exporters prefer for OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta.
STANDARD: dict[type, Any] = {
    sdk.Counter: DELTA,
    sdk.UpDownCounter: CUMULATIVE,
    sdk.Histogram: DELTA,
    sdk.ObservableCounter: DELTA,
    sdk.ObservableUpDownCounter: CUMULATIVE,
    sdk.ObservableGauge: CUMULATIVE,
}

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

#: Halves, since what totals round off cannot be in their differences.
VALUES = st.integers(0, 1000) | st.integers(0, 10**6).map(lambda number: number / 2)
ROUNDS = st.lists(
    st.lists(st.tuples(st.sampled_from(["count", "size", "wait"]), VALUES, st.sampled_from("ab")), max_size=6),
    max_size=4,
)


class Meters:
    """The same measurements, collected as totals and as the SDK's own deltas."""

    def __init__(self) -> None:
        self._totals = InMemoryMetricReader()
        self._deltas = InMemoryMetricReader(preferred_temporality=dict(STANDARD))
        view = View(instrument_name="wait", aggregation=ExponentialBucketHistogramAggregation(max_size=8))
        self.provider = MeterProvider([self._totals, self._deltas], RESOURCE, views=[view], shutdown_on_exit=False)
        meter = self.provider.get_meter("m")
        self._record: dict[str, Any] = {
            "count": meter.create_counter("count").add,
            "size": meter.create_histogram("size", explicit_bucket_boundaries_advisory=[10, 100]).record,
            "wait": meter.create_histogram("wait").record,
        }

    def measure(self, measurements: Sequence[tuple[str, float, str]]) -> None:
        for name, value, kind in measurements:
            self._record[name](value, {"kind": kind})

    def collect(self) -> tuple[list[Picked], list[Picked]]:
        found = []
        for reader in (self._totals, self._deltas):
            data = reader.get_metrics_data()
            blocks = rows_of("metrics", data) if data is not None else []
            found.append([Picked(rows, range(rows.count)) for rows in blocks])
        return found[0], found[1]


@pytest.fixture
def meters() -> Iterator[Meters]:
    made = Meters()
    yield made
    made.provider.shutdown()


def points(picked: Sequence[Picked]) -> list[Point]:
    return [each.rows.record(row) for each in picked for row in each.picked]  # type: ignore[misc]


def values(picked: Sequence[Picked]) -> dict[Any, Any]:
    """By series, temporality and value as far as both know them."""
    return {
        (point.metric.name, *point.attributes.values()): (point.metric.temporality, known(point.value))
        for point in points(picked)
    }


def known(value: Any) -> Any:
    """Without what depends on scale and rounding."""
    if "count" not in value:
        return pytest.approx(next(iter(value.values())))
    sides = [sum(value[side]["bucket_counts"]) for side in ("positive", "negative") if side in value]
    return [value["count"], pytest.approx(value["sum"]), sides, value.get("bucket_counts"), value.get("zero_count")]


@FEW
@given(rounds=ROUNDS)
def test_differences_of_totals_are_the_deltas_of_the_sdk(rounds: list[list[tuple[str, float, str]]]) -> None:
    meters, made = Meters(), Deltas(STANDARD, 0)
    try:
        for measurements in rounds:
            meters.measure(measurements)
            try:
                totals, theirs = meters.collect()
            except Exception as error:  # the SDK's own exponential histograms cannot always be merged
                assume("Incorrect merge scale" not in str(error))
                raise
            ours = values(made.of(totals))
            made.sent()
            expected = values(theirs)
            # of a series that got nothing but zeros the SDK says so
            assert {key: each for key, each in expected.items() if key in ours} == ours
            assert all(each[1] == 0 for key, each in expected.items() if key not in ours)
    finally:
        meters.provider.shutdown()


SERIES = Metric("n", "sum", "1", "", "cumulative", is_monotonic=True)


def total(value: float, time: int, start: int = 1, **fields: Any) -> Point:
    given: dict[str, Any] = {"metric": SERIES, "attributes": {"a": 1}, **fields}
    return Point(
        time_unix_nano=time,
        start_time_unix_nano=start,
        resource=Resource({"service.name": "s"}),
        scope=Scope("m"),
        value={"as_int" if isinstance(value, int) else "as_double": value},
        **given,
    )


def block(*made: Point) -> list[Picked]:
    rows = active(columns.metrics(made), made[0].resource)
    return [Picked(rows, range(rows.count))]


def numbers(made: Deltas, *given: Point, sent: bool = True) -> list[tuple[int, int, Any]]:
    found = [
        (point.start_time_unix_nano, point.time_unix_nano, next(iter(point.value.values())))
        for point in points(made.of(block(*given)))
    ]
    if sent:
        made.sent()
    return found


def test_a_delta_begins_where_the_last_one_ended() -> None:
    made = Deltas(STANDARD, 0)
    assert numbers(made, total(5, 10), total(7, 20)) == [(1, 10, 5), (10, 20, 2)]
    assert numbers(made, total(10, 30)) == [(20, 30, 3)]


def test_what_was_not_taken_is_in_the_next_delta() -> None:
    made = Deltas(STANDARD, 0)
    numbers(made, total(5, 10))
    assert numbers(made, total(7, 20), sent=False) == [(10, 20, 2)]
    assert numbers(made, total(7, 20), total(8, 30)) == [(10, 20, 2), (20, 30, 1)]


def test_what_was_sent_is_not_sent_again() -> None:
    made = Deltas(STANDARD, 0)
    numbers(made, total(5, 10), total(7, 20))
    assert numbers(made, total(5, 10), total(7, 20)) == []


def test_a_series_that_begins_anew_is_sent_from_its_new_beginning() -> None:
    made = Deltas(STANDARD, 0)
    numbers(made, total(5, 10))
    assert numbers(made, total(2, 30, start=20)) == [(20, 30, 2)]


def test_a_total_that_falls_without_a_word_has_begun_anew() -> None:
    made = Deltas(STANDARD, 0)
    numbers(made, total(5, 10))
    assert numbers(made, total(2, 20)) == [(10, 20, 2)]


def test_of_a_series_that_somebody_else_has_sent_only_what_comes_now_is_sent() -> None:
    made = Deltas(STANDARD, 100)
    assert numbers(made, total(5, 200, start=50)) == []
    assert numbers(made, total(7, 300, start=50)) == [(200, 300, 2)]
    assert numbers(made, total(3, 300, start=100, attributes={"b": 1})) == [(100, 300, 3)]


def test_nothing_is_sent_where_nothing_was_added() -> None:
    made = Deltas(STANDARD, 0)
    numbers(made, total(5, 10))
    assert numbers(made, total(5, 20)) == []
    assert numbers(made, total(6, 30)) == [(20, 30, 1)]


@pytest.mark.parametrize(
    "metric",
    [
        Metric("gauge", "gauge"),
        Metric("up-down", "sum", temporality="cumulative"),
        Metric("delta", "sum", temporality="delta", is_monotonic=True),
    ],
    ids=lambda metric: metric.name,
)
def test_gauges_what_may_fall_and_what_are_deltas_already_stay_as_they_are(metric: Metric) -> None:
    made = Deltas(STANDARD, 0)
    for value, time in ((5, 10), (7, 20)):
        point = total(value, time, metric=metric)
        assert points(made.of(block(point))) == [point]
        made.sent()


@pytest.mark.parametrize("preferred", [None, {}, {sdk.Counter: CUMULATIVE}])
def test_there_is_nothing_to_do_for_who_prefers_no_deltas(preferred: Any) -> None:
    assert not Deltas(preferred, 0)


def test_series_of_processes_are_told_apart() -> None:
    made = Deltas(STANDARD, 0)
    numbers(made, total(5, 10))
    [other] = block(total(3, 20))
    other.rows = active(columns.metrics([total(3, 20)]), Resource({"service.name": "other"}))
    assert [point.value for point in points(made.of([other]))] == [{"as_int": 3}]


def test_series_beyond_the_bound_stay_cumulative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deltas, "MAX_SERIES", 2)
    made = Deltas(STANDARD, 0)
    found = points(made.of(block(*(total(5, 10, attributes={"a": number}) for number in range(3)))))
    assert [point.metric.temporality for point in found] == ["delta", "delta", "cumulative"]


def test_series_of_which_nothing_comes_any_more_make_room_and_are_not_taken_for_new_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deltas, "MAX_SERIES", 2)
    made, late = Deltas(STANDARD, 0), deltas.STALE_NS + 100
    numbers(made, total(5, 10, attributes={"a": 1}))
    numbers(made, total(5, late, start=90, attributes={"a": 2}))
    assert len(made) == 1
    assert numbers(made, total(6, late + 1, attributes={"a": 1})) == []


def test_deltas_are_encoded_and_rebuilt_as_such(meters: Meters) -> None:
    meters.measure([("count", 5, "a"), ("size", 5, "a"), ("wait", 5, "b")])
    picked = Deltas(STANDARD, 0).of(meters.collect()[0])
    request = ExportMetricsServiceRequest.FromString(encode("metrics", picked))
    found = request.resource_metrics[0].scope_metrics[0].metrics
    assert {each.name: getattr(each, each.WhichOneof("data")).aggregation_temporality for each in found} == {
        "count": 1, "size": 1, "wait": 1,
    }  # fmt: skip
    [of_scope] = rebuild("metrics", picked).resource_metrics[0].scope_metrics
    assert {each.data.aggregation_temporality for each in of_scope.metrics} == {DELTA}

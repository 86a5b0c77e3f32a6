"""Counters, gauges and histograms by name: they record, and nothing that is given to them raises."""

from __future__ import annotations

import logging
import math
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import tidegate
from signalling import Odd, Signals, complained
from tidegate.api import metrics
from tidegate.api.calls import complaints


class Scalar:
    """As numpy's: a number of a type of its own."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


class Integer:
    def __index__(self) -> int:
        return 3


def test_a_counter_adds_up_by_attributes(signals: Signals) -> None:
    tidegate.counter("orders")
    tidegate.counter("orders", 2, channel="web")
    tidegate.counter("orders", 0.5, channel="web")
    assert {tuple(point.attributes): point.value for point in signals.points("orders")} == {(): 1, ("channel",): 2.5}


def test_a_gauge_has_its_last_value(signals: Signals) -> None:
    tidegate.gauge("queue", 5)
    tidegate.gauge("queue", -2)
    assert signals.point("queue").value == -2


def test_a_histogram_has_the_default_buckets(signals: Signals) -> None:
    tidegate.histogram("seconds", 0.3)
    point = signals.point("seconds")
    assert (point.count, point.sum, point.explicit_bounds) == (1, 0.3, tidegate.DEFAULT_HISTOGRAM_BUCKETS)


def test_the_default_buckets_are_those_of_prometheus_client() -> None:
    from prometheus_client import Histogram

    assert Histogram.DEFAULT_BUCKETS[:-1] == tidegate.DEFAULT_HISTOGRAM_BUCKETS


def test_a_histogram_can_have_buckets_of_its_own(signals: Signals) -> None:
    tidegate.histogram("items", 3, buckets=[1, 5])
    assert tuple(signals.point("items").explicit_bounds) == (1, 5)


def test_unit_and_description_are_the_instruments(signals: Signals) -> None:
    tidegate.counter("bytes", 1, unit="By", description="Bytes sent.")
    assert (signals.metrics["bytes"].unit, signals.metrics["bytes"].description) == ("By", "Bytes sent.")


def test_they_have_a_scope_of_their_own(signals: Signals) -> None:
    tidegate.counter("orders")
    data = signals._reader.get_metrics_data()
    assert data is not None
    assert [scope.scope.name for scope in data.resource_metrics[0].scope_metrics] == [metrics.SCOPE]


def test_a_measurement_in_a_trace_has_an_exemplar(signals: Signals) -> None:
    with signals.span() as context:
        tidegate.histogram("seconds", 0.3)
    assert signals.point("seconds").exemplars[0].trace_id == context.trace_id


def test_nothing_is_kept_while_there_is_no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.metrics import _internal as api

    monkeypatch.setattr(api, "_METER_PROVIDER", None)
    monkeypatch.setattr(api, "_PROXY_METER_PROVIDER", api._ProxyMeterProvider())
    tidegate.counter("orders")
    tidegate.counter("not a name")
    assert [meter._instruments for meter in api._PROXY_METER_PROVIDER._meters] == [[]]


def test_a_provider_that_is_set_later_is_followed(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    tidegate.counter("orders")
    later = Signals(monkeypatch)
    tidegate.counter("orders")
    tidegate.counter("orders")
    assert (signals.point("orders").value, later.point("orders").value) == (1, 2)


@pytest.mark.parametrize(
    "name",
    ["", "1st", "two words", "ümlaut", pytest.param("a" * 256, id="long"), None, 5, b"orders", ["orders"], Odd()],
)
def test_a_name_that_opentelemetry_refuses_is_said_once(signals: Signals, said: Any, name: Any) -> None:
    for _ in range(3):
        tidegate.counter(name)
        tidegate.gauge(name, 1)
    assert signals.metrics == {}
    assert sum(complained().values()) == 6
    assert 1 <= len(said()) <= 2


def test_a_name_is_of_one_kind(signals: Signals, said: Any) -> None:
    tidegate.counter("orders")
    tidegate.gauge("orders", 5)
    tidegate.histogram("Orders", 5)
    assert [(metric.name, metric.data.data_points[0].value) for metric in signals.metrics.values()] == [("orders", 1)]
    assert said() == [
        "gauge 'orders' is not recorded: it is the name of a counter.",
        "histogram 'Orders' is not recorded: it is the name of a counter.",
    ]


def test_a_unit_that_comes_later_is_said_and_left_out(signals: Signals, said: Any) -> None:
    tidegate.counter("sent", 1)
    tidegate.counter("sent", 1, unit="By")
    tidegate.counter("sent", 1, unit="By")
    assert (signals.point("sent").value, signals.metrics["sent"].unit) == (3, "")
    assert said() == ["counter 'sent' keeps the unit, description and buckets of its first use; give them there."]


def test_what_was_given_first_need_not_be_given_again(signals: Signals, said: Any) -> None:
    tidegate.histogram("items", 1, unit="{item}", description="Items.", buckets=(1, 5))
    tidegate.histogram("items", 1)
    tidegate.histogram("items", 1, unit="{item}", description="Items.", buckets=(1, 5))
    assert (signals.point("items").count, said()) == (3, [])


@pytest.mark.parametrize("unit", ["ü", "x" * 64, 5, None])
def test_a_wrong_unit_is_left_out(signals: Signals, unit: Any) -> None:
    tidegate.counter("sent", unit=unit)
    tidegate.counter("sent", unit=unit)
    assert (signals.point("sent").value, signals.metrics["sent"].unit) == (2, "")


@pytest.mark.parametrize("buckets", [[2, 1], [1, 1], [math.nan], [1, math.inf], ["x"], 5, [10**400]])
def test_wrong_buckets_are_the_default_ones(signals: Signals, said: Any, buckets: Any) -> None:
    tidegate.histogram("items", 1, buckets=buckets)
    tidegate.histogram("items", 1, buckets=buckets)
    point = signals.point("items")
    assert (point.count, point.explicit_bounds) == (2, tidegate.DEFAULT_HISTOGRAM_BUCKETS)
    assert len(said()) == 1


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        (Decimal("2.5"), 2.5),
        (Fraction(1, 2), 0.5),
        (Scalar(1.5), 1.5),
        (Integer(), 3),
        (True, 1),
        (2**70, float(2**70)),
        (1e300, 1e300),
    ],
)
def test_what_stands_for_a_number_is_one(signals: Signals, given: Any, recorded: float) -> None:
    tidegate.counter("number", given)
    value = signals.point("number").value
    assert (value, type(value)) == (recorded, type(recorded))


@pytest.mark.parametrize(
    "value",
    [
        -1,
        -0.5,
        math.nan,
        math.inf,
        None,
        "5",
        b"6",
        [1],
        pytest.param(10**400, id="huge"),
        Odd(),
        Scalar(-1),
        Decimal("sNaN"),
        1j,
    ],
)
def test_what_cannot_be_counted_is_left_out_and_said_once(
    signals: Signals, said: Any, caplog: pytest.LogCaptureFixture, value: Any
) -> None:
    tidegate.counter("orders")
    for _ in range(3):
        tidegate.counter("orders", value)
        tidegate.histogram("seconds", value)
    assert (signals.point("orders").value, signals.points("seconds")) == (1, [])
    assert complained() == {"value": 6}
    assert len(said()) == len(caplog.records) == 2  # the SDK would have said each


def test_what_is_no_number_is_not_told(signals: Signals, said: Any) -> None:
    tidegate.counter("orders", "a secret")  # type: ignore[arg-type]
    assert said() == ["counter 'orders' does not record a str."]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_gauge_takes_what_is_finite(signals: Signals, caplog: pytest.LogCaptureFixture, value: Any) -> None:
    tidegate.gauge("queue", value)
    assert (signals.points("queue"), complained()) == ([], {"value": 1})
    assert [record.name for record in caplog.records] == ["tidegate"]


@pytest.mark.parametrize(("given", "recorded"), [(-(2**70), -float(2**70)), (-1e300, -1e300), (-5, -5)])
def test_a_gauge_may_be_far_below_zero(signals: Signals, given: float, recorded: float) -> None:
    tidegate.gauge("queue", given)
    value = signals.point("queue").value
    assert (value, type(value)) == (recorded, type(recorded))


def test_attributes_are_primitives(signals: Signals, caplog: pytest.LogCaptureFixture) -> None:
    key = uuid.UUID(int=5)
    tidegate.counter("orders", 1, id=key, tags=["a", "b"], nothing=None, ok=True, ratio=0.5, odd=Odd(), **{"": "x"})
    assert signals.attributes("orders") == [
        {
            "id": str(key),
            "tags": "['a', 'b']",
            "ok": True,
            "ratio": 0.5,
            "odd": "<Odd without a text: RuntimeError>",
        }
    ]
    assert caplog.records == []


def test_each_nan_among_attributes_is_the_same(signals: Signals) -> None:
    tidegate.counter("orders", ratio=float("nan"))
    tidegate.counter("orders", ratio=float("nan"))
    assert signals.attributes("orders") == [{"ratio": "nan"}]


def test_names_have_a_bound(signals: Signals, monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    monkeypatch.setattr(metrics, "MAX_INSTRUMENTS", 3)
    for number in range(6):
        tidegate.counter(f"orders.{number}")
    tidegate.counter("orders.0")
    assert sorted(signals.metrics) == ["orders.0", "orders.1", "orders.2"]
    assert signals.point("orders.0").value == 2
    assert (complained(), len(said())) == ({"limit": 3}, 1)


def test_what_is_said_has_a_bound(signals: Signals, monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    monkeypatch.setattr(complaints, "MAX_SAID", 2)
    for number in range(5):
        tidegate.counter(f"{number}")
    assert (complained(), len(said())) == ({"name": 5}, 2)


def test_a_provider_that_fails_is_not_the_applications_business(
    signals: Signals, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    class Failing(MeterProvider):
        def get_meter(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("no meter")

    provider = Failing([InMemoryMetricReader()], shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", provider)
    for _ in range(3):
        tidegate.counter("orders")
    assert (complained(), len(said())) == ({"failed": 3}, 1)


def test_a_handler_that_fails_does_not_either(signals: Signals) -> None:
    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no handler")

    handler = Failing()
    logging.getLogger("tidegate").addHandler(handler)
    try:
        tidegate.counter("not a name")
    finally:
        logging.getLogger("tidegate").removeHandler(handler)
    assert complained() == {"name": 1}


def test_attributes_that_have_the_name_of_an_argument_can_be_given_in_a_mapping(signals: Signals) -> None:
    labels = {"unit": "kg", "value": 1, "buckets": "b", "description": "d"}
    tidegate.counter("counted", 1, labels, shop="north")
    tidegate.gauge("measured", 1, labels, shop="north")
    tidegate.histogram("spread", 1, labels, shop="north")
    with tidegate.timer("timed", labels, shop="north"):
        pass
    assert [signals.attributes(name) for name in signals.metrics] == [[{**labels, "shop": "north"}]] * 4


def test_each_kind_that_takes_the_name_of_another_is_told(signals: Signals, said: Any) -> None:
    tidegate.counter("orders")
    tidegate.gauge("orders", 1)
    tidegate.histogram("orders", 1)
    assert [text.split()[0] for text in said()] == ["gauge", "histogram"]

"""The questions of a test, and what they say when the answer is no."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord, get_logger
from opentelemetry.trace import SpanKind

from tidegate.errors import QueryError
from tidegate.testing import Distribution, Telemetry, capture
from tidegate.testing.conditions import is_like

SHOP = logging.getLogger("shop")


@pytest.fixture(scope="module")
def seen() -> Iterator[Telemetry]:
    """One order, and what goes wrong with it."""
    tracer, meter = trace.get_tracer("shop"), metrics.get_meter("shop")
    with capture(level="INFO") as telemetry:
        with tracer.start_as_current_span("place_order", attributes={"order.id": 7, "paid": True, "sum": 9.99}):
            SHOP.info("order %s placed", 7, extra={"vip": False})
            with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT, attributes={"amount": 3}) as charge:
                charge.add_event("retry", {"attempt": 1})
            with (
                pytest.raises(ValueError, match="gone"),
                tracer.start_as_current_span("charge", attributes={"amount": 4}),
            ):
                raise ValueError("gone")
        get_logger("shop").emit(LogRecord(event_name="order.placed", attributes={"order.id": 7}))
        SHOP.error("%d errors", 2)
        for shop, value in (("a", 1), ("b", 2)):
            meter.create_counter("orders").add(value, {"shop": shop})
            meter.create_gauge("queue").set(value, {"shop": shop})
            meter.create_histogram("seconds").record(value, {"shop": shop})
        yield telemetry


# --- values


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (7, 7),
        (int, 7),
        (object, True),
        (bool, True),
        (re.compile("^or"), "order"),
        (lambda value: value > 3, 7),
        (pytest.approx(0.3), 0.1 + 0.2),
        (..., None),
        ((1, 2), [1, 2]),
        ([int, re.compile("b")], [1, "abc"]),
        ("a", "a"),
    ],
)
def test_values_that_are_like(expected: Any, value: Any) -> None:
    assert is_like(expected, value)


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (7, 8),
        (True, 1),
        (1, True),
        (int, True),
        (int, "7"),
        (re.compile("^or"), "for"),
        (re.compile("7"), 7),
        (lambda value: value > 3, 3),
        (pytest.approx(0.3), 0.4),
        ([1], [1, 2]),
        ("a", ["a"]),
    ],
)
def test_values_that_are_not(expected: Any, value: Any) -> None:
    assert not is_like(expected, value)


# --- spans


def test_a_span_by_its_name(seen: Telemetry) -> None:
    assert seen.span("place_order").attributes["order.id"] == 7


def test_a_span_by_attributes(seen: Telemetry) -> None:
    assert seen.span("charge", amount=3).kind == "CLIENT"


def test_a_span_by_names_with_dots(seen: Telemetry) -> None:
    assert seen.span(None, {"order.id": int}, paid=True).name == "place_order"


def test_none_expects_that_there_is_no_such_attribute(seen: Telemetry) -> None:
    assert [span.name for span in seen.spans(amount=None)] == ["place_order"]


def test_spans_come_by_their_start(seen: Telemetry) -> None:
    assert [span.name for span in seen.spans()] == ["place_order", "charge", "charge"]


def test_a_name_may_be_an_expression(seen: Telemetry) -> None:
    assert seen.span(re.compile("^place")).name == "place_order"


@pytest.mark.parametrize("error", [True, ValueError, "gone", re.compile("^ValueError")])
def test_a_span_by_its_error(seen: Telemetry, error: Any) -> None:
    assert seen.span(error=error).attributes["amount"] == 4


def test_spans_without_error(seen: Telemetry) -> None:
    assert len(seen.spans(error=False)) == 2


@pytest.mark.parametrize("kind", ["client", "CLIENT", SpanKind.CLIENT])
def test_a_span_by_its_kind(seen: Telemetry, kind: Any) -> None:
    assert seen.span(kind=kind).attributes["amount"] == 3


def test_a_name_that_is_not_there_tells_the_nearest_and_the_tree(seen: Telemetry) -> None:
    with pytest.raises(AssertionError) as error:
        seen.span("place_ordr", {"order.id": int}, error=True)
    said = str(error.value)
    assert "there is no span 'place_ordr' with order.id=int, error=True; there is 'place_order'." in said
    assert "├─ charge  CLIENT  amount=3" in said


def test_several_spans_are_none(seen: Telemetry) -> None:
    with pytest.raises(AssertionError, match="there are 2 for: span 'charge'"):
        seen.span("charge")


def test_spans_that_have_not_ended_are_named() -> None:
    with capture() as telemetry:
        trace.get_tracer("shop").start_span("open")
    with pytest.raises(AssertionError, match="Not ended: 'open'"):
        telemetry.span("open")


def test_an_empty_capture_says_so() -> None:
    with capture() as telemetry:
        pass
    with pytest.raises(AssertionError, match="No span has ended, and nothing was logged"):
        telemetry.span("any")


# --- log records and events


@pytest.mark.parametrize("text", ["order 7 placed", "order %s placed", re.compile("placed$")])
def test_a_log_record_by_its_text(seen: Telemetry, text: Any) -> None:
    assert seen.log(text, vip=False).body == "order 7 placed"


@pytest.mark.parametrize("level", ["error", "ERROR", logging.ERROR])
def test_a_log_record_by_its_level(seen: Telemetry, level: Any) -> None:
    assert seen.log(level=level).body == "2 errors"


def test_a_level_that_is_none_is_told(seen: Telemetry) -> None:
    with pytest.raises(QueryError, match="loud"):
        seen.logs(level="loud")


def test_a_text_that_is_not_there_tells_the_nearest(seen: Telemetry) -> None:
    with pytest.raises(AssertionError, match="there is no log record '2 error'; there is '2 errors'"):
        seen.log("2 error")


def test_an_event_is_a_log_record_with_a_name(seen: Telemetry) -> None:
    assert seen.event("order.placed", {"order.id": 7}) == seen.log(event="order.placed")


def test_an_event_of_a_span_is_one_too(seen: Telemetry) -> None:
    assert seen.event("retry").attributes == {"attempt": 1}


def test_events_in_their_order(seen: Telemetry) -> None:
    names = [getattr(each, "event_name", "") or getattr(each, "name", "") for each in seen.events()]
    assert names == ["order.placed", "retry", "exception"]


def test_an_event_that_is_not_there_tells_the_nearest(seen: Telemetry) -> None:
    with pytest.raises(AssertionError, match=r"there is no event 'order.place'; there is 'order.placed'"):
        seen.event("order.place")


# --- metrics


def test_a_counter_of_one_series(seen: Telemetry) -> None:
    assert seen.metric("orders", shop="b") == 2


def test_series_of_a_counter_are_added_up(seen: Telemetry) -> None:
    assert seen.metric("orders") == 3


def test_a_gauge_has_its_last_value(seen: Telemetry) -> None:
    assert seen.metric("queue", shop="a") == 1


def test_several_gauges_are_no_number(seen: Telemetry) -> None:
    with pytest.raises(AssertionError, match=r"there are 2 for: metric 'queue'"):
        seen.metric("queue")


def test_a_histogram_has_count_and_sum(seen: Telemetry) -> None:
    found = seen.metric("seconds")
    assert isinstance(found, Distribution)
    assert (found.count, found.sum, found.min, found.max, sum(found.counts)) == (2, 3, 1, 2, 2)


def test_a_metric_that_is_not_there_tells_what_is(seen: Telemetry) -> None:
    with pytest.raises(AssertionError, match=r"there is no metric 'order' with shop='c'; there is 'orders'"):
        seen.metric("order", shop="c")


def test_a_metric_measured_twice_is_one_series() -> None:
    with capture() as telemetry:
        gauge = metrics.get_meter("shop").create_gauge("depth")
        gauge.set(1)
        assert telemetry.metric("depth") == 1
        gauge.set(5)
        assert telemetry.metric("depth") == 5
        assert len(telemetry.metrics("depth")) == 1


# --- what belongs together


def test_parents_and_children(seen: Telemetry) -> None:
    root = seen.span("place_order")
    assert seen.parent(root) is None
    assert [seen.parent(span) for span in seen.children("place_order")] == [root, root]


def test_a_trace_has_spans_and_log_records(seen: Telemetry) -> None:
    found = seen.trace("place_order")
    assert [span.name for span in found.spans] == ["place_order", "charge", "charge"]
    assert [log.body for log in found.logs] == ["order 7 placed"]


def test_a_parent_is_asserted(seen: Telemetry) -> None:
    seen.assert_parent(seen.span("charge", amount=3), "place_order")
    seen.assert_parent(seen.log("order 7 placed"), "place_order")


def test_another_parent_is_told(seen: Telemetry) -> None:
    charge = seen.span("charge", amount=3)
    with pytest.raises(AssertionError, match="'charge' is not the parent of 'place_order', which has none"):
        seen.assert_parent("place_order", charge)
    with pytest.raises(AssertionError, match="is not the parent of 'charge', but 'place_order'"):
        seen.assert_parent(seen.span("charge", amount=4), charge)


def test_errors_are_told(seen: Telemetry) -> None:
    with pytest.raises(AssertionError, match="2 errors: span 'charge': ValueError: gone; ERROR 2 errors"):
        seen.assert_no_errors()


def test_no_errors() -> None:
    with capture() as telemetry:
        SHOP.warning("fine")
    telemetry.assert_no_errors()


# --- secrets


def test_no_secrets(seen: Telemetry) -> None:
    seen.assert_no_secrets()


@pytest.mark.parametrize("where", ["attribute", "value", "log", "extra", "event", "nested"])
def test_secrets_are_told_by_their_place(where: str) -> None:
    secret = "hunter22-hunter22"
    with capture() as telemetry, trace.get_tracer("shop").start_as_current_span("login") as span:
        if where == "attribute":
            span.set_attribute("user.password", secret)
        elif where == "value":
            span.set_attribute("url", f"https://user:{secret}@example.com/")
        elif where == "log":
            SHOP.warning("password=%s", secret)
        elif where == "extra":
            SHOP.warning("login", extra={"api_key": secret})
        elif where == "event":
            span.add_event("sent", {"authorization": secret})
        else:
            SHOP.warning("login", extra={"form": {"password": secret}})
    with pytest.raises(AssertionError, match="in telemetry:") as error:
        telemetry.assert_no_secrets()
    assert secret not in str(error.value)
    assert "login" in str(error.value) or "password=[redacted" in str(error.value)
    assert secret not in repr([*telemetry.spans(), *telemetry.logs()])


def test_secrets_in_metrics_are_told_by_the_metric_s_name() -> None:
    with capture() as telemetry:
        metrics.get_meter("shop").create_counter("logins").add(1, {"password": "hunter22"})
    with pytest.raises(AssertionError, match=r"metric 'logins': password is"):
        telemetry.assert_no_secrets()


def test_secrets_are_found_where_redaction_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_REDACT", "false")
    with capture() as telemetry:
        SHOP.warning("login", extra={"password": "hunter22"})
    telemetry.log("login", password="hunter22")
    with pytest.raises(AssertionError, match="1 secret"):
        telemetry.assert_no_secrets()

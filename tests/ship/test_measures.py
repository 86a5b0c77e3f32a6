"""What senders do, as metrics, events and a health check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from making import span
from office import Office
from shipping import Clock, Scripted, numbered
from tidegate import otel
from tidegate.ship.measures import observe, tell
from tidegate.ship.outcome import REFUSED, RETRY, SENT, Outcome
from tidegate.ship.sender import Sender
from tidegate.watch import checks

DESTINATION = {"tidegate.destination": "logs-scripted"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sender(clock: Clock) -> Sender:
    return Sender(Scripted(), clock=clock, random=lambda: 0.5)


@pytest.fixture
def reader(sender: Sender) -> InMemoryMetricReader:
    reader = InMemoryMetricReader()
    observe(MeterProvider([reader], shutdown_on_exit=False), lambda: [sender])
    return reader


def answer(sender: Sender, answer: Any) -> None:
    assert isinstance(sender.destination, Scripted)
    sender.destination.answer(answer)


def points(reader: InMemoryMetricReader, name: str) -> list[tuple[Any, dict[str, Any]]]:
    data = reader.get_metrics_data()
    assert data is not None
    found = [metric for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics]
    return [
        (point.value, dict(point.attributes or {}))  # type: ignore[union-attr]
        for metric in found
        if metric.name == name
        for point in metric.data.data_points
    ]


def fail(sender: Sender, clock: Clock, times: int) -> None:
    answer(sender, lambda requested: Outcome(RETRY, error="503 busy", status=503))
    for _ in range(times):
        sender.send(numbered(1))
        clock.tick(32)


def test_records_that_were_taken_are_counted(sender: Sender, reader: InMemoryMetricReader) -> None:
    sender.send(numbered(3))
    assert points(reader, "tidegate.ship.sent") == [(3, DESTINATION)]


def test_records_that_were_refused_are_counted_by_reason(sender: Sender, reader: InMemoryMetricReader) -> None:
    answer(sender, lambda requested: Outcome(REFUSED, error="400", status=400))
    sender.send(numbered(2))
    answer(sender, lambda requested: Outcome(SENT, 0, 1))
    sender.send(numbered(1))
    assert points(reader, "tidegate.ship.refused") == [
        (2, {**DESTINATION, "tidegate.reason": "400"}),
        (1, {**DESTINATION, "tidegate.reason": "partial_success"}),
    ]


def test_retries_are_counted(sender: Sender, reader: InMemoryMetricReader, clock: Clock) -> None:
    fail(sender, clock, 3)
    assert points(reader, "tidegate.ship.retries") == [(2, DESTINATION)]


def test_the_breaker_s_state_is_a_gauge(sender: Sender, reader: InMemoryMetricReader, clock: Clock) -> None:
    seen = [points(reader, "tidegate.ship.breaker.state")]
    fail(sender, clock, 5)
    seen.append(points(reader, "tidegate.ship.breaker.state"))
    clock.tick(60)
    seen.append(points(reader, "tidegate.ship.breaker.state"))
    assert seen == [[(state, DESTINATION)] for state in (0, 1, 2)]


def test_the_breaker_s_transitions_are_counted(sender: Sender, reader: InMemoryMetricReader, clock: Clock) -> None:
    fail(sender, clock, 5)
    attributes = {**DESTINATION, "tidegate.from": "CLOSED", "tidegate.to": "OPEN"}
    assert points(reader, "tidegate.ship.breaker.transitions") == [(1, attributes)]


def test_each_transition_of_the_breaker_is_an_event(
    sender: Sender, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(otel, "emit_event", said.append)
    sender.breaker._on_change = tell
    fail(sender, clock, 5)
    clock.tick(60)
    answer(sender, lambda requested: Outcome(SENT, len(requested)))
    sender.send(numbered(1))
    assert [(each.event_name, each.severity_text) for each in said] == [
        ("tidegate.ship.breaker.transition", severity) for severity in ("WARN", "INFO", "INFO")
    ]
    assert said[0].body == "the circuit breaker of logs-scripted is OPEN, was CLOSED"
    assert said[0].attributes == {
        **DESTINATION,
        "tidegate.from": "CLOSED",
        "tidegate.to": "OPEN",
        "tidegate.failures": 5,
    }


def test_the_leader_s_senders_tell_of_their_breakers_though_their_own_work_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[Any, bool]] = []
    monkeypatch.setattr(otel, "emit_event", lambda event: said.append((event.attributes, otel.is_suppressed())))
    office = Office(tmp_path / "store", traces="all")
    office.spans.failures = 5
    office.commit(span("kept"))
    office.judge()
    [line] = [each for each in office.lead.lines if each.sending.signal == "spans"]
    with otel.suppressed():
        for _ in range(5):
            line.sending.step(0.0, timeout=5.0)
    [(attributes, is_suppressed)] = said
    assert (attributes["tidegate.destination"], is_suppressed) == ("traces-kept", False)


def test_while_nothing_was_counted_there_are_no_points(sender: Sender, reader: InMemoryMetricReader) -> None:
    names = ("sent", "bytes", "refused", "retries", "breaker.transitions")
    assert [points(reader, f"tidegate.ship.{name}") for name in names] == [[]] * 5


def test_health_is_healthy_while_nothing_waits(sender: Sender) -> None:
    sender.send(numbered(1))
    assert checks.sending(lambda: [sender.problem] if sender.problem else []).status == "healthy"


def test_health_is_degraded_while_a_breaker_is_open_and_says_why(sender: Sender, clock: Clock) -> None:
    fail(sender, clock, 5)
    found = checks.sending(lambda: [sender.problem])
    assert found.status == "degraded"
    assert found.detail == "logs-scripted: the circuit breaker is OPEN, next attempt in 28 s: 503 busy"

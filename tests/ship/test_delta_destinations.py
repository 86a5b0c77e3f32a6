"""A destination that prefers deltas gets them, each once, whatever became of requests before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Counter
from opentelemetry.sdk.metrics.export import AggregationTemporality

from faulty_receiver import FaultyReceiver, faulty_receiver, status
from sdk_objects import active
from shipping import otlp
from tidegate.move import columns
from tidegate.records import Metric, Point, Resource, Scope
from tidegate.ship.destinations import Destination
from tidegate.ship.outcome import RETRY, SENT
from tidegate.ship.wire import Picked

PREFERRED = {Counter: AggregationTemporality.DELTA}


@pytest.fixture(scope="module")
def listening() -> Iterator[FaultyReceiver]:
    with faulty_receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(listening: FaultyReceiver) -> FaultyReceiver:
    listening.forget()
    return listening


@pytest.fixture
def there(receiver: FaultyReceiver) -> Iterator[Destination]:
    made = otlp(receiver.endpoint, "metrics", preferred_temporality=PREFERRED)
    yield made
    made.close()


def total(value: int, after: int, start: int | None = None) -> list[Picked]:
    """A counter's total, so many ns after now; it began now unless told otherwise."""
    now = time.time_ns()
    metric = Metric("n", "sum", temporality="cumulative", is_monotonic=True)
    point = Point(metric, now + after, now if start is None else start, Resource(), Scope(), {"as_int": value})
    rows = active(columns.metrics([point]), point.resource)
    return [Picked(rows, [0])]


def sent(receiver: FaultyReceiver) -> list[Any]:
    return [
        (point.as_int, metric.sum.aggregation_temporality)
        for metric in receiver.metrics
        for point in metric.sum.data_points
    ]


def test_the_first_total_of_a_new_series_is_its_first_delta(receiver: FaultyReceiver, there: Destination) -> None:
    there.send(total(5, 10))
    assert sent(receiver) == [(5, 1)]


def test_what_a_failed_request_held_is_in_the_next_one(receiver: FaultyReceiver, there: Destination) -> None:
    start = time.time_ns()
    there.send(total(5, 10**9, start))
    receiver.next(status(503))
    assert there.send(total(7, 2 * 10**9, start)).verdict == RETRY
    there.send(total(10, 3 * 10**9, start))
    assert sent(receiver) == [(5, 1), (5, 1)]


def test_a_total_to_which_nothing_was_added_is_no_request(receiver: FaultyReceiver, there: Destination) -> None:
    start = time.time_ns()
    there.send(total(5, 10**9, start))
    outcome = there.send(total(5, 2 * 10**9, start))
    assert (outcome.verdict, outcome.accepted, len(receiver.requests)) == (SENT, 1, 1)


def test_what_another_process_sent_before_is_not_sent_again(receiver: FaultyReceiver, there: Destination) -> None:
    there.had(total(5, 10**9, 1))
    there.send(total(8, 2 * 10**9, 1))
    assert sent(receiver) == [(3, 1)]

"""Another leader goes on with differences of totals where the last one was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Counter
from opentelemetry.sdk.metrics.export import AggregationTemporality

from faulty_receiver import FaultyReceiver, faulty_receiver
from shipping import otlp
from tidegate.move import columns
from tidegate.records import Metric, Point, Resource, Scope
from tidegate.ship.cursors import Cursor, Reached
from tidegate.ship.destinations import Destination
from tidegate.ship.frames import Frame
from tidegate.ship.memory import MemoryLog
from tidegate.ship.resuming import resume
from tidegate.ship.wire import Picked
from tidegate.store import Reader
from tidegate.store import open as open_store
from tidegate.store.sinks import FileSink

NOW = time.time_ns()

SECOND = 10**9


class World:
    """One process's totals of one counter, collected at seconds, what was decided about them, and a new leader."""

    def __init__(self, directory: Path, receiver: FaultyReceiver) -> None:
        self.sink, self.log, self.receiver = FileSink(str(directory)), MemoryLog(), receiver
        self.reader: Reader = open_store(directory, missing_ok=True)
        self.committed = 0

    def total(self, number: int, at: int, name: str = "n", start: int = 0) -> tuple[str, int]:
        """Commit a total; returns where it is."""
        metric = Metric(name, "sum", temporality="cumulative", is_monotonic=True)
        times = (NOW + at * SECOND, NOW + start * SECOND)
        point = Point(metric, *times, Resource(), Scope(), {"as_int": number})
        self.sink.append(Resource(), columns.metrics([point]))
        self.committed += 1
        blocks: Any = self.reader._catalog.blocks()
        [segment] = {each.header.segment for each in blocks}
        return segment, self.committed - 1

    def decide(self, at: int, *places: tuple[str, int]) -> None:
        rows: dict[str, list[tuple[int, int]]] = {}
        for segment, sequence in places:
            rows.setdefault(segment, []).append((sequence, sequence + 1))
        self.log.append(Frame(NOW + at * SECOND, metrics=rows))

    def leader(self, sent_frames: int, done: int = 0, *, sent: int = 1) -> Destination:
        """A destination of which a former leader has sent so many frames, and so many rows of the next."""
        there = otlp(self.receiver.endpoint, "metrics", preferred_temporality={Counter: AggregationTemporality.DELTA})
        starts = [entry.start for entry in self.log.read(self.log._entries[0].start)] + [self.log.end]
        place = Reached("metrics", starts[sent_frames], done, counts={"sent": sent} if sent else {})
        resume(there, Cursor("metrics-otlp", place, lambda _: None), self.log, self.reader)
        return there

    def sends(self, there: Destination, *places: tuple[str, int]) -> list[tuple[str, int]]:
        """By metric, what is sent of these."""
        for segment, sequence in places:
            for portion in self.reader.rows_at("metrics", {segment: [sequence]}):
                there.send([Picked(portion.rows, portion.picked)])
        there.close()
        return [(metric.name, point.as_int) for metric in self.receiver.metrics for point in metric.sum.data_points]


@pytest.fixture(scope="module")
def listening() -> Iterator[FaultyReceiver]:
    with faulty_receiver() as receiver:
        yield receiver


@pytest.fixture
def world(listening: FaultyReceiver, store_dir: Path) -> Iterator[World]:
    listening.forget()
    made = World(store_dir, listening)
    yield made
    made.reader.close()
    made.sink.close()


def test_the_difference_is_to_what_the_last_leader_sent(world: World) -> None:
    first, second, third = world.total(5, 10), world.total(7, 20), world.total(12, 30)
    for at, place in ((10, first), (20, second), (30, third)):
        world.decide(at, place)
    assert world.sends(world.leader(2), third) == [("n", 5)]


def test_what_was_decided_but_not_sent_is_still_sent(world: World) -> None:
    first, second = world.total(5, 10), world.total(7, 20)
    world.decide(10, first)
    world.decide(20, second)
    assert world.sends(world.leader(1), second) == [("n", 2)]


def test_of_a_frame_that_was_sent_in_part_the_rest_goes_on(world: World) -> None:
    before = [world.total(5, 10, "a"), world.total(50, 10, "b")]
    after = [world.total(6, 20, "a"), world.total(70, 20, "b")]
    world.decide(10, *before)
    world.decide(20, *after)
    assert world.sends(world.leader(1, done=1), after[1], world.total(9, 30, "a")) == [("b", 20), ("a", 3)]


def test_a_series_that_began_since_is_sent_whole(world: World) -> None:
    world.decide(10, world.total(5, 10))
    assert world.sends(world.leader(1), world.total(3, 20, "new", start=15)) == [("new", 3)]


def test_a_series_that_may_have_been_sent_before_the_log_begins_is_not_sent_again(world: World) -> None:
    world.decide(10, world.total(5, 10))
    old = [world.total(300, 20, "old", start=1), world.total(310, 30, "old", start=1)]
    assert world.sends(world.leader(1), *old) == [("old", 10)]


def test_a_destination_that_is_new_to_the_route_gets_everything(world: World) -> None:
    world.decide(10, world.total(5, 10))
    assert world.sends(world.leader(1, sent=0), world.total(7, 20)) == [("n", 7)]


def test_a_destination_that_prefers_totals_needs_nothing(world: World) -> None:
    there: Any = otlp(world.receiver.endpoint, "metrics")
    resume(there, Cursor("m", Reached("metrics"), lambda _: None), world.log, world.reader)
    assert world.sends(there, world.total(7, 20)) == [("n", 7)]

"""Which points of metrics are sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import tidegate.store
from tidegate.record import metrics
from tidegate.records import Resource
from tidegate.ship.points import NewestPoints
from tidegate.store.sinks import FileSink
from tidegate.store.watermark import Watermark


class Meter:
    """A process with two counters, whose collections are committed one by one."""

    def __init__(self, store: Path) -> None:
        self._sink = FileSink(str(store), route="r")
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider([self._reader])
        meter = self._provider.get_meter("test")
        self._counters = [meter.create_counter(name) for name in ("a", "b")]

    def collect(self) -> None:
        for counter in self._counters:
            counter.add(1)
        data = self._reader.get_metrics_data()
        assert data is not None
        for resource, batch in metrics.batches(data):
            self._sink.append(Resource(dict(resource.attributes)), batch)

    def rotate(self) -> None:
        self._sink.close()

    def close(self) -> None:
        self._sink.close()
        self._provider.shutdown()


@pytest.fixture
def chosen(tmp_path: Path) -> NewestPoints:
    """After two collections of one process and one of another; sent every 60 seconds, first seen at 0."""
    points = NewestPoints(60.0)
    assert points.due(0.0) == {}
    first, second = Meter(tmp_path), Meter(tmp_path)
    for meter in (first, first, second):
        meter.collect()
    with tidegate.store.open(tmp_path) as reader:
        for portion in reader.rows_follower("metrics", route="r", after=Watermark()).poll():
            points.see(portion)
    first.close()
    second.close()
    return points


def test_nothing_is_sent_before_the_interval_is_over(chosen: NewestPoints) -> None:
    assert chosen.due(59.0) == {}


def test_of_each_process_the_last_collection_is_sent_when_the_interval_is_over(chosen: NewestPoints) -> None:
    assert sorted(chosen.due(60.0).values()) == [[(0, 2)], [(2, 4)]]


def test_at_the_end_they_are_sent_at_once(chosen: NewestPoints) -> None:
    assert sorted(chosen.due(1.0, last=True).values()) == [[(0, 2)], [(2, 4)]]


def test_how_long_a_process_leads_does_not_matter(chosen: NewestPoints) -> None:
    assert chosen.due(119.0) != {}


def test_what_was_sent_is_not_sent_again(chosen: NewestPoints) -> None:
    chosen.due(60.0)
    assert chosen.due(180.0, last=True) == {}


def test_of_a_process_that_went_on_to_another_segment_only_the_last_collection_is_sent(tmp_path: Path) -> None:
    points = NewestPoints(60.0)
    meter = Meter(tmp_path)
    meter.collect()
    meter.rotate()
    meter.collect()
    with tidegate.store.open(tmp_path) as reader:
        for portion in reader.rows_follower("metrics", route="r", after=Watermark()).poll():
            points.see(portion)
    meter.close()
    assert list(points.due(0.0, last=True).values()) == [[(0, 2)]]

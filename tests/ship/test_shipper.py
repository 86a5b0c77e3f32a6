"""The shipper of a process: when it begins, what it sends when it is asked, and what its end leaves to others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from leading import lead
from making import put, span
from office import ROUTE, KeepingExporter
from tidegate.ship.cursors import read
from tidegate.ship.destinations import destination
from tidegate.ship.election import leads
from tidegate.ship.pace import Share
from tidegate.ship.places import InMemory, OnDisk, Workplace
from tidegate.ship.plan import Plan
from tidegate.ship.shipper import Shipper
from tidegate.store.sinks import FileSink, MemorySink, Sink


class Process:
    """What a process has that records and may lead."""

    def __init__(self, store: Path | None, exporter: KeepingExporter | None = None) -> None:
        self.exporter = exporter or KeepingExporter()
        plan = Plan(ROUTE, [destination("traces-kept", "spans", self.exporter)], traces="all")
        share = Share(1.0)
        self.place: Workplace = InMemory(plan, share) if store is None else OnDisk(plan, str(store), share)
        self.shipper = Shipper(self.place, share)
        self.sink: Sink = MemorySink(1 << 20, route=ROUTE.id) if store is None else FileSink(str(store), route=ROUTE.id)

    def commit(self, name: str) -> None:
        put(self.sink, [span(name)])
        self.shipper.committed()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.exporter.spans]


@pytest.fixture(params=["disk", "memory"])
def process(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    process = Process(None if request.param == "memory" else tmp_path / "store")
    yield process
    process.sink.close()
    process.shipper.finish(5.0)
    process.shipper.close()
    process.sink.abandon()


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "store")
    yield process
    process.sink.close()
    process.shipper.finish(5.0)
    process.shipper.close()


def test_nothing_begins_before_something_is_committed(process: Process, tmp_path: Path) -> None:
    assert process.shipper.flush(5.0)
    process.shipper.finish(5.0)
    assert not any(thread.name == "tidegate-shipper" for thread in threading.enumerate())
    assert not (tmp_path / "store").exists()


def test_a_flush_sends_what_was_committed(process: Process) -> None:
    process.commit("first")
    assert process.shipper.flush(10.0)
    assert process.names == ["first"]


def test_a_flush_says_that_something_is_left(process: Process) -> None:
    process.exporter.failures = 1000
    process.commit("first")
    assert not process.shipper.flush(10.0)
    process.exporter.failures = 0


def test_the_end_sends_what_was_committed_and_a_process_that_goes_on_does_too(process: Process) -> None:
    process.commit("first")
    process.sink.close()
    process.shipper.finish(10.0)
    assert process.names == ["first"]
    process.commit("second")
    process.sink.close()
    process.shipper.finish(10.0)
    assert process.names == ["first", "second"]


def test_the_end_gives_the_lead_to_others(on_disk: Process, tmp_path: Path) -> None:
    on_disk.commit("first")
    on_disk.sink.close()
    on_disk.shipper.finish(10.0)
    lead(tmp_path / "store" / "routes" / ROUTE.id).release()


def test_while_another_leads_who_goes_on_the_end_leaves_it_to_that_one(on_disk: Process, tmp_path: Path) -> None:
    directory = ROUTE.directory(str(tmp_path / "store"))
    other = lead(Path(directory))
    on_disk.commit("first")
    on_disk.sink.close()
    on_disk.shipper.finish(10.0)
    assert on_disk.names == []
    other.release()


def test_when_the_one_that_leads_ends_too_the_end_waits_for_it(on_disk: Process, tmp_path: Path) -> None:
    directory = ROUTE.directory(str(tmp_path / "store"))
    other = lead(Path(directory))
    on_disk.place.leave()
    time.sleep(0.02)  # a file's time is a few milliseconds behind
    threading.Timer(0.2, other.release).start()
    on_disk.commit("first")
    on_disk.sink.close()
    on_disk.shipper.finish(10.0)
    assert on_disk.names == ["first"]


def test_that_the_lead_cannot_be_taken_is_warned_of_once(
    on_disk: Process, tmp_path: Path, caplog: pytest.LogCaptureFixture, wait_for: Callable[..., None]
) -> None:
    route = tmp_path / "store" / "routes" / ROUTE.id
    route.mkdir(parents=True)
    (route / "verdicts").write_text("no directory")
    with caplog.at_level("WARNING", "tidegate"):
        on_disk.commit("first")
        wait_for(lambda: caplog.records)
        for _ in range(3):
            on_disk.shipper.flush(0.1)
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        "what to send cannot be decided, so that nothing is sent until this is mended"
    ]
    assert "verdicts" in on_disk.shipper.problem
    (route / "verdicts").unlink()


def test_what_was_committed_before_the_leader_looks_for_the_last_time_is_left_to_it(
    on_disk: Process, tmp_path: Path
) -> None:
    other = lead(Path(ROUTE.directory(str(tmp_path / "store"))))
    committed = time.time() - 1.0
    on_disk.place.leave()
    assert on_disk.place.is_left(time.time() + 1.0)
    assert not on_disk.place.is_left(committed)
    other.release()


def test_a_destination_that_took_all_the_time_of_one_end_has_none_of_the_next(on_disk: Process, tmp_path: Path) -> None:
    other = lead(Path(ROUTE.directory(str(tmp_path / "store"))))
    on_disk.commit("first")
    on_disk.sink.close()
    on_disk.shipper.close()
    on_disk.place.tell_late(["traces-kept"])
    other.release()
    on_disk.shipper.finish(10.0)
    assert on_disk.names == []


class Slow(KeepingExporter):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.answer = threading.Event(), threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.begun.set()
        self.answer.wait()
        return super().export(spans)


def test_a_request_under_way_keeps_the_lead_and_its_late_answer_is_noted(
    tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    slow = Slow()
    process = Process(tmp_path / "store", slow)
    process.commit("first")
    assert slow.begun.wait(10.0)
    process.sink.close()
    process.shipper.finish(0.1)
    directory = Path(ROUTE.directory(str(tmp_path / "store")))
    assert leads(str(directory))
    slow.answer.set()
    wait_for(lambda: not leads(str(directory)))
    [place] = read(str(directory / "cursors")).values()
    assert place.counts == {"sent": 1}
    process.shipper.close()

"""The built-in checks, with real directories, file systems and recorders."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from making import log
from tidegate.errors import StoreError
from tidegate.record import logs
from tidegate.record.recorder import Recorder
from tidegate.records import Resource
from tidegate.settings import load
from tidegate.store.block import Batch
from tidegate.store.sinks import FileSink, MemorySink, Sink
from tidegate.watch import checks
from tidying import tidy

Wait = Callable[..., None]
Mounted = Callable[[str], Path]
Make = Callable[..., Recorder]


class SlowSink(MemorySink):
    """A disk that takes nothing until it is ``open``."""

    def __init__(self) -> None:
        super().__init__(1 << 20)
        self.open = threading.Event()

    def append(self, resource: Resource, batch: Batch) -> None:
        self.open.wait(60)
        super().append(resource, batch)


@pytest.fixture
def make() -> Iterator[Make]:
    """``make(sink, commit_interval=10, queue_size=512)``: a recorder that is closed at the end."""
    made: list[Recorder] = []

    def make(sink: Sink, commit_interval: float = 10, queue_size: int = 512) -> Recorder:
        made.append(Recorder(sink, {"logs": logs.batch}, commit_interval=commit_interval, queue_size=queue_size))
        return made[-1]

    yield make
    for recorder in made:
        recorder.close()


def put(recorder: Recorder, count: int) -> None:
    for _ in range(count):
        recorder.put("logs", log())


def names(recorder: Recorder | None, **options: str) -> set[str]:
    return {check.name for check in checks.for_process(recorder, load(options, environ={}))}


def fill(point: Path) -> None:
    """Leave no room on a file system."""
    with (point / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            pass


# --- which there are


def test_a_process_that_records_has_checks_of_its_store_disk_queue_and_lag(make: Make, tmp_path: Path) -> None:
    recorder = make(FileSink(str(tmp_path)))
    assert names(recorder, store=str(tmp_path)) == {"store", "disk", "queue", "lag"}


def test_a_process_that_records_in_memory_needs_no_disk(make: Make) -> None:
    assert names(make(MemorySink(1 << 20)), store="memory:") == {"store", "queue", "lag"}


def test_a_process_that_sends_has_a_check_of_its_destination() -> None:
    assert names(None, store="off", endpoint="http://localhost:4318") == {"destination"}


def test_a_process_that_neither_records_nor_sends_has_none() -> None:
    assert names(None, store="off") == set()


def test_a_process_that_reads_a_store_has_checks_of_it_its_disk_and_what_is_sent_from_it(tmp_path: Path) -> None:
    assert {check.name for check in checks.for_store(str(tmp_path))} == {"store", "disk", "exporter"}


def test_a_process_with_destinations_has_a_check_of_what_is_sent_to_them() -> None:
    made = checks.for_process(None, load({"store": "off"}, environ={}), problems=list)
    assert [check.name for check in made] == ["exporter"]


def test_no_builtin_check_is_critical(make: Make, tmp_path: Path) -> None:
    settings = load({"store": str(tmp_path), "endpoint": "http://localhost:4318"}, environ={})
    made = [*checks.for_process(make(FileSink(str(tmp_path))), settings), *checks.for_store(str(tmp_path))]
    assert not any(check.critical for check in made)


# --- store


def test_a_directory_that_can_be_written_is_healthy_and_stays_as_it_was(tmp_path: Path) -> None:
    assert checks.writable(str(tmp_path)).status == "healthy"
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_yet_to_be_made_is_made_as_for_a_record(store_dir: Path) -> None:
    assert checks.writable(str(store_dir)).status == "healthy"
    assert oct(store_dir.stat().st_mode & 0o777) == "0o700"


def test_a_store_that_was_removed_is_healthy_since_it_is_made_anew(make: Make, store_dir: Path) -> None:
    recorder = make(FileSink(str(store_dir)))
    put(recorder, 1)
    recorder.flush()
    shutil.rmtree(store_dir)
    assert checks.recording(recorder, str(store_dir)).status == "healthy"
    put(recorder, 1)
    recorder.flush()
    assert (recorder.dropped, store_dir.is_dir()) == ({}, True)


def test_a_directory_on_a_read_only_file_system_fails(mounted: Mounted) -> None:
    with pytest.raises(OSError, match="Read-only file system"):
        checks.writable(str(mounted("ro")))


def test_a_directory_that_cannot_be_made_fails() -> None:
    with pytest.raises(OSError, match="/proc/tidegate"):
        checks.writable("/proc/tidegate")


def test_a_file_in_the_place_of_a_directory_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        checks.writable(str(tmp_path / "file"))


def test_a_full_disk_fails_and_nothing_is_left_behind(mounted: Mounted) -> None:
    point = mounted("size=256k")
    fill(point)
    with pytest.raises(OSError, match="No space left on device"):
        checks.writable(str(point))
    assert os.listdir(point) == ["ballast"]


def test_a_probe_that_a_killed_process_left_behind_is_removed_by_upkeep(tmp_path: Path) -> None:
    (tmp_path / f"health-0123456789abcdef{checks.PROBE_SUFFIX}").touch()
    tidy(tmp_path)
    assert os.listdir(tmp_path) == ["upkeep.lock"]


def test_sending_without_a_store_is_degraded(make: Make) -> None:
    assert checks.recording(make(MemorySink(1 << 20)), "off").status == "degraded"


def test_recording_in_memory_instead_of_on_disk_is_degraded(make: Make) -> None:
    result = checks.recording(make(MemorySink(1 << 20)), "/proc/tidegate")
    assert result.status == "degraded"
    assert "in memory instead" in result.detail


def test_recording_in_memory_as_it_was_asked_for_is_healthy(make: Make) -> None:
    assert checks.recording(make(MemorySink(1 << 20)), "memory:").status == "healthy"


def test_a_store_that_has_something_to_read_is_healthy(make: Make, store_dir: Path) -> None:
    recorder = make(FileSink(str(store_dir)))
    put(recorder, 1)
    recorder.flush()
    assert checks.readable(str(store_dir)).status == "healthy"


def test_a_store_to_read_that_does_not_exist_is_degraded(store_dir: Path) -> None:
    assert checks.readable(str(store_dir)).status == "degraded"


# --- disk


def test_a_file_system_with_little_room_is_degraded(mounted: Mounted) -> None:
    point = mounted("size=8m")
    assert checks.disk(str(point)).status == "degraded"
    assert checks.disk(str(point)).detail == f"8 MiB free at {point}; 256 MiB are enough"


def test_a_file_system_with_room_is_healthy(mounted: Mounted) -> None:
    assert checks.disk(str(mounted("size=512m"))).status == "healthy"


def test_the_file_system_of_a_store_that_is_yet_to_be_made_is_that_of_the_nearest_directory(mounted: Mounted) -> None:
    point = mounted("size=8m")
    assert checks.disk(str(point / "some" / "store")) == checks.disk(str(point))


# --- queue


def test_a_queue_with_room_is_healthy(make: Make) -> None:
    recorder = make(MemorySink(1 << 20), queue_size=10)
    put(recorder, 1)
    result = checks.Queue(recorder)()
    assert (result.status, result.detail) == ("healthy", "1 of 10 places taken")


def test_a_queue_that_is_nearly_full_is_degraded(make: Make) -> None:
    recorder = make(MemorySink(1 << 20), queue_size=10)
    put(recorder, 9)
    result = checks.Queue(recorder)()
    assert (result.status, result.detail) == ("degraded", "9 of 10 places taken")


def test_drops_are_told_by_reason_once(make: Make) -> None:
    recorder = make(MemorySink(1 << 20), queue_size=10)
    look = checks.Queue(recorder)
    put(recorder, 12)
    recorder.flush()
    first, second = look(), look()
    assert (first.status, second.status) == ("degraded", "healthy")
    assert first.detail == "records dropped since the last look: 2 (queue_full); 0 of 10 places taken"


def test_only_new_drops_are_told(make: Make) -> None:
    recorder = make(MemorySink(1 << 20), queue_size=10)
    look = checks.Queue(recorder)
    put(recorder, 12)
    look()
    put(recorder, 5)
    assert "look: 5 (queue_full);" in look().detail


# --- lag


def test_nothing_lags_while_nothing_waits(make: Make) -> None:
    recorder = make(MemorySink(1 << 20))
    assert (recorder.lag, checks.lag(recorder).status) == (0, "healthy")


def test_a_record_that_waits_lags_until_it_is_committed(make: Make, wait_for: Wait) -> None:
    recorder = make(MemorySink(1 << 20))
    put(recorder, 1)
    wait_for(lambda: recorder.lag > 0)
    assert checks.lag(recorder).status == "healthy"
    recorder.flush()
    assert recorder.lag == 0


def test_a_disk_that_does_not_take_a_record_is_degraded_until_it_does(
    make: Make, wait_for: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "LATE_SECONDS", 0)
    sink = SlowSink()
    recorder = make(sink, commit_interval=0.02)
    put(recorder, 1)
    wait_for(lambda: checks.lag(recorder).status == "degraded")
    sink.open.set()
    wait_for(lambda: checks.lag(recorder).status == "healthy")

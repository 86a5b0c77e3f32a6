"""Totals outlive the segments they were counted in, whoever reads and whatever is cut off."""

from __future__ import annotations

import contextlib
import errno
import itertools
import math
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tidegate.store
from making import T0, log, put, resource
from metering import Made, gauge, histogram, put_points, shown, updown
from store_files import decompress, segments
from tidegate.errors import FormatError
from tidegate.store import codec, segment
from tidegate.store.location import CHECKPOINT
from tidegate.store.metrics import checkpoint, feeding, totals
from tidegate.store.metrics.totals import Process, Totals
from tidegate.store.retention import Policy
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep import covering, files
from tidegate.store.upkeep.once import upkeep
from tidegate.store.upkeep.pace import Pace
from tidegate.store.upkeep.planning import SEAL_FROM
from tidying import LONG, MUCH, tidy

SECOND = 10**9

Advance = Callable[[float], None]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are folded as soon as they are found ended."""
    monkeypatch.setattr(checkpoint, "FOLD_AFTER", 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Advance:
    """``clock(seconds)``: so much later, but for files, which keep the times that they really have."""
    real, ahead = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: real() + ahead[0])

    def advance(seconds: float) -> None:
        ahead[0] += round(seconds * SECOND)

    return advance


def keep(directory: Path) -> None:
    checkpoint.keep(str(directory), lambda: files.of_segments(files.listed(str(directory))), LONG)


def run_process(directory: Path, *collections: list[Made], **fields: Any) -> None:
    """A process that ends after these collections."""
    writer = FileSink(str(directory))
    for points in collections:
        put_points(writer, *points, **fields)
    writer.close()


def read(directory: Path, **options: Any) -> dict[str, Any]:
    with tidegate.store.open(directory, **options) as reader:
        found = shown(reader.current_metrics())
        assert reader.damaged == 0
        return found


def kept(directory: Path) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(decompress((directory / CHECKPOINT).read_bytes()))
    return body


def test_a_counter_outlives_the_segments_it_was_counted_in(store_dir: Path) -> None:
    for number in (1, 2, 3):
        run_process(store_dir, [Made("orders", number), Made("cost", 0.1), histogram("wait", [number], [])])
    before = read(store_dir)
    tidy(store_dir, max_bytes=0)
    assert segments(store_dir) == []
    assert read(store_dir) == before == {"orders": 6, "cost": math.fsum([0.1] * 3), "wait": 6}


def test_a_counter_goes_on_after_its_segments_are_gone(store_dir: Path) -> None:
    for number in range(1, 6):
        run_process(store_dir, [Made("orders", 1, at=number)])
        tidy(store_dir, max_bytes=0)
        assert read(store_dir) == {"orders": number}


def test_a_reader_that_is_open_goes_on_with_the_same_points(store_dir: Path) -> None:
    run_process(store_dir, [Made("orders", 1)])
    with tidegate.store.open(store_dir) as reader:
        (before,) = reader.current_metrics()
        run_process(store_dir, [Made("orders", 2)])  # the reader never sees its segment
        tidy(store_dir, max_bytes=0)
        (after,) = reader.current_metrics()
        assert (after is before, after.value) == (True, {"as_int": 3})


def test_a_reader_of_one_service_finds_no_other_in_the_checkpoint(store_dir: Path) -> None:
    for service in ("shop", "pay"):
        run_process(store_dir, [Made(service, 1)], of=resource(service))
    tidy(store_dir, max_bytes=0)
    assert read(store_dir, service="shop") == {"shop": 1}


def test_a_living_process_is_counted_once_after_its_older_segments_went(store_dir: Path) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=1)
    for number in range(1, 5):
        put_points(writer, Made("orders", number, at=number), gauge("load", number), updown("open", -number, number))
        tidy(store_dir, max_bytes=0)
        assert len(segments(store_dir)) == 1
        assert read(store_dir) == {"orders": number, "load": number, "open": -number}
    writer.close()


def test_a_living_process_without_metrics_in_its_newest_segment_is_known_to_live(store_dir: Path) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=1)
    put_points(writer, Made("orders", 1), gauge("load", 2))
    put(writer, [log()])
    tidy(store_dir, max_bytes=0)
    assert read(store_dir) == {"orders": 1, "load": 2}
    writer.close()
    assert read(store_dir) == {"orders": 1}


def test_a_process_that_begins_again_has_its_resets_kept(store_dir: Path) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=1)
    for value, at, start in ((5, 1, 0), (2, 3, 2)):
        put_points(
            writer, Made("orders", value, at=at, start=start), Made("jobs", value, at, start, temporality="delta")
        )
        keep(store_dir)
    put_points(writer, Made("orders", 3, at=4, start=2), Made("jobs", 1, 4, 3, temporality="delta"))
    assert read(store_dir) == {"orders": 8, "jobs": 8}
    writer.close()


def test_ended_processes_are_folded_after_a_while(store_dir: Path, clock: Advance) -> None:
    for number in range(3):
        run_process(store_dir, [Made("orders", 1, at=number), gauge("load", 1)])
    keep(store_dir)
    assert len(kept(store_dir)["processes"]) == 3
    clock(checkpoint.FOLD_AFTER / SECOND + 1)
    keep(store_dir)
    assert (kept(store_dir)["processes"], len(kept(store_dir)["folded"])) == ([], 3)
    assert read(store_dir) == {"orders": 3}


def test_of_too_many_ended_processes_the_oldest_are_folded_before_the_newest_are_counted(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, fold = [0], Totals.fold

    def folded(totals: Totals, process: Process) -> None:
        most[0] = max(most[0], len(totals.processes))
        fold(totals, process)

    monkeypatch.setattr(Totals, "fold", folded)
    monkeypatch.setattr(feeding, "MAX_ENDED", 3)
    monkeypatch.setattr(feeding, "_STEP", 1)
    for number in (4, 1, 3, 2, 9, 8, 7, 6, 5):
        run_process(store_dir, [Made("orders", 1, at=number), Made("cost", 0.1, at=number)])
    keep(store_dir)
    assert [process["time"] for process in kept(store_dir)["processes"]] == [T0 + at * SECOND for at in (7, 8, 9)]
    assert read(store_dir) == {"orders": 9, "cost": math.fsum([0.1] * 9)}
    assert most == [4]


def test_processes_that_are_forgotten_in_the_pass_that_counts_others_hide_none_of_them(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "MAX_ENDED", 1)
    monkeypatch.setattr(feeding, "_STEP", 1)
    monkeypatch.setattr(totals, "MAX_FOLDED", 1)
    for _ in range(6):
        run_process(store_dir, [Made("orders", 1, at=1)], [Made("orders", 2, at=1)])
    keep(store_dir)
    assert read(store_dir) == {"orders": 12}


def test_an_ended_process_that_comes_back_when_there_are_too_many_is_not_counted_twice(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "MAX_ENDED", 1)
    monkeypatch.setattr(feeding, "_STEP", 1)
    back = FileSink(str(store_dir))
    put_points(back, Made("orders", 5, at=1))
    back.close()
    keep(store_dir)
    put_points(back, Made("orders", 7, at=50))
    for number in range(10, 15):
        run_process(store_dir, [Made("orders", 1, at=number)])
    back.close()
    keep(store_dir)
    assert read(store_dir) == {"orders": 12}


def test_a_living_process_is_not_folded(store_dir: Path, clock: Advance) -> None:
    writer = FileSink(str(store_dir))
    put_points(writer, Made("orders", 1))
    for _ in range(3):
        keep(store_dir)
        clock(3600)
    assert len(kept(store_dir)["processes"]) == 1
    writer.close()


def test_a_folded_process_that_comes_back_is_not_counted_twice(store_dir: Path, clock: Advance) -> None:
    writer = FileSink(str(store_dir))
    put_points(writer, Made("orders", 3))
    writer.close()
    keep(store_dir)
    clock(3600)
    keep(store_dir)
    put_points(writer, Made("orders", 4, at=1))
    assert read(store_dir) == {"orders": 3}
    keep(store_dir)
    assert read(store_dir) == {"orders": 3}
    writer.close()


def test_a_process_that_comes_back_in_time_is_counted_whole(store_dir: Path, clock: Advance) -> None:
    writer = FileSink(str(store_dir))
    put_points(writer, Made("orders", 3))
    writer.close()
    keep(store_dir)
    put_points(writer, Made("orders", 4, at=1), gauge("load", 1))
    clock(3600)
    keep(store_dir)
    assert (len(kept(store_dir)["processes"]), read(store_dir)) == (1, {"orders": 4, "load": 1})
    writer.close()


def test_clocks_that_are_set_back_between_segments_do_not_matter(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=1)
    put_points(writer, Made("orders", 5, at=1))
    real = time.time_ns
    with monkeypatch.context() as set_back:
        set_back.setattr(time, "time_ns", lambda: real() - 3600 * SECOND)
        put_points(writer, Made("orders", 7, at=2))
    assert read(store_dir) == {"orders": 7}
    writer.close()


# --- when it is written


def test_a_young_store_has_none(store_dir: Path) -> None:
    run_process(store_dir, [Made("orders", 1)])
    tidy(store_dir)
    assert not (store_dir / CHECKPOINT).exists()


def test_it_is_written_when_it_is_old(store_dir: Path, clock: Advance) -> None:
    run_process(store_dir, [Made("orders", 1)])
    written = []
    for minutes in (11, 5, 6):
        clock(60 * minutes)
        tidy(store_dir)
        written.append((store_dir / CHECKPOINT).stat().st_mtime_ns)
    assert written[0] == written[1] < written[2]


def test_scripts_in_turn_write_it_once_in_so_many(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch, at_once: None
) -> None:
    real, written = checkpoint.keep, 0

    def count(*args: Any) -> None:
        nonlocal written
        written += 1
        real(*args)

    monkeypatch.setattr(checkpoint, "keep", count)
    for number in range(2 * SEAL_FROM):
        run_process(store_dir, [Made("orders", 1, at=number)])
        tidy(store_dir)
    assert written == 2
    assert len(kept(store_dir)["folded"]) == 2 * SEAL_FROM
    assert read(store_dir) == {"orders": 2 * SEAL_FROM}


def test_nothing_is_sealed_that_is_not_in_it(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    for number in range(SEAL_FROM):
        run_process(store_dir, [Made("orders", 1, at=number)])
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "keep", full)
        tidy(store_dir)
    assert {path.suffix for path in segments(store_dir)} == {".active"}
    tidy(store_dir)
    assert ({path.suffix for path in segments(store_dir)}, read(store_dir)) == ({".sealed"}, {"orders": SEAL_FROM})


def test_what_was_in_the_last_one_is_removed_without_a_new_one(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_process(store_dir, [Made("orders", 1)])
    for path in segments(store_dir):
        os.utime(path, (1000, 1000))
    keep(store_dir)
    run_process(store_dir, [Made("orders", 1)])
    monkeypatch.setattr(checkpoint, "keep", lambda *args: pytest.fail("written again"))
    tidy(store_dir, max_age_s=3600)
    assert (len(segments(store_dir)), read(store_dir)) == (1, {"orders": 2})


def test_only_what_has_changed_since_is_read_again(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        run_process(store_dir, [Made("orders", 1, at=number)])
    for path in segments(store_dir):
        os.utime(path, (1000, 1000))
    keep(store_dir)
    run_process(store_dir, [Made("orders", 1)])
    scanned: set[str] = set()
    scan = segment.SegmentScanner.scan

    def noted(self: segment.SegmentScanner) -> list[segment.BlockRef]:
        scanned.add(self.path)
        return scan(self)

    monkeypatch.setattr(segment.SegmentScanner, "scan", noted)
    keep(store_dir)
    assert len(scanned) == 1
    assert read(store_dir) == {"orders": 4}


def test_one_that_would_say_the_same_is_not_written_again(store_dir: Path) -> None:
    run_process(store_dir, [Made("orders", 1), Made("cost", 0.1), histogram("wait", [1], [])])
    keep(store_dir)
    before = (store_dir / CHECKPOINT).stat()
    keep(store_dir)
    after = (store_dir / CHECKPOINT).stat()
    assert (before.st_ino, before.st_mtime_ns < after.st_mtime_ns) == (after.st_ino, True)


# --- what may go wrong


def test_only_the_user_can_read_it(store_dir: Path) -> None:
    run_process(store_dir, [Made("orders", 1)])
    former = os.umask(0)
    try:
        keep(store_dir)
    finally:
        os.umask(former)
    assert stat.S_IMODE((store_dir / CHECKPOINT).stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_one_that_cannot_be_written_leaves_the_last_one(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def disk_full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    run_process(store_dir, [Made("orders", 1)])
    keep(store_dir)
    run_process(store_dir, [Made("orders", 1)])
    with monkeypatch.context() as full:
        full.setattr(os, step, disk_full)
        with pytest.raises(OSError, match="full"):
            keep(store_dir)
    assert [path.name for path in store_dir.iterdir() if path.suffix == segment.PARTIAL] == []
    assert read(store_dir) == {"orders": 2}


def test_on_a_full_disk_what_is_kept_goes_and_what_is_not_stays(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    run_process(store_dir, [Made("orders", 1)])
    for path in segments(store_dir):
        os.utime(path, (1000, 1000))
    keep(store_dir)
    run_process(store_dir, [Made("orders", 1)])
    monkeypatch.setattr(checkpoint, "_write", disk_full)
    tidy(store_dir, max_bytes=0)
    assert (len(segments(store_dir)), read(store_dir)) == (1, {"orders": 2})


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_damaged_one_is_told_of_and_made_afresh(store_dir: Path, place: int) -> None:
    run_process(store_dir, [Made("orders", 1)])
    keep(store_dir)
    path = store_dir / CHECKPOINT
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    with tidegate.store.open(store_dir) as reader:
        assert (shown(reader.current_metrics()), reader.damaged) == ({"orders": 1}, 1)
        keep(store_dir)
        assert (shown(reader.current_metrics()), reader.damaged) == ({"orders": 1}, 0)


@pytest.fixture
def newer(store_dir: Path) -> Path:
    """A store with a checkpoint by a version to come."""
    run_process(store_dir, [Made("orders", 1)])
    (store_dir / CHECKPOINT).write_bytes(codec.compress(orjson.dumps({"format": 99, "unheard": "of"})))
    return store_dir


def test_one_of_a_newer_format_is_refused(newer: Path) -> None:
    with tidegate.store.open(newer) as reader, pytest.raises(FormatError, match=r"format 99.*Upgrade tidegate"):
        reader.current_metrics()


def test_one_of_a_newer_format_is_left_alone_but_the_store_stays_small(newer: Path) -> None:
    before = (newer / CHECKPOINT).read_bytes()
    tidy(newer, max_bytes=0)
    assert (segments(newer), (newer / CHECKPOINT).read_bytes()) == ([], before)


def test_values_that_json_cannot_carry_are_kept(store_dir: Path) -> None:
    run_process(store_dir, [Made("big", 1 << 70), Made("odd", float("inf"), attributes={"raw": b"\xff"})])
    before = read(store_dir)
    tidy(store_dir, max_bytes=0)
    assert read(store_dir) == before == {"big": 1 << 70, "odd{raw=b'\\xff'}": float("inf")}


def test_exemplars_are_kept(store_dir: Path) -> None:
    run_process(store_dir, [Made("orders", 1, exemplars=[{"time_unix_nano": 5, "as_int": 1, "trace_id": "a" * 32}])])
    tidy(store_dir, max_bytes=0)
    with tidegate.store.open(store_dir) as reader:
        assert list(reader.current_metrics()[0].exemplars) == [{"time_unix_nano": 5, "as_int": 1, "trace_id": "a" * 32}]


def test_series_of_services_long_gone_are_dropped_and_counted(store_dir: Path, at_once: None) -> None:
    run_process(store_dir, [Made("orders", 1), Made("jobs", 1)])
    run_process(store_dir, [Made("jobs", 1, at=time.time() - T0 / SECOND)], of=resource("other"))
    tidy(store_dir, max_bytes=0)
    assert read(store_dir) == {"orders": 1, "jobs": 1}
    checkpoint.keep(str(store_dir), list, 3600)
    with tidegate.store.open(store_dir) as reader:
        assert (shown(reader.current_metrics()), reader.evicted_series) == ({"jobs": 1}, 2)


# --- a reader while upkeep folds


def test_what_is_removed_while_a_reader_begins_is_not_missed(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        run_process(store_dir, [Made("orders", number)])
    read_file = checkpoint.File.read

    def read_and_remove(directory: str) -> checkpoint.File:
        """Upkeep comes between the checkpoint and the segments."""
        found = read_file(directory)
        monkeypatch.setattr(checkpoint.File, "read", read_file)
        tidy(store_dir, max_bytes=0)
        return found

    monkeypatch.setattr(checkpoint.File, "read", read_and_remove)
    assert read(store_dir) == {"orders": 3}


class Host:
    """Processes that come and go, each with a counter, and upkeep. ``at`` is the number of the step."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.counted = self.at = 0
        self.writers: list[tuple[FileSink, Iterator[int], int]] = []

    def start(self) -> None:
        self.writers.append((FileSink(str(self.directory)), itertools.count(1), self.at))

    def count(self) -> None:
        if not self.writers:
            self.start()
        writer, values, start = self._one()
        put_points(writer, Made("orders", next(values), at=self.at, start=start), gauge("load", 1, self.at))
        self.counted += 1

    def rotate(self) -> None:
        if self.writers:
            self._one()[0]._rotate_bytes = 1

    def end(self) -> None:
        if self.writers:
            self.writers.pop(self.at % len(self.writers))[0].close()

    def upkeep(self) -> None:
        keep(self.directory)

    def remove(self) -> None:
        tidy(self.directory, max_bytes=0)

    def _one(self) -> tuple[FileSink, Iterator[int], int]:
        return self.writers[self.at % len(self.writers)]


steps = st.lists(st.sampled_from(["count", "count", "start", "end", "rotate", "upkeep", "remove", "read"]), max_size=30)


@given(steps)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize(
    ("after", "most"), [(0, feeding.MAX_ENDED), (checkpoint.FOLD_AFTER, feeding.MAX_ENDED), (checkpoint.FOLD_AFTER, 1)]
)
def test_whatever_happens_readers_show_what_was_counted(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
    most: int,
    happened: list[str],
) -> None:
    monkeypatch.setattr(checkpoint, "FOLD_AFTER", after)
    monkeypatch.setattr(feeding, "MAX_ENDED", most)
    monkeypatch.setattr(feeding, "_STEP", 1)
    host = Host(tmp_path_factory.mktemp("store"))
    reader = tidegate.store.open(host.directory)
    for host.at, what in enumerate([*happened, "read"]):
        if what != "read":
            getattr(host, what)()
            continue
        for each in (reader, tidegate.store.open(host.directory)):
            assert sum(shown(each.current_metrics(name="orders")).values()) == host.counted
    for writer, _, _ in host.writers:
        writer.close()


def test_many_readers_and_upkeep_at_once_never_see_a_counter_fall(store_dir: Path) -> None:
    total, done, failed = 60, threading.Event(), []

    def watch() -> None:
        seen = 0
        reader = tidegate.store.open(store_dir, missing_ok=True)
        while not done.is_set():
            for each in (reader, tidegate.store.open(store_dir, missing_ok=True)):
                found = shown(each.current_metrics()).get("orders", 0)
                if found < seen:
                    failed.append((seen, found))
                seen = found

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for each in watchers:
        each.start()
    for number in range(total):
        run_process(store_dir, [Made("orders", 1, at=number), histogram("wait", [1], [])])
        tidy(store_dir, max_bytes=0 if number % 3 == 0 else MUCH)
    done.set()
    for each in watchers:
        each.join()
    assert failed == []
    assert read(store_dir) == {"orders": total, "wait": total}


def test_what_was_counted_before_it_was_cut_off_is_not_counted_again(store_dir: Path) -> None:
    for number in range(3):
        run_process(store_dir, *[[Made("orders", 1 + at, at, number)] for at in range(4)])

    def steps(most: int) -> Callable[[], object]:
        left = iter(range(most))
        return lambda: next(left)

    kept_counts = []
    for _ in range(20):
        with contextlib.suppress(StopIteration):
            checkpoint.keep(str(store_dir), lambda: files.of_segments(files.listed(str(store_dir))), LONG, steps(10))
            break
        assert read(store_dir) == {"orders": 12}
        kept_counts.append(sum(process["position"][2] + 1 for process in kept(store_dir)["processes"]))
    else:
        raise AssertionError(f"it does not come to an end: {kept_counts}")
    assert len(kept_counts) > 1
    assert read(store_dir) == {"orders": 12}


def test_the_end_of_a_process_leaves_a_checkpoint_that_takes_long_to_the_next(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        run_process(store_dir, [Made("orders", 1, number)])
    monkeypatch.setattr(covering.is_due, "__defaults__", (0,))
    before = segments(store_dir)
    pace = Pace.last()
    pace._half = 0.0
    assert upkeep(str(store_dir), Policy(), pace, eager=True) is not None
    assert segments(store_dir) == before
    assert upkeep(str(store_dir), Policy(), Pace.last(), eager=True) is not None
    assert not set(before).intersection(segments(store_dir))
    assert read(store_dir) == {"orders": 3}

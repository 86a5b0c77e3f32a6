"""Upkeep as a whole: nothing is lost or doubled, whenever it is cut off and whoever reads."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from making import T0, log, put, span
from merged import merge
from sealing import seal
from store_files import segments
from storing import Store
from tidegate.store import deleted, segment
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep import merging
from tidegate.store.upkeep.alone import alone
from tidegate.store.upkeep.files import listed
from tidegate.store.upkeep.pace import Pace
from tidegate.store.upkeep.planning import SEAL_FROM
from tidying import tidy

Read = list[tuple[str, str]]


@pytest.fixture
def many(store_dir: Path) -> Path:
    """As many ended segments as it takes to be sealed, a log record and a span in each."""
    for number in range(SEAL_FROM):
        end_segment(store_dir, number)
    return store_dir


def end_segment(directory: Path, number: int) -> None:
    sink = FileSink(str(directory))
    put(sink, [log(str(number), number, trace=(number + 1) << 100)])
    put(sink, [span(str(number), number, trace=(number + 1) << 100)])
    sink.close()


def read(directory: Path) -> Read:
    """Every log record with its cursor, which holds its identity."""
    with tidegate.store.open(directory) as reader:
        assert reader.damaged == 0
        assert len(list(reader.spans())) == len(list(reader.logs()))
        return [(str(log.body), log.cursor) for log in reader.logs()]


def kinds(directory: Path) -> list[str]:
    """What the names of segments end in."""
    return sorted(path.name.partition(".")[2] for path in segments(directory))


def test_ended_segments_become_one_file_of_each_class(many: Path) -> None:
    tidy(many)
    assert kinds(many) == ["info.sealed", "trace.sealed"]


def test_few_segments_wait(store_dir: Path) -> None:
    for number in range(SEAL_FROM - 1):
        end_segment(store_dir, number)
    tidy(store_dir)
    assert len(segments(store_dir)) == SEAL_FROM - 1


def test_few_segments_wait_no_longer_than_an_hour(store_dir: Path) -> None:
    end_segment(store_dir, 1)
    os.utime(segments(store_dir)[0], (time.time() - 3700,) * 2)
    tidy(store_dir)
    assert kinds(store_dir) == ["info.sealed", "trace.sealed"]


def test_every_record_keeps_its_identity(many: Path) -> None:
    before = read(many)
    tidy(many)
    assert read(many) == before


def test_a_second_pass_changes_nothing(many: Path) -> None:
    tidy(many)
    before = [(path.name, path.read_bytes()) for path in segments(many)]
    tidy(many)
    assert [(path.name, path.read_bytes()) for path in segments(many)] == before


def test_many_sealed_files_of_an_hour_are_merged(store_dir: Path) -> None:
    for round_ in range(8):
        for number in range(SEAL_FROM):
            end_segment(store_dir, 100 * round_ + number)
        before = read(store_dir)
        tidy(store_dir)
    assert (kinds(store_dir), read(store_dir)) == (["info.sealed", "trace.sealed"], before)


@pytest.mark.damaging
def test_a_sealed_file_that_does_not_say_whose_records_it_holds_stays_and_others_are_merged(store_dir: Path) -> None:
    for number in range(3 * SEAL_FROM):
        end_segment(store_dir, number)
        if number % SEAL_FROM == SEAL_FROM - 1:
            seal(str(store_dir))
    broken, *_ = store_dir.glob("*.info.sealed")
    with contextlib.closing(sqlite3.connect(broken, isolation_level=None)) as db:
        db.execute("DROP TABLE sources")
    files = [file for file in listed(str(store_dir)) if file.kind == "info"]
    assert merging.merge(str(store_dir), files, (), Pace())
    assert broken.exists()
    assert kinds(store_dir).count("info.sealed") == 2
    with tidegate.store.open(store_dir) as reader:
        assert len({log.body for log in reader.logs()}) == 3 * SEAL_FROM


def test_what_earlier_versions_have_merged_is_sealed(many: Path) -> None:
    before = read(many)
    merge(many)
    for path in segments(many):
        os.utime(path, (T0 / 1e9,) * 2)
    tidy(many)
    assert (kinds(many), read(many)) == (["info.sealed", "trace.sealed"], before)


def test_what_an_earlier_version_had_merged_by_half_is_sealed_once(many: Path) -> None:
    before = read(many)
    merge(many, cut_off=True)
    tidy(many)
    assert (kinds(many), read(many)) == (["info.sealed", "trace.sealed"], before)


def test_what_was_merged_by_half_is_sealed_once_though_its_sources_went_first(many: Path) -> None:
    before = read(many)
    merge(many, cut_off=True)
    [merged] = [path for path in segments(many) if path.suffix == ".merged"]
    aside = merged.rename(merged.with_name("aside"))
    tidy(many)
    aside.rename(merged)
    os.utime(merged, (T0 / 1e9,) * 2)
    tidy(many)
    assert (kinds(many), read(many)) == (["info.sealed", "trace.sealed"], before)


def test_a_reader_that_is_open_meanwhile_reads_on(many: Path) -> None:
    before = [body for body, _ in read(many)]
    with tidegate.store.open(many) as reader:
        logs = reader.logs()
        found = [str(next(logs).body) for _ in range(3)]
        tidy(many)
        found += [str(log.body) for log in logs]
        assert (found, reader.damaged) == (before, 0)


def test_following_does_not_see_sealed_records_again(many: Path) -> None:
    with tidegate.store.open(many) as reader:
        steps: Iterator[Callable[[], object]] = iter([lambda: None, lambda: tidy(many), lambda: end_segment(many, 999)])

        def stop() -> bool:
            step = next(steps, None)
            if step is not None:
                step()
            return step is None

        assert [log.body for log in reader.follow("logs", poll=0, stop=stop)] == ["999"]  # type: ignore[union-attr]


def test_a_segment_that_is_being_written_here_is_not_sealed(many: Path, directory: Store) -> None:
    writer = directory.writer()
    put(writer, [log("mine", 1000)])
    tidy(many)
    put(writer, [log("more", 1001)])
    with tidegate.store.open(many) as reader:
        assert [log.body for log in reader.logs(limit=2)] == ["more", "mine"]


def test_the_ended_parts_of_a_living_process_are_sealed(store_dir: Path) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=1)
    for number in range(SEAL_FROM + 1):
        put(writer, [log(str(number), number)])
    tidy(store_dir)
    assert kinds(store_dir)[1:] == ["info.sealed"]
    with tidegate.store.open(store_dir) as reader:
        assert len(list(reader.logs())) == SEAL_FROM + 1
    writer.close()


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from making import log, put
from tidegate.store.sinks import FileSink

sink = FileSink(sys.argv[1])
put(sink, [log("living", 5000)])
print("ready", flush=True)
sys.stdin.readline()
put(sink, [log("still living", 5001)])
"""


def test_a_segment_of_a_living_process_is_neither_sealed_nor_removed(many: Path, program: Callable[..., Path]) -> None:
    helpers = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, program(WRITER), str(many), helpers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        tidy(many, max_bytes=0)
        process.communicate("go on\n", timeout=60)
    with tidegate.store.open(many) as reader:
        assert [log.body for log in reader.logs()] == ["still living", "living"]


def test_a_segment_of_a_killed_process_is_sealed(many: Path, program: Callable[..., Path]) -> None:
    helpers = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, program(WRITER), str(many), helpers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    tidy(many)
    with tidegate.store.open(many) as reader:
        assert (kinds(many), next(reader.logs()).body) == (["info.sealed", "trace.sealed"], "living")
    assert {path.suffix for path in many.iterdir()} == {".sealed", ".lock"}  # the lock is the upkeep's own


def test_only_one_process_tidies_at_a_time(many: Path, run: Callable[..., Any]) -> None:
    helpers = str(Path(__file__).parents[1])
    code = "import sys; sys.path.insert(0, sys.argv[1]); from tidying import tidy; tidy(sys.argv[2], 0)"
    with alone(str(many)) as held:
        assert held
        run([sys.executable, "-c", code, helpers, str(many)])
    assert len(segments(many)) == SEAL_FROM


def test_only_one_thread_tidies_at_a_time(many: Path) -> None:
    with alone(str(many)) as held:
        assert held
        assert tidy(many) is None
    assert len(segments(many)) == SEAL_FROM


def test_who_waits_gets_his_turn(many: Path) -> None:
    with alone(str(many)), alone(str(many), wait_s=0.01) as second:
        assert not second
    with alone(str(many), wait_s=60) as third:
        assert third


def test_a_last_frame_that_was_cut_short_is_left_out(many: Path) -> None:
    first = segments(many)[0]
    first.write_bytes(first.read_bytes()[:-5])  # its span
    tidy(many)
    with tidegate.store.open(many) as reader:
        assert (len(list(reader.logs())), len(list(reader.spans())), reader.damaged) == (24, 23, 0)
    assert kinds(many) == ["info.sealed", "trace.sealed"]


def test_what_is_too_old_is_removed(store_dir: Path) -> None:
    for number in range(3):
        end_segment(store_dir, number)
    os.utime(segments(store_dir)[1], (1000, 1000))
    tidy(store_dir, max_age_s=86400)
    assert [body for body, _ in read(store_dir)] == ["2", "0"]


def test_what_is_too_much_is_removed_oldest_first(store_dir: Path) -> None:
    for number in range(5):
        end_segment(store_dir, number)
    now = time.time()
    for number, path in enumerate(segments(store_dir)):
        os.utime(path, (now - 100 + number,) * 2)
    sizes = [path.stat().st_size for path in segments(store_dir)]
    tidy(store_dir, max_bytes=sum(sizes[-2:]))
    assert sorted(body for body, _ in read(store_dir)) == ["3", "4"]


def test_the_report_says_what_went_and_what_is_left(store_dir: Path) -> None:
    for number in range(2):
        end_segment(store_dir, number)
    first, second = segments(store_dir)
    os.utime(first, (1000, 1000))
    report = tidy(store_dir, max_age_s=86400)
    assert report is not None
    assert [(Path(file.path), reason) for file, reason in report.removed] == [(first, "age")]
    assert [(Path(file.path), file.kind) for file in report.left] == [(second, "ended")]


def test_sealed_files_of_a_newer_format_are_left_alone(many: Path) -> None:
    tidy(many)
    newer = segments(many)[0]
    data = bytearray(newer.read_bytes())
    data[60:64] = (3).to_bytes(4, "big")
    newer.write_bytes(data)
    tidy(many, max_bytes=0)
    assert [path.read_bytes() for path in segments(many)] == [data]


def test_what_crashes_have_left_is_removed(store_dir: Path) -> None:
    store_dir.mkdir()
    lonely = f"{1:020d}-0011223344556677"
    for name in (lonely + ".lock", lonely + ".lock.new", lonely + ".info.sealed.fresh", "exchange.json.partial"):
        (store_dir / name).touch()
        os.utime(store_dir / name, (1000, 1000))
    tidy(store_dir)
    assert os.listdir(store_dir) == ["upkeep.lock"]


def test_other_peoples_files_are_left_alone(many: Path) -> None:
    foreign = ["report.partial", "video.mp4.partial", f"{1:020d}-notes.partial", f"{1:020d}-mine.lock", "backup.sealed"]
    for name in foreign:
        (many / name).write_text("mine")
        os.utime(many / name, (1000, 1000))
    tidy(many, max_bytes=0)
    assert {path.name for path in many.iterdir()} >= set(foreign)
    (many / "backup.sealed").unlink()


def test_what_was_written_while_the_clock_was_set_back_has_a_name_in_order(many: Path) -> None:
    for path in segments(many):
        os.utime(path, (T0 / 1e9,) * 2)
    tidy(many)
    assert [path.name[:20] <= path.name[21:41] for path in segments(many)] == [True, True]


def test_a_lock_that_is_being_made_is_left_alone(store_dir: Path) -> None:
    store_dir.mkdir()
    (store_dir / f"{1:020d}-0011223344556677.lock.new").touch()
    tidy(store_dir)
    assert len(os.listdir(store_dir)) == 2


def test_upkeep_that_is_out_of_time_leaves_everything_as_it_was(many: Path) -> None:
    before, names = read(many), [path.name for path in segments(many)]
    assert tidy(many, pace=Pace(seconds=0)) is None
    assert (read(many), [path.name for path in segments(many)]) == (before, names)
    assert not [path for path in many.iterdir() if path.name.endswith(segment.PARTIAL)]


def test_upkeep_at_the_end_of_a_process_does_a_part(store_dir: Path) -> None:
    for number in range(150):
        end_segment(store_dir, number)
    before = read(store_dir)
    pace = Pace.last()
    pace._end = float("inf")
    tidy(store_dir, pace=pace)
    assert kinds(store_dir) == ["active"] * (150 - pace.files) + ["info.sealed", "trace.sealed"]
    assert read(store_dir) == before


def test_what_was_deleted_goes_from_what_is_sealed(many: Path) -> None:
    before = read(many)
    deleted.add(str(many), T0 + 10, time.time_ns())
    tidy(many)
    deleted.drop(str(many), deleted.read(str(many)))
    assert read(many) == [each for each in before if int(each[0]) >= 10]


def test_what_was_deleted_goes_from_what_was_sealed(many: Path) -> None:
    before = read(many)
    tidy(many)
    deleted.add(str(many), T0 + 10, time.time_ns())
    tidy(many)
    deleted.drop(str(many), deleted.read(str(many)))
    assert read(many) == [each for each in before if int(each[0]) >= 10]


def test_what_came_after_the_deletion_stays(many: Path) -> None:
    deleted.add(str(many), T0 + 10_000, time.time_ns())
    end_segment(many, 1)
    tidy(many)
    assert [body for body, _ in read(many)] == ["1"]


def test_a_deletion_is_forgotten_when_it_is_done(many: Path) -> None:
    tidy(many)
    deleted.add(str(many), T0 + 10, time.time_ns())
    tidy(many)
    assert deleted.read(str(many)) == ()


def test_a_deletion_is_not_forgotten_while_a_living_process_may_have_what_it_hides(many: Path) -> None:
    writer = FileSink(str(many))
    put(writer, [log("old", 1)])
    deleted.add(str(many), T0 + 10, time.time_ns())
    tidy(many)
    assert len(deleted.read(str(many))) == 1
    writer.close()


def test_files_of_which_everything_was_deleted_are_unlinked(many: Path) -> None:
    tidy(many)
    deleted.add(str(many), T0 + 10**9, time.time_ns())
    report = tidy(many)
    assert report is not None
    assert ([reason for _, reason in report.removed], segments(many)) == (["deleted", "deleted"], [])


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_user_can_read_what_is_stored(store_dir: Path, mask: int) -> None:
    former = os.umask(mask)
    try:
        for number in range(SEAL_FROM):
            end_segment(store_dir, number)
        tidy(store_dir)
        end_segment(store_dir, 99)
    finally:
        os.umask(former)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in store_dir.iterdir()}
    assert (stat.S_IMODE(store_dir.stat().st_mode), modes) == (0o700, {0o600})

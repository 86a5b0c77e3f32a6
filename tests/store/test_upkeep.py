"""Merging and retention: nothing is lost or doubled, whenever they are cut off and whoever reads."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidegate.store
from making import T0, log, put, span
from store_files import segments
from storing import Store
from tidegate.store import catalog, upkeep
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep import MERGE_FROM, File

MUCH, LONG = 1 << 40, 1e9


@pytest.fixture
def many(store_dir: Path) -> Path:
    """As many ended segments as it takes to be merged, a log record and a span in each."""
    for number in range(MERGE_FROM):
        end_segment(store_dir, number)
    return store_dir


def end_segment(directory: Path, number: int) -> None:
    sink = FileSink(str(directory))
    put(sink, [log(str(number), number, trace=(number + 1) << 100)])
    put(sink, [span(str(number), number, trace=(number + 1) << 100)])
    sink.close()


def tidy(directory: Path, max_bytes: int = MUCH, max_age_s: float = LONG) -> None:
    upkeep.upkeep(str(directory), max_bytes, max_age_s)


def read(directory: Path) -> list[tuple[str, str]]:
    """Every log record with its cursor, which holds its identity."""
    with tidegate.store.open(directory) as reader:
        assert reader.damaged == 0
        assert len(list(reader.spans())) == len(list(reader.logs()))
        return [(str(log.body), log.cursor) for log in reader.logs()]


def test_ended_segments_become_one(many: Path) -> None:
    tidy(many)
    assert [path.suffix for path in segments(many)] == [".merged"]


def test_few_segments_are_left_as_they_are(store_dir: Path) -> None:
    for number in range(MERGE_FROM - 1):
        end_segment(store_dir, number)
    tidy(store_dir)
    assert len(segments(store_dir)) == MERGE_FROM - 1


def test_merging_keeps_every_record_and_its_identity(many: Path) -> None:
    before = read(many)
    tidy(many)
    assert read(many) == before


def test_merging_what_was_merged_changes_nothing(many: Path) -> None:
    tidy(many)
    before = [(path.name, path.read_bytes()) for path in segments(many)]
    tidy(many)
    assert [(path.name, path.read_bytes()) for path in segments(many)] == before


def test_a_merged_segment_is_not_written_again_for_some_small_ones(many: Path) -> None:
    tidy(many)
    [first] = segments(many)
    for number in range(MERGE_FROM):
        end_segment(many, 100 + number)
    tidy(many)
    assert first in segments(many)
    assert len(segments(many)) == 2


def test_many_merged_segments_are_merged_again(store_dir: Path) -> None:
    for round_ in range(MERGE_FROM):
        for number in range(MERGE_FROM):
            end_segment(store_dir, 100 * round_ + number)
        before = read(store_dir)
        tidy(store_dir)
    tidy(store_dir)
    assert (len(segments(store_dir)), read(store_dir)) == (1, before)


def test_segments_and_what_they_were_merged_into_are_read_once(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that was killed after its file appeared and before its sources went."""
    before = read(many)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(upkeep, "_remove", lambda file: None)
        tidy(many)
    assert len(segments(many)) == MERGE_FROM + 1
    assert read(many) == before


def test_a_merge_after_one_that_was_cut_off_doubles_nothing(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(path.stat().st_size for path in segments(many))
    before = read(many)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(upkeep, "_remove", lambda file: None)
        tidy(many)
    tidy(many)
    assert read(many) == before
    upkeep.merge(str(many), list(upkeep._files(str(many))))
    assert read(many) == before
    assert [path.stat().st_size <= size for path in segments(many)] == [True]


def test_a_merge_that_was_cut_off_earlier_is_begun_afresh(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_fails(*paths: object) -> None:
        raise KeyboardInterrupt

    before = read(many)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(os, "rename", power_fails)
        with pytest.raises(KeyboardInterrupt):
            tidy(many)
    tidy(many)
    assert (read(many), [path.suffix for path in many.iterdir() if path.suffix != ".lock"]) == (before, [".merged"])


def test_a_reader_that_is_open_meanwhile_reads_on(many: Path) -> None:
    before = [body for body, _ in read(many)]
    with tidegate.store.open(many) as reader:
        logs = reader.logs()
        found = [str(next(logs).body) for _ in range(3)]
        tidy(many)
        found += [str(log.body) for log in logs]
        assert (found, reader.damaged) == (before, 0)


def test_a_reader_that_looked_again_meanwhile_reads_on(many: Path) -> None:
    before = [body for body, _ in read(many)]
    with tidegate.store.open(many) as reader:
        logs = reader.logs()
        found = [str(next(logs).body)]
        tidy(many)
        assert len(reader.services()) == 1  # has seen the new file
        found += [str(log.body) for log in logs]
        assert (found, reader.damaged) == (before, 0)


def test_a_reader_that_looks_while_files_are_merged_misses_none(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read(many)
    listed = catalog._segment_names

    def list_and_merge(directory: str) -> list[str]:
        """What was listed is gone by the time it is opened."""
        names = listed(directory)
        tidy(many)
        return names

    monkeypatch.setattr(catalog, "_segment_names", list_and_merge)
    assert read(many) == before


def test_following_does_not_see_merged_records_again(many: Path) -> None:
    with tidegate.store.open(many) as reader:
        steps: Iterator[Callable[[], None]] = iter([lambda: None, lambda: tidy(many), lambda: end_segment(many, 999)])

        def stop() -> bool:
            step = next(steps, None)
            if step is not None:
                step()
            return step is None

        assert [log.body for log in reader.follow("logs", poll=0, stop=stop)] == ["999"]  # type: ignore[union-attr]


def test_a_segment_that_is_being_written_here_is_not_merged(many: Path, directory: Store) -> None:
    writer = directory.writer()
    put(writer, [log("mine", 1000)])
    tidy(many)
    put(writer, [log("more", 1001)])
    with tidegate.store.open(many) as reader:
        assert [log.body for log in reader.logs(limit=2)] == ["more", "mine"]


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


def test_a_segment_of_a_living_process_is_neither_merged_nor_removed(many: Path, program: Callable[..., Path]) -> None:
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


def test_a_segment_of_a_killed_process_is_merged(many: Path, program: Callable[..., Path]) -> None:
    helpers = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, program(WRITER), str(many), helpers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    tidy(many)
    with tidegate.store.open(many) as reader:
        assert (len(segments(many)), next(reader.logs()).body) == (1, "living")
    assert {path.suffix for path in many.iterdir()} == {".merged", ".lock"}  # the lock is the upkeep's own


def test_only_one_process_tidies_at_a_time(many: Path, run: Callable[..., Any]) -> None:
    with upkeep._only_one(str(many)) as alone:
        assert alone
        run([sys.executable, "-c", f"from tidegate.store.upkeep import upkeep; upkeep({str(many)!r}, 0, 1e9)"])
    assert len(segments(many)) == MERGE_FROM


def test_a_damaged_segment_is_not_merged(many: Path) -> None:
    first = segments(many)[0]
    data = bytearray(first.read_bytes())
    data[30] ^= 1
    first.write_bytes(data)
    tidy(many)
    assert first.read_bytes() == data


def test_a_last_frame_that_was_cut_short_is_left_out_of_the_merge(many: Path) -> None:
    first = segments(many)[0]
    first.write_bytes(first.read_bytes()[:-5])  # its span
    tidy(many)
    with tidegate.store.open(many) as reader:
        assert (len(list(reader.logs())), len(list(reader.spans())), reader.damaged) == (24, 23, 0)


def test_what_is_too_old_is_removed(store_dir: Path) -> None:
    for number in range(3):
        end_segment(store_dir, number)
    os.utime(segments(store_dir)[1], (1000, 1000))
    tidy(store_dir, max_age_s=86400)
    assert [body for body, _ in read(store_dir)] == ["2", "0"]


def test_a_merged_segment_is_as_old_as_its_youngest_part(many: Path) -> None:
    for number, path in enumerate(segments(many)):
        os.utime(path, ns=(T0 + number, T0 + number))
    tidy(many)
    assert segments(many)[0].stat().st_mtime_ns == T0 + MERGE_FROM - 1


def test_what_is_too_much_is_removed_oldest_first(store_dir: Path) -> None:
    for number in range(5):
        end_segment(store_dir, number)
    for number, path in enumerate(segments(store_dir)):
        os.utime(path, (10**9 + number, 10**9 + number))
    sizes = [path.stat().st_size for path in segments(store_dir)]
    tidy(store_dir, max_bytes=sum(sizes[-2:]))
    assert sorted(body for body, _ in read(store_dir)) == ["3", "4"]


files = st.builds(
    lambda start, length, size: File(f"{start}", start, start + length, size),
    st.integers(0, 100), st.integers(0, 50), st.integers(0, 1000),
)  # fmt: skip


@given(st.lists(files), st.integers(-100, 3000), st.integers(0, 150))
def test_what_retention_leaves_is_young_and_small_enough(all_files: list[File], max_bytes: int, oldest: int) -> None:
    gone = upkeep.expired(all_files, max_bytes, oldest)
    left = [file for file in all_files if not any(file is other for other in gone)]
    assert all(file.end >= oldest for file in left)
    assert sum(file.size for file in left) <= max(max_bytes, 0)


@given(st.lists(files), st.integers(0, 3000), st.integers(0, 150))
def test_retention_removes_nothing_that_might_stay(all_files: list[File], max_bytes: int, oldest: int) -> None:
    gone = upkeep.expired(all_files, max_bytes, oldest)
    total = sum(file.size for file in all_files)
    for number, file in enumerate(gone):
        assert file.end < oldest or total - sum(other.size for other in gone[:number]) > max_bytes


@given(st.lists(files), st.integers(0, 3000), st.integers(0, 150))
def test_retention_removes_the_oldest(all_files: list[File], max_bytes: int, oldest: int) -> None:
    gone = upkeep.expired(all_files, max_bytes, oldest)
    left = [file for file in all_files if not any(file is other for other in gone)]
    assert max((file.end for file in gone), default=0) <= min((file.end for file in left), default=10**9)


@given(st.lists(files), st.integers(2, 6), st.integers(1, 4000))
def test_groups_are_disjoint_and_of_at_least_two(all_files: list[File], least: int, most_bytes: int) -> None:
    groups = upkeep.merge_groups(all_files, least, most_bytes)
    members = [id(file) for group in groups for file in group]
    assert len(set(members)) == len(members)
    assert all(len(group) > 1 for group in groups)


@given(st.lists(files), st.integers(2, 6), st.integers(1, 4000))
def test_groups_are_no_larger_than_asked(all_files: list[File], least: int, most_bytes: int) -> None:
    for group in upkeep.merge_groups(all_files, least, most_bytes):
        assert sum(file.size for file in group) <= most_bytes


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_user_can_read_what_is_stored(store_dir: Path, mask: int) -> None:
    former = os.umask(mask)
    try:
        for number in range(MERGE_FROM):
            end_segment(store_dir, number)
        tidy(store_dir)
        end_segment(store_dir, 99)
    finally:
        os.umask(former)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in store_dir.iterdir()}
    assert (stat.S_IMODE(store_dir.stat().st_mode), modes) == (0o700, {0o600})

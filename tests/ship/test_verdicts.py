"""The verdict log: what was appended is read, once and in order, whoever leads and whatever happens to the files."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leading import Candidate, Clock, Deaf, frame, lead
from tidegate.errors import FormatError
from tidegate.ship import files as route_files
from tidegate.ship import frames, verdicts
from tidegate.ship.election import STALE_S, Election, Superseded
from tidegate.ship.frames import START, Frame
from tidegate.ship.memory import MemoryLog
from tidegate.ship.verdicts import VerdictLog, VerdictReader, Verdicts
from tidegate.store.codec import decompress_first
from tidegate.store.watermark import Watermark

A, B = "a" * 16, "b" * 16


@pytest.fixture
def directory(tmp_path: Path) -> str:
    return str(tmp_path)


@pytest.fixture
def log(tmp_path: Path) -> VerdictLog:
    return VerdictLog(str(tmp_path), lead(tmp_path))


@pytest.fixture(params=["disk", "memory"])
def any_log(request: pytest.FixtureRequest, tmp_path: Path) -> Verdicts:
    return MemoryLog() if request.param == "memory" else VerdictLog(str(tmp_path), lead(tmp_path))


@pytest.fixture
def next_leader(tmp_path: Path, log: VerdictLog) -> Callable[[], VerdictLog]:
    """The log of who leads after the one of `log` has ended."""

    def next_leader() -> VerdictLog:
        log._leadership.release()
        return VerdictLog(str(tmp_path), lead(tmp_path))

    return next_leader


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Candidate]:
    """A process that leads, and has a log."""
    candidate = Candidate(tmp_path)
    candidate("lead")
    candidate("open")
    yield candidate
    candidate.close()


def names(log: Verdicts | VerdictReader) -> list[str]:
    return [entry.frame.marks[0] for entry in log.read(START)]


def files(log: VerdictReader) -> list[Path]:
    return [Path(part.path) for part in log.parts()]


FULL = Frame(
    time=1_700_000_000_123_456_789,
    watermarks={"spans": Watermark(5, {A: 7}).text(), "logs": "0"},
    marks=[[123, [["tidegate.sampling.reason", "error"]]], [None, []]],
    spans={B: [(2**40, 0), (2**40 + 9, 1)], A: [(3, 1)]},
    logs={A: [(1, 0)]},
    metrics={A: [(0, 4), (9, 10)]},
    dropped={A: [4, 5]},
    counts={"kept": {"spans": {"error": 3}}},
    ledger=[["2023-11-14T22:13", "shop", "user <*>", 9, 5]],
)


def test_a_frame_is_read_as_it_was_appended(any_log: Verdicts) -> None:
    any_log.append(FULL)
    [entry] = any_log.read(START)
    assert entry.frame == FULL


def test_rows_are_those_of_a_signal_in_an_order_that_is_always_the_same() -> None:
    assert FULL.rows("spans") == [(A, 3, 1), (B, 2**40, 0), (B, 2**40 + 9, 1)]
    assert FULL.rows("logs") == [(A, 1, 0)]
    assert FULL.rows("metrics") == [(A, sequence, 0) for sequence in (0, 1, 2, 3, 9)]


def test_the_index_tells_how_many_rows_there_are_and_of_which_segments(any_log: Verdicts) -> None:
    any_log.append(FULL)
    [entry] = any_log.read(START)
    assert entry.index.rows == {"spans": 3, "logs": 1, "metrics": 5}
    assert entry.index.segments == {"spans": [A, B], "logs": [A], "metrics": [A]}


def test_a_frame_knows_what_stands_before_it(any_log: Verdicts) -> None:
    for _ in range(3):
        any_log.append(FULL)
    assert [entry.index.number for entry in any_log.read(START)] == [0, 1, 2]
    assert [entry.index.before["spans"] for entry in any_log.read(START)] == [0, 3, 6]


def test_reading_goes_on_where_a_frame_ends(any_log: Verdicts) -> None:
    any_log.append(frame("one"))
    [first] = any_log.read(START)
    any_log.append(frame("two"))
    [second] = any_log.read(first.end)
    assert second.frame.marks == ["two"]
    assert list(any_log.read(second.end)) == []
    assert second.end == any_log.end


def test_the_next_frame_from_a_place_is_known_before_it_is_there(any_log: Verdicts) -> None:
    place = any_log.next(START)
    any_log.append(frame("one"))
    assert any_log.next(START) == place


def test_a_place_is_the_same_after_a_way_through_text(log: VerdictLog) -> None:
    assert frames.Position.parse(log.end.text()) == log.end


def test_segments_are_those_of_what_comes_after_a_place(any_log: Verdicts) -> None:
    any_log.append(frame(spans={A: [(0, 0)]}))
    [first] = any_log.read(START)
    any_log.append(frame(spans={B: [(0, 0)]}, logs={A: [(0, 0)]}))
    assert any_log.segments(START, "spans") == {A, B}
    assert any_log.segments(first.end, "spans") == {B}
    assert any_log.segments(any_log.end, "spans") == set()


def test_trimming_removes_what_everybody_has_passed(any_log: Verdicts) -> None:
    for _ in range(3):
        any_log.append(frame(spans={A: [(0, 0)]}))
    any_log.trim(any_log.end)
    any_log.append(frame("last"))
    assert names(any_log)[-1] == "last"


def test_usual_tools_show_the_verdicts(log: VerdictLog) -> None:
    log.append(FULL)
    shown, rest = [], files(log)[0].read_bytes()
    while rest:
        raw, size = decompress_first(rest)
        shown.append(raw)
        rest = rest[size:]
    bodies = [json.loads(line) for line in shown if line]
    assert bodies[-1]["time"] == "1700000000123456789"
    assert bodies[-1]["spans"][B] == {"at": [2**40, 9], "mark": [0, 1]}


def test_a_log_grows_by_files_of_a_size(tmp_path: Path) -> None:
    log = VerdictLog(str(tmp_path), lead(tmp_path), rotate_bytes=1000)
    written = [f"frame {number}" for number in range(50)]
    for name in written:
        log.append(frame(name))
    assert len(files(log)) > 5
    assert names(log) == written


def test_files_go_when_all_have_passed_them_but_never_the_last(tmp_path: Path) -> None:
    log = VerdictLog(str(tmp_path), lead(tmp_path), rotate_bytes=1000)
    for _ in range(50):
        log.append(frame())
    log.trim(log.end)
    assert len(files(log)) == 1
    assert len(list((tmp_path / "verdicts").iterdir())) == 1


def test_the_oldest_files_go_when_there_are_too_many_bytes(tmp_path: Path) -> None:
    log = VerdictLog(str(tmp_path), lead(tmp_path), rotate_bytes=1000, max_bytes=5000)
    for number in range(100):
        log.append(frame(f"{number}"))
        log.trim(START)
    assert sum(path.stat().st_size for path in files(log)) < 6000
    assert names(log)[-1] == "99"
    assert names(log)[0] != "0"


def test_a_place_that_is_gone_is_the_beginning_of_what_is_left(tmp_path: Path) -> None:
    log = VerdictLog(str(tmp_path), lead(tmp_path), rotate_bytes=1000)
    for _ in range(50):
        log.append(frame())
    left = next(log.read(log.next(START)._replace(number=3, offset=0))).index.number
    log.trim(log.next(START)._replace(number=3))
    assert next(log.read(START)).index.number == left


def test_the_memory_forgets_the_oldest_beyond_its_bound() -> None:
    log = MemoryLog(max_rows=10)
    for number in range(5):
        log.append(frame(f"{number}", spans={A: [(row, 0) for row in range(4)]}))
    assert names(log) == ["3", "4"]


# --- the next leader


def test_the_next_leader_goes_on_where_the_former_was(log: VerdictLog, next_leader: Callable[[], VerdictLog]) -> None:
    log.append(frame("one"))
    following = next_leader()
    following.append(frame("two"))
    assert names(following) == ["one", "two"]


def test_it_finds_watermarks_and_counts(log: VerdictLog, next_leader: Callable[[], VerdictLog]) -> None:
    for _ in range(2):
        log.append(FULL)
    standing = next_leader().standing
    assert standing.watermarks == FULL.watermarks
    assert standing.counts == {"kept": {"spans": {"error": 6}}}
    assert (standing.number, standing.before["spans"]) == (2, 6)


def test_it_finds_what_is_decided_beyond_the_watermark(log: VerdictLog, next_leader: Callable[[], VerdictLog]) -> None:
    log.append(
        frame(spans={A: [(3, 0), (9, 0)]}, dropped={A: [8, 2]}, watermarks={"spans": Watermark(0, {A: 5}).text()})
    )
    assert next_leader().standing.decided() == {"spans": {A: {8, 9}}}


def test_it_finds_the_same_when_the_files_that_said_so_are_gone(
    log: VerdictLog, next_leader: Callable[[], VerdictLog], tmp_path: Path
) -> None:
    log.append(frame(spans={A: [(9, 0)]}, watermarks={"spans": Watermark(0, {A: 5}).text()}, counts={"kept": 1}))
    following = next_leader()
    following.trim(following.end)
    assert len(files(following)) == 1
    following._leadership.release()
    standing = VerdictLog(str(tmp_path), lead(tmp_path)).standing
    assert standing.decided() == {"spans": {A: {9}}}
    assert (standing.number, standing.before["spans"], standing.counts) == (1, 1, {"kept": 1})


def test_what_comes_behind_the_watermark_is_forgotten(log: VerdictLog) -> None:
    log.append(frame(spans={A: [(9, 0)]}, watermarks={"spans": Watermark(0, {A: 5}).text()}))
    log.append(frame(watermarks={"spans": Watermark(0, {A: 10}).text()}))
    assert log.standing.decided() == {}


def test_rows_of_a_segment_that_the_watermark_does_not_name_are_taken_for_decided(log: VerdictLog) -> None:
    log.append(frame(spans={B: [(9, 0)]}, watermarks={"spans": Watermark(0, {A: 5}).text()}))
    assert log.standing.decided() == {"spans": {B: {9}}}


def test_they_are_forgotten_after_five_minutes(log: VerdictLog) -> None:
    mark = {"spans": Watermark(0, {A: 5}).text()}
    log.append(Frame(0, mark, spans={B: [(9, 0)]}))
    log.append(Frame(301 * 10**9, mark))
    assert log.standing.decided() == {}


def test_of_too_many_the_oldest_are_forgotten(log: VerdictLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.ship.standing.MAX_DECIDED", 3)
    for segment in (A, B):
        log.append(frame(spans={segment: [(8, 0), (9, 0)]}))
    assert log.standing.decided() == {"spans": {B: {8, 9}}}


def test_a_log_without_a_frame_stands_at_the_beginning(log: VerdictLog) -> None:
    assert (log.standing.number, log.standing.watermarks, log.standing.decided()) == (0, {}, {})


# --- superseded leaders


def test_nothing_is_appended_by_who_was_superseded(log: VerdictLog, next_leader: Callable[[], VerdictLog]) -> None:
    next_leader()
    with pytest.raises(Superseded):
        log.append(frame("late"))


def test_what_a_superseded_leader_appends_all_the_same_is_not_read(
    log: VerdictLog, next_leader: Callable[[], VerdictLog]
) -> None:
    log.append(frame("before"))
    following = next_leader()
    log._leadership = Deaf(log._leadership)  # type: ignore[assignment]
    log.append(frame("late"))
    following.append(frame("after"))
    assert names(following) == ["before", "after"]


def test_nor_is_a_file_that_it_begins(log: VerdictLog, next_leader: Callable[[], VerdictLog]) -> None:
    following = next_leader()
    log._leadership, log._rotate_bytes = Deaf(log._leadership), 1  # type: ignore[assignment]
    for _ in range(2):
        log.append(frame("late"))
    following.append(frame("after"))
    assert names(following) == ["after"]


def test_nor_what_counts_for_the_one_after_the_next(
    log: VerdictLog, next_leader: Callable[[], VerdictLog], tmp_path: Path
) -> None:
    log.append(frame(counts={"kept": 1}))
    following = next_leader()
    log._leadership = Deaf(log._leadership)  # type: ignore[assignment]
    log.append(frame("late", counts={"kept": 10}))
    following._leadership.release()
    last = VerdictLog(str(tmp_path), lead(tmp_path))
    assert last.standing.counts == {"kept": 1}
    assert names(last) == [""]


def test_its_files_go_with_the_next_trimming(
    log: VerdictLog, next_leader: Callable[[], VerdictLog], tmp_path: Path
) -> None:
    following = next_leader()
    log._leadership, log._rotate_bytes = Deaf(log._leadership), 1  # type: ignore[assignment]
    log.append(frame("late"))
    following.trim(START)
    assert {path.name for path in (tmp_path / "verdicts").iterdir()} == {path.name for path in files(following)}


def test_a_leader_that_was_stopped_while_it_trims_removes_nothing_of_its_successor(
    log: VerdictLog, next_leader: Callable[[], VerdictLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(frame("before"))
    successors: list[VerdictLog] = []

    def stopped(path: str) -> int:
        if not successors:
            successors.append(next_leader())
            successors[0].append(frame("after"))
            log._leadership = Deaf(log._leadership)  # type: ignore[assignment]
            (tmp_path / "verdicts" / "00000002-000001.verdicts.partial").touch()
        return 0

    monkeypatch.setattr(verdicts, "_size", stopped)
    log.trim(START)
    assert names(successors[0]) == ["before", "after"]
    assert len(list((tmp_path / "verdicts").iterdir())) == 3


def test_a_leader_that_was_superseded_while_it_trims_removes_nothing_more(
    log: VerdictLog, next_leader: Callable[[], VerdictLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "verdicts" / "00000001-000009.verdicts.partial").touch()
    real, files_there = route_files.names, list((tmp_path / "verdicts").iterdir())

    def stopped(directory: str) -> list[str]:
        found = list(real(directory))
        log._leadership.release()
        return found

    monkeypatch.setattr(route_files, "names", stopped)
    with pytest.raises(Superseded):
        log.trim(START)
    assert sorted((tmp_path / "verdicts").iterdir()) == sorted(files_there)


def test_a_leader_that_began_late_is_not_read_where_another_one_leads_by_then(tmp_path: Path) -> None:
    first = VerdictLog(str(tmp_path), lead(tmp_path))
    first.append(frame("one"))
    first._leadership.release()
    second = lead(tmp_path)  # it is stopped before it begins its log
    second.release()
    third = VerdictLog(str(tmp_path), lead(tmp_path))
    late = VerdictLog(str(tmp_path), Deaf(second))  # type: ignore[arg-type]
    late.append(frame("late"))
    third.append(frame("three"))
    assert names(third) == ["one", "three"]


def test_a_process_that_is_stopped_and_goes_on_neither_loses_nor_doubles_a_verdict(
    tmp_path: Path, leader: Candidate
) -> None:
    clock = Clock()
    leader("append", "before")
    leader("deaf")
    leader.process.send_signal(signal.SIGSTOP)
    candidate = Election(str(tmp_path), clock=clock)
    candidate.try_lead()
    clock.now += STALE_S
    successor = candidate.try_lead()
    assert successor is not None
    log = VerdictLog(str(tmp_path), successor)
    log.append(frame("after"))
    leader.process.send_signal(signal.SIGCONT)
    leader("append", "late")
    assert names(log) == ["before", "after"]
    assert log.standing.number == 2


# --- what happens to files


@pytest.fixture
def torn(log: VerdictLog) -> Path:
    """The file of a log whose second frame was cut off by a crash."""
    log.append(frame("whole"))
    log.append(frame("torn"))
    [path] = files(log)
    os.truncate(path, path.stat().st_size - 1)
    return path


def test_a_torn_frame_is_not_there(directory: str, torn: Path) -> None:
    assert names(VerdictReader(directory)) == ["whole"]


def test_the_next_leader_goes_on_behind_the_last_whole_frame(torn: Path, next_leader: Callable[[], VerdictLog]) -> None:
    following = next_leader()
    following.append(frame("next"))
    assert names(following) == ["whole", "next"]
    assert following.standing.number == 2


@pytest.mark.parametrize("offset", [0, 20, -20])
def test_a_damaged_frame_costs_no_other(log: VerdictLog, directory: str, offset: int) -> None:
    for name in ("one", "two", "three"):
        log.append(frame(name))
    places = [entry.start.offset for entry in log.read(START)]
    [path] = files(log)
    content = bytearray(path.read_bytes())
    content[(places[2] if offset < 0 else places[1]) + offset] ^= 0xFF
    path.write_bytes(content)
    reader = VerdictReader(directory)
    assert names(reader) == ["one", "three"]
    assert reader.damaged == 1


def test_a_damaged_start_costs_no_frame(log: VerdictLog, directory: str, next_leader: Callable[[], VerdictLog]) -> None:
    log.append(frame("one", watermarks={"spans": "5"}))
    [path] = files(log)
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF
    path.write_bytes(content)
    following = next_leader()
    assert names(following) == ["one"]
    assert following.standing.watermarks == {"spans": "5"}


def test_a_log_of_a_newer_format_is_refused(log: VerdictLog, directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(frames, "FORMAT", 2)
        log.append(frame())
    with pytest.raises(FormatError, match="has format 2; this version reads up to 1"):
        names(VerdictReader(directory))


def test_a_frame_for_which_there_is_no_room_is_not_there_and_can_be_tried_again(small_disk: Path) -> None:
    log = VerdictLog(str(small_disk), lead(small_disk))
    log.append(frame("one"))
    large = frame("two")
    large.marks.append(os.urandom(100_000).hex())
    with (small_disk / "filling").open("wb", buffering=0) as filling:
        filling.write(bytes(8 << 20))
        filling.truncate(filling.tell() - 20_000)
    size = files(log)[0].stat().st_size
    with pytest.raises(OSError, match="No space left"):
        log.append(large)
    assert files(log)[0].stat().st_size == size
    (small_disk / "filling").unlink()
    log.append(large)
    assert names(log) == ["one", "two"]


def test_every_file_is_private(log: VerdictLog, tmp_path: Path) -> None:
    log.append(frame())
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "verdicts").iterdir()}
    assert modes == {0o600}
    assert (tmp_path / "verdicts").stat().st_mode & 0o777 == 0o700


def test_a_reader_of_no_log_finds_nothing(directory: str) -> None:
    assert names(VerdictReader(directory)) == []
    assert VerdictReader(directory).totals()[0] == 0


def test_totals_are_those_of_all_frames_ever(
    log: VerdictLog, directory: str, next_leader: Callable[[], VerdictLog]
) -> None:
    log.append(FULL)
    following = next_leader()
    following.trim(following.end)
    following.append(FULL)
    assert VerdictReader(directory).totals() == (2, {"spans": 6, "logs": 2, "metrics": 10})


def test_several_threads_read_while_one_appends(tmp_path: Path) -> None:
    log = VerdictLog(str(tmp_path), lead(tmp_path), rotate_bytes=2000)

    def follow() -> list[int]:
        found: list[int] = []
        place = START
        while len(found) < 200:
            for entry in log.read(place):
                found.append(entry.index.number)
                place = entry.end
        return found

    with ThreadPoolExecutor(3) as threads:
        following = [threads.submit(follow) for _ in range(3)]
        for number in range(200):
            log.append(frame(f"{number}"))
        assert [each.result(60) for each in following] == [list(range(200))] * 3

"""Each destination goes along the verdict log at its own pace, and goes on where it was, whoever leads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leading import Clock, Deaf, frame, lead
from tidegate.ship import cursors
from tidegate.ship.cursors import GONE_NS, Cursor, Cursors, Reached
from tidegate.ship.election import Superseded
from tidegate.ship.frames import START
from tidegate.ship.memory import MemoryCursors, MemoryLog
from tidegate.ship.verdicts import Entry, VerdictLog

A, B = "a" * 16, "b" * 16
TRACES = "traces-otlp"


class Led:
    """A route that one process leads: its log and cursors."""

    def __init__(self, directory: Path | None, **options: int) -> None:
        self.log: VerdictLog | MemoryLog
        self.cursors: Cursors | MemoryCursors
        if directory is None:
            self.log = MemoryLog(**options)
            self.cursors = MemoryCursors(self.log)
        else:
            self.leadership = lead(directory)
            self.log = VerdictLog(str(directory), self.leadership, **options)
            self.cursors = Cursors(str(directory), self.leadership, self.log)

    def append(self, rows: int = 2) -> None:
        self.log.append(frame(spans={A: [(row, 0) for row in range(rows)]}))

    def entry(self, cursor: Cursor) -> Entry:
        """The next one of a cursor."""
        return next(iter(self.log.read(cursor.position)))


@pytest.fixture
def led(tmp_path: Path) -> Led:
    return Led(tmp_path)


@pytest.fixture(params=["disk", "memory"])
def any_led(request: pytest.FixtureRequest, tmp_path: Path) -> Led:
    return Led(None if request.param == "memory" else tmp_path)


@pytest.fixture
def next_leader(tmp_path: Path, led: Led) -> Callable[..., Led]:
    """What the next leader has, after the one of `led` was killed."""

    def next_leader(**options: int) -> Led:
        led.leadership.release()
        return Led(tmp_path, **options)

    return next_leader


def files(directory: Path) -> list[str]:
    return sorted(os.listdir(directory / "cursors"))


def test_a_destination_that_is_new_begins_at_the_end(any_led: Led) -> None:
    any_led.append()
    cursor = any_led.cursors.open(TRACES, "spans")
    assert list(any_led.log.read(cursor.position)) == []
    assert (cursor.place.number, cursor.place.rows) == (1, 2)


def test_it_has_before_it_what_is_decided_from_then_on(any_led: Led) -> None:
    cursor = any_led.cursors.open(TRACES, "spans")
    any_led.append()
    assert cursor.rest(any_led.entry(cursor)) == [(A, 0, 0), (A, 1, 0)]


def test_of_a_frame_the_rows_that_are_done_do_not_come_again(any_led: Led) -> None:
    cursor = any_led.cursors.open(TRACES, "spans")
    any_led.append(3)
    cursor.advance(any_led.entry(cursor), 1)
    assert cursor.rest(any_led.entry(cursor)) == [(A, 1, 0), (A, 2, 0)]


def test_when_all_rows_are_done_it_is_behind_the_frame(any_led: Led) -> None:
    cursor = any_led.cursors.open(TRACES, "spans")
    any_led.append(3)
    cursor.advance(any_led.entry(cursor), 1)
    cursor.advance(any_led.entry(cursor), 2)
    assert cursor.position == any_led.log.end
    assert (cursor.place.number, cursor.place.rows) == (1, 3)


def test_without_a_number_all_that_remain_are_done(any_led: Led) -> None:
    cursor = any_led.cursors.open(TRACES, "spans")
    any_led.append(3)
    cursor.advance(any_led.entry(cursor), 1)
    cursor.advance(any_led.entry(cursor))
    assert cursor.position == any_led.log.end


def test_frames_without_rows_of_its_signal_are_passed(any_led: Led) -> None:
    cursor = any_led.cursors.open("logs-otlp", "logs")
    any_led.append()
    cursor.advance(any_led.entry(cursor))
    assert cursor.position == any_led.log.end
    assert cursor.place.rows == 0


def test_each_destination_goes_alone(any_led: Led) -> None:
    quick, slow = (any_led.cursors.open(name, "spans") for name in (TRACES, "traces-console"))
    any_led.append()
    quick.advance(any_led.entry(quick))
    assert len(slow.rest(any_led.entry(slow))) == 2
    assert any_led.cursors.oldest() == slow.position


def test_without_a_destination_nothing_is_held_back(any_led: Led) -> None:
    any_led.append()
    assert any_led.cursors.oldest() == any_led.log.end


def test_unsent_are_the_segments_that_somebody_has_not_passed(any_led: Led) -> None:
    first, second = any_led.cursors.open(TRACES, "spans"), any_led.cursors.open("logs-otlp", "logs")
    any_led.log.append(frame(spans={A: [(0, 0)]}, logs={B: [(0, 0)]}))
    assert any_led.cursors.unsent() == {A, B}
    first.advance(any_led.entry(first))
    assert any_led.cursors.unsent() == {B}
    second.advance(any_led.entry(second))
    assert any_led.cursors.unsent() == set()


def test_what_is_counted_adds_up(any_led: Led) -> None:
    cursor = any_led.cursors.open(TRACES, "spans")
    any_led.append(3)
    cursor.advance(any_led.entry(cursor), 1, sent=1)
    cursor.advance(any_led.entry(cursor), sent=1, refused={"400": 1})
    assert cursor.place.counts == {"sent": 2, "refused": {"400": 1}}


def test_rows_that_went_from_the_memory_before_they_were_sent_are_counted_as_lost() -> None:
    led = Led(None, max_rows=4)
    cursor = led.cursors.open(TRACES, "spans")
    led.append(2)
    cursor.advance(led.entry(cursor), 1)
    for _ in range(4):
        led.append(2)
    assert cursor.rest(led.entry(cursor)) == [(A, 0, 0), (A, 1, 0)]
    cursor.advance(led.entry(cursor), 1)
    assert cursor.place.counts == {"lost": 5}
    assert cursor.place.rows == 7


def test_rows_that_went_with_a_file_of_the_log_are_counted_as_lost(tmp_path: Path) -> None:
    led = Led(tmp_path, rotate_bytes=1, max_bytes=1)
    cursor = led.cursors.open(TRACES, "spans")
    for _ in range(3):
        led.append(2)
    led.log.trim(led.cursors.oldest())
    led.append(2)
    cursor.advance(led.entry(cursor))
    assert cursor.place.counts == {"lost": 6}


# --- the next leader


def test_the_next_leader_goes_on_where_the_former_was(led: Led, next_leader: Callable[..., Led]) -> None:
    cursor = led.cursors.open(TRACES, "spans")
    led.append(3)
    cursor.advance(led.entry(cursor), 2, sent=2)
    following = next_leader()
    again = following.cursors.open(TRACES, "spans")
    assert again.rest(following.entry(again)) == [(A, 2, 0)]
    assert again.place.counts == {"sent": 2}


def test_a_line_that_was_cut_off_is_not_there(tmp_path: Path, led: Led, next_leader: Callable[..., Led]) -> None:
    cursor = led.cursors.open(TRACES, "spans")
    led.append(3)
    cursor.advance(led.entry(cursor), 1)
    cursor.advance(led.entry(cursor), 1)
    [name] = files(tmp_path)
    path = tmp_path / "cursors" / name
    path.write_bytes(path.read_bytes()[:-3])
    following = next_leader()
    again = following.cursors.open(TRACES, "spans")
    assert again.rest(following.entry(again)) == [(A, 1, 0), (A, 2, 0)]


def test_of_former_leaders_no_file_is_left(tmp_path: Path, led: Led, next_leader: Callable[..., Led]) -> None:
    led.cursors.open(TRACES, "spans")
    next_leader().cursors.open(TRACES, "spans")
    assert files(tmp_path) == [f"{TRACES}-00000002.cursor"]


def test_a_superseded_leader_moves_no_cursor(led: Led, next_leader: Callable[..., Led]) -> None:
    cursor = led.cursors.open(TRACES, "spans")
    led.append()
    entry = led.entry(cursor)
    next_leader()
    with pytest.raises(Superseded):
        cursor.advance(entry)


def test_a_superseded_leader_gets_nothing_more_to_send(led: Led, next_leader: Callable[..., Led]) -> None:
    cursor = led.cursors.open(TRACES, "spans")
    led.append()
    entry = led.entry(cursor)
    next_leader()
    with pytest.raises(Superseded):
        cursor.rest(entry)


def test_where_it_writes_all_the_same_nobody_reads(tmp_path: Path, led: Led, next_leader: Callable[..., Led]) -> None:
    cursor = led.cursors.open(TRACES, "spans")
    led.append(2)
    entry = led.entry(cursor)
    next_leader().cursors.open(TRACES, "spans")
    led.cursors._open[TRACES]._leadership = Deaf(led.leadership)  # type: ignore[union-attr]
    cursor.advance(entry, sent=2)
    assert cursors.read(str(tmp_path / "cursors"))[TRACES].counts == {}


def test_a_destination_keeps_no_file_of_the_log_that_has_nothing_for_it(
    led: Led, next_leader: Callable[..., Led]
) -> None:
    led.cursors.open(TRACES, "spans")
    following = next_leader()
    assert following.cursors.open(TRACES, "spans").position == following.log.end


def test_a_destination_that_nobody_has_any_more_holds_back_what_it_has_not_got(
    led: Led, next_leader: Callable[..., Led]
) -> None:
    cursor = led.cursors.open(TRACES, "spans")
    led.append()
    following = next_leader()
    assert following.cursors.oldest() == cursor.position
    assert following.cursors.unsent() == {A}


def test_but_not_for_longer_than_a_week(tmp_path: Path, led: Led, next_leader: Callable[..., Led]) -> None:
    led.cursors.open(TRACES, "spans")
    led.append()
    [name] = files(tmp_path)
    long_ago = time.time_ns() - GONE_NS - 10**9
    os.utime(tmp_path / "cursors" / name, ns=(long_ago, long_ago))
    following = next_leader()
    assert following.cursors.oldest() == following.log.end


def test_one_that_waits_for_a_week_is_not_gone(tmp_path: Path) -> None:
    clock, leadership = Clock(), lead(tmp_path)
    log = VerdictLog(str(tmp_path), leadership)
    kept = Cursors(str(tmp_path), leadership, log, clock)
    kept.open(TRACES, "spans")
    [name] = files(tmp_path)
    os.utime(tmp_path / "cursors" / name, ns=(0, 0))
    clock.now += 3600
    kept.oldest()
    assert (tmp_path / "cursors" / name).stat().st_mtime_ns > 0


def test_names_of_destinations_may_be_any(tmp_path: Path, led: Led) -> None:
    led.cursors.open("../traces of-Müller/otlp", "spans")
    assert list(cursors.read(str(tmp_path / "cursors"))) == ["../traces of-Müller/otlp"]


def test_the_file_is_written_anew_when_it_is_long(tmp_path: Path, led: Led, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "COMPACT_BYTES", 1000)
    cursor = led.cursors.open(TRACES, "spans")
    led.append(100)
    for _ in range(100):
        cursor.advance(led.entry(cursor), 1)
    [name] = files(tmp_path)
    assert (tmp_path / "cursors" / name).stat().st_size < 1300
    assert cursors.read(str(tmp_path / "cursors"))[TRACES].rows == 100


def test_without_room_on_disk_it_goes_on_in_memory(small_disk: Path) -> None:
    led = Led(small_disk)
    cursor = led.cursors.open(TRACES, "spans")
    led.append(200)
    entry = led.entry(cursor)
    with (small_disk / "filling").open("wb", buffering=0) as filling:
        filling.write(bytes(8 << 20))
    for _ in range(150):
        cursor.advance(entry, 1)
    before = cursors.read(str(small_disk / "cursors"))[TRACES].rows
    assert before < cursor.place.rows == 150
    (small_disk / "filling").unlink()
    cursor.advance(entry, 1)
    assert cursors.read(str(small_disk / "cursors"))[TRACES].rows == 151


@pytest.mark.parametrize("line", [b"", b"null", b"{}", b'{"signal":"spans","position":5}', b'{"signal":"spans","x":1}'])
def test_what_is_no_line_is_none(line: bytes) -> None:
    assert Reached.parse(line) is None


def test_a_place_is_the_same_after_a_way_through_its_line() -> None:
    place = Reached("spans", START._replace(offset=255), 3, 4, 5, {"sent": 6})
    assert Reached.parse(place.line()) == place


def test_closed_amid_a_line_the_file_is_let_go_of_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    led = Led(tmp_path)
    cursor = led.cursors.open(TRACES, "spans")
    led.append()
    entry = next(led.log.read(START))
    write = cursors._write

    def close_and_write(descriptor: int, data: bytes) -> int:
        led.cursors.close()
        return write(descriptor, data)

    monkeypatch.setattr(cursors, "_write", close_and_write)
    cursor.advance(entry)
    assert cursors.read(str(tmp_path / "cursors"))[TRACES].rows == 2
    assert [name for name in os.listdir("/proc/self/fd") if _leads_to(name).startswith(f"{tmp_path}/cursors")] == []


def _leads_to(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except FileNotFoundError:  # the one that the list itself was read by
        return ""

"""The control page as a file: who makes it, what is in it, and what becomes of a damaged one."""

from __future__ import annotations

import math
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.errors import FormatError
from tidegate.gate.page import BUCKETS, NOBODY, PLACES, SIZE, ControlPage, Slot

WORKER = Slot(7, 8, 9.0, 10.0, {1: 2.5, 2**64 - 1: 0.5})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "routes" / "0123456789abcdef" / "control.page"


def test_it_and_the_directories_above_it_are_private_to_the_user(path: Path) -> None:
    ControlPage(path)
    assert [oct(each.stat().st_mode & 0o777) for each in (path, path.parent, path.parent.parent)] == [
        "0o600",
        "0o700",
        "0o700",
    ]


def test_all_of_it_is_written_at_once_so_that_no_later_write_finds_the_disk_full(path: Path) -> None:
    ControlPage(path)
    assert path.stat().st_size == SIZE
    assert path.stat().st_blocks * 512 >= SIZE


def test_nothing_is_left_beside_it(path: Path) -> None:
    ControlPage(path)
    assert os.listdir(path.parent) == ["control.page"]


def test_whoever_comes_at_the_same_time_has_the_same_page(path: Path) -> None:
    pages: list[ControlPage] = []
    starting = threading.Barrier(8)

    def open_it() -> None:
        starting.wait()
        pages.append(ControlPage(path))

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, page in enumerate(pages):
        page.put(index, WORKER)
    assert sum(slot == WORKER for slot in ControlPage(path).slots()) == 8


def test_what_the_gate_says_is_what_others_read(path: Path) -> None:
    page, other = ControlPage(path), ControlPage(path)
    page.publish(100.0, 62.5, "00000000000000ff")
    assert other.published()[1:] == (100.0, 62.5, 0xFF)
    assert other.published().beat > 0


def test_each_word_of_the_gate_is_where_the_format_says(path: Path) -> None:
    ControlPage(path).publish(100.0, 62.5, "ff")
    content = path.read_bytes()
    assert content[:8] == b"TGCTRL\x01\x00"
    assert struct.unpack_from("<ddQ", content, 72) == (100.0, 62.5, 0xFF)


def test_each_word_of_a_slot_is_where_the_format_says(path: Path) -> None:
    ControlPage(path).put(1, WORKER)
    assert struct.unpack_from("<QQddQdQd", path.read_bytes(), 128 + 128) == (7, 8, 9.0, 10.0, 1, 2.5, 2**64 - 1, 0.5)


def test_as_long_as_no_gate_has_spoken_all_is_0(path: Path) -> None:
    assert ControlPage(path).published() == (0, 0.0, 0.0, 0)


def test_what_a_worker_puts_into_its_slot_is_what_others_read(path: Path) -> None:
    page, other = ControlPage(path), ControlPage(path)
    page.put(0, WORKER)
    assert other.slots()[:2] == [WORKER, NOBODY]


def test_slots_are_read_up_to_the_last_that_is_taken(path: Path) -> None:
    page = ControlPage(path)
    for index in range(100):
        page.put(index, WORKER)
    assert sum(slot == WORKER for slot in page.slots()) == 100


def test_a_slot_that_is_free_is_nobody_s(path: Path) -> None:
    page = ControlPage(path)
    page.put(0, WORKER)
    page.free(0)
    assert page.slots()[0] == NOBODY


def test_of_more_budgets_than_there_is_room_for_the_first_are_told(path: Path) -> None:
    page = ControlPage(path)
    page.put(0, WORKER._replace(demands=dict.fromkeys(range(1, 10), 1.0)))
    assert list(page.slots()[0].demands) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("number", [math.nan, math.inf, -1.0, 1e300])
def test_a_number_that_cannot_be_is_read_as_0(path: Path, number: float) -> None:
    page = ControlPage(path)
    page.put(0, WORKER._replace(spent=number, demands={1: number}))
    assert page.slots()[0][2:] == (0.0, 10.0, {1: 0.0})


def test_a_key_is_new_once(path: Path) -> None:
    page, other = ControlPage(path), ControlPage(path)
    assert [page.is_new(5 << 32, 10), other.is_new(5 << 32, 10), page.is_new(6 << 32, 10)] == [True, False, True]


def test_a_key_is_new_again_when_it_was_seen_an_hour_ago(path: Path) -> None:
    page = ControlPage(path)
    page.is_new(5 << 32, 10)
    assert [page.is_new(5 << 32, 69), page.is_new(5 << 32, 70), page.is_new(5 << 32, 71)] == [False, True, False]


def test_the_table_never_fills_for_good_as_the_oldest_of_a_bucket_make_room(path: Path) -> None:
    page = ControlPage(path)
    keys = [number << 32 for number in range(1, PLACES + 2)]  # all of one bucket
    assert all(page.is_new(key, 10) for key in keys)
    assert [page.is_new(key, 10) for key in (keys[-1], keys[1], keys[0])] == [False, False, True]


def test_thousands_of_keys_are_known(path: Path) -> None:
    page = ControlPage(path)
    keys = [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(BUCKETS * PLACES // 4)]
    for key in keys:
        page.is_new(key, 10)
    assert sum(page.is_new(key, 10) for key in keys) < 0.02 * len(keys)


def header(version: int) -> bytes:
    return b"TGCTRL" + version.to_bytes(2, "little")


@pytest.mark.parametrize(
    "content",
    [b"", b"TG", header(1), bytes(SIZE), header(0).ljust(SIZE, b"\0"), header(1).ljust(SIZE + 1, b"\0")],
    ids=["empty", "torn head", "cut short", "no magic", "older", "too long"],
)
def test_a_damaged_or_older_one_is_made_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    ControlPage(path).put(0, WORKER)
    assert ControlPage(path).slots()[0] == WORKER


def test_a_newer_one_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(header(2) + b"what comes")
    with pytest.raises(FormatError, match=r"has format 2; this version reads up to 1\. Upgrade tidegate\."):
        ControlPage(path)
    assert path.read_bytes() == header(2) + b"what comes"


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"control\.page"):
        ControlPage(path)


@pytest.mark.parametrize(
    "harm",
    [os.unlink, lambda path: os.truncate(path, 100), lambda path: os.rename(path, f"{path}.old")],
    ids=["deleted", "cut short", "renamed"],
)
def test_what_becomes_of_it_under_a_process_is_noticed_and_made_good(path: Path, harm: Callable[[Path], None]) -> None:
    page = ControlPage(path)
    harm(path)
    assert page.renew()
    page.put(0, WORKER)
    assert ControlPage(path).slots()[0] == WORKER


def test_made_anew_it_has_the_number_that_another_thread_may_be_about_to_write_by(path: Path) -> None:
    page = ControlPage(path)
    number = page._descriptor
    path.unlink()
    assert page.renew()
    assert page._descriptor == number
    assert not os.get_inheritable(number)
    assert os.path.samestat(os.fstat(number), path.stat())


def test_a_page_that_is_as_it_was_is_not_made_anew(path: Path) -> None:
    page = ControlPage(path)
    ControlPage(path)
    assert not page.renew()


def test_a_gate_makes_good_what_was_deleted_when_it_speaks(path: Path) -> None:
    page = ControlPage(path)
    path.unlink()
    page.publish(100.0, 50.0)
    assert ControlPage(path).published().available == 50.0


def test_one_cut_short_is_an_error_to_whoever_reads_it_and_ends_no_process(path: Path) -> None:
    page = ControlPage(path)
    os.truncate(path, 100)
    with pytest.raises(FormatError, match="is cut short"):
        page.slots()


def test_read_only_nothing_is_made(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ControlPage(path, read_only=True)
    assert not path.parent.exists()


def test_read_only_a_damaged_one_is_an_error_and_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    with pytest.raises(FormatError, match="is no control page, or a damaged one"):
        ControlPage(path, read_only=True)
    assert path.read_bytes() == b"something else"


def test_read_only_it_shows_what_is_said(path: Path) -> None:
    ControlPage(path).put(0, WORKER)
    assert ControlPage(path, read_only=True).slots()[0] == WORKER


def test_calls_after_closing_raise_and_closing_twice_does_not(path: Path) -> None:
    page = ControlPage(path)
    page.close()
    page.close()
    with pytest.raises(OSError, match="descriptor"):
        page.slots()

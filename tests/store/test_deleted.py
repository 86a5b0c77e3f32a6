"""Marks of what was deleted: what they hide, and that they stay few."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import FormatError, StoreError
from tidegate.store import deleted
from tidegate.store.deleted import Mark

marks = st.lists(st.builds(Mark, st.integers(0, 50), st.integers(0, 50)))


@pytest.fixture
def place(store_dir: Path) -> str:
    store_dir.mkdir(exist_ok=True)
    return str(store_dir)


def test_a_mark_hides_what_is_older_in_segments_that_were_there() -> None:
    given_marks = [Mark(before=10, at=100), Mark(before=5, at=200)]
    assert [deleted.cut(given_marks, created) for created in (100, 101, 200, 201)] == [10, 5, 5, 0]


@given(marks, st.integers(0, 60))
def test_marks_that_hide_nothing_of_their_own_are_left_out(some: list[Mark], created: int) -> None:
    assert deleted.cut(deleted.compact(some), created) == deleted.cut(some, created)


@given(marks)
def test_of_the_marks_that_are_left_each_hides_something(some: list[Mark]) -> None:
    kept = deleted.compact(some)
    for mark in kept:
        others = [other for other in kept if other is not mark]
        assert deleted.cut(others, mark.at) < mark.before


def test_what_was_marked_is_read(place: str) -> None:
    deleted.add(place, 10, 100)
    deleted.add(place, 5, 200)
    assert deleted.read(place) == (Mark(10, 100), Mark(5, 200))


def test_the_future_cannot_be_deleted(place: str) -> None:
    deleted.add(place, 1000, 100)
    assert deleted.read(place) == (Mark(100, 100),)


def test_marks_that_are_done_are_forgotten(place: str) -> None:
    deleted.add(place, 10, 100)
    deleted.add(place, 5, 200)
    deleted.drop(place, [Mark(10, 100)])
    assert deleted.read(place) == (Mark(5, 200),)


def test_without_marks_there_is_no_file(place: str) -> None:
    deleted.add(place, 10, 100)
    deleted.drop(place, deleted.read(place))
    assert (deleted.read(place), (Path(place) / deleted.NAME).exists()) == ((), False)


def test_marks_are_bounded(place: str) -> None:
    for number in range(deleted.MAX_MARKS):
        deleted.add(place, 1000 - number, 2000 + number)
    with pytest.raises(StoreError, match="tidegate prune"):
        deleted.add(place, 1, 9999)


def test_marks_of_many_at_once_are_all_kept(place: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: deleted.add(place, 100 - number, 1000 + number), range(32)))
    assert len(deleted.read(place)) == 32


def test_a_newer_format_is_refused(place: str) -> None:
    (Path(place) / deleted.NAME).write_text('{"format":2,"marks":[]}')
    with pytest.raises(FormatError, match="format 2"):
        deleted.read(place)


@pytest.mark.parametrize("content", ["", "[]", '{"format":1,"marks":[5]}', '{"format":1,"marks":[{"before":"x"}]}'])
def test_what_nobody_has_written_is_refused(place: str, content: str) -> None:
    (Path(place) / deleted.NAME).write_text(content)
    with pytest.raises(StoreError, match="damaged"):
        deleted.read(place)

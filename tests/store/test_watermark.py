"""Watermarks: what they cover, how they are written, and what progress keeps of many segments."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import QueryError
from tidegate.records import Resource
from tidegate.store.block import Index
from tidegate.store.segment import BlockRef, Header
from tidegate.store.watermark import (
    HORIZON_NS,
    MAX_SEGMENTS,
    MAX_TEXT,
    MOST_SEGMENTS,
    MOST_TEXT,
    Piece,
    Progress,
    Watermark,
)

NOW = 1_700_000_000 * 10**9


def block(segment: int, sequence: int = 0, *, created: int = NOW, count: int = 10, last: int = NOW) -> Piece:
    header = Header(1, f"{segment:016x}", Resource(), created, {})
    return Piece.of(BlockRef(header, Index("logs", count, last, last, 0, 0, sequence, 0)))


def covers(mark: Watermark, piece: Piece) -> bool:
    """Whether a piece is behind a watermark."""
    return mark.start(piece) == piece.end


def name(segment: int) -> str:
    return f"{segment:016x}"


def test_a_named_segment_is_covered_up_to_its_position() -> None:
    mark = Watermark(NOW, {name(1): 20})
    assert [covers(mark, block(1, sequence)) for sequence in (0, 10, 20, 30)] == [True, True, False, False]


def test_a_watermark_within_a_piece_has_the_rest_before_it() -> None:
    piece = block(1, 10)
    piece.skip(Watermark(NOW, {piece.segment: 13}).start(piece))
    assert (piece.first, piece.end, piece.count) == (13, 20, 7)


def test_a_segment_without_a_name_is_covered_if_it_began_until_the_floor() -> None:
    mark = Watermark(NOW)
    assert [covers(mark, block(1, 50, created=NOW + after)) for after in (-1, 0, 1)] == [True, True, False]


def test_by_a_clock_that_was_set_back_what_has_just_begun_is_new_and_the_rest_is_not() -> None:
    mark, hour = Watermark(NOW, {name(1): 10}), 3600 * 10**9
    now = NOW - 5 * hour
    times = {1: now, 2: now, 3: now - hour, 4: now + hour, 5: NOW}
    pieces = [block(segment, created=created) for segment, created in times.items()]
    corrected = mark.corrected(pieces, now)
    assert [covers(corrected, piece) for piece in pieces] == [True, False, True, True, True]
    assert not covers(corrected, block(6, created=now + 1))


def test_by_a_clock_that_goes_right_a_watermark_stays_as_it_is() -> None:
    mark = Watermark(NOW, {name(1): 10})
    assert mark.corrected([block(2)], NOW + 1) is mark


def test_what_grows_although_it_should_have_ended_is_named() -> None:
    progress = Progress([block(1)])
    progress.note(block(2))
    progress.forget()
    progress.note(block(3, created=NOW - 2 * HORIZON_NS))
    progress.forget()
    assert progress.watermark([]).positions[name(3)] == 10


marks = st.builds(
    Watermark,
    st.integers(0, (1 << 64) - 1),
    st.dictionaries(st.integers(0, (1 << 64) - 1).map(name), st.integers(0, (1 << 48) - 1), max_size=MAX_SEGMENTS),
)


@given(marks)
def test_a_watermark_is_read_back_from_its_text(mark: Watermark) -> None:
    assert Watermark.parse(mark.text()) == mark


def largest(segments: int) -> Watermark:
    """The watermark of so many segments with the longest text."""
    return Watermark((1 << 64) - 1, {name((1 << 64) - 1 - n): (1 << 48) - 1 for n in range(segments)})


@pytest.mark.parametrize(("segments", "length"), [(MAX_SEGMENTS, MAX_TEXT), (MOST_SEGMENTS, MOST_TEXT)])
def test_the_largest_watermark_has_a_text_that_is_read(segments: int, length: int) -> None:
    text = largest(segments).text()
    assert len(text) <= length
    assert Watermark.parse(text) == largest(segments)


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "1_", "1__", "1_2", f"1_{name(1)}", f"1_{name(1)}-", f"1_{name(1)}-x", f"1_{name(1)}-{'1' * 13}",
     f"1_{name(1)}-1\n", f"1\n_{name(1)}-1", f"{'1' * 17}", "1_" * 5000, "\ud800", "\0", "\u0661",
     "_".join(["1", *(f"{name(n)}-1" for n in range(MOST_SEGMENTS + 1))])],
    ids=lambda text: ascii(text[:30]),
)  # fmt: skip
def test_a_text_that_is_no_watermark_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"the watermark is .*; it must be the text of one that a follower gave"):
        Watermark.parse(text)


@given(st.text() | st.from_regex(r"[0-9a-f]{1,17}(_[0-9a-f]{15,17}-[0-9a-f]{0,14})*"))
def test_any_text_is_a_watermark_or_is_refused(text: str) -> None:
    try:
        assert Watermark.parse(text).text()
    except QueryError as error:
        assert len(str(error)) < 1000


def test_a_segment_of_a_strange_name_does_not_get_into_the_text() -> None:
    mark = Watermark(1, {"evil\ndata: x": 1, name(2): 3})
    assert mark.text() == f"1_{name(2)}-3"


def test_progress_names_each_segment_with_the_end_of_its_last_block() -> None:
    progress = Progress([block(1), block(2), block(1, 10)])
    progress.forget()
    assert progress.watermark([]).positions == {name(1): 20, name(2): 10}


def test_what_waits_is_not_covered() -> None:
    progress = Progress([block(1), block(2), block(1, 10), block(1, 20)])
    mark = progress.watermark([block(1, 10), block(1, 20)])
    assert [covers(mark, ref) for ref in (block(1), block(1, 10), block(1, 20), block(2))] == [True, False, False, True]


def test_segments_that_must_have_ended_are_not_named_and_stay_covered() -> None:
    old = NOW - HORIZON_NS
    progress = Progress([block(1, created=old), block(2, created=old + 1), block(3)])
    progress.forget()
    mark = progress.watermark([])
    assert mark.positions.keys() == {name(2), name(3)}
    assert covers(mark, block(1, created=old))


def test_an_old_segment_is_named_as_long_as_something_of_it_waits() -> None:
    old = block(1, 10, created=NOW - HORIZON_NS)
    progress = Progress([old, block(2)])
    progress.forget()
    assert not covers(progress.watermark([old]), old)
    assert covers(progress.watermark([]), old)


def test_of_many_segments_those_are_named_that_grew_last() -> None:
    progress = Progress(block(n, created=NOW + n, last=NOW + n) for n in range(MAX_SEGMENTS + 5))
    progress.note(block(0, 10, created=NOW))
    progress.forget()
    mark = progress.watermark([])
    assert mark.positions.keys() == {name(n) for n in (0, *range(6, MAX_SEGMENTS + 5))}
    assert all(covers(mark, block(n, created=NOW + n)) for n in range(MAX_SEGMENTS + 5))
    assert not covers(mark, block(999, created=NOW + 999))


def test_what_waits_is_named_before_what_has_only_grown() -> None:
    waiting = [block(n, created=NOW) for n in range(10)]
    progress = Progress([*waiting, *(block(n, created=NOW + n) for n in range(10, 10 + MAX_SEGMENTS))])
    mark = progress.watermark(waiting)
    assert len(mark.positions) == MAX_SEGMENTS
    assert not any(covers(mark, ref) for ref in waiting)
    assert all(covers(mark, block(n, created=NOW + n)) for n in range(10, 10 + MAX_SEGMENTS))


def test_a_segment_from_the_future_does_not_make_the_others_old() -> None:
    progress = Progress([block(1, created=2 * NOW)])
    progress.forget()
    assert not covers(progress.watermark([]), block(2, created=time.time_ns()))

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import QueryError
from tidegate.store import parse_severity, parse_time
from tidegate.store.catalog import MemoryCatalog
from tidegate.store.conditions import as_text
from tidegate.store.query import Position, cursor_of
from tidegate.store.reader import Reader

NOW = 1_700_000_000 * 10**9
HOUR = 3600 * 10**9


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("15m", NOW - HOUR // 4),
        ("2h", NOW - 2 * HOUR),
        ("1.5h", NOW - 3 * HOUR // 2),
        ("7d", NOW - 168 * HOUR),
        ("1w", NOW - 168 * HOUR),
        ("30 s", NOW - 30 * 10**9),
        ("250ms", NOW - 250 * 10**6),
        ("1700000000", NOW),
        ("1700000000.000000001", NOW + 1),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T22:13:20+00:00", NOW),
        ("2023-11-15T00:13:20.500000+02:00", NOW + 10**9 // 2),
        ("2023-11-14T22:13:20.5Z", NOW + 10**9 // 2),
        ("2023-11-14T22:13:20.000000001Z", NOW + 1),
        (" 2023-11-14 22:13:20+00:00 ", NOW),
    ],
)
def test_a_time_can_be_written_in_many_ways(text: str, ns: int) -> None:
    assert parse_time(text, NOW) == ns


def test_a_time_in_nanoseconds_is_taken_as_it_is() -> None:
    assert parse_time(NOW + 1) == NOW + 1


def test_a_datetime_is_a_time() -> None:
    assert parse_time(datetime(2023, 11, 14, 22, 13, 20, 7, timezone.utc)) == NOW + 7000


def test_a_datetime_without_a_zone_is_local() -> None:
    local = datetime(2023, 11, 14, 22, 13, 20)
    assert parse_time(local) == parse_time(local.astimezone(timezone(timedelta(hours=5))))


@pytest.mark.parametrize(
    "value", ["", "yesterday", "15 parsecs", None, True, 1.5, "9" * 400 + "d", datetime(1, 1, 1), "²m", "-5m"]
)
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(QueryError, match=r"a time is .*; it must be"):
        parse_time(value)


@given(st.text() | st.datetimes() | st.integers())
def test_any_value_is_a_time_or_refused(value: Any) -> None:
    try:
        assert isinstance(parse_time(value, NOW), int)
    except QueryError:
        pass


@pytest.mark.parametrize(
    ("name", "number"),
    [("trace", 1), ("Debug", 5), (" info ", 9), ("WARN", 13), ("warning", 13), ("error", 17), ("critical", 21)],
)
def test_a_severity_is_known_by_its_names(name: str, number: int) -> None:
    assert parse_severity(name) == number


def test_an_unknown_severity_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        QueryError, match="a severity is 'loud'; it must be one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL"
    ):
        parse_severity("loud")


@given(st.integers(), st.from_regex("[0-9a-f]{16}", fullmatch=True), st.integers(0))
def test_a_cursor_names_a_position(time: int, segment: str, sequence: int) -> None:
    assert Position.parse(cursor_of(time, segment, sequence)) == Position(time, segment, sequence)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        Position.parse(text)
    except QueryError as error:
        assert "cursor" in str(error)


READER = Reader(MemoryCatalog())


@pytest.mark.parametrize(
    ("question", "filters", "message"),
    [
        ("spans", {"limit": 0}, "the limit is 0; it must be a whole number from 1"),
        ("logs", {"limit": True}, "the limit is True"),
        ("spans", {"trace_id": "12"}, "the trace id is '12'; it must be 4 to 32 hexadecimal digits"),
        ("logs", {"cursor": "x"}, "the cursor is 'x'"),
        ("logs", {"level": "loud"}, "a severity is 'loud'"),
        ("logs", {"name": "x"}, "'name' is not a filter of this question; it has cursor, "),
        ("metrics", {"trace_id": "x"}, "'trace_id' is not a filter"),
        ("traces", {"trace_id": "0" * 32}, "'trace_id' is not a filter"),
        ("spans", {"since": "whenever"}, "a time is 'whenever'"),
        ("follow", {"limit": 5}, "'limit' is not a filter"),
        ("follow", {"signal": "sounds"}, "the signal is 'sounds'; it must be one of spans, logs, metrics"),
        ("trace", {"trace_id": "xyzw"}, "the trace id is 'xyzw'; it must be 4 to 32 hexadecimal digits"),
        ("trace", {"trace_id": "abc"}, "the trace id is 'abc'"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_at_once(
    question: str, filters: dict[str, Any], message: str
) -> None:
    with pytest.raises(QueryError) as refused:
        getattr(READER, question)(**filters)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (True, "true"),
        (5, "5"),
        (0.1, "0.1"),
        (float("nan"), "nan"),
        (1 << 64, "18446744073709551616"),
        (1 << 70, "1180591620717411303424"),
        (-(1 << 63) - 1, "-9223372036854775809"),
        pytest.param(1 << 20000, hex(1 << 20000), id="too long for decimal digits"),
        ([1 << 70, b"abc"], '["1180591620717411303424","YWJj"]'),
        (b"abc", "YWJj"),
        (["a", 1], '["a",1]'),
        ({"a": None}, '{"a":null}'),
        (None, "null"),
    ],
)
def test_values_are_compared_as_text(value: Any, text: str) -> None:
    assert as_text(value) == text

"""Numbers, times and attributes read as people write them."""

from __future__ import annotations

import math
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.format import clock, duration, level, measured, number, pairs, service_style


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (850, "850 ns"),
        (999, "999 ns"),
        (1000, "1.00 µs"),
        (12_345, "12.3 µs"),
        (1_234_567, "1.23 ms"),
        (9_996_000, "10.0 ms"),
        (99_960_000, "100 ms"),
        (999_600_000, "1.00 s"),
        (59_940_000_000, "59.9 s"),
        (59_960_000_000, "1 m 00 s"),
        (125 * 10**9, "2 m 05 s"),
        (3_599_900_000_000, "1 h 00 m"),
        (7_260 * 10**9, "2 h 01 m"),
        (49 * 3600 * 10**9, "2 d 01 h"),
        (-1_500_000, "-1.50 ms"),
    ],
)
def test_duration(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


@given(st.integers(-(10**19), 10**19))
def test_a_duration_is_short(nanoseconds: int) -> None:
    assert len(duration(nanoseconds)) <= 14


def test_a_time_of_today_has_no_date() -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7)
    assert clock(int(moment.timestamp()) * 10**9 + 89_999_999, now=moment) == "05:06:07.089"


def test_a_time_of_another_day_has_its_date() -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7)
    assert clock(int(moment.timestamp()) * 10**9, now=datetime(2026, 3, 5)) == "2026-03-04 05:06:07.000"


def test_a_time_beyond_the_calendar_is_shown_as_a_number() -> None:
    assert clock(10**30) == str(10**30)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.03125, "0.03125"),
        (1234567.5, "1,234,568"),
        (1e18, "1e+18"),
        (math.nan, "nan"),
        (-0.5, "-0.5"),
        (True, "True"),
    ],
)
def test_number(value: object, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.25, "s", "250 ms"), (1.5, "ms", "1.50 ms"), (7, "{order}", "7"), (2048, "By", "2,048 By"), (0.5, "1", "0.5")],
)
def test_a_measurement_has_its_unit(value: float, unit: str, text: str) -> None:
    assert measured(value, unit) == text


def test_pairs_are_quoted_where_blanks_are() -> None:
    attributes = {"a": 1, "b": "x y", "c": "", "d": [1, "z"], "e": True, "f": "\n"}
    assert pairs(attributes) == 'a=1 b="x y" c="" d=[1,"z"] e=true f=\\n'


def test_pairs_leave_out_what_is_hidden() -> None:
    assert pairs({"code.line.number": 7, "codec": "zstd"}, hide=("code.",)) == "codec=zstd"


@pytest.mark.parametrize(
    ("number", "text", "name"),
    [(9, "", "INFO"), (12, "info4", "INFO"), (17, "", "ERROR"), (24, "", "FATAL"), (0, "odd", "odd")],
)
def test_a_severity_has_a_name(number: int, text: str, name: str) -> None:
    assert level(number, text) == name


def test_a_service_keeps_its_colour() -> None:
    assert service_style("shop") == "blue"

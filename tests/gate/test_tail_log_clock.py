"""The gate's time over stored log records: their own, made to rise."""

from __future__ import annotations

import pytest

from tidegate.gate.tail.log_clock import LAG, RecordClock

NS = 10**9


def moments(clock: RecordClock, *seconds: float, now: float = 1000.0) -> list[float]:
    return clock.of([round(second * NS) for second in seconds], now)


def test_records_that_come_in_order_have_their_own_times() -> None:
    clock = RecordClock()
    assert moments(clock, 10, 10.5, 11) == [10, 10.5, 11]
    assert moments(clock, 11, 12) == [11, 12]


def test_records_that_are_older_than_the_last_are_spread_over_the_time_since() -> None:
    clock = RecordClock()
    moments(clock, 10, 11)
    assert moments(clock, 10.5, 11.25, 12) == pytest.approx([11, 11.5, 12])


def test_what_is_all_older_than_the_last_is_spread_over_the_time_until_now() -> None:
    clock = RecordClock()
    moments(clock, 10, 11)
    assert moments(clock, 10.5, 11, now=20) == pytest.approx([11, 11.5])
    assert moments(clock, 10.5, 11, now=11.5) == pytest.approx([11.5, 11.5])


def test_what_is_much_older_than_the_last_came_first_of_all() -> None:
    clock = RecordClock()
    moments(clock, 100, 101)
    assert moments(clock, 5, 101 - LAG, 101, 102) == pytest.approx([101, 101, 101 + LAG / (LAG + 1), 102])


def test_no_record_is_taken_for_later_than_now() -> None:
    clock = RecordClock()
    assert moments(clock, 10, 5000, 9000, now=12) == [10, 12, 12]
    assert moments(clock, 13, now=13) == [13]


def test_a_backlog_goes_by_as_it_came() -> None:
    clock = RecordClock()
    assert moments(clock, *range(10, 500), now=10_000) == [float(second) for second in range(10, 500)]


def test_time_never_falls_whatever_records_say() -> None:
    clock = RecordClock()
    found = [moment for first in (50, 10, 49, 70, 60, 0) for moment in moments(clock, first, first + 3, now=100)]
    assert found == sorted(found)


def test_a_host_whose_clock_is_set_back_goes_on_from_there() -> None:
    clock = RecordClock()
    moments(clock, 5000, now=5000)
    assert moments(clock, 10, 11, now=12) == [10, 11]


def test_nothing_takes_no_time() -> None:
    assert moments(RecordClock()) == []

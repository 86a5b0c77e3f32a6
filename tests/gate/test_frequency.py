from __future__ import annotations

from math import exp

import pytest

from log_gating import evenly
from tidegate.gate.logs.frequency import LONG, SHORT, Frequency


def test_a_steady_stream_has_its_rate() -> None:
    frequency = Frequency(0.0)
    for now in evenly(0, 100, 50):
        frequency.add(1, now)
    assert frequency.rate() == pytest.approx(50, rel=0.01)


def test_what_comes_at_once_counts_like_what_comes_singly() -> None:
    one, other = Frequency(0.0), Frequency(0.0)
    one.add(7, 3.0)
    for _ in range(7):
        other.add(1, 3.0)
    assert (one.short, one.long) == (other.short, other.long)


def test_a_silence_is_forgotten_without_a_timer() -> None:
    frequency = Frequency(0.0)
    frequency.add(1000, 1.0)
    frequency.add(0, 1.0 + 3 * SHORT)
    assert frequency.short == pytest.approx(1000 * exp(-3))


def test_a_new_thing_is_rare() -> None:
    frequency = Frequency(0.0)
    frequency.add(1, 0.0)
    assert frequency.rate() == pytest.approx(1 / SHORT)


def test_the_long_window_stands_for_no_longer_than_was_counted() -> None:
    frequency = Frequency(100.0)
    assert frequency.span(101.0) == pytest.approx(1.0, rel=0.01)
    assert frequency.span(1e6) == pytest.approx(LONG)


def test_a_clock_that_goes_back_forgets_nothing_and_keeps_the_age() -> None:
    frequency = Frequency(0.0)
    frequency.add(10, 100.0)
    frequency.add(5, 40.0)
    assert (frequency.short, frequency.last) == (15.0, 40.0)
    assert frequency.span(40.0) == pytest.approx(LONG * (1 - exp(-100 / LONG)))


def test_a_clock_far_ahead_forgets_everything() -> None:
    frequency = Frequency(0.0)
    frequency.add(10, 1.0)
    frequency.add(1, 1e18)
    assert (frequency.short, frequency.long) == (1.0, 1.0)

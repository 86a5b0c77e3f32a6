from __future__ import annotations

import pytest

from tidegate.gate.ledger import Reserve


def _taken(reserve: Reserve, now: float, times: int = 100) -> int:
    return sum(reserve.take(now) for _ in range(times))


def test_it_gives_its_burst_at_once_and_then_its_rate() -> None:
    reserve = Reserve(2.0, 10.0)
    assert [_taken(reserve, now) for now in (0.0, 0.0, 1.0, 3.0)] == [10, 0, 2, 4]


def test_it_saves_no_more_than_its_burst() -> None:
    reserve = Reserve(2.0, 10.0)
    _taken(reserve, 0.0)
    assert _taken(reserve, 1e9) == 10


def test_a_clock_that_goes_back_and_forth_fills_nothing() -> None:
    reserve = Reserve(1.0, 10.0)
    _taken(reserve, 100.0)
    assert sum(_taken(reserve, now) for now in (50.0, 50.5, 50.0, 50.4)) == 0


def test_without_a_rate_there_is_nothing() -> None:
    assert _taken(Reserve(0.0), 1e9) == 0


@pytest.mark.parametrize(("rate", "burst"), [(0.5, 1), (20.0, 20)])
def test_its_burst_is_a_second_or_a_record(rate: float, burst: int) -> None:
    assert _taken(Reserve(rate), 0.0) == burst


def test_a_new_rate_refills_nothing() -> None:
    reserve = Reserve(1.0, 10.0)
    _taken(reserve, 0.0)
    reserve.set(5.0, 100.0)
    assert [_taken(reserve, 0.0), _taken(reserve, 1.0)] == [0, 5]


def test_a_smaller_burst_takes_what_is_beyond() -> None:
    reserve = Reserve(1.0, 10.0)
    reserve.set(1.0, 3.0)
    assert _taken(reserve, 0.0) == 3

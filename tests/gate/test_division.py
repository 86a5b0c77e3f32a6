"""How a budget is divided among workers: sums, bounds, and how soon a change is seen."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.gate.division import FLOOR, LEAST, LONGEST_AWAY, LOOK, MOST, Beats, Demand, Tally, divide, is_away

demands = st.lists(st.floats(0, 1e6), min_size=1, max_size=40)
budgets = st.floats(0, 1e5)


@given(demands, budgets)
def test_the_shares_add_up_to_the_budget(demands: list[float], budget: float) -> None:
    assert sum(divide(demands, budget)) == pytest.approx(budget, abs=1e-6)


@given(demands, budgets)
def test_no_share_is_below_a_floor(demands: list[float], budget: float) -> None:
    assert min(divide(demands, budget)) >= FLOOR * budget / len(demands) * 0.999


@given(demands, budgets)
def test_whoever_has_more_arrivals_has_no_smaller_share(demands: list[float], budget: float) -> None:
    shares = [share for _, share in sorted(zip(demands, divide(demands, budget), strict=True))]
    assert all(a <= b * (1 + 1e-9) + 1e-9 for a, b in pairwise(shares))


@given(demands, budgets)
def test_where_all_can_be_kept_each_has_what_it_can_use(demands: list[float], budget: float) -> None:
    if sum(demands) <= (1 - FLOOR) * budget:
        assert all(share >= demand for share, demand in zip(divide(demands, budget), demands, strict=True))


@given(demands, budgets)
def test_where_more_comes_nobody_has_more_than_it_can_use_but_the_floor(demands: list[float], budget: float) -> None:
    if sum(demands) >= budget:
        floor = FLOOR * budget / len(demands)
        assert all(
            share <= demand * (1 + 1e-9) + floor for share, demand in zip(divide(demands, budget), demands, strict=True)
        )


def test_half_is_divided_as_it_arrives_and_half_equally() -> None:
    busy, quiet = divide([1000.0, 100.0], 100.0)
    assert busy == pytest.approx(1 + 49 * 1000 / 1100 + 24.5, rel=0.02)
    assert quiet == pytest.approx(1 + 49 * 100 / 1100 + 24.5, rel=0.02)


def test_among_nobody_there_is_nothing_to_divide() -> None:
    assert divide([], 100.0) == []


def seen(demand: Demand, rate: float, seconds: float, draw: random.Random) -> list[float]:
    """What it says at each look, of Poisson arrivals."""
    rates = []
    for _ in range(round(seconds / LOOK)):
        end, count = draw.expovariate(rate) if rate else LOOK, 0
        while end < LOOK:
            end, count = end + draw.expovariate(rate), count + 1
        rates.append(demand.update(count, LOOK))
    return rates


def test_a_steady_demand_is_seen_as_such() -> None:
    rates = seen(Demand(), 200.0, 30, random.Random(1))[20:]
    assert max(rates) < 250
    assert min(rates) > 150


@pytest.mark.parametrize("factor", [0.1, 5, 20])
def test_a_demand_that_changes_is_seen_within_two_looks(factor: float) -> None:
    demand, draw = Demand(), random.Random(1)
    seen(demand, 200.0, 10, draw)
    assert seen(demand, factor * 200, 0.2, draw)[-1] == pytest.approx(factor * 200, rel=0.5)


def test_a_small_change_is_seen_within_seconds() -> None:
    demand, draw = Demand(), random.Random(1)
    seen(demand, 100.0, 10, draw)
    assert seen(demand, 130.0, 4, draw)[-1] == pytest.approx(130, rel=0.1)


def test_before_anything_passed_nothing_is_known() -> None:
    assert Demand().update(5, 0.0) == 0


def silences(beats: list[float], times: list[float]) -> list[float]:
    """For how long a worker has been silent, at each look."""
    watch, found = Beats(), []
    for beat, now in zip(beats, times, strict=True):
        watch.look(now)
        found.append(watch.silence("worker", beat, beat))
    return found


def test_a_beat_that_changes_is_life_whatever_time_it_tells() -> None:
    times = [1000.0, 1000.1, 1000.2, 1000.3, 1000.4]
    assert silences([900.0, -3.0, 12.0, 12.0, 12.0], times)[1:] == pytest.approx([0, 0, 0.1, 0.2])


def test_whose_beat_is_old_when_it_is_first_seen_is_away_until_it_beats() -> None:
    assert silences([900.0, 900.0, 900.1], [1000.0, 1000.1, 1000.2]) == pytest.approx([100, 100.1, 0])


def test_whose_clock_is_ahead_beat_just_now_when_it_is_first_seen() -> None:
    assert silences([5000.0, 5000.0], [1000.0, 1000.1]) == pytest.approx([0, 0.1])


def test_while_one_does_not_look_others_are_not_missed() -> None:
    assert not is_away(silences([1000.0, 1000.0], [1000.0, 4600.0])[-1], 1000.0)


def test_a_clock_that_is_set_back_does_not_make_others_live_longer() -> None:
    assert silences([100.0, 100.0, 100.0], [100.0, 0.0, 0.3])[-1] == pytest.approx(0.3)


@pytest.mark.parametrize("demand", [0.0, 0.1, 1.0, 10.0, 1e5])
def test_whoever_is_silent_for_two_seconds_has_stopped_whatever_arrived_there(demand: float) -> None:
    assert is_away(2.0 - LOOK, demand)
    assert LONGEST_AWAY < 2.0


def test_a_busy_worker_is_missed_sooner_than_a_quiet_one() -> None:
    assert is_away(0.6, 100.0)
    assert not is_away(0.6, 5.0)


@pytest.mark.parametrize("demand", [1.0, 10.0, 1e5])
def test_whoever_beat_at_the_last_two_looks_has_not_stopped(demand: float) -> None:
    assert not is_away(2 * LOOK, demand)


def test_what_was_kept_too_little_comes_back_within_bounds() -> None:
    tally = Tally()
    tally.factor({1: 0.0}, 100.0, 0.0)
    assert tally.factor({1: 5.0}, 100.0, 0.1) == pytest.approx(1.05)
    assert tally.factor({1: 5.0}, 100.0, 9.0) == pytest.approx(1 + MOST)


def test_what_was_kept_too_much_is_paid_back_within_bounds() -> None:
    tally = Tally()
    tally.factor({1: 0.0, 2: 0.0}, 100.0, 0.0)
    assert tally.factor({1: 10.0, 2: 10.0}, 100.0, 0.1) == pytest.approx(0.9)
    assert tally.factor({1: 1000.0, 2: 10.0}, 100.0, 0.2) == pytest.approx(1 + LEAST)


def test_a_worker_that_ends_gives_nothing_back() -> None:
    tally = Tally()
    tally.factor({1: 50.0, 2: 500.0}, 100.0, 0.0)
    assert tally.factor({1: 60.0}, 100.0, 0.1) == pytest.approx(1.0)


def test_what_a_worker_spent_before_one_s_own_first_look_does_not_count() -> None:
    assert Tally().factor({1: 5000.0}, 100.0, 3.0) == 1.0

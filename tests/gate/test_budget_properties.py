"""What holds for any sequence of calls."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from tidegate.gate.budget import SharedBudget
from tidegate.gate.ledger import Reserve
from tidegate.gate.shares import allot

rates = st.one_of(st.sampled_from([0.0, 0.01, 1.0, 100.0]), st.floats(min_value=0, max_value=1e300))
times = st.floats(allow_nan=False, allow_infinity=False)
calls = st.lists(
    st.tuples(
        st.sampled_from(["offer", "charge", "certain", "outlook", "rate"]),
        st.integers(0, 12),
        times,
        st.floats(min_value=0, max_value=1),
    ),
    max_size=60,
)


@given(rates, calls)
def test_any_calls_at_any_times_are_answered_with_a_probability_and_remember_few_keys(
    rate: float, sequence: list[tuple[str, int, float, float]]
) -> None:
    budget = SharedBudget(rate, max_keys=5)
    for call, key, now, part in sequence:
        match call:
            case "offer":
                assert 0 <= budget.offer(key, now, part) <= 1
            case "charge":
                budget.charge(now, 1000 * part, key)
            case "certain":
                budget.charge(now, 1000 * part, certain=True)
            case "outlook":
                assert 0 <= budget.outlook(key, now) <= 1
                budget.count(key, int(100 * part), part)
            case _:
                budget.rate = 1000 * part
        assert budget.keys <= 5
        assert (math.exp(-8) if budget.rate else 0) <= budget._ledger.scale < math.exp(3)


@given(
    rate=st.floats(min_value=1, max_value=500),
    gaps=st.lists(st.floats(min_value=0, max_value=0.02), min_size=1, max_size=50),
    keys=st.integers(1, 30),
)
def test_never_is_more_kept_than_the_time_brought_and_little_more(rate: float, gaps: list[float], keys: int) -> None:
    budget, draw, now, kept = SharedBudget(rate), random.Random(1), 0.0, 0
    for place in range(2000):
        now += gaps[place % len(gaps)]
        if draw.random() < budget.offer(place % keys, now):
            budget.charge(now, 1.0, place % keys)
            kept += 1
    assert kept <= 1.02 * rate * now + 0.4 * rate + 30 + keys


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1), st.floats(min_value=0, max_value=1e6))
def test_shares_add_up_to_the_budget_or_to_all_there_is(rates: list[float], budget: float) -> None:
    chance, level = allot(rates, budget)
    given_out = sum(min(rate, chance * rate + level) for rate in rates)
    assert math.isclose(given_out, min(budget, sum(rates)), rel_tol=1e-6, abs_tol=1e-6)


@given(st.lists(st.floats(min_value=0.01, max_value=1e6), min_size=1), st.floats(min_value=0.01, max_value=1e6))
def test_every_key_has_half_of_an_equal_part_and_half_of_a_proportional_one(rates: list[float], budget: float) -> None:
    chance, level = allot(rates, budget)
    for rate in rates:
        share = min(rate, chance * rate + level)
        assert share >= min(rate, 0.5 * budget / len(rates)) * (1 - 1e-9)
        assert share >= min(rate, 0.5 * rate * budget / sum(rates)) * (1 - 1e-9)


@given(st.lists(times, max_size=30), st.floats(min_value=0, max_value=1e6))
def test_a_reserve_never_gives_more_than_a_second_of_it_at_one_time(moments: list[float], rate: float) -> None:
    reserve = Reserve(rate)
    for now in moments:
        taken = sum(reserve.take(now) for _ in range(5))
        assert taken <= max(rate, 1.0) if rate else not taken

"""Facts of the law on a virtual clock, with seeded Poisson arrivals: each run is the same every time."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import count, pairwise

import pytest

from tidegate.gate.budget import SharedBudget

Key = Callable[[random.Random], Hashable]
Arrival = tuple[float, Hashable]


def one(draw: random.Random) -> str:
    return "key"


def zipf(number: int) -> Key:
    cumulative = [sum(1 / rank for rank in range(1, last + 1)) for last in range(1, number + 1)]
    return lambda draw: bisect_left(cumulative, draw.random() * cumulative[-1])


def unique() -> Key:
    numbers = count()
    return lambda draw: next(numbers)


def arrive(rate: float, begin: float, end: float, key: Key, draw: random.Random) -> Iterator[Arrival]:
    now = begin
    while (now := now + draw.expovariate(rate)) < end:
        yield now, key(draw)


class Keeping:
    """Offers arrivals, keeps by chance, charges what was kept."""

    def __init__(self, budget: SharedBudget, seed: int = 1) -> None:
        self.budget = budget
        self.draw = random.Random(seed)
        self.kept: list[Arrival] = []
        self.counted: Counter[Hashable] = Counter()
        self.came: Counter[Hashable] = Counter()

    def traffic(self, rate: float, begin: float, end: float, key: Key = one) -> Keeping:
        for now, name in arrive(rate, begin, end, key, self.draw):
            self.offer(name, now)
        return self

    def offer(self, key: Hashable, now: float) -> float:
        chance = self.budget.offer(key, now)
        self.came[key] += 1
        if self.draw.random() < chance:
            self.budget.charge(now, 1.0, key)
            self.kept.append((now, key))
            self.counted[key] += 1 / chance  # type: ignore[assignment]
        return chance

    def between(self, begin: float, end: float) -> int:
        return sum(begin <= now < end for now, _ in self.kept)


def worst_second(times: Sequence[float]) -> int:
    return max(bisect_left(times, now + 1) - place for place, now in enumerate(times))


@pytest.mark.parametrize("load", [1.5, 3, 10, 30])
@pytest.mark.parametrize("keys", [1, 20])
def test_what_is_kept_in_a_minute_is_the_budget_whatever_the_load(load: float, keys: int) -> None:
    keeping = Keeping(SharedBudget(100)).traffic(100 * load, 0, 70, zipf(keys))
    assert keeping.between(10, 70) == pytest.approx(6000, rel=0.01)


def test_a_load_hardly_above_the_budget_spends_it() -> None:
    keeping = Keeping(SharedBudget(100)).traffic(105, 0, 310, zipf(20))
    assert keeping.between(10, 310) == pytest.approx(30_000, rel=0.01)


def test_all_is_kept_while_less_arrives_than_may_be_kept() -> None:
    keeping = Keeping(SharedBudget(100)).traffic(60, 0, 60, zipf(20))
    assert len(keeping.kept) >= 0.995 * sum(keeping.came.values())


@pytest.mark.parametrize("before", [20, 50, 150])
def test_ten_times_the_load_does_not_make_a_second_much_more_than_the_budget(before: float) -> None:
    keeping = Keeping(SharedBudget(100)).traffic(before, 0, 30, zipf(20)).traffic(10 * before, 30, 90, zipf(20))
    assert worst_second([now for now, _ in keeping.kept]) <= 125
    assert keeping.between(30, 90) <= 6100


def test_a_cold_start_does_not_keep_more_than_the_budget() -> None:
    assert Keeping(SharedBudget(100)).traffic(5000, 0, 1, zipf(20)).between(0, 1) <= 115


@pytest.mark.parametrize("keys", [300, 1000, 5000])
@pytest.mark.parametrize("load", [500, 5000])
def test_no_second_after_a_cold_start_keeps_more_than_the_budget_however_many_keys(keys: int, load: int) -> None:
    for seed in range(3):
        keeping = Keeping(SharedBudget(100), seed).traffic(load, 0, 4, lambda draw: int(keys * draw.random() ** 2))
        assert worst_second([now for now, _ in keeping.kept]) <= 115


def test_a_fall_of_the_load_is_followed_within_a_second() -> None:
    keeping = Keeping(SharedBudget(100)).traffic(1500, 0, 20, zipf(20)).traffic(150, 20, 22, zipf(20))
    assert keeping.between(21, 22) >= 80


def test_a_load_that_swings_faster_than_the_law_keeps_the_budget() -> None:
    keeping = Keeping(SharedBudget(100))
    for half in range(300):
        keeping.traffic(1800 if half % 2 else 200, half / 10, (half + 1) / 10, zipf(20))
    assert keeping.between(10, 30) == pytest.approx(2000, rel=0.01)


def test_a_flood_of_unique_keys_keeps_the_budget() -> None:
    keeping = Keeping(SharedBudget(100)).traffic(1000, 0, 30, unique())
    assert len(keeping.kept) == pytest.approx(3000, rel=0.05)


def test_many_more_keys_than_are_told_apart_keep_the_budget() -> None:
    keeping = Keeping(SharedBudget(100)).traffic(2000, 0, 30, zipf(5000))
    assert len(keeping.kept) == pytest.approx(3000, rel=0.05)


def test_a_rare_key_is_kept_whole_beside_a_busy_one() -> None:
    keeping = Keeping(SharedBudget(100))
    for now, key in arrive(2000, 0, 60, lambda draw: "rare" if draw.random() < 0.001 else "busy", random.Random(5)):
        keeping.offer(key, now)
    assert sum(key == "rare" for _, key in keeping.kept) >= 0.9 * keeping.came["rare"]


def test_a_busy_key_has_at_least_half_the_chance_it_had_alone() -> None:
    keeping = Keeping(SharedBudget(100)).traffic(1000, 0, 60, zipf(200))
    busiest = sum(key == 0 for _, key in keeping.kept)
    assert busiest >= 0.5 * 0.1 * keeping.came[0] * 0.9


def test_keys_that_come_once_a_second_are_kept_once_a_minute() -> None:
    rare = [f"rare {number}" for number in range(50)]
    key: Key = lambda draw: draw.choice(rare) if draw.random() < 0.06 else "busy"
    keeping = Keeping(SharedBudget(5)).traffic(1000, 0, 240, key)
    for name in rare:
        times = [0.0, *(now for now, kept in keeping.kept if kept == name), 240.0]
        assert max(after - before for before, after in pairwise(times)) <= 60


def test_weights_count_what_came_without_bias() -> None:
    errors = []
    for seed in range(24):
        keeping = Keeping(SharedBudget(100), seed).traffic(1000, 0, 15, zipf(20))
        errors.append(sum(keeping.counted.values()) / sum(keeping.came.values()) - 1)
    assert abs(sum(errors) / 24) < 0.02
    assert math.sqrt(sum(error**2 for error in errors) / 24) < 0.05


def test_a_first_sight_is_kept_for_certain_within_the_reserve() -> None:
    budget = SharedBudget(10, reserve=0.2)
    chances = [budget.offer(f"key {number}", 0.0) for number in range(100)]
    assert chances[:2] == [1.0, 1.0]
    keeping = Keeping(SharedBudget(10)).traffic(1000, 0, 20)
    assert keeping.offer("new", 20.0) == 1.0


@pytest.mark.parametrize(("reserve", "certain"), [(0, 0), (0.1, 100), (0.5, 500)])
def test_of_a_flood_of_new_keys_the_reserve_is_kept_for_certain(reserve: float, certain: int) -> None:
    new = unique()
    keeping = Keeping(SharedBudget(100, reserve=reserve)).traffic(1000, 0, 10, new)
    chances = [keeping.offer(key, now) for now, key in arrive(1000, 10, 20, new, random.Random(2))]
    assert chances.count(1.0) == pytest.approx(certain, abs=1)


def test_a_budget_of_nothing_keeps_nothing() -> None:
    assert not Keeping(SharedBudget(0)).traffic(100, 0, 10, zipf(20)).kept


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_a_tiny_budget_holds_over_a_long_time(rate: float) -> None:
    keeping = Keeping(SharedBudget(rate)).traffic(20 * rate, 0, 500 / rate, zipf(5))
    assert len(keeping.kept) == pytest.approx(500, rel=0.02)


def test_a_huge_budget_keeps_everything() -> None:
    keeping = Keeping(SharedBudget(1e12)).traffic(1000, 0, 5, zipf(20))
    assert len(keeping.kept) == sum(keeping.came.values())


@pytest.mark.parametrize(("before", "after"), [(100, 10), (10, 100), (100, 0), (0, 100)])
def test_a_new_rate_holds_at_once(before: float, after: float) -> None:
    budget = SharedBudget(before)
    keeping = Keeping(budget).traffic(1000, 0, 10, zipf(20))
    budget.rate = after
    keeping.traffic(1000, 10, 20, zipf(20))
    assert keeping.between(10, 11) <= 1.5 * after + 5
    assert keeping.between(11, 20) == pytest.approx(9 * after, rel=0.06)


@pytest.mark.parametrize("rate", [-1, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="finite number of at least 0"):
        SharedBudget(rate)
    budget = SharedBudget(3)
    with pytest.raises(ValueError, match="finite number of at least 0"):
        budget.rate = rate
    assert budget.rate == 3


def test_less_than_one_key_or_an_impossible_part_is_refused() -> None:
    with pytest.raises(ValueError, match="max_keys 0"):
        SharedBudget(1, max_keys=0)
    with pytest.raises(ValueError, match="reserve 2"):
        SharedBudget(1, reserve=2)
    with pytest.raises(ValueError, match="renewal -1"):
        SharedBudget(1, renewal=-1)
    with pytest.raises(ValueError, match="renewal -1"):
        SharedBudget(1, renewal=-1)


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0, -2.0, 1e12])
def test_a_clock_that_jumps_changes_nothing_for_long(jump: float) -> None:
    keeping = Keeping(SharedBudget(100)).traffic(1000, 0, 10, zipf(20))
    before = len(keeping.kept)
    keeping.traffic(1000, 10 + jump, 20 + jump, zipf(20))
    assert len(keeping.kept) - before == pytest.approx(1000, rel=0.05)


def test_a_burst_after_hours_of_silence_is_held_to_the_budget() -> None:
    keeping = Keeping(SharedBudget(100)).traffic(150, 0, 10, zipf(20)).traffic(5000, 20_000, 20_002, zipf(20))
    assert keeping.between(20_000, 20_001) <= 130


def test_threads_that_pass_on_times_out_of_order_do_not_earn_twice() -> None:
    draw = random.Random(3)
    keeping = Keeping(SharedBudget(100))
    for now, key in arrive(1000, 0, 30, zipf(20), draw):
        keeping.offer(key, now - draw.random() * 0.05)
    assert len(keeping.kept) == pytest.approx(3000, rel=0.02)


def test_what_is_kept_for_certain_is_paid_from_the_budget() -> None:
    budget = SharedBudget(100)
    keeping = Keeping(budget)
    for now, key in arrive(1000, 0, 30, zipf(20), random.Random(4)):
        if keeping.draw.random() < 0.05:
            budget.charge(now, certain=True)
        else:
            keeping.offer(key, now)
    assert keeping.between(5, 30) == pytest.approx(25 * 50, rel=0.06)


def test_a_tenth_is_left_to_chance_however_much_is_kept_for_certain() -> None:
    budget = SharedBudget(100)
    keeping = Keeping(budget)
    for now, key in arrive(1000, 0, 30, zipf(20), random.Random(4)):
        budget.charge(now, certain=True)
        keeping.offer(key, now)
    assert keeping.between(5, 30) == pytest.approx(25 * 10, rel=0.15)


def test_arrivals_that_are_thinned_already_count_as_what_they_weigh() -> None:
    budget = SharedBudget(100)
    draw = random.Random(6)
    kept = 0
    for now, key in arrive(5000, 0, 20, zipf(20), draw):
        if draw.random() < 0.1 * budget.offer(key, now, 0.1):
            budget.charge(now, 1.0, key)
            kept += now >= 10
    assert kept == pytest.approx(1000, rel=0.03)


def test_keys_beyond_the_limit_share_one_and_get_in_when_there_is_room() -> None:
    budget = SharedBudget(100, max_keys=10)
    keeping = Keeping(budget).traffic(100, 0, 5, unique())
    assert budget.keys <= 10
    keeping.traffic(100, 5, 65, zipf(5))
    assert {0, 1, 2, 3, 4} <= set(budget._meters)


def test_keys_not_seen_for_long_are_forgotten() -> None:
    budget = SharedBudget(100)
    Keeping(budget).traffic(100, 0, 5, unique()).traffic(10, 5, 400)
    assert budget.keys == 1


def test_two_budgets_do_not_know_each_other() -> None:
    busy, idle = SharedBudget(1), SharedBudget(100)
    Keeping(busy).traffic(1000, 0, 10)
    assert Keeping(idle).traffic(50, 0, 10).between(0, 10) >= 400

"""What is slow for its key, by what its like took before."""

from __future__ import annotations

import math
import random

import pytest

from tidegate.gate.tail.slow import FORGOTTEN, Durations, SlowKeys

MS = 10**6


def lognormal(draw: random.Random, median: float = 50.0, sigma: float = 0.5) -> int:
    return int(median * MS * math.exp(draw.gauss(0.0, sigma)))


def part(keys: SlowKeys, durations: list[int], key: str = "key") -> float:
    """The part of them that is slow."""
    return sum(keys.is_slow(key, duration, 0.0) for duration in durations) / len(durations)


def test_nothing_is_slow_until_a_key_is_known() -> None:
    keys = SlowKeys("auto")
    assert not any(keys.is_slow("key", duration * MS, 0.0) for duration in range(1, 100))


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0, 1.5])
def test_no_more_than_one_in_a_hundred_and_a_margin_is_slow(sigma: float) -> None:
    draw = random.Random(1)
    keys = SlowKeys("auto")
    assert part(keys, [lognormal(draw, sigma=sigma) for _ in range(20_000)]) < 0.013


def test_what_takes_always_the_same_is_never_slow() -> None:
    assert part(SlowKeys("auto"), [50 * MS] * 5000) == 0


def test_small_differences_are_not_slow() -> None:
    draw = random.Random(1)
    assert part(SlowKeys("auto"), [draw.randrange(50, 60) * MS for _ in range(5000)]) == 0


def test_what_stands_far_apart_is_slow_though_it_is_one_in_twenty() -> None:
    draw, keys = random.Random(1), SlowKeys("auto")
    part(keys, [lognormal(draw, sigma=0.3) * (20 if draw.random() < 0.05 else 1) for _ in range(1000)])
    assert all(keys.is_slow("key", lognormal(draw, 1000, 0.3), 0.0) for _ in range(50))


def test_when_everything_becomes_slower_it_is_soon_normal() -> None:
    draw, keys = random.Random(1), SlowKeys("auto")
    part(keys, [lognormal(draw) for _ in range(5000)])
    slower = [keys.is_slow("key", lognormal(draw, 500), 0.0) for _ in range(2000)]
    assert sum(slower[:20]) >= 18
    assert sum(slower[500:]) < 45


def test_when_everything_becomes_faster_what_was_normal_is_slow_in_the_end() -> None:
    draw, keys = random.Random(1), SlowKeys("auto")
    part(keys, [lognormal(draw, 500, 0.1) for _ in range(3000)])
    part(keys, [lognormal(draw, 50, 0.1) for _ in range(20_000)])
    assert keys.is_slow("key", 500 * MS, 0.0)


def test_keys_are_measured_apart() -> None:
    keys = SlowKeys("auto")
    part(keys, [50 * MS] * 200, "quick")
    part(keys, [5000 * MS] * 200, "thorough")
    assert keys.is_slow("quick", 5000 * MS, 0.0)
    assert not keys.is_slow("thorough", 5000 * MS, 0.0)


def test_keys_beyond_the_limit_are_measured_together() -> None:
    keys = SlowKeys("auto", max_keys=1)
    part(keys, [50 * MS] * 200, "known")
    for number in range(200):
        keys.is_slow(f"other {number}", 5000 * MS, 1.0)
    assert keys.is_slow("one more", 50_000 * MS, 1.0)
    assert keys.is_slow("known", 5000 * MS, 1.0)


def test_a_key_not_seen_for_long_makes_room() -> None:
    keys = SlowKeys("auto", max_keys=1)
    keys.is_slow("former", 50 * MS, 0.0)
    for _ in range(200):
        keys.is_slow("new", 5000 * MS, FORGOTTEN)
    assert not keys.is_slow("former", 50_000 * MS, FORGOTTEN)
    assert keys.is_slow("new", 50_000 * MS, FORGOTTEN)


def test_off_finds_nothing_slow() -> None:
    assert not SlowKeys("off").is_slow("key", 10**15, 0.0)


def test_a_limit_of_zero_nanoseconds_and_a_negative_duration_do_no_harm() -> None:
    durations = Durations()
    for duration in (-5, 0, 1, 2**63) * 50:
        durations.add(duration)
    assert durations.limit >= 0

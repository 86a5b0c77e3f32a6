from __future__ import annotations

import random

import pytest

from log_gating import patterns, poisson
from tidegate.gate.logs.anomaly import WAITING, Announcer, Watch

HOUR = 3600


def _episodes(watch: Watch, counts: list[int], start: int = 1) -> list[int]:
    """Seconds at which episodes begin."""
    return [now for now, count in enumerate(counts, start) if count and watch.add(count, float(now))]


@pytest.mark.parametrize("rate", [0.02, 0.3, 2, 20])
def test_poisson_traffic_never_jumps_by_chance(rate: float) -> None:
    for seed in range(6):
        rng = random.Random(seed)
        assert _episodes(Watch(0.0), [poisson(rng, rate) for _ in range(HOUR)]) == []


@pytest.mark.parametrize("cluster", [5, 30])
def test_traffic_in_clusters_seldom_jumps_by_chance(cluster: int) -> None:
    found = 0
    for seed in range(12):
        rng = random.Random(seed)
        found += len(_episodes(Watch(0.0), [cluster * poisson(rng, 0.1) for _ in range(HOUR)]))
    assert found <= 2


@pytest.mark.parametrize(("usual", "jump"), [(0.0, 5), (0.1, 3), (1, 5), (10, 50), (100, 400)])
def test_a_jump_is_seen_within_20_seconds_and_once(usual: float, jump: float) -> None:
    for seed in range(12):
        rng = random.Random(seed)
        watch = Watch(0.0)
        before = [poisson(rng, usual) if usual else 0 for _ in range(900)]
        (begin,) = _episodes(watch, before + [poisson(rng, jump) for _ in range(120)])
        assert 900 < begin <= 920


def test_the_former_rate_is_the_one_before_the_jump() -> None:
    watch = Watch(0.0)
    _episodes(watch, [10] * 900 + [100] * 10)
    assert watch.jumping
    assert watch.former == pytest.approx(10, rel=0.1)


def test_a_start_is_no_jump() -> None:
    watch = Watch(0.0)
    assert _episodes(watch, [0] * 5 + [10] * 20 + [50] * 30 + [100] * 600) == []


def test_an_episode_ends_when_the_rate_falls_again() -> None:
    watch = Watch(0.0)
    _episodes(watch, [10] * 600 + [100] * 30 + [10] * 60)
    assert not watch.jumping


def test_a_rate_that_stays_high_is_the_usual_one_after_minutes() -> None:
    watch = Watch(0.0)
    assert len(_episodes(watch, [10] * 600 + [100] * 1200)) == 1
    assert not watch.jumping


def test_each_episode_is_announced() -> None:
    watch = Watch(0.0)
    assert len(_episodes(watch, ([10] * 900 + [100] * 30) * 3)) == 3


def test_what_jumps_every_minute_is_no_news_for_long() -> None:
    assert len(_episodes(Watch(0.0), ([0] * 59 + [500]) * 240)) <= 5


def test_a_process_that_comes_back_after_a_pause_makes_no_news() -> None:
    watch = Watch(0.0)
    _episodes(watch, [10] * 600)
    assert not any(watch.add(10, 5000.0 + second, awake=5000.0) for second in range(600))


@pytest.mark.parametrize("now", [-1e9, 0.0, 1e9])
def test_a_clock_that_jumps_is_no_jump(now: float) -> None:
    watch = Watch(0.0)
    _episodes(watch, [10] * 600)
    assert not watch.add(10, now, awake=now)


def test_announcements_that_nobody_takes_are_bounded_and_counted() -> None:
    announcer = Announcer()
    (pattern,) = patterns(1)
    watch = Watch(0.0)
    for now in range(10_000):
        announcer.tell("rate_jump", pattern, watch, float(now))
    assert len(announcer.waiting) == WAITING
    assert announcer.missed == 10_000 - WAITING

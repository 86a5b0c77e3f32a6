"""Drops drawn in advance are the same as drops drawn one by one."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator

import pytest

from tidegate.gate.logs import runs
from tidegate.gate.logs.gate import LogGate
from tidegate.gate.policy import LogPolicy
from tidegate.patterns import Miner

KEY = ("order %d", 20)


def gate_at(rate: float) -> LogGate:
    return LogGate(LogPolicy(severity_rates={"INFO": rate}, min_rate=0), seed=3)


def test_chance_keeps_its_share_and_counts_are_exact() -> None:
    gate, pattern, rate, now = gate_at(0.1), Miner().match_template(KEY[0]), 0.1, 0.0
    run, kept, number = None, 0, 30_000
    for _ in range(number):
        now += 0.0007
        if run is not None and now < run.until and next(run.left, 0) is None:
            continue
        if run is not None:
            runs.end(run, is_used=now < run.until)
        kept += gate.judge(pattern, 9, "shop", now, key=KEY).keep
        run = runs.begin(gate, KEY, pattern, now)
        if run is not None:
            run.until = now + run.seconds
    if run is not None:
        runs.end(run)
    (row,) = gate.counts()
    assert row.seen == number
    assert row.total_kept == kept
    assert abs(kept - number * rate) < 3 * math.sqrt(number * rate * (1 - rate)) + 1


def test_a_rate_of_zero_has_the_longest_runs() -> None:
    gate, pattern = gate_at(0), Miner().match_template(KEY[0])
    gate.judge(pattern, 9, "shop", 0.0, key=KEY)
    run = runs.begin(gate, KEY, pattern, 0.0)
    assert run is not None
    assert len(list(run.left)) == run.length == runs.LONGEST


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_what_was_never_judged_has_no_run(rate: float) -> None:
    gate, pattern = gate_at(rate), Miner().match_template(KEY[0])
    assert runs.begin(gate, KEY, pattern, 0.0) is None


def test_a_rate_of_one_has_no_run() -> None:
    gate, pattern = gate_at(1), Miner().match_template(KEY[0])
    for second in range(5):
        gate.judge(pattern, 9, "shop", float(second), key=KEY)
    assert runs.begin(gate, KEY, pattern, 4.0) is None


def test_threads_that_step_at_once_lose_no_count() -> None:
    gate, pattern = gate_at(0), Miner().match_template(KEY[0])
    gate.judge(pattern, 9, "shop", 0.0, key=KEY)
    run = runs.begin(gate, KEY, pattern, 0.0)
    assert run is not None
    left, steps = run.left, []

    def work() -> None:
        steps.append(sum(1 for _ in left))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs.end(run)
    assert sum(steps) == run.length
    assert gate.counts()[0].seen == run.length + 1


def test_a_run_of_a_pattern_that_was_evicted_is_still_counted() -> None:
    gate, miner = LogGate(LogPolicy(severity_rates={"INFO": 0}, min_rate=0), seed=3, max_patterns=2), Miner()
    pattern = miner.match_template(KEY[0])
    gate.judge(pattern, 9, "shop", 0.0, key=KEY)
    run = runs.begin(gate, KEY, pattern, 0.0)
    assert run is not None
    for _ in range(5):
        next(run.left)
    for number in range(40):
        gate.judge(miner.match_template(f"other {number} of %d"), 9, "shop", float(number))
    runs.end(run)
    assert sum(row.seen for row in gate.counts()) == 46


@pytest.mark.parametrize("load", [60, 500, 5_000])
def test_a_budget_holds_through_runs_and_counts_stay_true(load: int) -> None:
    budget, seconds, now = 50, 60, 0.0
    gate, miner = LogGate(LogPolicy(severity_rates={"INFO": 1}, min_rate=0, budget=budget), seed=5), Miner()
    patterns = [miner.match_template(f"pattern {number} of %d") for number in range(4)]
    held: dict[int, runs.Run] = {}
    weights, kept, judged = 0.0, 0, 0
    for index in range(load * seconds):
        now += 1 / load
        which = (0, 0, 0, 0, 1, 1, 2, 3)[index % 8]
        run = held.pop(which, None)
        if run is not None:
            if now < run.until and next(run.left, 0) is None:
                held[which] = run
                continue
            runs.end(run, is_used=now < run.until)
        judged += 1
        verdict = gate.judge(patterns[which], 9, "shop", now, key=which)
        weights += verdict.adjusted_count
        kept += verdict.keep
        run = runs.begin(gate, which, patterns[which], now)
        if run is not None:
            run.until = now + run.seconds
            held[which] = run
    for run in held.values():
        runs.end(run)
    assert sum(row.seen for row in gate.counts()) == load * seconds
    assert abs(kept / seconds / budget - 1) < 0.02
    assert abs(weights / (load * seconds) - 1) < 0.05
    assert judged < load * seconds / (1 if load < 5_000 else 4)


@pytest.mark.parametrize("keys", [1, 20, 200])
def test_a_burst_of_fifty_times_as_much_keeps_no_more_through_runs_than_the_budget(keys: int) -> None:
    seeds = range(6)
    first, weights, burst = 0, 0.0, 0
    for seed in seeds:
        for now, kept, weight in _bursting(seed, keys):
            if now >= 10:
                burst += 1
                weights += weight
                first += kept and now < 11
    assert first / len(seeds) < 60
    assert abs(weights / burst - 1) < 0.1


def _bursting(seed: int, keys: int) -> Iterator[tuple[float, bool, float]]:
    """Time, fate and weight of each record, by a budget of 50 a second: 60 a second, from 10 s on 3,000."""
    draw, now = random.Random(seed), 0.0
    gate, miner = LogGate(LogPolicy(severity_rates={}, min_rate=0, budget=50), seed=seed), Miner()
    patterns = [miner.match_template(f"pattern {number} of %d") for number in range(keys)]
    held: dict[int, runs.Run] = {}
    while (now := now + draw.expovariate(60 if now < 10 else 3_000)) < 13:
        which = int(keys * draw.random() ** 2)
        run = held.get(which)
        if run is not None and now < run.until and next(run.left, 0) is None:
            yield now, False, 0.0
            continue
        if run is not None:
            runs.end(held.pop(which), is_used=now < run.until)
        verdict = gate.judge(patterns[which], 9, "shop", now, key=which)
        yield now, verdict.keep, verdict.adjusted_count
        run = runs.begin(gate, which, patterns[which], now)
        if run is not None:
            run.until = now + run.seconds
            held[which] = run

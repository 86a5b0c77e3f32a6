"""What is kept, weighted by its adjusted counts, adds up to what came: over many seeds, in virtual time."""

from __future__ import annotations

import random
from math import sqrt
from statistics import mean, stdev

import pytest

from log_gating import DEBUG, ERROR, INFO, PLAIN, WARN, Runner, patterns
from tidegate.gate.logs.gate import LogGate
from tidegate.gate.policy import Condition, LogPolicy, LogRule
from tidegate.gate.threshold import probability_to_threshold

SEEDS, RECORDS, PATTERNS = 24, 2500, 30

RULE = LogRule((Condition("template", "event 1*"),), rate=0.3, budget=20)

POLICIES = {
    "plain table": PLAIN,
    "rare patterns whole": LogPolicy(),
    "all at once": LogPolicy(rules=(RULE,), logger_rates={"b": 0.5}, budget=100, min_rate=2),
}


def _estimate(policy: LogPolicy, seed: int, *, early: bool, traces: bool) -> float:
    """Estimated records below ERROR over true ones: Zipf patterns, a burst of some, half of them in traces."""
    rng = random.Random(seed)
    gate = LogGate(policy, seed=seed + 1000, periodic=3.0)
    runner, found = Runner(gate), patterns(PATTERNS)
    severities = rng.choices((DEBUG, INFO, WARN, ERROR), (40, 40, 15, 5), k=PATTERNS)
    weights = [1 / (rank + 1) for rank in range(PATTERNS)]
    now, true, estimate, left = 0.0, 0, 0.0, 0
    randomness = threshold = None
    for number in range(RECORDS):
        burst = RECORDS // 3 < number < RECORDS // 2
        now += rng.expovariate(1000 if burst else 200)
        if left == 0:
            left = rng.randint(1, 12)
            randomness = rng.getrandbits(56) if traces and rng.random() < 0.5 else None
            sampled = randomness is not None and randomness >= probability_to_threshold(0.1)
            threshold = probability_to_threshold(0.1) if sampled else None
        left -= 1
        index = rng.choice((3, 4, 5)) if burst else rng.choices(range(PATTERNS), weights)[0]
        severity, logger = severities[index], rng.choice("ab")
        true += severity < ERROR
        key = (index, severity, logger)
        verdict = (
            runner.log(key, found[index], severity, now, logger)
            if early and randomness is None
            else gate.judge(found[index], severity, logger, now, randomness=randomness, trace_threshold=threshold)
        )
        if verdict is not None and severity < ERROR:
            estimate += verdict.adjusted_count
    runner.settle()
    assert sum(row.seen for row in gate.counts()) == RECORDS
    return estimate / true


@pytest.mark.parametrize("traces", [False, True])
@pytest.mark.parametrize("policy", POLICIES)
def test_adjusted_counts_add_up_to_what_came(policy: str, traces: bool) -> None:
    estimates = [_estimate(POLICIES[policy], seed, early=seed % 2 == 0, traces=traces) for seed in range(SEEDS)]
    error = stdev(estimates) / sqrt(SEEDS)
    assert abs(mean(estimates) - 1) <= 3.5 * error
    assert error <= 0.05

from __future__ import annotations

from math import sqrt

import pytest

from log_gating import DEBUG, ERROR, INFO, PLAIN, evenly, known
from tidegate.gate.logs import LogGate
from tidegate.gate.policy import Condition, LogPolicy, LogRule
from tidegate.gate.threshold import MAX
from tidegate.patterns import Pattern

KEY = ("event %s", INFO, "app")


def _log(gate: LogGate, pattern: Pattern, now: float, severity: int = INFO, randomness: int | None = None) -> float:
    """Log a record as the processor does; the adjusted count of what is kept."""
    key = (*KEY, severity)
    if gate.drops(key, now, randomness):
        return 0.0
    return gate.judge(pattern, severity, "app", now, randomness=randomness, key=key).adjusted_count


@pytest.mark.parametrize("policy", [PLAIN, LogPolicy(budget=40, min_rate=0), LogPolicy(budget=1000, min_rate=0)])
def test_dropping_early_changes_neither_what_is_kept_nor_what_is_counted(policy: LogPolicy) -> None:
    early, late = LogGate(policy, seed=1), LogGate(policy, seed=1)
    (pattern,) = known(early)
    known(late)
    times = evenly(1, 50, 500)
    sums = [_log(early, pattern, now) for now in times]
    expected = [late.judge(pattern, INFO, "app", now).adjusted_count for now in times]
    assert sums == expected
    assert early.counts() == late.counts()


def test_most_of_what_is_dropped_is_dropped_early() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    early = 0
    for now in evenly(1, 10, 1000):
        if gate.drops(KEY, now):
            early += 1
        else:
            gate.judge(pattern, INFO, "app", now, key=KEY)
    assert abs(early - 8000) <= 4 * sqrt(10_000 * 0.2 * 0.8) + 20


def test_nothing_unknown_is_dropped_early() -> None:
    gate = LogGate(LogPolicy(severity_rates={"INFO": 0}), seed=1)
    assert not gate.drops(KEY, 1.0)
    assert gate.counts() == []


def test_errors_are_never_dropped_early() -> None:
    gate = LogGate(LogPolicy(budget=0), seed=1)
    (pattern,) = known(LogGate(seed=1))
    assert [_log(gate, pattern, now, ERROR) for now in range(100)] == [1.0] * 100


def test_a_rate_of_zero_is_dropped_early() -> None:
    gate = LogGate(LogPolicy(severity_rates={"DEBUG": 0}), seed=1)
    (pattern,) = known(LogGate(seed=1))
    gate.judge(pattern, DEBUG, "app", 1, key=KEY)
    assert gate.drops(KEY, 1.5)


def test_a_draw_that_keeps_is_not_drawn_again() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    while gate.drops(KEY, 1):
        pass
    gate._random = lambda: 0.999
    assert not gate.drops(KEY, 1)
    assert gate.judge(pattern, INFO, "app", 1, key=KEY) == (True, 5.0, "rate")


def test_a_trace_decides_early_too() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    assert gate.drops(KEY, 1, 0)
    assert not gate.drops(KEY, 1, MAX - 1)
    assert not gate.drops(KEY, 1, MAX // 2, MAX // 2)


def test_rules_on_a_records_attributes_prevent_an_early_answer() -> None:
    rule = LogRule((Condition("attribute", "vip", key="user"),), rate=1)
    gate = LogGate(LogPolicy(rules=(rule,), severity_rates={"INFO": 0.0}), seed=1)
    (pattern,) = known(LogGate(seed=1))
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    assert not gate.drops(KEY, 1)


def test_a_period_that_is_over_is_seen_early() -> None:
    gate = LogGate(PLAIN, seed=1, periodic=600)
    (pattern,) = known(gate)
    for now in evenly(1, 599, 2):
        gate.drops(KEY, now) or gate.judge(pattern, INFO, "app", now, key=KEY)
    assert not gate.drops(KEY, 600.0, 0)
    assert gate.judge(pattern, INFO, "app", 600.0, randomness=0, key=KEY).reason == "periodic"


def test_a_clock_that_goes_back_is_answered_late() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 100, key=KEY)
    assert not gate.drops(KEY, 50, 0)


def test_a_new_policy_is_obeyed_at_once() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    gate.apply(LogPolicy(severity_rates={}))
    assert not gate.drops(KEY, 1, 0)


def test_keys_are_bounded() -> None:
    gate = LogGate(PLAIN, seed=1, max_patterns=100)
    (pattern,) = known(gate)
    for index in range(10_000):
        gate.judge(pattern, INFO, "app", 1, key=index)
    assert len(gate._early) <= 200


def test_an_evicted_pattern_is_no_longer_dropped_early() -> None:
    gate = LogGate(PLAIN, seed=1, max_patterns=2)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    for index in range(20):
        gate.judge(Pattern(f"{index:032x}", "junk", "mined"), INFO, "app", 1)
    assert not gate.drops(KEY, 1, 0)

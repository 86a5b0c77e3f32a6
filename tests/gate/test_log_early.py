"""What the gate lets others decide without it, and what it makes of that."""

from __future__ import annotations

from math import sqrt

import pytest

from log_gating import DEBUG, ERROR, INFO, PLAIN, Runner, evenly, known
from tidegate.gate.logs.gate import LogGate, Verdict
from tidegate.gate.policy import Condition, LogPolicy, LogRule
from tidegate.patterns import Pattern

KEY = ("event %s", INFO, "app")


def _one(severity: int = INFO) -> Pattern:
    return known(LogGate(seed=1), severity=severity)[0]


def test_drops_drawn_in_advance_keep_by_the_rate_and_count_all() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    runner = Runner(gate)
    verdicts = [runner.log(KEY, pattern, INFO, now) for now in evenly(1, 100, 500)]
    runner.settle()
    found = [verdict for verdict in verdicts if verdict is not None and verdict.keep]
    assert abs(len(found) - 10_000) <= 4 * sqrt(50_000 * 0.2 * 0.8)
    assert {verdict.adjusted_count for verdict in found} == {5.0}
    assert [(row.seen, row.total_kept) for row in gate.counts()] == [(50_001, len(found) + 1)]


def test_most_records_need_not_be_judged() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    runner = Runner(gate)
    verdicts = [runner.log(KEY, pattern, DEBUG, now) for now in evenly(1, 10, 1000)]
    assert sum(verdict is not None for verdict in verdicts) <= 600


def test_what_was_drawn_already_is_not_drawn_again() -> None:
    gate = LogGate(LogPolicy(severity_rates={"INFO": 1e-9}, min_rate=0), seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    lane = gate.by_chance(KEY, 1)
    assert lane is not None
    lane.drawn = Verdict(keep=True, adjusted_count=5.0, reason="rate")
    found = [gate.judge(pattern, INFO, "app", 1, key=KEY) for _ in range(2)]
    assert [verdict.adjusted_count for verdict in found] == [5.0, 0.0]


def test_of_unknown_keys_nothing_is_decided() -> None:
    assert LogGate(PLAIN, seed=1).by_chance(KEY, 1.0) is None


@pytest.mark.parametrize("severity", [INFO, DEBUG])
def test_a_rate_of_zero_is_chance_too(severity: int) -> None:
    gate = LogGate(LogPolicy(severity_rates={"DEBUG": 0, "INFO": 0}), seed=1)
    gate.judge(_one(), severity, "app", 1, key=KEY)
    lane = gate.by_chance(KEY, 1.5)
    assert lane is not None
    assert lane.p == 0


@pytest.mark.parametrize(
    "policy",
    [
        LogPolicy(severity_rates={}, min_rate=0),
        LogPolicy(min_rate=1),
        LogPolicy(rules=(LogRule((Condition("attribute", "vip", key="user"),), rate=1),), min_rate=0),
    ],
    ids=["rate 1", "rare pattern", "rule on a record's attribute"],
)
def test_where_more_than_chance_decides_each_record_is_judged(policy: LogPolicy) -> None:
    gate = LogGate(policy, seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    assert gate.by_chance(KEY, 1) is None


def test_a_rule_that_held_for_one_record_does_not_decide_on_the_next_by_chance() -> None:
    rule = LogRule((Condition("attribute", "bot", key="user"),), rate=0)
    gate = LogGate(LogPolicy(rules=(rule,), min_rate=0), seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY, field=lambda name, key: "bot")
    assert gate.by_chance(KEY, 1) is None


def test_errors_are_always_judged() -> None:
    gate = LogGate(PLAIN, seed=1)
    for now in range(100):
        assert gate.judge(_one(), ERROR, "app", now, key=KEY).keep
        assert gate.by_chance(KEY, now) is None


def test_a_pattern_that_becomes_rare_or_jumps_is_judged_again() -> None:
    gate = LogGate(LogPolicy(min_rate=1, severity_rates={"INFO": 0.5}), seed=1)
    (pattern,) = known(gate)
    for now in evenly(1, 300, 10):
        gate.judge(pattern, INFO, "app", now, key=KEY)
    assert gate.by_chance(KEY, 301 - 0.1) is not None
    for now in evenly(301, 10, 200):
        gate.judge(pattern, INFO, "app", now, key=KEY)
    assert gate.by_chance(KEY, 311 - 0.005) is None  # 0.5, boosted to 1


def test_chance_decides_for_one_second_at_most() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    assert [gate.by_chance(KEY, now) is not None for now in (0.5, 1.0, 1.9, 2.0)] == [False, True, True, False]


def test_a_period_that_is_over_is_judged() -> None:
    gate = LogGate(PLAIN, seed=1, periodic=600)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 599.5, key=KEY)
    assert gate.by_chance(KEY, 599.9) is not None
    assert gate.by_chance(KEY, 600.0) is None


def test_a_new_policy_ends_what_was_left_to_chance() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    gate.apply(LogPolicy(severity_rates={}))
    assert gate.by_chance(KEY, 1) is None


def test_keys_are_bounded() -> None:
    gate = LogGate(PLAIN, seed=1, max_patterns=100)
    (pattern,) = known(gate)
    for index in range(10_000):
        gate.judge(pattern, INFO, "app", 1, key=index)
    assert len(gate._early) <= 200


def test_drops_of_an_evicted_pattern_are_still_counted() -> None:
    gate = LogGate(PLAIN, seed=1, max_patterns=2)
    (pattern,) = known(gate)
    gate.judge(pattern, INFO, "app", 1, key=KEY)
    lane = gate.by_chance(KEY, 1)
    assert lane is not None
    for index in range(20):
        gate.judge(Pattern(f"{index:032x}", "junk", "mined"), INFO, "app", 1)
    assert gate.by_chance(KEY, 1) is None
    lane.cell.lower(100)
    assert sum(row.seen for row in gate.counts()) == 122

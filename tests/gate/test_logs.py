from __future__ import annotations

import random
from math import sqrt

import pytest

from log_gating import DEBUG, ERROR, FATAL, INFO, PLAIN, TRACE, WARN, evenly, judge_all, kept, known, patterns
from tidegate.errors import ConfigurationError
from tidegate.gate.logs.gate import LogGate, Verdict
from tidegate.gate.policy import Condition, LogPolicy, LogRule
from tidegate.gate.threshold import MAX, probability_to_threshold
from tidegate.patterns import Pattern

NEVER, ALWAYS = 0, MAX - 1  # randomness of a trace by which chance keeps nothing, or everything


def test_the_plain_table_keeps_22500_of_100000_with_all_errors() -> None:
    gate = LogGate(PLAIN, seed=7)
    found = known(gate, 40)
    rng = random.Random(7)
    severities = [DEBUG] * 40_000 + [INFO] * 40_000 + [WARN] * 15_000 + [ERROR] * 5_000
    rng.shuffle(severities)
    verdicts = [
        (severity, gate.judge(found[index % 40], severity, "app", index / 1000))
        for index, severity in enumerate(severities)
    ]
    variance = 40_000 * 0.05 * 0.95 + 40_000 * 0.2 * 0.8 + 15_000 * 0.5 * 0.5
    assert abs(kept([verdict for _, verdict in verdicts]) - 22_500) <= 3 * sqrt(variance)
    assert kept([verdict for severity, verdict in verdicts if severity == ERROR]) == 5_000


@pytest.mark.parametrize(
    ("severity", "count"), [(TRACE, 20.0), (DEBUG, 20.0), (INFO, 5.0), (WARN, 2.0), (ERROR, 1.0), (0, 1.0)]
)
def test_a_kept_record_stands_for_as_many_as_its_rate_says(severity: int, count: float) -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    assert gate.judge(pattern, severity, "app", 1, randomness=ALWAYS).adjusted_count == count


@pytest.mark.parametrize("severity", [ERROR, ERROR + 3, FATAL, 24, 99])
@pytest.mark.parametrize(
    "policy",
    [
        LogPolicy(global_rate=0, severity_rates={"ERROR": 0, "FATAL": 0}, min_rate=0),
        LogPolicy(rules=(LogRule((Condition("severity", "*"),), rate=0),)),
        LogPolicy(pattern_rates={"*": 0}, logger_rates={"app": 0}),
        LogPolicy(budget=0),
    ],
)
def test_no_policy_lowers_errors(severity: int, policy: LogPolicy) -> None:
    gate = LogGate(policy, seed=1)
    (pattern,) = patterns(1)
    verdicts = [gate.judge(pattern, severity, "app", now, randomness=NEVER) for now in range(100)]
    assert verdicts == [Verdict(keep=True, adjusted_count=1.0, reason="error")] * 100


def test_what_the_caller_is_certain_of_is_kept_whatever_the_policy_says() -> None:
    gate = LogGate(LogPolicy(global_rate=0, severity_rates={}), seed=1)
    (pattern,) = patterns(1)
    for reason in ("event", "context"):
        assert gate.judge(pattern, INFO, "app", 1, randomness=NEVER, certain=reason) == (True, 1.0, reason)


def test_the_first_sight_of_a_pattern_is_certain_and_the_second_is_not() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = patterns(1)
    first, second = (gate.judge(pattern, DEBUG, "app", 1, randomness=NEVER) for _ in range(2))
    assert first == (True, 1.0, "first_sight")
    assert not second.keep


def test_the_first_sight_of_a_pattern_in_another_logger_is_certain_too() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    assert gate.judge(pattern, INFO, "other", 1, randomness=NEVER).reason == "first_sight"
    assert not gate.judge(pattern, DEBUG, "other", 1, randomness=NEVER).keep


def test_loggers_beyond_a_bound_share_their_first_sight() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    verdicts = [gate.judge(pattern, INFO, f"worker-{index}", 1, randomness=NEVER) for index in range(500)]
    assert kept(verdicts) == 64


def test_what_a_budget_lets_through_is_a_first_sight_where_the_reserve_is_used_up() -> None:
    gate = LogGate(LogPolicy(budget=100, min_rate=0), seed=1)
    verdicts = [gate.judge(pattern, DEBUG, "app", 1 + index / 50) for index, pattern in enumerate(_flood(1000))]
    assert kept(verdicts) >= 950


def test_an_error_is_a_first_sight_too() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = patterns(1)
    gate.judge(pattern, ERROR, "app", 1)
    assert not gate.judge(pattern, DEBUG, "app", 1, randomness=NEVER).keep


def test_one_record_of_a_pattern_is_certain_again_in_every_period() -> None:
    gate = LogGate(PLAIN, seed=1, periodic=600)
    (pattern,) = patterns(1)
    verdicts = [gate.judge(pattern, DEBUG, "app", now, randomness=NEVER) for now in range(1801)]
    assert [(now, verdict.reason) for now, verdict in enumerate(verdicts) if verdict.keep] == [
        (0, "first_sight"),
        (600, "periodic"),
        (1200, "periodic"),
        (1800, "periodic"),
    ]


def test_what_is_kept_anyway_is_not_kept_for_its_period() -> None:
    gate = LogGate(LogPolicy(severity_rates={}), seed=1)
    (pattern,) = patterns(1)
    verdicts = [gate.judge(pattern, INFO, "app", now) for now in range(0, 2000, 10)]
    assert {verdict.reason for verdict in verdicts[1:]} == {"rate"}


def test_a_flood_of_new_patterns_is_kept_by_its_rate_beyond_the_reserve() -> None:
    gate = LogGate(LogPolicy(), seed=1, max_patterns=500)
    verdicts = [gate.judge(pattern, INFO, "app", 1 + index / 10_000) for index, pattern in enumerate(_flood(30_000))]
    firsts = sum(verdict.reason == "first_sight" for verdict in verdicts)
    assert firsts <= 1000 + 10 * 3 + 1
    assert abs(kept(verdicts) - firsts - (30_000 - firsts) * 0.2) <= 4 * sqrt(30_000 * 0.2 * 0.8)


def test_a_flood_of_new_patterns_stays_within_the_budget() -> None:
    gate = LogGate(LogPolicy(budget=50), seed=1, max_patterns=500)
    verdicts = [gate.judge(pattern, INFO, "app", 1 + index / 2000) for index, pattern in enumerate(_flood(40_000))]
    assert kept(verdicts) <= 1.15 * 50 * 20


def test_counts_of_evicted_patterns_go_on_in_one_row_and_sums_stay_exact() -> None:
    gate = LogGate(LogPolicy(), seed=1, max_patterns=500)
    verdicts = [gate.judge(pattern, INFO, "app", 1) for pattern in _flood(3_000)]
    rows = gate.counts()
    assert len(rows) == 501
    assert gate.evicted == 2500
    assert {row.pattern_id for row in rows} >= {"__other__"}
    assert (sum(row.seen for row in rows), sum(row.total_kept for row in rows)) == (3_000, kept(verdicts))


def test_a_pattern_that_keeps_coming_outlives_a_flood() -> None:
    gate = LogGate(PLAIN, seed=1, max_patterns=100)
    (steady,) = known(gate)
    for index, pattern in enumerate(_flood(5_000)):
        now = index / 50
        gate.judge(pattern, INFO, "app", now)
        if index % 25 == 0:
            gate.judge(steady, INFO, "app", now)
    assert [row.seen for row in gate.counts() if row.pattern_id == steady.id] == [201]


def test_a_rare_pattern_is_kept_whole_and_a_busy_one_by_its_rate() -> None:
    gate = LogGate(LogPolicy(min_rate=1), seed=1)
    rare, busy = known(gate, 2)
    assert kept(judge_all(gate, rare, evenly(1, 600, 0.7))) == 420
    verdicts = judge_all(gate, busy, evenly(1, 60, 100))
    assert abs(kept(verdicts[1000:]) - 5000 * 0.2) <= 4 * sqrt(5000 * 0.2 * 0.8)


@pytest.mark.parametrize("min_rate", [0.1, 1.0, 20.0])
def test_a_pattern_is_busy_above_min_rate_and_rare_below(min_rate: float) -> None:
    gate = LogGate(LogPolicy(min_rate=min_rate), seed=1)
    below, above = known(gate, 2)
    long = 1000 / min_rate
    assert kept(judge_all(gate, below, evenly(1, long, min_rate * 0.8), DEBUG)) == 800
    assert kept(judge_all(gate, above, evenly(1, long, min_rate * 1.5), DEBUG)[750:]) <= 120


def test_a_burst_of_a_rare_pattern_is_kept_by_its_rate_within_ten_records() -> None:
    gate = LogGate(LogPolicy(min_rate=1), seed=1)
    (pattern,) = known(gate)
    verdicts = [gate.judge(pattern, INFO, "app", 100 + index / 1e5, randomness=NEVER) for index in range(1000)]
    assert kept(verdicts) <= 11


def test_a_rare_pattern_is_rare_again_soon_after_a_burst() -> None:
    gate = LogGate(LogPolicy(min_rate=1), seed=1)
    (pattern,) = known(gate)
    judge_all(gate, pattern, evenly(100, 1, 5000))
    assert gate.judge(pattern, INFO, "app", 106, randomness=NEVER).keep


def test_min_rate_does_not_overrule_what_was_chosen_for_a_pattern_or_logger() -> None:
    policy = LogPolicy(logger_rates={"noisy": 0.01}, pattern_rates={"event 0*": 0.01})
    gate = LogGate(policy, seed=1)
    one, other = known(gate, 2)
    judge_all(gate, other, [0.5], logger="noisy")
    assert not gate.judge(one, INFO, "app", 1, randomness=NEVER).keep
    assert not gate.judge(other, INFO, "noisy", 1, randomness=NEVER).keep
    assert gate.judge(other, INFO, "app", 1, randomness=NEVER).keep


@pytest.mark.parametrize(
    "policy",
    [
        LogPolicy(severity_rates={"INFO": 0}),
        LogPolicy(logger_rates={"app": 0}),
        LogPolicy(rules=(LogRule((Condition("template", "event*"),), rate=0),)),
    ],
)
def test_a_rate_of_zero_drops_everything_even_first_and_rare_sights_and_sampled_traces(policy: LogPolicy) -> None:
    gate = LogGate(policy, seed=1)
    (pattern,) = patterns(1)
    for now in range(0, 2000, 10):
        verdict = gate.judge(pattern, INFO, "app", now, randomness=ALWAYS, trace_threshold=1)
        assert verdict == (False, 0.0, "rate")


def test_records_of_one_trace_share_its_fate() -> None:
    gate = LogGate(PLAIN, seed=1)
    found = known(gate, 20)
    rng = random.Random(3)
    for trace in range(500):
        randomness = rng.getrandbits(56)
        fates = {gate.judge(pattern, INFO, "app", trace, randomness=randomness).keep for pattern in found}
        assert fates == {randomness >= MAX - MAX // 5}


def test_all_records_of_a_sampled_trace_are_kept_and_stand_for_its_share() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    threshold = probability_to_threshold(0.25)
    for severity, count in ((DEBUG, 4.0), (INFO, 4.0), (WARN, 2.0)):
        verdict = gate.judge(pattern, severity, "app", 1, randomness=ALWAYS, trace_threshold=threshold)
        assert verdict == (True, count, "rate")
    assert gate.judge(pattern, DEBUG, "app", 1, randomness=threshold, trace_threshold=threshold).keep


def test_a_budget_is_met_though_ten_times_as_much_comes() -> None:
    gate = LogGate(LogPolicy(budget=50, min_rate=0, severity_rates={}), seed=1, reserve=0.5)
    found = known(gate, 10)
    rng = random.Random(1)
    now, verdicts = 1.0, []
    while now < 61:
        now += rng.expovariate(500)
        verdicts.append(gate.judge(rng.choice(found), INFO, "app", now))
    assert abs(kept(verdicts) - 50 * 60) <= 0.03 * 50 * 60


def test_a_small_budget_leaves_something_to_chance_though_errors_take_half_and_patterns_are_many() -> None:
    gate = LogGate(LogPolicy(budget=5, min_rate=0), seed=1)
    found, rng = patterns(300), random.Random(1)
    weights = [1 / (rank + 1) for rank in range(300)]
    estimate, number, total = 0.0, 0, 0
    for index in rng.choices(range(300), weights, k=30_000):
        severity = ERROR if rng.random() < 0.05 else INFO
        verdict = gate.judge(found[index], severity, "app", number / 50)
        number, total, estimate = number + 1, total + verdict.keep, estimate + verdict.adjusted_count
    assert abs(total - 5 * 600) <= 0.05 * 5 * 600
    assert 0.8 <= estimate / number <= 1.2


def test_errors_are_paid_from_the_budget() -> None:
    gate = LogGate(LogPolicy(budget=50, min_rate=0, severity_rates={}), seed=1)
    pattern, error = known(gate, 2)
    verdicts = []
    for now in evenly(1, 60, 500):
        verdicts.append(gate.judge(pattern, INFO, "app", now))
        if int(now * 500) % 25 == 0:  # 20 a second
            verdicts.append(gate.judge(error, ERROR, "app", now))
    assert abs(kept(verdicts) - 50 * 60) <= 0.05 * 50 * 60


def test_errors_beyond_a_budget_are_kept_and_show_in_the_counts() -> None:
    gate = LogGate(LogPolicy(budget=1), seed=1)
    (error,) = patterns(1)
    assert kept(judge_all(gate, error, evenly(0, 10, 100), ERROR)) == 1000
    assert [row.kept for row in gate.counts() if row.severity == ERROR] == [{"error": 1000}]


def test_a_budget_is_shared_so_that_rare_patterns_are_not_starved() -> None:
    gate = LogGate(LogPolicy(budget=20, min_rate=0, severity_rates={}), seed=1)
    busy, rare = known(gate, 2)
    verdicts = []
    for index, now in enumerate(evenly(1, 60, 1000)):
        gate.judge(busy, INFO, "app", now)
        if index % 500 == 0:
            verdicts.append(gate.judge(rare, INFO, "app", now))
    assert kept(verdicts) >= 0.9 * len(verdicts)


def test_a_rule_has_a_budget_of_its_own() -> None:
    rule = LogRule((Condition("logger", "chatty"),), budget=2)
    gate = LogGate(LogPolicy(rules=(rule,), min_rate=0, severity_rates={}), seed=1)
    (pattern,) = known(gate)
    assert abs(kept(judge_all(gate, pattern, evenly(1, 100, 100), logger="chatty")) - 200) <= 20
    assert kept(judge_all(gate, pattern, evenly(101, 1, 100))) == 100


def test_a_budget_of_nothing_keeps_only_what_is_certain() -> None:
    gate = LogGate(LogPolicy(budget=0), seed=1)
    for index, pattern in enumerate(patterns(50)):
        assert not gate.judge(pattern, INFO, "app", index, randomness=ALWAYS, trace_threshold=1).keep
        assert gate.judge(pattern, INFO, "app", index, certain="event").keep


def test_drops_are_counted_by_what_dropped_them() -> None:
    gate = LogGate(LogPolicy(budget=5, min_rate=0), seed=1)
    (pattern,) = known(gate)
    judge_all(gate, pattern, evenly(1, 20, 500))
    (row,) = gate.counts()
    assert row.seen == 10_001
    assert abs(row.dropped["rate"] - 8000) <= 160
    assert row.dropped["rate"] + row.dropped["budget"] + row.total_kept == row.seen


def test_a_jump_is_announced_once_and_kept_more_while_it_lasts() -> None:
    gate = LogGate(LogPolicy(min_rate=0, anomaly_boost=2), seed=1)
    (pattern,) = known(gate)
    usual = kept(judge_all(gate, pattern, evenly(1, 300, 10)))
    judge_all(gate, pattern, evenly(301, 5, 200))
    jump = kept(judge_all(gate, pattern, evenly(306, 20, 200)))
    assert abs(usual - 600) <= 4 * sqrt(3000 * 0.2 * 0.8)
    assert abs(jump - 1600) <= 4 * sqrt(4000 * 0.4 * 0.6)
    (announcement,) = gate.announcements
    assert announcement[:3] == ("rate_jump", pattern.id, pattern.template)
    assert 9 <= announcement.former_rate <= 11
    assert announcement.rate >= 3 * announcement.former_rate


def test_a_surge_of_errors_is_announced_with_the_error_that_contributes_most() -> None:
    gate = LogGate(seed=1)
    usual, odd, culprit = known(gate, 3)
    judge_all(gate, usual, evenly(1, 200, 0.2), ERROR)
    for now in evenly(201, 10, 10):
        gate.judge(culprit, ERROR, "app", now)
        gate.judge(odd, ERROR, "app", now) if now % 1 < 0.1 else None
    surges = [each for each in gate.announcements if each.kind == "error_surge"]
    assert [each.pattern_id for each in surges] == [culprit.id]
    assert surges[0].former_rate < 1 < surges[0].rate


def test_announcements_are_bounded_and_those_that_were_too_many_are_counted() -> None:
    gate = LogGate(seed=1)
    found = known(gate, 300)
    for now in range(1, 100):
        for pattern in found:
            gate.judge(pattern, INFO, "app", now)
    for pattern in found:
        judge_all(gate, pattern, evenly(100, 3, 50))
    assert 10 <= len(gate.announcements) <= 11
    assert gate.unannounced + len(gate.announcements) == 300


def test_the_same_seed_judges_the_same() -> None:
    def verdicts(seed: int) -> list[Verdict]:
        gate = LogGate(PLAIN, seed=seed)
        return judge_all(gate, known(gate)[0], evenly(1, 10, 50))

    assert verdicts(1) == verdicts(1)
    assert verdicts(1) != verdicts(2)


def test_a_child_process_counts_from_zero_and_draws_anew() -> None:
    parent, child = LogGate(PLAIN), LogGate(PLAIN)
    (pattern,) = known(child)
    child.random = parent.random = random.Random(1).random
    judge_all(child, pattern, evenly(1, 1, 100))
    child.after_fork()
    assert child.random != parent.random
    assert sum(row.seen for row in child.counts()) == 0
    judge_all(child, pattern, evenly(2, 1, 100))
    assert [row.seen for row in child.counts() if row.seen] == [100]


def test_a_seed_that_was_given_goes_on_in_a_child_process() -> None:
    gate, other = LogGate(PLAIN, seed=1), LogGate(PLAIN, seed=1)
    gate.after_fork()
    assert gate.random() == other.random()


def test_a_policy_applies_at_once_and_a_wrong_one_changes_nothing() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    gate.apply(LogPolicy(severity_rates={"INFO": 1.0}, min_rate=0))
    assert kept(judge_all(gate, pattern, evenly(1, 1, 100))) == 100
    with pytest.raises(ConfigurationError, match=r"global_rate is 7: it must be a share"):
        gate.apply(LogPolicy(global_rate=7))
    assert kept(judge_all(gate, pattern, evenly(2, 1, 100))) == 100


def test_a_policy_that_changes_every_second_spends_its_budgets_once() -> None:
    rule = LogRule((Condition("logger", "chatty"),), budget=5)
    gate = LogGate(seed=1)
    (pattern,) = known(gate)
    total = 0
    for second in range(1, 61):
        gate.apply(LogPolicy(budget=10, rules=(rule,), severity_rates={}, min_rate=0, anomaly_boost=1 + second))
        total += kept(judge_all(gate, pattern, evenly(second, 1, 200), logger="chatty"))
        total += kept(judge_all(gate, pattern, evenly(second, 1, 200)))
    assert abs(total - 15 * 60) <= 0.1 * 15 * 60


def test_a_new_policy_opens_no_new_reserve_for_first_sights() -> None:
    gate = LogGate(seed=1)
    flood = iter(_flood(20_000))
    verdicts = []
    for _ in range(10):
        gate.apply(LogPolicy(min_rate=0))
        verdicts += [gate.judge(next(flood), DEBUG, "app", 1) for _ in range(2000)]
    assert sum(verdict.reason == "first_sight" for verdict in verdicts) == 1000


@pytest.mark.parametrize("jump", [-1e6, -5.0, 5.0, 1e6])
def test_a_clock_that_jumps_does_no_harm(jump: float) -> None:
    gate = LogGate(LogPolicy(budget=50), seed=1)
    (pattern,) = known(gate, now=1e6)
    judge_all(gate, pattern, evenly(1e6, 30, 500))
    after = judge_all(gate, pattern, evenly(1e6 + 30 + jump, 30, 500))
    assert abs(kept(after) - 50 * 30) <= 0.1 * 50 * 30
    assert not gate.announcements


def test_after_a_clock_went_back_a_pattern_is_certain_again_within_its_period() -> None:
    gate = LogGate(PLAIN, seed=1, periodic=600)
    (pattern,) = known(gate, now=1e6)
    verdicts = [gate.judge(pattern, INFO, "app", now, randomness=NEVER) for now in range(700)]
    assert kept(verdicts) == 1


def test_a_record_that_is_logged_while_another_is_judged_does_no_harm() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    draw = gate.random

    def interrupted() -> float:
        gate.random = draw
        gate.judge(pattern, INFO, "app", 1)
        gate.random = interrupted
        return draw()

    gate.random = interrupted
    verdicts = [gate.judge(pattern, INFO, "app", 1) for _ in range(1000)]
    (row,) = gate.counts()
    assert row.seen == 2001
    assert 0 < kept(verdicts) < row.total_kept


def test_rules_may_ask_for_a_records_own_attributes() -> None:
    rules = (
        LogRule((Condition("attribute", "/health*", key="url.path"), Condition("template", "event*")), rate=0),
        LogRule((Condition("body", "*secret*"),), rate=1),
    )
    gate = LogGate(LogPolicy(rules=rules, min_rate=0), seed=1)
    (pattern,) = known(gate)

    def judge(path: str, body: str) -> Verdict:
        fields = {("attribute", "url.path"): path, ("body", ""): body}
        return gate.judge(pattern, INFO, "app", 1, randomness=NEVER, field=lambda name, key: fields.get((name, key)))

    assert judge("/healthz", "secret").reason == "rate"
    assert not judge("/healthz", "secret").keep
    assert judge("/orders", "a secret").keep
    assert not judge("/orders", "nothing").keep


def test_thousands_of_loggers_for_one_pattern_are_bounded_and_counted() -> None:
    gate = LogGate(PLAIN, seed=1)
    (pattern,) = known(gate)
    for index in range(5000):
        gate.judge(pattern, INFO, f"worker-{index}", 1, key=("m", INFO, index))
    assert len(gate._known[pattern.id].lanes) <= 64
    assert [row.seen for row in gate.counts()] == [5001]


def test_a_template_that_grows_more_general_takes_its_new_rate() -> None:
    gate = LogGate(LogPolicy(pattern_rates={"user <*> left": 1.0}, min_rate=0), seed=1)
    pattern = Pattern("1" * 32, "user ann left", "mined")
    judge_all(gate, pattern, [0.0])
    pattern.template = "user <*> left"
    assert kept(judge_all(gate, pattern, evenly(2, 1, 100))) == 100


def _flood(number: int) -> list[Pattern]:
    return [Pattern(f"{index:032x}", f"junk {index}", "mined") for index in range(number)]


@pytest.mark.parametrize("budget", [None, 50.0])
def test_a_flood_of_mined_patterns_hides_no_new_logging_call(budget: float | None) -> None:
    gate = LogGate(LogPolicy(budget=budget), seed=1, max_patterns=500)
    seen = 0
    calls = iter(patterns(30))
    for index, pattern in enumerate(_flood(60_000)):
        now = 1 + index / 2000
        gate.judge(pattern, INFO, "app", now)
        if index % 2000 == 1000:
            seen += gate.judge(next(calls), INFO, "app", now).keep
    assert seen == 30

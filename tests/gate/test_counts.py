from __future__ import annotations

from log_gating import INFO, WARN, evenly, judge_all, kept, known
from tidegate.gate.logs.counts import OTHER, Cell, rows
from tidegate.gate.logs.gate import LogGate
from tidegate.gate.policy import LogPolicy
from tidegate.patterns import Miner, Pattern


def test_every_record_is_counted_once_by_pattern_and_severity() -> None:
    gate = LogGate(LogPolicy(min_rate=0), seed=1)
    one, other = known(gate, 2)
    verdicts = judge_all(gate, one, evenly(1, 10, 100)) + judge_all(gate, one, evenly(11, 1, 50), WARN)
    verdicts += judge_all(gate, other, evenly(12, 1, 20))
    counts = {(row.pattern_id, row.severity): row for row in gate.counts()}
    seen = {key: row.seen for key, row in counts.items()}
    assert seen == {(one.id, INFO): 1001, (one.id, WARN): 50, (other.id, INFO): 21}
    assert sum(row.total_kept for row in counts.values()) == kept(verdicts) + 2
    assert counts[one.id, INFO].kept["first_sight"] == 1


def test_loggers_of_one_pattern_are_counted_together() -> None:
    gate = LogGate(seed=1)
    (pattern,) = known(gate)
    for logger in ("a", "b", "c"):
        gate.judge(pattern, INFO, logger, 1)
    assert [row.seen for row in gate.counts()] == [4]


def test_looking_at_the_counts_loses_nothing() -> None:
    gate = LogGate(seed=1)
    (pattern,) = known(gate)
    for number in range(2, 100):
        gate.judge(pattern, INFO, "app", number)
        assert [row.seen for row in gate.counts()] == [number]


def test_a_signal_handler_that_logs_does_not_disturb_a_look_at_the_counts() -> None:
    gate = LogGate(seed=1, max_patterns=60)
    known(gate, 50)
    later = iter(range(1000, 2000))

    def resolve(id: str) -> Pattern | None:
        gate.judge(Pattern(f"{next(later):032x}", "new", "mined"), INFO, "app", 1)
        return None

    assert sum(row.seen for row in gate.counts(resolve)) == 50
    assert sum(row.seen for row in gate.counts()) == 100


def test_counts_of_before_are_not_changed_by_what_comes_later() -> None:
    gate = LogGate(seed=1)
    (pattern,) = known(gate)
    before = gate.counts()
    gate.judge(pattern, INFO, "app", 1)
    assert [row.seen for row in before] == [1]


def test_merged_patterns_are_counted_as_one() -> None:
    gate = LogGate(seed=1)
    one, other, apart = known(gate, 3)
    merged = {one.id: other, other.id: other}
    counts = {row.pattern_id: row for row in gate.counts(merged.get)}
    assert (counts[other.id].seen, counts[other.id].template, counts[apart.id].seen) == (2, other.template, 1)
    assert len(counts) == 2


def test_what_a_miner_merges_keeps_its_sum() -> None:
    gate, miner = LogGate(seed=1), Miner()
    lines = [f"worker {name} finished the nightly job" for name in ("ann", "bob", "cid", "dee", "eve")] * 20
    for now, line in enumerate(lines):
        gate.judge(miner.match(line), INFO, "app", now)
    assert len(gate.counts(miner.resolve)) == len(miner.patterns()) < len(gate.counts())
    assert sum(row.seen for row in gate.counts(miner.resolve)) == len(lines)


def test_the_other_row_is_there_only_when_it_counts_something() -> None:
    gate = LogGate(seed=1, max_patterns=1)
    gate.judge(Pattern("1" * 32, "one", "template"), INFO, "app", 1)
    assert [row.pattern_id for row in gate.counts()] == ["1" * 32]
    gate.judge(Pattern("2" * 32, "two", "template"), INFO, "app", 1)
    assert [(row.pattern_id, row.template) for row in gate.counts()] == [(OTHER, OTHER), ("2" * 32, "two")]


def test_unheard_of_severities_are_counted_within_the_range_there_is() -> None:
    gate = LogGate(LogPolicy(severity_rates={}), seed=1)
    (pattern,) = known(gate)
    for severity in (-5, 0, 25, 10**9):
        gate.judge(pattern, severity, "app", 1)
    assert {row.severity: row.seen for row in gate.counts()} == {INFO: 1, 0: 2, 24: 2}


def test_a_row_says_why() -> None:
    cell = Cell()
    cell.keep("error")
    cell.keep("error")
    cell.lowered, cell.beyond = 3, 4
    (row,) = rows([("id", "template", {INFO: cell})])
    assert (row.kept, row.dropped, row.seen, row.total_kept) == ({"error": 2}, {"rate": 3, "budget": 4}, 9, 2)

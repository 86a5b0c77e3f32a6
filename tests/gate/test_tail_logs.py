"""The log gate over stored records: what it keeps, of whom, and what it counts."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, cast

import pytest
from opentelemetry.sdk._logs import ReadWriteLogRecord

from gating import Gated
from log_tailing import ERROR, INFO, T0, WARN, Emitted, Process, counted, evenly, judge
from making import resource
from tidegate.errors import ConfigurationError
from tidegate.gate.policy import Condition, LogPolicy, LogRule
from tidegate.gate.tail.logs import Kept, LogTail

TRACE = 0x0AF7651916CD43DD8448EB211C80319C
HEX = f"{TRACE:032x}"

#: Rates apply to every pattern, however rare.
PLAIN = LogPolicy(min_rate=0)


def numbers(kept: Kept, segment: str = "aa") -> list[int]:
    """The sequences that were kept of a segment."""
    return [sequence for sequence, _ in kept.get(segment, [])]


def marks(kept: Kept, segment: str = "aa") -> list[dict[str, Any]]:
    return [dict(mark) for _, mark in kept.get(segment, [])]


def estimated(kept: Kept) -> float:
    """How many records the kept ones stand for."""
    return sum(float(dict(mark)["tidegate.adjusted_count"]) for rows in kept.values() for _, mark in rows)


def reasons(kept: Kept) -> Counter[str]:
    found = (dict(mark) for rows in kept.values() for _, mark in rows)
    return Counter(mark.get("tidegate.keep.reason", "rate") for mark in found)


# --- what is kept


def test_a_template_is_kept_by_the_rate_of_its_severity() -> None:
    kept = judge(LogTail(seed=1), evenly(0, 60, 200))
    assert len(numbers(kept)) == pytest.approx(0.2 * 12_000, rel=0.06)
    assert estimated(kept) == pytest.approx(12_000, rel=0.06)


def test_a_rare_pattern_is_kept_whole() -> None:
    kept = judge(LogTail(seed=1), evenly(0, 120, 0.5))
    assert len(numbers(kept)) == 60


def test_errors_are_always_kept_whatever_the_budget() -> None:
    traffic = [*evenly(0, 20, 100, severity=ERROR), *evenly(0, 20, 100)]
    kept = judge(LogTail(policy=LogPolicy(budget=5), seed=1), traffic)
    assert reasons(kept)["error"] == 2000


def test_an_event_is_always_kept() -> None:
    kept = judge(LogTail(seed=1, policy=PLAIN), evenly(0, 10, 100, event="order.placed", template="placed %s"))
    assert reasons(kept) == {"event": 1000}


def test_an_event_that_says_nothing_more_is_known_by_its_name() -> None:
    kept = judge(LogTail(seed=1), [Emitted(n, "", (), event="cart.filled") for n in range(5)])
    assert {mark["log.record.template"] for mark in marks(kept)} == {"cart.filled"}


def test_the_first_record_of_a_pattern_is_kept_in_each_service_and_logger() -> None:
    tail = LogTail(seed=1, policy=LogPolicy(min_rate=0, severity_rates={"INFO": 0.0, "WARN": 0.001}))
    shop, bank = Process("aa"), Process("bb", resource("bank"))
    kept: list[Kept] = []
    for second in range(3):
        records = [Emitted(second + n / 20, severity=WARN, logger=("a", "b")[n % 2]) for n in range(10)]
        kept.append(tail.judge([shop.commit(records), bank.commit(records)], T0 + second + 1))
    assert sum((reasons(each) for each in kept), Counter[str]()) == {"first_sight": 4}


def test_a_record_that_another_gate_has_judged_passes_as_it_is() -> None:
    tail = LogTail(seed=1, policy=LogPolicy(global_rate=0, severity_rates={"INFO": 0.0}, min_rate=0))
    kept = judge(tail, evenly(0, 1, 10, attributes={"tidegate.adjusted_count": 5.0}))
    assert kept == {"aa": [(number, ()) for number in range(10)]}
    assert tail.rows() == []


def test_what_tidegate_says_itself_passes_as_it_is() -> None:
    tail = LogTail(seed=1, policy=LogPolicy(severity_rates={"INFO": 0.0}, min_rate=0))
    assert numbers(judge(tail, evenly(0, 1, 10, logger="tidegate.ship"))) == list(range(10))
    assert numbers(judge(tail, evenly(1, 1, 10, logger="tidegates"))) == []


def test_where_all_is_sent_all_is_kept_unmarked_and_counted() -> None:
    tail = LogTail(mode="all", seed=1)
    kept = judge(tail, evenly(0, 10, 100))
    assert kept == {"aa": [(number, ()) for number in range(1000)]}
    assert counted(tail) == (1000, 1000)


def test_a_kept_record_says_its_template_its_pattern_and_how_many_it_stands_for() -> None:
    tail = LogTail(seed=1)
    kept = judge(tail, evenly(0, 30, 100))
    pattern = tail.miner.patterns()[0]
    assert marks(kept)[0] == {
        "log.record.template": "order <*> shipped",
        "tidegate.pattern.id": pattern.id,
        "tidegate.adjusted_count": 1.0,
        "tidegate.keep.reason": "first_sight",
    }
    assert marks(kept)[-1]["tidegate.adjusted_count"] == pytest.approx(5)


def test_a_severity_that_is_only_text_counts_as_that() -> None:
    process, tail = Process(), LogTail(seed=1, policy=PLAIN)
    record = Emitted(0).sdk()
    record.log_record.severity_number = None
    record.log_record.severity_text = "critical"
    kept = tail.judge([process.commit_sdk([record] * 50)], T0 + 1)
    assert reasons(kept) == {"error": 50}


def test_what_has_no_template_is_known_by_its_call_or_its_text() -> None:
    tail = LogTail(seed=1)
    judge(tail, [Emitted(n / 10, f"user u{n * 7919} came", (), line=7) for n in range(50)])
    judge(tail, [Emitted(5 + n / 10, f"took {n} ms", ()) for n in range(50)])
    assert sorted((pattern.kind, pattern.count) for pattern in tail.miner.patterns()) == [("mined", 50), ("site", 50)]


def test_a_call_that_only_attributes_tell_of_is_known_by_them() -> None:
    tail = LogTail(seed=1)
    where = {"code.file.path": "/app/a.py", "code.line.number": 3, "code.function.name": "f"}
    judge(tail, [Emitted(n / 10, f"user u{n * 7919} came", (), attributes=where) for n in range(50)])
    assert [(pattern.kind, pattern.count) for pattern in tail.miner.patterns()] == [("site", 50)]


def test_a_record_that_cannot_be_judged_is_kept_as_it_is_and_counted() -> None:
    tail, process = LogTail(seed=1), Process()
    odd = process.commit([Emitted(0, trace=TRACE), Emitted(0.1, "other %s", trace=TRACE + 1)])
    cast("dict[str, Any]", odd.rows.columns)["traces"][1] = "no hexadecimal digits"
    kept = tail.judge([odd], T0 + 1)
    assert kept["aa"][1] == (1, ())
    assert tail.failures == 1


def test_a_damaged_block_does_not_keep_others_from_being_judged() -> None:
    tail = LogTail(seed=1)
    damaged, sound = Process("aa").commit(evenly(0, 1, 10)), Process("bb").commit(evenly(0, 1, 10))
    cast("dict[str, Any]", damaged.rows.columns)["origin"] = [0]
    assert numbers(tail.judge([damaged, sound], T0 + 1), "bb") == list(range(10))


# --- one gate for all


@pytest.mark.parametrize("traced", [False, True])
def test_each_pattern_has_the_share_that_the_gate_in_front_of_an_exporter_gives_it(traced: bool) -> None:
    kinds = [("a %s", INFO, 50), ("b %s", WARN, 20), ("c %s", 5, 40), ("d %s", INFO, 0.2), ("e %s", ERROR, 5)]
    made = (evenly(0, 100, rate, template=name, severity=level) for name, level, rate in kinds)
    traffic = sorted((each for of_kind in made for each in of_kind), key=lambda each: each.at)
    if traced:
        traffic = [each._replace(trace=TRACE * (n + 1) % (1 << 128)) for n, each in enumerate(traffic)]
    tail = LogTail(seed=1, context=False)
    judge(tail, traffic)
    gated = Gated(seed=2, context=False)
    for each in traffic:
        gated.clock.now = T0 + each.at
        log = each.sdk()
        gated.processor.on_emit(ReadWriteLogRecord(log.log_record, log.resource, log.instrumentation_scope))
    theirs = {row.id: row for row in gated.processor.counts() if row.seen}
    ours = {row.id: row for row in tail.rows() if row.seen}
    assert {id: row.seen for id, row in ours.items()} == {id: row.seen for id, row in theirs.items()}
    for id, row in ours.items():
        assert abs(row.kept - theirs[id].kept) <= 5 * math.sqrt(row.seen / 2), row.template


def test_records_of_one_trace_are_kept_or_dropped_together() -> None:
    tail = LogTail(seed=1, context=False)
    judge(tail, evenly(0, 20, 100))
    kept = judge(tail, [Emitted(20 + n / 1000, trace=TRACE * (n // 10) % (1 << 128) or 1) for n in range(1000)])
    assert {count % 10 for count in Counter(number // 10 for number in numbers(kept)).values()} == {0}
    assert 0 < len(numbers(kept)) < 500


def test_one_budget_holds_for_all_processes_together() -> None:
    tail = LogTail(policy=LogPolicy(budget=50), seed=1)
    processes = [Process(f"{n:02x}") for n in range(4)]
    kept = 0
    for second in range(60):
        portions = [process.commit(evenly(second, 1, 100)) for process in processes]
        kept += sum(map(len, tail.judge(portions, T0 + second + 1).values()))
    assert kept == pytest.approx(50 * 60, rel=0.08)


def test_one_budget_holds_when_processes_commit_one_after_the_other() -> None:
    tail = LogTail(policy=LogPolicy(budget=50), seed=1)
    processes = [Process(f"{n:02x}") for n in range(4)]
    kept = 0
    for quarter in range(4, 240):
        # each commits what it said in the last second, a quarter of a second after the one before it
        records = evenly(quarter / 4 - 1, 1, 100)
        kept += sum(map(len, tail.judge([processes[quarter % 4].commit(records)], T0 + quarter / 4).values()))
    assert kept == pytest.approx(50 * 59, rel=0.1)


def test_a_backlog_that_is_read_at_once_is_no_burst() -> None:
    traffic = evenly(0, 600, 20)
    tail, now = LogTail(policy=LogPolicy(budget=5, severity_rates={"INFO": 1.0}), seed=1), T0 + 10_000
    process = Process()
    kept = sum(len(numbers(tail.judge([process.commit(traffic[n : n + 2000])], now))) for n in range(0, 12_000, 2000))
    assert kept == pytest.approx(5 * 600, rel=0.08)
    assert not tail.gate.announcements


def test_records_from_the_future_came_now() -> None:
    tail = LogTail(seed=1)
    judge(tail, evenly(0, 20, 100))
    process = Process("bb")
    far = tail.judge([process.commit(evenly(10**6, 1, 100))], T0 + 21)
    judge(tail, evenly(21, 20, 100))
    assert len(numbers(far, "bb")) < 50
    minutes = {row[0] for row in tail.take_counts()["counts"]}
    assert minutes == {T0 // 60}


def test_a_rule_for_a_service_holds_for_that_service_alone() -> None:
    rule = LogRule((Condition("service", "bank"),), rate=0.0)
    tail = LogTail(policy=LogPolicy(rules=(rule,), min_rate=0, severity_rates={"INFO": 1.0}), seed=1)
    shop, bank = Process("aa"), Process("bb", resource("bank"))
    kept = tail.judge([shop.commit(evenly(0, 1, 50)), bank.commit(evenly(0, 1, 50))], T0 + 1)
    assert (len(numbers(kept, "aa")), len(numbers(kept, "bb"))) == (50, 0)


def test_a_rule_may_ask_for_what_a_resource_and_a_record_say() -> None:
    rule = LogRule((Condition("resource", "test", key="env"), Condition("attribute", "1", key="noisy")), rate=0.0)
    tail = LogTail(policy=LogPolicy(rules=(rule,), min_rate=0, severity_rates={"INFO": 1.0}), seed=1)
    records = [Emitted(n / 100, attributes={"noisy": "1"} if n % 2 else {}) for n in range(50)]
    test, live = Process("aa", resource(env="test")), Process("bb", resource(env="live"))
    kept = tail.judge([test.commit(records), live.commit(records)], T0 + 1)
    assert (len(numbers(kept, "aa")), len(numbers(kept, "bb"))) == (25, 50)


def test_a_policy_that_comes_later_holds_from_then_on() -> None:
    tail = LogTail(seed=1, policy=LogPolicy(severity_rates={"INFO": 1.0}, min_rate=0))
    assert len(numbers(judge(tail, evenly(0, 5, 100)))) == 500
    tail.apply(LogPolicy(severity_rates={"INFO": 0.0}, min_rate=0))
    assert numbers(judge(tail, evenly(5, 5, 100))) == []


def test_a_wrong_policy_is_refused_and_changes_nothing() -> None:
    tail = LogTail(seed=1, policy=LogPolicy(severity_rates={"INFO": 1.0}, min_rate=0))
    with pytest.raises(ConfigurationError, match="global_rate is 2"):
        tail.apply(LogPolicy(global_rate=2))
    assert len(numbers(judge(tail, evenly(0, 5, 100)))) == 500


# --- traces


def dropping(**options: Any) -> LogTail:
    """What drops all but errors."""
    return LogTail(seed=1, policy=LogPolicy(severity_rates={"INFO": 0.0}, min_rate=0), **options)


def test_an_error_brings_the_records_of_its_trace_from_every_process() -> None:
    tail, shop, bank = dropping(), Process("aa"), Process("bb", resource("bank"))
    early = [Emitted(0, trace=TRACE), Emitted(0.1, trace=TRACE + 1)]
    assert tail.judge([shop.commit(early), bank.commit(early)], T0 + 1) == {}
    kept = tail.judge([bank.commit([Emitted(2, "failed %s", severity=ERROR, trace=TRACE)])], T0 + 3)
    assert {segment: numbers(kept, segment) for segment in kept} == {"aa": [0], "bb": [0, 2]}
    assert marks(kept)[0]["tidegate.keep.reason"] == "context"
    assert marks(kept)[0]["tidegate.adjusted_count"] == 0


def test_what_comes_after_the_error_of_its_trace_is_certain() -> None:
    tail = dropping()
    judge(tail, [Emitted(0, "failed %s", severity=ERROR, trace=TRACE)])
    kept = judge(tail, [Emitted(1, trace=TRACE), Emitted(1, trace=TRACE + 1)], Process("bb"))
    assert numbers(kept, "bb") == [0]
    assert reasons(kept) == {"trace_error": 1}


def test_an_exception_in_a_trace_is_an_error_to_its_records() -> None:
    tail, process = dropping(), Process()
    judge(tail, [Emitted(0, trace=TRACE)], process)
    kept = judge(tail, [Emitted(1, trace=TRACE, attributes={"exception.type": "ValueError"})], process)
    assert numbers(kept) == [0, 1]


def test_a_trace_that_is_kept_with_an_error_brings_its_records() -> None:
    tail = dropping()
    judge(tail, [Emitted(0, trace=TRACE), Emitted(0, trace=TRACE + 1)])
    assert numbers(tail.release(HEX, T0 + 5)) == [0]
    assert tail.release(HEX, T0 + 5) == {}


def test_late_records_of_a_trace_that_is_kept_with_an_error_come_with_it_and_count_nothing() -> None:
    tail = dropping()
    kept = judge(tail, [Emitted(0, trace=TRACE), Emitted(0, trace=TRACE + 1)], is_kept_error=lambda id: id == HEX)
    assert numbers(kept) == [0]
    assert (reasons(kept), estimated(kept)) == ({"trace_error": 1}, 0)


def test_without_context_an_error_brings_nothing() -> None:
    tail = dropping(context=False)
    judge(tail, [Emitted(0, trace=TRACE)])
    kept = judge(tail, [Emitted(1, "failed %s", severity=ERROR, trace=TRACE)], Process("bb"))
    assert set(kept) == {"bb"}
    assert tail.release(HEX, T0 + 2) == {}


def test_a_trace_in_which_nothing_happens_is_forgotten() -> None:
    tail = dropping()
    judge(tail, [Emitted(0, trace=TRACE)])
    judge(tail, [Emitted(400, trace=TRACE + 1)])
    assert tail.release(HEX, T0 + 401) == {}


# --- what is counted


def test_every_record_is_counted_once_by_minute_service_pattern_and_severity() -> None:
    tail, shop, bank = LogTail(seed=1), Process("aa"), Process("bb", resource("bank"))
    kept: Counter[tuple[int, str]] = Counter()
    for second in range(50, 70):
        portions = [shop.commit(evenly(second, 1, 60)), bank.commit(evenly(second, 1, 30, severity=WARN))]
        for segment, rows in tail.judge(portions, T0 + second + 1).items():
            kept[T0 // 60 + second // 60, {"aa": "shop", "bb": "bank"}[segment]] += len(rows)
    rows = tail.take_counts()["counts"]
    seen = {(minute, service, severity): number for minute, service, _, severity, number, _ in rows}
    assert seen == {
        (T0 // 60, "shop", INFO): 600,
        (T0 // 60 + 1, "shop", INFO): 600,
        (T0 // 60, "bank", WARN): 300,
        (T0 // 60 + 1, "bank", WARN): 300,
    }
    assert {(minute, service): number for minute, service, *_, number in rows} == kept


def test_counts_begin_anew_when_they_were_taken() -> None:
    tail = LogTail(seed=1)
    judge(tail, evenly(0, 1, 10))
    assert counted(tail) == (10, 10)
    assert tail.take_counts() == {}


def test_what_an_error_brings_is_kept_of_the_minute_in_which_it_came() -> None:
    tail = dropping()
    judge(tail, [Emitted(0, trace=TRACE)])
    [before] = tail.take_counts()["counts"]
    tail.release(HEX, T0 + 70)
    [after] = tail.take_counts()["counts"]
    assert before[4:] == [1, 0]
    assert after == [*before[:4], 0, 1]


def test_rows_tell_what_was_released_apart() -> None:
    tail = dropping()
    judge(tail, [Emitted(0, trace=TRACE)])
    tail.release(HEX, T0 + 1)
    assert [(row.seen, row.kept, row.released) for row in tail.rows()] == [(1, 0, 1)]


def test_reasons_are_counted_of_what_is_kept_and_dropped() -> None:
    tail = LogTail(seed=1, policy=LogPolicy(severity_rates={"INFO": 0.5}, min_rate=0, budget=20))
    kept = judge(tail, [*evenly(0, 10, 100), *evenly(0, 10, 1, severity=ERROR, template="failed %s")])
    found = tail.take_reasons()
    assert found["kept"] == reasons(kept)
    assert set(found["dropped"]) == {"rate", "budget"}
    assert sum(found["kept"].values()) + sum(found["dropped"].values()) == 1010
    assert tail.take_reasons() == {"kept": {}, "dropped": {}}


def test_a_pattern_is_described_when_it_is_new_and_when_it_reads_otherwise() -> None:
    tail = LogTail(seed=1)
    judge(tail, [Emitted(0, "disk sda is full", ())])
    [(id, told)] = tail.take_counts()["patterns"].items()
    assert told == ["mined", "disk sda is full"]
    judge(tail, [Emitted(1, "disk sda is full", ())])
    assert tail.take_counts()["patterns"] == {}
    names = ["sdb", "sdc", "sdd", "sde"]
    judge(tail, [Emitted(2 + place, f"disk {name} is full", ()) for place, name in enumerate(names)])
    assert tail.take_counts()["patterns"] == {id: ["mined", "disk <*> is full"]}


def test_what_is_told_of_lone_surrogates_can_be_written_as_json() -> None:
    tail = LogTail(seed=1)
    process = Process("aa", resource("caf\udc80"))
    kept = tail.judge([process.commit([Emitted(0, "caf\udc80 %s")])], T0 + 1)
    text = json.dumps([kept, tail.take_counts()], ensure_ascii=False)
    assert text.encode()


# --- from one leader to the next


def test_the_next_leader_keeps_ids_and_repeats_no_first_sight() -> None:
    first = LogTail(seed=1)
    traffic = [*evenly(0, 20, 50), *(Emitted(n, f"user u{n} came", ()) for n in range(20))]
    judge(first, traffic)
    state = json.loads(json.dumps(first.state()))
    second = LogTail(seed=2, state=state)
    kept = judge(second, [*evenly(21, 5, 50), Emitted(21, "user u77 came", ())])
    assert second.problem == ""
    assert {row.id for row in second.rows() if row.seen} == {row.id for row in first.rows() if row.seen}
    assert reasons(kept) == {"rate": len(numbers(kept))}
    assert len(numbers(kept)) < 125


def test_a_damaged_state_is_left_aside() -> None:
    tail = LogTail(seed=1, state={"miner": {}, "known": 3})
    assert "patterns begin anew" in tail.problem
    assert len(numbers(judge(tail, evenly(0, 1, 10)))) == 10


def test_other_settings_hold_for_a_state_from_before() -> None:
    state = LogTail(max_patterns=100).state()
    tail = LogTail(max_patterns=50, keep_status_codes=True, state=state)
    assert (tail.miner.max_patterns, tail.miner.keep_status_codes) == (50, True)

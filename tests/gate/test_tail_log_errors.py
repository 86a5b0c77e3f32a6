"""What errors bring is bounded, of each trace and by the budget."""

from __future__ import annotations

from collections import Counter

import pytest

from log_tailing import ERROR, INFO, T0, Emitted, Process, evenly, judge
from tidegate.gate.policy import LogPolicy
from tidegate.gate.tail.log_errors import MAX_TRACES, RECORDS, SECONDS, Allowance
from tidegate.gate.tail.logs import Kept, LogTail

TRACE = 7
HEX = f"{TRACE:032x}"
DEBUG = 5
FAILED = Emitted(0, "failed %s", severity=ERROR, trace=TRACE)


def dropping() -> LogTail:
    return LogTail(seed=1, policy=LogPolicy(severity_rates={"DEBUG": 0.0, "INFO": 0.0}, min_rate=0))


def number(kept: Kept) -> int:
    return sum(map(len, kept.values()))


def is_ours(trace_id: str) -> bool:
    return trace_id == HEX


def test_an_error_brings_so_many_records_and_no_more() -> None:
    allowance = Allowance()
    assert [allowance.take("a", 0.0, RECORDS - 1), allowance.take("a", 1.0, 5), allowance.take("a", 2.0)] == [
        RECORDS - 1,
        1,
        0,
    ]
    assert not allowance.lasts("a", 2.0)


def test_an_error_brings_records_for_so_many_seconds() -> None:
    allowance = Allowance()
    allowance.take("a", 0.0)
    assert [allowance.lasts("a", now) for now in (SECONDS - 1, SECONDS)] == [True, False]


def test_an_error_within_that_time_brings_no_more_and_one_after_it_as_much_again() -> None:
    allowance = Allowance()
    allowance.take("a", 0.0, RECORDS)
    allowance.begin("a", SECONDS - 1)
    assert not allowance.lasts("a", SECONDS - 1)
    allowance.begin("a", SECONDS)
    assert allowance.take("a", SECONDS, RECORDS) == RECORDS


def test_traces_of_which_nothing_was_brought_for_longest_are_forgotten() -> None:
    allowance = Allowance()
    for trace in range(MAX_TRACES + 1):
        allowance.take("busy", 0.0)
        allowance.take(str(trace), 0.0)
    assert len(allowance._traces) == MAX_TRACES
    assert allowance.take("busy", 0.0, RECORDS) < RECORDS


def test_an_endless_trace_that_is_kept_for_an_error_ends_to_pass_all() -> None:
    traffic = evenly(0, 2 * SECONDS, 1, severity=DEBUG, trace=TRACE)
    kept = judge(dropping(), traffic, is_kept_error=is_ours)
    assert number(kept) == SECONDS


def test_errors_in_its_log_do_not_let_an_endless_trace_pass_for_longer() -> None:
    failures = [FAILED._replace(at=at) for at in (0, 100, 200)]
    kept = judge(dropping(), [*failures, *evenly(1, 2 * SECONDS, 1, severity=DEBUG, trace=TRACE)])
    assert number(kept) == 3 + SECONDS - 1


def test_errors_that_follow_each_other_bring_no_more_than_one() -> None:
    traffic = evenly(0, 2, RECORDS, severity=DEBUG, trace=TRACE)
    failures = evenly(0, 2, 4, template="failed %s", severity=ERROR, trace=TRACE)
    kept = judge(dropping(), sorted([*traffic, *failures], key=lambda each: each.at))
    assert number(kept) == RECORDS + len(failures)


def test_a_trace_that_is_kept_once_more_for_its_error_brings_no_more() -> None:
    tail, process = dropping(), Process()
    judge(tail, evenly(0, 1, 100, severity=DEBUG, trace=TRACE), process)
    assert number(tail.release(HEX, T0 + 1)) == 100
    judge(tail, evenly(1, 1, 100, severity=DEBUG, trace=TRACE), process)
    assert number(tail.release(HEX, T0 + 1 + SECONDS)) == 0


@pytest.mark.parametrize("is_waiting", [False, True])
def test_what_errors_bring_is_paid_from_the_budget(is_waiting: bool) -> None:
    tail, process = LogTail(seed=1, policy=LogPolicy(budget=20)), Process()
    kept = 0
    for second in range(120):
        records = sorted(evenly(second, 1, 100) + evenly(second, 1, 10, trace=TRACE, severity=DEBUG, template="at %s"))
        found = tail.judge([process.commit(records)], T0 + second + 1, (lambda _: False) if is_waiting else is_ours)
        kept += number(found)
        if is_waiting and second % 2:
            kept += number(tail.release(HEX, T0 + second + 1))
    assert kept == pytest.approx(20 * 120, rel=0.1)


def test_what_comes_after_the_error_of_its_trace_is_counted_as_kept_alone() -> None:
    tail = dropping()
    judge(tail, evenly(0, 1, 5, severity=INFO, trace=TRACE), is_kept_error=is_ours)
    assert tail.take_reasons() == {"kept": Counter(trace_error=5), "dropped": {}}

"""When traces are judged, and what becomes of spans that come after their verdict."""

from __future__ import annotations

from judging import SECOND, Host, Process, known, places
from making import span
from tidegate.gate.policy import TracePolicy
from tidegate.gate.threshold import MAX

HALF, HALF_STATE = MAX // 2, "ot=th:8"
HIGH, LOW = MAX - 1000, 1000


def test_a_trace_is_judged_when_nothing_of_it_came_for_a_second() -> None:
    host = Host()
    host.commit(span(sampled=False))
    assert not host.judge(0.9)
    assert len(host.judge(0.1)) == 1


def test_a_span_that_comes_puts_the_verdict_off() -> None:
    host = Host()
    host.commit(span(sampled=False))
    host.now += 0.9
    host.commit(span(id=2, parent=1, sampled=False))
    assert not host.judge(0.9)
    assert [judged.spans_seen for judged in host.judge(0.1)] == [2]


def test_a_trace_waits_for_its_root() -> None:
    host = Host()
    host.commit(span(id=2, parent=1, sampled=False))
    assert not host.judge(20.0)
    host.commit(span(id=1, sampled=False))
    assert not host.judge(0.9)
    assert [judged.spans_seen for judged in host.judge(0.1)] == [2]


def test_without_a_root_a_trace_is_judged_in_the_end() -> None:
    host = Host()
    host.commit(span(id=2, parent=1, state=HALF_STATE, trace=HIGH))
    assert not host.judge(29.0)
    assert [(judged.keep, judged.key) for judged in host.judge(2.0)] == [(True, "")]


def test_a_trace_that_goes_on_and_on_is_judged_in_parts() -> None:
    host = Host()
    host.commit(span(id=1, error=True, sampled=False))
    for number in range(2, 102):
        host.commit(span(id=number, parent=1, sampled=False))
        host.judge(0.5)
    host.judge(1.5)
    assert [judged.late for judged in host.verdicts] == [False] + [True] * (len(host.verdicts) - 1)
    assert len(host.verdicts) > 10
    assert sum(judged.spans_seen for judged in host.verdicts) == 101
    assert all(judged.keep for judged in host.verdicts)


def test_a_trace_with_too_many_spans_is_judged_in_parts() -> None:
    host = Host(max_spans=10)
    host.commit(*(span(id=number, parent=1, sampled=False) for number in range(2, 14)))
    assert [judged.spans_seen for judged in host.judge()] == [12]


def test_the_last_verdicts_are_on_all_there_is() -> None:
    host = Host()
    host.commit(span(id=2, parent=1, sampled=False), span(trace=2, sampled=False))
    assert len(host.judge(last=True)) == 2
    assert host.tail.pending == 0


def test_beyond_its_room_the_judge_decides_early_on_what_waits_longest() -> None:
    host = Host(max_pending=5)
    for number in range(1, 9):
        host.commit(span(trace=number, sampled=False))
    assert [judged.trace_id[-1] for judged in host.judge()] == ["1", "2", "3"]
    assert host.tail.counts["judged_early"] == 3


def test_what_is_undecided_is_known_by_segment() -> None:
    host, stock = Host(), Process("stock", "b")
    host.commit(span(trace=1, sampled=False))
    host.judge(0.6)
    host.commit(span(trace=2, sampled=False), span(trace=2, id=2, parent=1, sampled=False))
    host.commit(span(trace=2, id=3, parent=2, remote=True, sampled=False), by=stock)
    assert host.tail.undecided() == {"a": 0, "b": 0}
    host.judge(0.6)
    assert host.tail.undecided() == {"a": 1, "b": 0}
    host.judge(1.0)
    assert host.tail.undecided() == {}


def test_spans_of_one_mode_at_once_are_undecided_until_they_are_handed_out() -> None:
    host = Host(mode="all")
    host.commit(span())
    assert host.tail.undecided() == {"a": 0}
    host.judge()
    assert host.tail.undecided() == {}


def test_a_late_span_follows_a_kept_trace_at_once() -> None:
    host = known(Host())
    host.verdict(span(trace=HIGH, state=HALF_STATE))
    host.commit(span(trace=HIGH, id=2, parent=1, state=HALF_STATE))
    (judged,) = host.judge()
    assert (judged.keep, judged.threshold, judged.reason, judged.late) == (True, HALF, "head", True)
    assert judged.spans == places(host.shop, 2)


def test_a_late_span_follows_a_dropped_trace() -> None:
    host = known(Host())
    host.verdict(span(trace=HIGH, sampled=False))
    host.commit(span(trace=HIGH, id=2, parent=1, sampled=False))
    assert [(judged.keep, judged.late) for judged in host.judge()] == [(False, True)]


def test_a_late_error_brings_all_of_a_dropped_trace() -> None:
    host = known(Host())
    host.verdict(span(trace=LOW, sampled=False), span(trace=LOW, id=2, parent=1, sampled=False))
    host.commit(span(trace=LOW, id=3, parent=1, sampled=False))
    host.judge()
    host.commit(span(trace=LOW, id=4, parent=1, sampled=False, error=True))
    earlier, late = host.judge()
    assert earlier.spans == places(host.shop, 1, 2, 3)
    assert late.spans == places(host.shop, 4)
    assert {earlier.reason, late.reason} == {"error"}
    assert host.tail.counts["upgraded"] == 1


def test_what_came_before_a_late_error_stands_for_nothing_and_the_error_is_certain() -> None:
    host = known(Host())
    host.verdict(span(trace=LOW, sampled=False))
    host.commit(span(trace=LOW, id=4, parent=1, sampled=False, error=True))
    assert [(judged.threshold, judged.counts) for judged in host.judge()] == [(None, False), (0, True)]


def test_a_late_error_of_a_kept_trace_is_certain() -> None:
    host = known(Host())
    host.verdict(span(trace=HIGH, state=HALF_STATE))
    host.commit(span(trace=HIGH, id=4, parent=1, state=HALF_STATE, error=True))
    (judged,) = host.judge()
    assert (judged.threshold, judged.reason, judged.error) == (0, "error", True)


def test_a_trace_is_brought_once() -> None:
    host = known(Host())
    host.verdict(span(trace=LOW, sampled=False))
    for number in (4, 5):
        host.commit(span(trace=LOW, id=number, parent=1, sampled=False, error=True))
        host.judge()
    spans = [place for judged in host.verdicts for place in judged.spans]
    assert spans == places(host.shop, 1, 2, 3)


def test_a_root_that_is_slow_and_late_brings_all_of_a_dropped_trace() -> None:
    host, stock = known(Host(slow=2.0)), Process("stock", "b")
    host.verdict(span(trace=HIGH, parent=1, remote=True, sampled=False), by=stock)
    assert not host.verdict(span(trace=LOW, id=2, parent=1, remote=True, sampled=False), by=stock).keep
    host.commit(span(trace=LOW, id=1, sampled=False, duration=9 * SECOND))
    earlier, late = host.judge()
    assert (earlier.spans, late.spans) == (places(stock, 1), places(host.shop, 1))
    assert late.reason == "slow"


def test_what_comes_late_has_the_reason_that_its_trace_was_kept_for_for_certain() -> None:
    host = Host(slow=2.0)
    host.verdict(span(trace=LOW, sampled=False))
    host.commit(span(trace=LOW, id=2, sampled=False, error=True))
    (judged,) = host.judge()
    assert (judged.reason, judged.error) == ("new", True)


def test_places_that_had_to_be_forgotten_are_counted() -> None:
    host = known(Host(places=4))
    for number in range(1, 9):
        host.verdict(span(trace=number, sampled=False))
    assert host.tail.counts["places_forgotten"] == 4


def test_of_a_dropped_trace_that_goes_on_and_on_the_newest_places_are_remembered() -> None:
    host = known(Host(max_spans=10))
    host.verdict(span(trace=LOW, sampled=False))
    for number in range(2, 20):
        host.commit(span(trace=LOW, id=number, parent=1, sampled=False))
        host.judge()
    host.commit(span(trace=LOW, id=20, parent=1, sampled=False, error=True))
    assert host.judge()[0].spans == places(host.shop, *range(10, 20))
    assert host.tail.counts["places_forgotten"] == 9


def test_a_dropped_trace_that_goes_on_and_on_leaves_others_their_room() -> None:
    host = known(Host(max_spans=10, places=30))
    host.verdict(span(trace=2, sampled=False))
    host.verdict(span(trace=LOW, sampled=False))
    for number in range(2, 50):
        host.commit(span(trace=LOW, id=number, parent=1, sampled=False))
        host.judge()
    host.commit(span(trace=2, id=50, parent=1, sampled=False, error=True))
    assert [judged.spans for judged in host.judge()] == [places(host.shop, 1), places(host.shop, 51)]


def test_the_places_of_a_dropped_trace_count_for_the_room_as_often_as_they_are_there() -> None:
    host = known(Host(places=30))
    for number in range(1, 50):
        for trace in (2, 3):
            host.commit(span(trace=trace, id=number, parent=number - 1, sampled=False))
            host.judge(1.5)
    brought = []
    for trace in (2, 3):
        host.commit(span(trace=trace, id=50, parent=1, sampled=False, error=True))
        brought += [place for judged in host.judge() if not judged.counts for place in judged.spans]
    assert len(brought) <= 30


def test_beyond_its_room_for_spans_the_judge_decides_early_as_well() -> None:
    host = Host(max_pending_spans=5)
    for number in range(1, 5):
        host.commit(span(trace=number, sampled=False), span(trace=number, id=2, parent=1, sampled=False))
    assert [judged.trace_id[-1] for judged in host.judge()] == ["1", "2"]
    assert host.tail.counts["judged_early"] == 2


def test_room_for_spans_is_there_again_once_they_are_judged() -> None:
    host = Host(max_pending_spans=5)
    for number in range(1, 20):
        host.commit(span(trace=number, sampled=False), span(trace=number, id=2, parent=1, sampled=False))
        host.judge(0.9)
        host.commit(span(trace=number, id=3, parent=1, sampled=False))
        host.judge(2.0)
        host.commit(span(trace=number, id=4, parent=1, sampled=False))
        host.judge()
    assert host.tail.counts["judged_early"] == 0


def test_a_late_error_of_a_forgotten_trace_is_kept_by_itself() -> None:
    host = known(Host(places=4))
    for number in range(1, 9):
        host.verdict(span(trace=number, sampled=False))
    judged = host.verdict(span(trace=1, id=2, sampled=False, error=True))
    assert (judged.keep, len(judged.spans)) == (True, 1)


def test_spans_follow_the_verdict_of_a_former_judge() -> None:
    host = known(Host())
    host.tail.recall([(f"{HIGH:032x}", True, HALF, "head"), (f"{LOW:016x}", False, None, "head")], host.now)
    host.commit(span(trace=HIGH, id=2, parent=1), span(trace=LOW, id=2, parent=1, sampled=False))
    kept, dropped = host.judge()
    assert (kept.keep, kept.threshold, kept.reason, kept.late) == (True, HALF, "head", True)
    assert (dropped.keep, dropped.late) == (False, True)


def test_a_trace_that_a_former_judge_kept_for_an_error_brings_its_log_records() -> None:
    host = Host()
    host.tail.recall([(f"{HIGH:032x}", True, 0, "error")], host.now)
    assert host.tail.is_kept_error(f"{HIGH:032x}")


def test_a_trace_is_a_kept_error_once_it_is_judged() -> None:
    host = known(Host())
    host.commit(span(trace=LOW, sampled=False, error=True))
    assert not host.tail.is_kept_error(f"{LOW:032x}")
    host.judge(1.5)
    assert host.tail.is_kept_error(f"{LOW:032x}")


def test_an_error_that_chance_dropped_is_no_kept_error() -> None:
    host = Host(budget=0.0)
    host.verdict(span(trace=LOW, sampled=False, error=True))
    assert not host.tail.is_kept_error(f"{LOW:032x}")


def test_a_trace_without_an_error_is_no_kept_error() -> None:
    host = known(Host())
    host.verdict(span(trace=HIGH, state=HALF_STATE))
    assert not host.tail.is_kept_error(f"{HIGH:032x}")


def test_what_was_seen_before_a_policy_changed_is_judged_by_the_rules_it_met() -> None:
    host = known(Host())
    host.commit(span(trace=HIGH, state=HALF_STATE))
    host.tail.apply(TracePolicy(budget=5.0))
    assert [judged.reason for judged in host.judge(1.5)] == ["head"]

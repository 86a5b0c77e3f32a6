"""Facts of the judge of traces, on a clock that is turned by hand."""

from __future__ import annotations

import pytest

from judging import SECOND, Host, Process, known, places
from making import span
from tidegate.gate.policy import Condition, TracePolicy, TraceRule
from tidegate.gate.tail.pending import number_of
from tidegate.gate.threshold import MAX, probability_to_threshold, threshold_to_probability

#: A threshold of one half, as a trace state has it, and trace ids whose randomness is above and below it.
HALF, HALF_STATE = MAX // 2, "ot=th:8"
HIGH, LOW = MAX - 1000, 1000


def test_a_trace_that_nothing_asks_for_is_dropped() -> None:
    judged = known(Host()).verdict(span(trace=HIGH, sampled=False))
    assert (judged.keep, judged.reason, judged.spans, judged.spans_seen) == (False, "head", [], 1)


def test_a_sampled_trace_is_kept_by_the_samplers_threshold() -> None:
    judged = known(Host()).verdict(span(trace=HIGH, state=HALF_STATE))
    assert (judged.keep, judged.reason, judged.threshold, judged.spans) == (True, "head", HALF, [("a", 1)])


def test_a_trace_sampled_without_a_threshold_is_kept_and_has_none() -> None:
    judged = known(Host()).verdict(span(trace=LOW))
    assert (judged.keep, judged.reason, judged.threshold) == (True, "head", None)


def test_a_threshold_that_contradicts_the_randomness_says_nothing() -> None:
    judged = known(Host()).verdict(span(trace=LOW, state=HALF_STATE))
    assert (judged.keep, judged.reason, judged.threshold) == (True, "head", None)


def test_randomness_of_its_own_goes_before_that_of_the_trace_id() -> None:
    judged = known(Host()).verdict(span(trace=LOW, state="ot=th:8;rv:ffffffffffffff"))
    assert (judged.keep, judged.threshold) == (True, HALF)


@pytest.mark.parametrize(("state", "keep"), [("ot=rv:00000000000001", False), ("ot=rv:fffffffffffff0", True)])
def test_a_span_that_was_not_sampled_tells_the_randomness_as_well(state: str, keep: bool) -> None:
    trace = HIGH if not keep else LOW
    judged = Host(policy=rule(0.25)).verdict(span(trace=trace, sampled=False, state=state))
    assert (judged.keep, judged.reason) == (keep, "rule")


def test_of_a_trace_that_tells_several_randomnesses_the_first_holds() -> None:
    made = [span(trace=HIGH, id=id, state=f"ot=rv:{id}fffffffffffff", sampled=False) for id in (1, 15)]
    assert not Host(policy=rule(0.25)).verdict(*made).keep


def test_other_members_of_a_trace_state_do_not_matter() -> None:
    judged = known(Host()).verdict(span(trace=HIGH, state="other=th:f,ot=th:8"))
    assert judged.threshold == HALF


def test_an_error_is_kept_for_certain() -> None:
    judged = known(Host()).verdict(span(trace=LOW, sampled=False, error=True))
    assert (judged.keep, judged.reason, judged.threshold, judged.error) == (True, "error", 0, True)


def test_an_error_keeps_the_spans_of_all_services() -> None:
    host, stock = known(Host()), Process("stock", "b")
    host.commit(span(trace=LOW, id=2, parent=1, sampled=False), span(trace=LOW, id=1, sampled=False))
    host.commit(span(trace=LOW, id=3, parent=2, remote=True, sampled=False, error=True), by=stock)
    (judged,) = host.judge(1.5)
    assert sorted(judged.spans) == places(host.shop, 1, 2) + places(stock, 0)


def test_a_sampled_error_counts_once_as_well() -> None:
    judged = known(Host()).verdict(span(trace=HIGH, state=HALF_STATE, error=True))
    assert (judged.reason, judged.threshold) == ("error", 0)


def test_the_first_trace_of_a_key_is_kept() -> None:
    judged = Host().verdict(span(trace=LOW, sampled=False))
    assert (judged.keep, judged.reason, judged.threshold, judged.key) == (True, "new", 0, "shop work")


def test_a_route_makes_a_key() -> None:
    host = known(Host())
    judged = host.verdict(span(trace=LOW, sampled=False, attributes={"http.route": "/cart"}))
    assert (judged.reason, judged.key) == ("new", "shop work /cart")


def test_a_key_remains_new_until_a_trace_of_it_is_kept() -> None:
    host = Host(budget=0.0)
    assert [host.verdict(span(trace=number, sampled=False)).keep for number in (1, 2)] == [False, False]
    assert host.verdict(span(trace=HIGH, state=HALF_STATE)).reason == "head"


def test_what_takes_longer_than_it_may_is_kept() -> None:
    host = known(Host(slow=2.0))
    judged = host.verdict(span(trace=LOW, sampled=False, duration=2 * SECOND + 1))
    assert (judged.keep, judged.reason, judged.threshold) == (True, "slow", 0)


def test_what_takes_no_longer_is_not_slow() -> None:
    assert not known(Host(slow=2.0)).verdict(span(trace=LOW, sampled=False, duration=2 * SECOND)).keep


def test_only_the_root_can_be_slow() -> None:
    host = known(Host(slow=2.0))
    judged = host.verdict(
        span(trace=LOW, id=1, sampled=False), span(trace=LOW, id=2, parent=1, sampled=False, duration=9 * SECOND)
    )
    assert not judged.keep


def test_the_root_of_any_service_can_be_slow() -> None:
    host, stock = known(Host(slow=2.0)), Process("stock", "b")
    host.commit(span(trace=LOW, id=1, sampled=False))
    host.commit(span(trace=LOW, id=2, parent=7, remote=True, sampled=False, duration=9 * SECOND), by=stock)
    (judged,) = host.judge(1.5)
    assert (judged.reason, judged.key) == ("slow", "shop work")


def test_of_equal_thresholds_an_error_is_the_reason() -> None:
    judged = Host(slow=2.0).verdict(span(trace=LOW, sampled=False, error=True, duration=9 * SECOND))
    assert judged.reason == "error"


def rule(rate: float, budget: float | None = None) -> TracePolicy:
    return TracePolicy(rules=(TraceRule((Condition("name", "work"),), rate, budget),))


def test_a_rule_keeps_for_certain() -> None:
    judged = Host(policy=rule(1.0)).verdict(span(trace=LOW, sampled=False))
    assert (judged.keep, judged.reason, judged.threshold) == (True, "rule", 0)


@pytest.mark.parametrize(("trace", "keep"), [(HIGH, True), (LOW, False)])
def test_a_rules_rate_is_a_threshold_in_the_place_of_the_samplers(trace: int, keep: bool) -> None:
    threshold = probability_to_threshold(0.25)
    judged = Host(policy=rule(0.25)).verdict(span(trace=trace, state="ot=th:0"))
    assert (judged.keep, judged.reason, judged.threshold) == (keep, "rule", threshold if keep else None)


def test_a_rule_that_drops_drops_an_error() -> None:
    judged = Host(policy=rule(0.0)).verdict(span(trace=HIGH, state=HALF_STATE, error=True))
    assert (judged.keep, judged.reason) == (False, "rule")


def test_what_a_rule_dropped_stays_dropped() -> None:
    host = Host(policy=rule(0.0))
    host.verdict(span(trace=HIGH, sampled=False))
    host.commit(span(trace=HIGH, id=2, parent=1, sampled=False, error=True))
    assert [judged.keep for judged in host.judge()] == [False]


def test_a_rule_that_drops_goes_before_what_another_host_sampled() -> None:
    assert not Host(policy=rule(0.0)).verdict(span(trace=HIGH, parent=9, remote=True, state=HALF_STATE)).keep


def test_a_rule_looks_at_the_final_attributes_of_the_root() -> None:
    failed = TraceRule((Condition("attribute", "5*", key="http.response.status_code"),), 1.0)
    host = known(Host(policy=TracePolicy(rules=(failed,))))
    judged = host.verdict(span(trace=LOW, sampled=False, attributes={"http.response.status_code": 503}))
    assert (judged.keep, judged.reason) == (True, "rule")


def test_a_rule_looks_at_the_service_that_the_root_is_of() -> None:
    host = Host(policy=TracePolicy(rules=(TraceRule((Condition("service", "stock"),), 0.0),)))
    host.commit(span(trace=HIGH, id=2, parent=1, remote=True, sampled=False), by=Process("stock", "b"))
    host.commit(span(trace=LOW, sampled=False))
    assert sorted((judged.trace_id[-3:], judged.reason) for judged in host.judge(1.5)) == [
        (f"{LOW:x}"[-3:].rjust(3, "0"), "new"),
        (f"{HIGH:x}"[-3:], "rule"),
    ]


def test_the_topmost_root_is_what_rules_and_keys_are_about() -> None:
    host = Host(policy=TracePolicy(rules=(TraceRule((Condition("service", "stock"),), 0.0),)))
    host.commit(span(trace=LOW, id=2, parent=1, remote=True, sampled=False), by=Process("stock", "b"))
    host.commit(span(trace=LOW, at=-5, sampled=False))
    (judged,) = host.judge(1.5)
    assert (judged.key, judged.reason) == ("shop work", "new")


def test_a_rule_with_a_budget_keeps_no_more() -> None:
    host = Host(policy=rule(1.0, 2.0))
    for number in range(2000):
        host.commit(span(trace=number * 0x9E3779B97F4A7C15 % MAX + 1, sampled=False))
        host.judge(0.01)
    kept = sum(judged.keep for judged in host.verdicts)
    assert kept == pytest.approx(40, rel=0.2)


def test_a_policy_that_comes_later_holds_from_then_on() -> None:
    host = known(Host())
    host.tail.apply(rule(1.0))
    assert host.verdict(span(trace=LOW, sampled=False)).reason == "rule"


def test_a_policy_without_rules_takes_them_back() -> None:
    host = Host(policy=rule(0.0))
    host.tail.apply(None)
    assert host.verdict(span(trace=LOW, sampled=False)).reason == "new"


def test_a_policys_budget_goes_before_the_setting() -> None:
    assert Host(budget=100.0, policy=TracePolicy(budget=7.0)).tail.available == 7.0


def test_a_rule_that_cannot_be_used_changes_nothing() -> None:
    host = Host(policy=rule(1.0))
    with pytest.raises(ValueError, match="looks at 'body'"):
        host.tail.apply(TracePolicy(rules=(TraceRule((Condition("body", "x"),), 0.0),)))
    assert host.verdict(span(trace=LOW, sampled=False)).reason == "rule"


def test_what_another_host_sampled_is_kept_with_its_threshold() -> None:
    judged = known(Host()).verdict(span(trace=HIGH, parent=9, remote=True, state=HALF_STATE))
    assert (judged.keep, judged.reason, judged.threshold) == (True, "remote", HALF)


def test_what_another_host_sampled_without_a_threshold_has_none() -> None:
    judged = known(Host()).verdict(span(trace=HIGH, parent=9, remote=True))
    assert (judged.keep, judged.reason, judged.threshold) == (True, "remote", None)


def test_a_rule_does_not_thin_what_another_host_sampled() -> None:
    judged = Host(policy=rule(0.001)).verdict(span(trace=LOW, parent=9, remote=True, state="ot=th:0"))
    assert (judged.keep, judged.reason, judged.threshold) == (True, "remote", 0)


def test_what_another_host_did_not_sample_is_dropped() -> None:
    assert not known(Host()).verdict(span(trace=HIGH, parent=9, remote=True, sampled=False)).keep


def test_a_trace_that_began_on_this_host_is_not_remote() -> None:
    host = known(Host())
    host.commit(span(trace=HIGH, id=2, parent=1, remote=True, state=HALF_STATE), by=Process("stock", "b"))
    host.commit(span(trace=HIGH, id=1, state=HALF_STATE))
    (judged,) = host.judge(1.5)
    assert judged.reason == "head"


def test_sampled_mode_follows_each_spans_flag_at_once() -> None:
    host = Host(mode="sampled")
    host.commit(span(trace=1, error=True, sampled=False), span(trace=2, state=HALF_STATE), span(trace=3))
    kept, dropped = host.judge()
    assert (kept.spans, kept.threshold, kept.reason) == ([("a", 1), ("a", 2)], None, "")
    assert (dropped.keep, dropped.spans_seen) == (False, 1)


def test_all_mode_keeps_all_at_once_as_it_is() -> None:
    host = Host(mode="all")
    host.commit(span(trace=1, sampled=False), span(trace=2, state=HALF_STATE))
    (judged,) = host.judge()
    assert (judged.spans, judged.threshold, judged.reason) == ([("a", 0), ("a", 1)], None, "")


def test_without_a_budget_errors_are_not_kept() -> None:
    assert not Host(budget=0.0).verdict(span(trace=HIGH, sampled=False, error=True)).keep


def test_beyond_the_reserve_errors_are_kept_by_chance() -> None:
    host = known(Host(budget=10.0))
    for number in range(400):
        host.commit(span(trace=number * 0x9E3779B97F4A7C15 % MAX + 1, sampled=False, error=True))
    judged = host.judge(1.5)
    certain = [each for each in judged if each.threshold == 0]
    by_chance = [each for each in judged if each.keep and each.threshold]
    assert 25 <= len(certain) <= 30  # five seconds' worth of half of the budget
    assert by_chance
    assert all(number_of(each.trace_id) >= (each.threshold or 0) for each in by_chance)
    assert all(0 < threshold_to_probability(each.threshold or 0) < 1 for each in by_chance)


def test_verdicts_are_counted_by_reason() -> None:
    host = known(Host())
    host.verdict(span(trace=LOW, sampled=False, error=True))
    host.verdict(span(trace=HIGH, sampled=False), span(trace=HIGH, id=2, parent=1, sampled=False))
    counts = host.tail.counts
    assert (counts["kept_error"], counts["dropped_head"], counts["kept_new"]) == (1, 1, 1)
    assert (counts["spans_kept"], counts["spans_dropped"]) == (2, 2)

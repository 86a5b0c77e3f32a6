"""What is kept stands for what there was, and holds the budget, whatever is certain beside chance."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shopping import Shop
from tidegate.gate.policy import Condition, TracePolicy, TraceRule
from tidegate.gate.tail.traces import TraceTail

SEEDS = 24

#: Parts of the requests that fail, at a time in seconds; of 100 a second, with a budget of 50 and a reserve of 25.
WITHIN: Callable[[float], float] = lambda now: 0.05
BEYOND: Callable[[float], float] = lambda now: 0.9
BURSTY: Callable[[float], float] = lambda now: 0.8 if 3 < now % 10 < 8 else 0.02


def shop(failing: Callable[[float], float], seed: int = 1, **options: float) -> Shop:
    tail = TraceTail(budget=50.0, slow=1.0)
    return Shop(tail, lambda now: 100.0, failing, lambda now: 0.01, seed=seed, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("failing", [WITHIN, BEYOND, BURSTY], ids=["within", "beyond", "bursty"])
def test_requests_and_errors_can_be_counted_by_what_is_kept(failing: Callable[[float], float]) -> None:
    shops = [shop(failing, seed).run(20.0) for seed in range(SEEDS)]
    for counts in ([each.requests for each in shops], [each.errors for each in shops]):
        estimated, true = sum(each.estimated for each in counts), sum(each.true for each in counts)
        assert estimated == pytest.approx(true, rel=0.02)


def test_within_the_reserve_every_error_and_all_that_is_slow_is_kept_whole() -> None:
    ran = shop(WITHIN).run(30.0)
    assert (ran.errors.kept, ran.slowness.kept) == (ran.errors.true, ran.slowness.true)
    assert ran.errors.true > 100 < ran.slowness.true * 4
    assert all(set(each.spans) == ran.places[each.trace_id] for each in ran.judged if each.keep)


def test_beyond_the_reserve_errors_share_it_by_chance() -> None:
    ran = shop(BEYOND).run(40.0)
    extra = [each for each in ran.judged if each.keep and not ran.visits[each.trace_id].sampled and each.error]
    assert len(extra) / 40 == pytest.approx(25 + 125 / 40, rel=0.1)  # the reserve, and its burst once
    assert ran.errors.kept < ran.errors.true * 0.7


@pytest.mark.parametrize("lag", [1.0, 2.0])
@pytest.mark.parametrize("failing", [WITHIN, BEYOND, BURSTY], ids=["within", "beyond", "bursty"])
def test_the_budget_holds_though_samplers_lag(failing: Callable[[float], float], lag: float) -> None:
    assert shop(failing, lag=lag).run(60.0).rate(20.0, 60.0) == pytest.approx(50.0, rel=0.05)


def test_the_budget_holds_beside_what_another_host_sampled() -> None:
    assert shop(WITHIN, remote=0.15).run(60.0).rate(20.0, 60.0) == pytest.approx(50.0, rel=0.05)


def test_what_another_host_sampled_leaves_less_to_errors() -> None:
    ran = shop(BEYOND, remote=0.2).run(60.0)
    assert ran.rate(20.0, 60.0) == pytest.approx(50.0, rel=0.1)


def test_what_another_host_sampled_is_kept_beyond_the_budget_and_a_tenth_is_left_to_chance() -> None:
    ran = shop(WITHIN, remote=0.6).run(30.0)
    assert all(each.keep for each in ran.judged if ran.visits[each.trace_id].remote)
    assert ran.tail.available == pytest.approx(5.0)


def test_the_budget_of_spans_holds() -> None:
    tail = TraceTail(budget=1000.0, span_budget=100.0, slow="off")
    ran = Shop(tail, lambda now: 150.0, WITHIN).run(80.0)
    assert ran.span_rate(20.0, 80.0) == pytest.approx(100.0, rel=0.05)


def test_what_rules_keep_is_paid_from_the_budget() -> None:
    rules = (TraceRule((Condition("route", "/r3"),), 1.0),)
    tail = TraceTail(budget=50.0, slow="off", policy=TracePolicy(rules=rules))
    ran = Shop(tail, lambda now: 150.0, WITHIN).run(60.0)
    kept = [each for each in ran.judged if each.keep]
    assert all(each.keep for each in ran.judged if ran.visits[each.trace_id].route == "/r3")
    assert sum(each.reason == "rule" for each in kept) > 100
    assert ran.rate(20.0, 60.0) == pytest.approx(50.0, rel=0.05)


def test_what_the_budget_leaves_is_all_of_it_while_nothing_else_is_kept() -> None:
    assert Shop(TraceTail(budget=50.0, slow="off"), lambda now: 20.0).run(20.0).tail.available == pytest.approx(50.0)


def test_what_was_spent_of_late_is_known() -> None:
    ran = shop(WITHIN).run(30.0)
    traces, spans = ran.tail.spent
    assert traces == pytest.approx(50.0, rel=0.3)
    assert spans is None

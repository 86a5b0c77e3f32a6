"""One budget for all workers that are steered by a page: on a virtual clock, with seeded Poisson arrivals."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.sampling import Decision

from sampling import Clock
from tidegate.gate.page import SLOTS, ControlPage, Slot
from tidegate.gate.policy import Policy, TracePolicy
from tidegate.gate.sampler import AdaptiveSampler
from tidegate.gate.worker import COMMON
from workers import BUDGET, Workers, skewed

Wait = Callable[..., None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.page"


def off(workers: Workers, begin: float, end: float) -> float:
    return workers.rate(begin, end) / BUDGET - 1


@pytest.mark.parametrize("load", [1.05, 1.5, 3, 10])
def test_eight_workers_of_skewed_load_stay_within_5_percent_of_one_budget_in_every_10_seconds(
    path: Path, load: float
) -> None:
    workers = Workers(path).run(skewed(load * BUDGET), 35)
    assert [begin for begin in (5, 15, 25) if abs(off(workers, begin, begin + 10)) > 0.05] == []


def test_so_they_do_at_fifty_times_the_budget(path: Path) -> None:
    assert abs(off(Workers(path).run(skewed(50 * BUDGET), 15), 5, 15)) < 0.05


def test_without_a_page_they_keep_several_times_the_budget() -> None:
    assert off(Workers(None).run([500.0] * 8, 6), 1, 6) > 6.5


def test_the_budget_holds_while_a_burst_moves_from_worker_to_worker(path: Path) -> None:
    workers = Workers(path)
    for turn in range(15):
        workers.run([1000.0 if worker == turn % 8 else 10.0 for worker in range(8)], 1)
    assert abs(off(workers, 5, 15)) < 0.05


def test_workers_that_pause_together_do_not_each_take_the_whole_when_they_go_on(path: Path) -> None:
    workers = Workers(path).run([500.0] * 8, 5)
    workers.clock.now += 10
    assert workers.run([500.0] * 8, 1).rate(15, 16) < 1.5 * BUDGET


def test_the_budget_holds_over_a_step_of_load(path: Path) -> None:
    workers = Workers(path).run(skewed(1.5 * BUDGET), 10).run(skewed(15 * BUDGET), 10)
    assert abs(off(workers, 8, 18)) < 0.05


def test_eight_workers_that_start_at_once_keep_little_more_than_one_would(path: Path) -> None:
    assert Workers(path).run([625.0] * 8, 1).rate(0, 1) < 1.25 * BUDGET


def test_a_worker_that_dies_leaves_its_share_to_the_others_within_two_seconds(path: Path) -> None:
    workers = Workers(path).run([1000.0, *[100.0] * 7], 5)
    assert sum(workers.shares[1:]) < 0.8 * BUDGET
    workers.run([0.0, *[100.0] * 7], 2)
    assert sum(workers.shares[1:]) > 0.95 * BUDGET
    assert abs(off(workers.run([0.0, *[100.0] * 7], 10), 7, 17)) < 0.05


def test_a_busy_worker_that_stops_is_missed_within_a_second(path: Path) -> None:
    workers = Workers(path, 2).run([1000.0, 100.0], 5).run([0.0, 100.0], 1)
    assert workers.shares[1] > 0.9 * BUDGET


def test_a_worker_that_was_silent_has_a_share_soon_after_its_first_arrivals(path: Path) -> None:
    workers = Workers(path, 2).run([500.0, 500.0], 5).run([0.0, 500.0], 20).run([500.0, 500.0], 0.3)
    assert workers.shares == pytest.approx([BUDGET / 2] * 2, rel=0.25)


def test_what_a_worker_does_not_use_goes_to_the_others(path: Path) -> None:
    workers = Workers(path, 4).run([500.0, 1.0, 1.0, 1.0], 10)
    assert workers.rate(5, 10, [0]) > 0.9 * BUDGET


def test_a_worker_below_its_part_is_kept_nearly_whole(path: Path) -> None:
    workers = Workers(path, 2).run([1000.0, 5.0], 30)
    assert workers.rate(5, 30, [1]) > 4


def test_what_the_gate_leaves_to_chance_is_what_is_shared(path: Path) -> None:
    workers, gate = Workers(path), ControlPage(path)
    for _ in range(40):  # it beats every quarter of a second
        gate.publish(BUDGET, BUDGET / 2)
        workers.run(skewed(10 * BUDGET), 0.25)
    assert workers.rate(5, 10) == pytest.approx(BUDGET / 2, rel=0.05)


def test_when_the_gate_is_gone_the_whole_budget_is_shared(path: Path) -> None:
    workers = Workers(path)
    ControlPage(path).publish(BUDGET, BUDGET / 2)
    workers.run(skewed(10 * BUDGET), 15)
    assert abs(off(workers, 5, 15)) < 0.05


def test_a_gate_does_not_raise_the_budget_of_a_sampler(path: Path) -> None:
    workers = Workers(path, 1)
    ControlPage(path).publish(10 * BUDGET, 10 * BUDGET)
    assert abs(off(workers.run([1000.0], 10), 5, 10)) < 0.05


def test_the_rate_of_a_sampler_is_that_of_all_together(path: Path) -> None:
    workers = Workers(path, 2).run([100.0, 100.0], 2)
    assert [sampler.traces_per_second for sampler in workers.samplers] == [BUDGET, BUDGET]


def test_a_rate_set_while_running_is_shared_at_the_next_decisions(path: Path) -> None:
    workers = Workers(path, 2).run([500.0, 500.0], 5)
    for sampler in workers.samplers:
        sampler.traces_per_second = 40
    workers.run([500.0, 500.0], 0.1)
    assert sum(workers.shares) < 60


def test_a_policy_s_budget_is_shared(path: Path) -> None:
    workers = Workers(path)
    for sampler in workers.samplers:
        sampler.apply(Policy(TracePolicy(budget=50.0)))
    assert workers.run(skewed(1000), 15).rate(5, 15) == pytest.approx(50, rel=0.05)


def test_a_rule_s_budget_is_shared(path: Path) -> None:
    clock = Clock()
    rule = {"match": {"name": "GET /pay"}, "budget": 20}
    samplers = [AdaptiveSampler(BUDGET, [rule, rule], clock=clock) for _ in range(4)]
    for sampler in samplers:
        sampler.steer(ControlPage(path), in_thread=False)
    kept = 0
    for number in range(40_000):  # 1,000 a second at each
        clock.now += 0.00025
        result = samplers[number % 4].should_sample(None, number * 0x9E3779B97F4A7C15, "GET /pay")
        kept += result.decision is Decision.RECORD_AND_SAMPLE
    assert kept / 10 == pytest.approx(20, rel=0.2)


def certain(workers: Workers, name: str) -> int:
    """At how many workers a trace of this name is kept for certain now."""
    states = [workers.decide(worker, name).trace_state for worker in range(len(workers.samplers))]
    return sum(state is not None and state.get("ot") == "th:0" for state in states)


def test_a_key_is_a_first_sight_at_one_worker_only(path: Path) -> None:
    assert certain(Workers(path).run(skewed(50 * BUDGET), 5), "POST /new") == 1


def test_without_a_page_a_key_is_a_first_sight_at_each() -> None:
    assert certain(Workers(None).run(skewed(50 * BUDGET), 5), "POST /new") == 8


def test_a_page_that_is_deleted_is_made_anew_by_whoever_notices_first(path: Path) -> None:
    workers = Workers(path).run(skewed(1000), 5)
    path.unlink()
    workers.run(skewed(1000), 12)
    assert abs(off(workers, 7, 17)) < 0.05
    assert len([slot for slot in ControlPage(path).slots() if slot.token]) == 8


def test_a_page_that_is_cut_short_is_made_anew(path: Path) -> None:
    workers = Workers(path).run(skewed(1000), 5)
    os.truncate(path, 200)
    workers.run(skewed(1000), 12)
    assert abs(off(workers, 7, 17)) < 0.05


def test_while_the_page_cannot_be_had_each_keeps_an_equal_part_and_that_is_counted(path: Path) -> None:
    workers = Workers(path, 4).run([500.0] * 4, 5)
    os.truncate(path, 200)
    path.unlink()
    path.mkdir()
    workers.run([500.0] * 4, 5)
    assert workers.shares == [BUDGET / 4] * 4
    assert workers.samplers[0].steering()["failed"] > 10


def test_a_worker_too_many_takes_a_share_without_a_slot_and_that_is_counted(path: Path) -> None:
    page = ControlPage(path)
    for index in range(SLOTS):
        page.put(index, Slot(index + 1, 10**18, 0.0, 0.0, {}))
    workers = Workers(path, 1).run([500.0], 1)
    assert workers.samplers[0].steering()["crowded"] > 5
    assert workers.kept


def test_what_the_dead_left_in_the_page_costs_a_newcomer_nothing(path: Path) -> None:
    page = ControlPage(path)
    for index in range(100):
        page.put(index, Slot(index + 1, 1, 0.0, 0.0, {COMMON: 1000.0}))
    workers = Workers(path, 1)
    workers.clock.now = 60.0
    workers.decide(0)
    assert workers.shares == [BUDGET]


def test_slots_of_the_dead_are_taken_again(path: Path) -> None:
    page = ControlPage(path)
    for index in range(SLOTS):
        page.put(index, Slot(index + 1, 10**18, 0.0, 0.0, {}))
    Workers(path, 1).run([100.0], 15)
    assert len([slot for slot in page.slots() if slot.token]) == 1


def test_a_worker_whose_slot_another_took_takes_another(path: Path) -> None:
    workers = Workers(path, 1).run([100.0], 1)
    page = ControlPage(path)
    page.put(0, Slot(1, 10**18, 0.0, 0.0, {}))
    workers.run([100.0], 1)
    assert [slot.token != 0 for slot in page.slots()][:3] == [True, True, False]


def test_a_sampler_that_is_no_longer_steered_has_its_budget_whole_and_leaves_its_slot(path: Path) -> None:
    workers = Workers(path, 2).run([500.0, 500.0], 5)
    workers.samplers[0].steer(None)
    assert workers.samplers[0].steering() == {}
    assert workers.run([500.0, 0.0], 10).rate(7, 15, [0]) == pytest.approx(BUDGET, rel=0.05)
    assert len([slot for slot in ControlPage(path).slots() if slot.token]) == 1


def test_whoever_wants_to_is_told_of_another_revision_once(path: Path) -> None:
    told: list[str] = []
    page, sampler = ControlPage(path), AdaptiveSampler(BUDGET, clock=(clock := Clock()))
    sampler.steer(page, on_revision=lambda: told.append("new"), in_thread=False)
    for revision in ("", "00000000000000a1", "00000000000000a1", "00000000000000a2"):
        page.publish(BUDGET, BUDGET, revision)
        clock.now += 1
        sampler.should_sample(None, 1, "GET /")
    assert told == ["new", "new"]


def test_by_default_a_thread_looks_at_the_page(path: Path, wait_for: Wait) -> None:
    samplers = [AdaptiveSampler(BUDGET), AdaptiveSampler(BUDGET)]

    def met() -> bool:
        for sampler in samplers:
            sampler.should_sample(None, 1, "GET /")
        return all(sampler.steering()["workers"] == 2 for sampler in samplers)

    for sampler in samplers:
        sampler.steer(ControlPage(path))
    try:
        wait_for(met)
    finally:
        for sampler in samplers:
            sampler.steer(None)


def test_a_clock_that_is_set_back_does_not_end_the_looking(path: Path) -> None:
    workers = Workers(path, 2).run([500.0, 500.0], 2)
    workers.clock.now = -10_000.0
    workers.run([500.0, 0.0], 5)
    assert workers.shares[0] > 0.9 * BUDGET

"""Facts of the judge's parts: what is remembered, reserves, and what is charged."""

from __future__ import annotations

import pytest

from tidegate.gate.tail.charging import CREDIT, DEBT, Charging
from tidegate.gate.tail.exceptional import Reserve
from tidegate.gate.tail.memory import Generations
from tidegate.gate.threshold import MAX


def test_what_is_remembered_is_found_and_given_back_once() -> None:
    memory: Generations[int, str] = Generations(10, 60.0)
    memory.put(1, "one", 0.0)
    assert (memory.get(1), 1 in memory, memory.pop(1), memory.pop(1), 1 in memory) == ("one", True, "one", None, False)


def test_memory_never_holds_more_than_it_may() -> None:
    memory: Generations[int, int] = Generations(10, 60.0)
    for number in range(100):
        memory.put(number, number, 0.0)
        assert len(memory) <= 10
    assert all(memory.get(number) == number for number in range(95, 100))
    assert memory.forgotten == 90


def test_weights_count_for_the_room() -> None:
    memory: Generations[int, int] = Generations(10, 60.0)
    for number in range(10):
        memory.put(number, number, 0.0, weight=3)
    assert len(memory) == 2
    assert memory.forgotten == 24


def test_what_was_put_again_goes_by_the_newer() -> None:
    memory: Generations[int, str] = Generations(4, 60.0)
    memory.put(1, "old", 0.0)
    memory.put(2, "two", 0.0)
    memory.put(1, "new", 0.0)
    assert memory.get(1) == "new"
    assert memory.pop(1) == "new"
    assert memory.get(1) is None


def test_memory_lasts_between_half_the_time_and_all_of_it() -> None:
    memory: Generations[int, str] = Generations(10, 60.0)
    memory.put(1, "one", 100.0)
    memory.put(2, "two", 129.0)
    assert memory.get(1) == "one"
    memory.put(3, "three", 131.0)
    memory.put(4, "four", 162.0)
    assert (memory.get(1), memory.get(3)) == (None, "three")
    assert memory.forgotten == 0


def test_a_reserve_is_certain_up_to_its_burst() -> None:
    reserve = Reserve(10.0)
    thresholds = []
    for _ in range(60):
        thresholds.append(reserve.threshold("key", 0.0))
        if not thresholds[-1]:
            reserve.charge("key", 0.0)
    assert thresholds[:50] == [0] * 50
    assert any(thresholds[50:])


def test_a_reserve_that_nobody_charges_lasts() -> None:
    reserve = Reserve(10.0)
    assert not any(reserve.threshold("key", 0.0) for _ in range(500))


def test_a_reserve_that_is_spent_is_certain_again_once_it_has_filled() -> None:
    reserve = Reserve(10.0)
    while reserve.take(0.0):
        reserve.charge("key", 0.0)
    assert [reserve.take(now) for now in (1.0, 2.0, 2.6)] == [False, False, True]


def test_a_reserve_of_nothing_keeps_nothing() -> None:
    reserve = Reserve(0.0)
    assert not reserve.take(0.0)
    assert reserve.threshold("key", 10.0) == MAX


def test_a_smaller_reserve_holds_less_at_once() -> None:
    reserve = Reserve(100.0)
    reserve.set(1.0)
    taken = 0
    while reserve.take(0.0):
        reserve.charge("key", 0.0)
        taken += 1
    assert taken == 5


def settled(charging: Charging, seconds: int, traces: float = 0.0, spans: int = 0, *, extra: bool = True) -> Charging:
    begin = charging._now or 0.0
    for step in range(1, seconds * 10 + 1):
        charging.keep(traces / 10, spans / 10, extra=extra)  # type: ignore[arg-type]
        charging.settle(begin + step / 10)
    return charging


def test_what_is_left_to_chance_is_the_budget_without_the_extras() -> None:
    charging = settled(Charging(100.0, None), 30, 30.0)
    assert charging.available == pytest.approx(70.0 + CREDIT * 100.0 / 8.0, abs=0.5)


def test_what_chance_keeps_leaves_as_much_to_chance() -> None:
    assert settled(Charging(100.0, None), 30, 100.0, extra=False).available == pytest.approx(100.0, abs=1.0)


def test_a_tenth_is_left_to_chance_whatever_is_spent() -> None:
    assert settled(Charging(100.0, None), 30, 1000.0).available == pytest.approx(10.0)


def test_never_more_than_the_budget_is_left_to_chance() -> None:
    assert settled(Charging(100.0, None), 60).available == 100.0


def test_debts_beyond_some_seconds_worth_are_forgotten() -> None:
    charging = settled(Charging(100.0, None), 60, 1000.0, extra=False)
    seconds = 0
    while charging.available < 50.0:
        settled(charging, 1)
        seconds += 1
    assert seconds <= DEBT


def test_spans_are_turned_into_traces_by_their_mean() -> None:
    charging = Charging(100.0, 100.0)
    for _ in range(1000):
        charging.size(4, by_chance=True)
    assert charging.available == pytest.approx(25.0, rel=0.01)


def test_another_budget_holds_at_once() -> None:
    charging = settled(Charging(100.0, None), 10)
    charging.set(10.0, None)
    charging.settle(10.5)
    assert charging.available == pytest.approx(10.0)


def test_reserves_are_parts_of_what_can_be_refused() -> None:
    charging = Charging(100.0, None)
    for step in range(1, 300):
        charging.keep(4, 4, extra=True, unasked=True)
        charging.settle(step / 10)
    assert charging.reserved == pytest.approx(60.0, rel=0.01)

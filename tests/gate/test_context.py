from __future__ import annotations

import random

import pytest

from tidegate.gate.logs.context import Context


def _fill(context: Context[str], traces: int, records: int = 1, size: int = 10, now: float = 0.0) -> None:
    for trace in range(traces):
        for record in range(records):
            context.hold(trace, f"{trace}.{record}", size, now)


def test_an_error_releases_what_was_held_of_its_trace_in_order() -> None:
    context: Context[str] = Context()
    _fill(context, traces=3, records=3)
    assert context.release(1, 1.0) == ["1.0", "1.1", "1.2"]
    assert (context.records, context.bytes) == (6, 60)


def test_what_was_released_is_not_released_again() -> None:
    context: Context[str] = Context()
    _fill(context, traces=1)
    context.release(0, 1.0)
    assert context.release(0, 2.0) == []


def test_a_trace_is_in_error_from_its_release_for_some_time() -> None:
    context: Context[str] = Context(error_seconds=300)
    assert not context.is_in_error(1, 0.0)
    assert context.release(1, 0.0) == []
    assert context.is_in_error(1, 299.0)
    assert not context.is_in_error(1, 300.0)


def test_another_error_prolongs_that_time() -> None:
    context: Context[str] = Context(error_seconds=300)
    context.release(1, 0.0)
    context.release(1, 200.0)
    assert context.is_in_error(1, 400.0)


def test_traces_in_error_are_bounded() -> None:
    context: Context[str] = Context(max_errors=10)
    for trace in range(100):
        context.release(trace, 0.0)
    assert [trace for trace in range(100) if context.is_in_error(trace, 1.0)] == list(range(90, 100))


def test_errors_that_are_long_past_take_no_room() -> None:
    context: Context[str] = Context(error_seconds=300)
    for trace in range(100):
        context.release(trace, 0.0)
    context.expire(301.0)
    assert not context._errors


def test_of_one_trace_the_oldest_records_go_first_and_are_counted() -> None:
    context: Context[str] = Context(max_bytes=50)
    _fill(context, traces=1, records=8)
    assert context.dropped == 3
    assert context.release(0, 1.0) == [f"0.{record}" for record in range(3, 8)]


def test_records_of_one_trace_are_bounded_by_number_too() -> None:
    context: Context[str] = Context(max_records=2)
    _fill(context, traces=1, records=5, size=0)
    assert context.release(0, 1.0) == ["0.3", "0.4"]


def test_of_all_traces_the_one_longest_unused_goes_first_and_is_counted() -> None:
    context: Context[str] = Context(total_bytes=40)
    _fill(context, traces=4)
    context.hold(0, "again", 5, 0.0)
    assert (context.evicted, context.dropped) == (1, 1)
    assert [bool(context.release(trace, 0.0)) for trace in range(4)] == [True, False, True, True]


def test_all_records_are_bounded_by_number_too() -> None:
    context: Context[str] = Context(total_records=10)
    _fill(context, traces=1000, size=0)
    assert context.records == 10
    assert context.evicted == 990


def test_a_record_larger_than_the_bound_is_dropped_alone() -> None:
    context: Context[str] = Context(max_bytes=50)
    _fill(context, traces=1)
    context.hold(0, "huge", 51, 0.0)
    assert context.dropped == 1
    assert context.release(0, 0.0) == ["0.0"]


def test_traces_that_end_quietly_are_forgotten_after_a_while() -> None:
    context: Context[str] = Context(idle=60)
    _fill(context, traces=5, records=2)
    context.hold("late", "late", 10, 59.0)
    context.expire(60.0)
    assert (context.records, context.forgotten, context.dropped) == (1, 10, 0)


def test_a_trace_that_is_known_to_have_ended_is_forgotten_at_once() -> None:
    context: Context[str] = Context()
    _fill(context, traces=2, records=2)
    context.forget(0)
    context.forget("never heard of")
    assert (context.records, context.bytes, context.forgotten) == (2, 20, 2)


def test_only_the_last_seconds_of_a_task_are_released() -> None:
    context: Context[int] = Context(seconds=5.0, error_seconds=0)
    for now in range(20):
        context.hold("task", now, 10, float(now))
    assert context.records == 6
    assert context.release("task", 20.0) == [15, 16, 17, 18, 19]


def test_a_task_is_not_in_error_after_its_error() -> None:
    context: Context[int] = Context(seconds=5.0, error_seconds=0)
    context.release("task", 1.0)
    assert not context.is_in_error("task", 1.0)


def test_many_idle_traces_are_forgotten_without_recursion() -> None:
    context: Context[str] = Context(idle=1)
    _fill(context, traces=20_000)
    context.expire(10.0)
    assert context.records == 0


def test_nothing_is_left_after_clear() -> None:
    context: Context[str] = Context()
    _fill(context, traces=3)
    context.release(0, 0.0)
    context.clear()
    assert (context.records, context.bytes, context.is_in_error(0, 0.0), context.release(1, 0.0)) == (0, 0, False, [])


@pytest.mark.parametrize("seed", range(5))
def test_its_account_is_exact_whatever_happens(seed: int) -> None:
    rng = random.Random(seed)
    context: Context[int] = Context(max_bytes=300, total_bytes=2000, max_records=5, total_records=50, idle=20)
    now, held, released = 0.0, 0, 0
    for number in range(3000):
        now += rng.choice([0.0, 0.1, 1.0, -5.0, 30.0 if number % 100 == 0 else 0.0])
        trace, chance = rng.randrange(40), rng.random()
        if chance < 0.9:
            held += 1
            context.hold(trace, number, rng.randrange(400), now)
        elif chance < 0.95:
            released += len(context.release(trace, now))
        else:
            context.forget(trace)
        assert context.bytes == sum(each.size for each in context._held.values()) <= 2000
        assert context.records == sum(len(each.records) for each in context._held.values()) <= 50
    assert held == released + context.records + context.dropped + context.forgotten

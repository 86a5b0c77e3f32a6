"""The circuit breaker, on a virtual clock."""

from __future__ import annotations

import doctest
import logging
import threading
from collections.abc import Callable

import pytest
import requests

from shipping import Clock
from tidegate.errors import ConfigurationError
from tidegate.ship import CircuitBreaker, CircuitBreakerOpen
from tidegate.ship import breaker as module


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("backend", clock=clock)


def fail(breaker: CircuitBreaker, times: int = 5) -> None:
    for _ in range(times):
        breaker.record_failure()


def test_it_is_closed_at_first(breaker: CircuitBreaker) -> None:
    assert (breaker.state, breaker.can_execute(), breaker.is_open()) == ("CLOSED", True, False)


def test_four_failures_leave_it_closed(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    assert breaker.state == "CLOSED"


def test_the_fifth_failure_opens_it(breaker: CircuitBreaker) -> None:
    fail(breaker)
    assert (breaker.state, breaker.can_execute(), breaker.is_open()) == ("OPEN", False, True)


def test_only_failures_in_a_row_count(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    breaker.record_success()
    fail(breaker, 4)
    assert breaker.state == "CLOSED"


def test_it_stays_open_for_60_seconds(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(59.9)
    assert (breaker.state, breaker.can_execute(), round(breaker.retry_in, 3)) == ("OPEN", False, 0.1)


def test_after_60_seconds_it_is_half_open(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(60)
    assert (breaker.state, breaker.is_open(), breaker.retry_in) == ("HALF_OPEN", False, 0)


def test_half_open_lets_exactly_one_probe_through(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(60)
    assert [breaker.can_execute() for _ in range(3)] == [True, False, False]


def test_the_probe_s_success_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(60)
    assert breaker.can_execute()
    breaker.record_success()
    assert (breaker.state, breaker.failures, breaker.can_execute()) == ("CLOSED", 0, True)


def test_the_probe_s_failure_opens_it_for_as_long_again(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(60)
    assert breaker.can_execute()
    breaker.record_failure()
    assert (breaker.state, breaker.retry_in) == ("OPEN", 60)


def test_a_probe_that_is_never_heard_of_makes_room_for_another(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(60)
    assert breaker.can_execute()
    clock.tick(60)
    assert [breaker.can_execute() for _ in range(2)] == [True, False]


def test_a_success_resets_an_open_one(breaker: CircuitBreaker) -> None:
    fail(breaker)
    breaker.record_success()
    assert (breaker.state, breaker.failures) == ("CLOSED", 0)


def test_failures_while_it_is_open_do_not_prolong_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(30)
    breaker.record_failure()
    clock.tick(30)
    assert breaker.state == "HALF_OPEN"


def test_threshold_and_timeout_can_be_set(clock: Clock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, recovery_timeout=5, clock=clock)
    fail(breaker, 2)
    clock.tick(5)
    assert breaker.state == "HALF_OPEN"


@pytest.mark.parametrize(
    ("argument", "breaks"),
    [
        ("failure_threshold", lambda: CircuitBreaker(failure_threshold=0)),
        ("recovery_timeout", lambda: CircuitBreaker(recovery_timeout=0)),
    ],
)
def test_a_wrong_value_is_said_with_its_rule(argument: str, breaks: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError, match=f"^{argument} of the circuit breaker 'api' is 0; it must be "):
        breaks()


def test_transitions_are_counted(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(2):
        fail(breaker)
        clock.tick(60)
        assert breaker.can_execute()
        breaker.record_success()
    each = [("CLOSED", "OPEN"), ("OPEN", "HALF_OPEN"), ("HALF_OPEN", "CLOSED")]
    assert breaker.transitions == dict.fromkeys(each, 2)


def test_transitions_are_logged(breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tidegate")
    fail(breaker)
    clock.tick(60)
    assert breaker.can_execute()
    breaker.record_success()
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "the circuit breaker of backend is OPEN, was CLOSED: 5 failures in a row."),
        ("INFO", "the circuit breaker of backend is HALF_OPEN, was OPEN: 5 failures in a row."),
        ("INFO", "the circuit breaker of backend is CLOSED, was HALF_OPEN: 0 failures in a row."),
    ]


def test_a_callback_is_told_of_transitions(clock: Clock) -> None:
    told: list[tuple[str, str, str]] = []
    breaker = CircuitBreaker(clock=clock, on_change=lambda each, *states: told.append((each.name, *states)))
    fail(breaker)
    assert told == [("api", "CLOSED", "OPEN")]


def test_the_callback_may_ask_the_breaker(clock: Clock) -> None:
    told: list[bool] = []
    breaker = CircuitBreaker(clock=clock, on_change=lambda each, *states: told.append(each.is_open()))
    fail(breaker)
    assert told == [True]


def test_a_failing_callback_harms_nothing(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    breaker = CircuitBreaker(clock=clock, on_change=lambda *_: 1 / 0)
    fail(breaker)
    assert (breaker.is_open(), "ZeroDivisionError" in caplog.text) == (True, True)


def test_a_call_s_result_comes_back(breaker: CircuitBreaker) -> None:
    assert breaker.call(divmod, 7, 2) == (3, 1)


def refuse() -> None:
    raise ConnectionRefusedError


def not_found() -> None:
    response = requests.Response()
    response.status_code = 404
    raise requests.HTTPError(response=response)


def test_failures_of_calls_come_through_and_count(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        with pytest.raises(ConnectionRefusedError):
            breaker.call(refuse)
    assert breaker.is_open()


def test_an_open_breaker_makes_no_call_and_says_when_to_come_back(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(20)
    called: list[int] = []
    with pytest.raises(
        CircuitBreakerOpen, match=r"backend is not called: .* OPEN after 5 failures .* in 40 s"
    ) as caught:
        breaker.call(called.append, 1)
    assert (called, caught.value.retry_in) == ([], 40)


def test_as_a_context_manager_it_counts_too(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        with pytest.raises(TimeoutError), breaker:
            raise TimeoutError
    with pytest.raises(CircuitBreakerOpen), breaker:
        pytest.fail("the block ran")


def test_an_answer_of_4xx_does_not_trip_it(breaker: CircuitBreaker) -> None:
    for _ in range(10):
        with pytest.raises(requests.HTTPError):
            breaker.call(not_found)
    assert (breaker.state, breaker.failures) == ("CLOSED", 0)


def test_an_answer_of_4xx_closes_it_since_somebody_is_there(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(60)
    with pytest.raises(requests.HTTPError):
        breaker.call(not_found)
    assert breaker.state == "CLOSED"


def test_an_error_of_the_caller_says_nothing_and_gives_the_probe_back(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(60)
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 // 0)
    assert (breaker.state, breaker.can_execute()) == ("HALF_OPEN", True)


def test_of_many_threads_one_gets_the_probe(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.tick(60)
    gate, allowed = threading.Barrier(16), []

    def ask() -> None:
        gate.wait()
        allowed.append(breaker.can_execute())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False] * 15 + [True]


def test_failures_of_many_threads_are_all_counted(clock: Clock) -> None:
    breaker = CircuitBreaker(failure_threshold=8 * 500, clock=clock)

    def work() -> None:
        for _ in range(500):
            breaker.record_failure()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (breaker.failures, breaker.is_open()) == (4000, True)


def test_the_examples_are_true() -> None:
    assert doctest.testmod(module) == (0, 5)

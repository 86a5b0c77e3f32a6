"""Checks that run by themselves, and what a report says about them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from tidegate.errors import ConfigurationError
from tidegate.watch.check import Check
from tidegate.watch.registry import MAX_CHECKS, Registry
from tidegate.watch.status import UNKNOWN, Component

Wait = Callable[..., None]
Builtin = list[Callable[[], list[Check]]]

#: Seconds between two checks, and longer than any test waits.
SOON, LONG = 0.05, 60.0


def passing() -> bool:
    return True


def failing() -> bool:
    return False


class Gate:
    """A check that does not return before it may."""

    def __init__(self) -> None:
        self.calls = 0
        self.open = threading.Event()

    def __call__(self) -> None:
        self.calls += 1
        self.open.wait(LONG)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def component(registry: Registry, name: str) -> Component:
    """What is known, without waiting."""
    return registry.report(0).components[name]


def test_nothing_registered_is_healthy(registry: Registry) -> None:
    assert registry.report(LONG).to_dict() == {"status": "healthy", "components": {}}


def test_a_check_is_run_when_it_is_registered(registry: Registry) -> None:
    ran = threading.Event()
    registry.register(Check("it", ran.set))
    assert ran.wait(LONG)


def test_a_report_waits_for_first_results(registry: Registry) -> None:
    registry.register(Check("good", passing))
    registry.register(Check("bad", failing, failures=1))
    report = registry.report(LONG)
    assert {name: item.status for name, item in report.components.items()} == {"good": "healthy", "bad": "unhealthy"}
    assert report.status == "unhealthy"


def test_a_report_that_does_not_wait_says_unknown(registry: Registry, gate: Gate) -> None:
    registry.register(Check("it", gate))
    assert registry.report(0).status == UNKNOWN


def test_a_check_is_run_again_after_its_interval(registry: Registry, wait_for: Wait) -> None:
    calls: list[int] = []
    registry.register(Check("it", lambda: calls.append(1), interval=SOON))
    wait_for(lambda: len(calls) >= 3)


def test_failures_in_a_row_make_a_component_unhealthy_and_one_success_heals_it(
    registry: Registry, wait_for: Wait
) -> None:
    answers = [False, False, False]
    healed = threading.Event()

    def check() -> bool:
        return answers.pop() if answers else healed.is_set()

    registry.register(Check("it", check, interval=SOON))
    wait_for(lambda: component(registry, "it").status == "unhealthy")
    assert component(registry, "it").consecutive_failures >= 3
    healed.set()
    wait_for(lambda: component(registry, "it").status == "healthy")
    assert [change.status for change in component(registry, "it").history] == ["degraded", "unhealthy", "healthy"]


def test_a_check_that_takes_longer_than_its_timeout_has_failed(registry: Registry, gate: Gate) -> None:
    registry.register(Check("it", gate, timeout=SOON))
    found = registry.report(LONG).components["it"]
    assert (found.status, found.detail) == ("degraded", "took longer than 0.05 s")


def test_an_asynchronous_check_that_takes_longer_than_its_timeout_is_told_in_the_same_words(registry: Registry) -> None:
    async def check() -> None:
        await asyncio.sleep(LONG)

    registry.register(Check("it", check, timeout=SOON))
    assert registry.report(LONG).components["it"].detail == "took longer than 0.05 s"


def test_a_check_that_hangs_holds_up_no_other(registry: Registry, gate: Gate, wait_for: Wait) -> None:
    registry.register(Check("hangs", gate, timeout=LONG))
    registry.register(Check("works", passing))
    wait_for(lambda: component(registry, "works").status == "healthy")
    assert component(registry, "hangs").status == UNKNOWN


def test_a_check_that_hangs_is_not_started_again_and_becomes_unhealthy(
    registry: Registry, gate: Gate, wait_for: Wait
) -> None:
    registry.register(Check("it", gate, timeout=SOON, interval=SOON))
    wait_for(lambda: component(registry, "it").status == "unhealthy")
    assert "has not returned for" in component(registry, "it").detail
    assert gate.calls == 1


def test_a_check_that_hung_is_started_again_once_it_has_returned(
    registry: Registry, gate: Gate, wait_for: Wait
) -> None:
    registry.register(Check("it", gate, timeout=SOON, interval=SOON))
    wait_for(lambda: component(registry, "it").status == "degraded")
    gate.open.set()
    wait_for(lambda: component(registry, "it").status == "healthy")
    assert gate.calls > 1


def test_a_name_that_is_taken_is_an_error(registry: Registry) -> None:
    registry.register(Check("it", passing))
    with pytest.raises(
        ConfigurationError, match="'it' is registered already; choose another name, or give replace=True"
    ):
        registry.register(Check("it", failing))


def test_a_check_can_be_replaced(registry: Registry) -> None:
    registry.register(Check("it", failing, failures=1))
    registry.register(Check("it", passing), replace=True)
    assert registry.report(LONG).status == "healthy"


def test_a_check_that_hangs_can_be_replaced(registry: Registry, gate: Gate) -> None:
    registry.register(Check("it", gate))
    registry.report(0)
    registry.register(Check("it", passing), replace=True)
    assert registry.report(LONG).status == "healthy"


def test_a_check_that_is_unregistered_is_not_reported(registry: Registry) -> None:
    registry.register(Check("it", failing, failures=1))
    assert registry.unregister("it")
    assert registry.report(LONG).to_dict() == {"status": "healthy", "components": {}}


def test_unregistering_what_is_not_there_changes_nothing(registry: Registry) -> None:
    assert not registry.unregister("it")


def test_there_is_a_most_of_checks(registry: Registry) -> None:
    for number in range(MAX_CHECKS):
        registry.register(Check(f"number {number}", passing))
    with pytest.raises(ConfigurationError, match=f"is one too many; {MAX_CHECKS} can be registered"):
        registry.register(Check("more", passing))


def test_checks_that_hang_and_are_replaced_take_no_more_threads_than_there_may_be_checks(
    registry: Registry, gate: Gate, wait_for: Wait
) -> None:
    for number in range(MAX_CHECKS):
        registry.register(Check("it", gate), replace=True)
        wait_for(lambda number=number: gate.calls == number + 1)
    registry.register(Check("it", gate), replace=True)
    assert registry.report(LONG).components["it"].detail == f"not started: {MAX_CHECKS} checks have not returned"
    assert gate.calls == MAX_CHECKS


def test_a_builtin_check_is_run_when_a_report_asks(registry: Registry, builtin: Builtin) -> None:
    builtin.append(lambda: [Check("store", failing, critical=False)])
    assert registry.report(LONG).status == "degraded"


def test_a_builtin_check_is_not_run_by_itself(registry: Registry, builtin: Builtin, wait_for: Wait) -> None:
    calls: list[int] = []
    others: list[int] = []
    builtin.append(lambda: [Check("store", lambda: calls.append(1), interval=SOON)])
    registry.report(LONG)
    registry.register(Check("other", lambda: others.append(1), interval=SOON))
    wait_for(lambda: len(others) > 4)
    assert len(calls) == 1


def test_a_builtin_check_whose_result_is_old_is_run_anew_for_a_report(
    registry: Registry, builtin: Builtin, wait_for: Wait
) -> None:
    calls: list[int] = []
    builtin.append(lambda: [Check("store", lambda: calls.append(1), interval=SOON)])
    wait_for(lambda: registry.report(LONG).status == "healthy" and len(calls) == 3)


def test_an_application_may_take_the_name_of_a_builtin_check(registry: Registry, builtin: Builtin) -> None:
    builtin.append(lambda: [Check("queue", failing, failures=1), Check("disk", failing, failures=1)])
    registry.register(Check("queue", passing))
    assert registry.report(LONG).components["queue"].status == "healthy"
    registry.register(Check("disk", passing))
    assert registry.report(LONG).status == "healthy"


def test_a_builtin_check_that_is_unregistered_stays_away(registry: Registry, builtin: Builtin) -> None:
    builtin.append(lambda: [Check("disk", passing)])
    registry.report(LONG)
    registry.unregister("disk")
    assert registry.report(LONG).components == {}


def test_a_report_as_json_has_everything(registry: Registry) -> None:
    registry.register(Check("it", failing, critical=False))
    found = registry.report(LONG)
    checked, took = found.components["it"].checked_time_unix_nano, found.components["it"].duration_ms
    assert checked > 0
    assert took > 0
    change = {
        "time_unix_nano": checked,
        "status": "degraded",
        "previous": "unknown",
        "detail": "the check returned False",
    }
    assert found.to_dict() == {
        "status": "degraded",
        "components": {
            "it": {
                "critical": False,
                "status": "degraded",
                "detail": "the check returned False",
                "checked_time_unix_nano": checked,
                "duration_ms": took,
                "consecutive_failures": 1,
                "history": [change],
            }
        },
    }

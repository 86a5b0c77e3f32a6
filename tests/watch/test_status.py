"""Results to statuses, for any sequence of results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ConfigurationError
from tidegate.watch.status import ANSWERS, MAX_HISTORY, UNKNOWN, Component, Result, after, overall

RESULTS = st.lists(st.sampled_from(ANSWERS).map(Result), max_size=80)
FAILURES = st.integers(1, 5)
COMPONENTS = st.lists(st.builds(Component, st.booleans(), st.sampled_from([*ANSWERS, UNKNOWN])))


def fold(results: Sequence[Result], failures: int = 3) -> Component:
    """The component after all results, one a nanosecond."""
    component = Component(critical=True)
    for now, result in enumerate(results, 1):
        component = after(component, result, failures, now, 1.5)
    return component


@given(RESULTS, FAILURES)
def test_one_success_makes_healthy(results: list[Result], failures: int) -> None:
    component = fold([*results, Result("healthy", "fine")], failures)
    assert (component.status, component.consecutive_failures, component.detail) == ("healthy", 0, "fine")


@given(RESULTS, FAILURES, st.integers(1, 10))
def test_a_component_is_degraded_by_failures_and_unhealthy_from_the_given_number_on(
    results: list[Result], failures: int, count: int
) -> None:
    component = fold([*results, Result("healthy"), *[Result("unhealthy")] * count], failures)
    assert component.status == ("unhealthy" if count >= failures else "degraded")
    assert component.consecutive_failures == count


@given(RESULTS, FAILURES)
def test_an_answer_of_degraded_is_no_failure(results: list[Result], failures: int) -> None:
    component = fold([*results, Result("degraded")], failures)
    assert (component.status, component.consecutive_failures) == ("degraded", 0)


@given(RESULTS, FAILURES)
def test_the_history_is_a_chain_of_changes_that_ends_at_the_present_status(
    results: list[Result], failures: int
) -> None:
    component = fold(results, failures)
    statuses = [change.status for change in component.history]
    assert [change.previous for change in component.history[1:]] == statuses[:-1]
    assert all(change.status != change.previous for change in component.history)
    assert [component.status] == (statuses[-1:] or [UNKNOWN])


@given(RESULTS, FAILURES)
def test_the_history_keeps_the_last_changes(results: list[Result], failures: int) -> None:
    statuses = [UNKNOWN, *(fold(results[:count], failures).status for count in range(1, len(results) + 1))]
    times = [at for at, (one, next_one) in enumerate(pairwise(statuses), 1) if one != next_one]
    assert [change.time_unix_nano for change in fold(results, failures).history] == times[-MAX_HISTORY:]


@given(RESULTS.filter(bool))
def test_the_last_check_is_told_with_its_time_and_duration(results: list[Result]) -> None:
    component = fold(results)
    assert (component.checked_time_unix_nano, component.duration_ms) == (len(results), 1.5)


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        ([], "healthy"),
        ([Component(True, "healthy"), Component(False, "healthy")], "healthy"),
        ([Component(True, "healthy"), Component(False, "unknown")], "healthy"),
        ([Component(True, "healthy"), Component(False, "degraded")], "degraded"),
        ([Component(True, "degraded"), Component(False, "healthy")], "degraded"),
        ([Component(True, "healthy"), Component(False, "unhealthy")], "degraded"),
        ([Component(True, "unknown"), Component(True, "healthy")], "unknown"),
        ([Component(True, "unknown"), Component(False, "unhealthy")], "unknown"),
        ([Component(True, "unknown"), Component(True, "unhealthy")], "unhealthy"),
        ([Component(True, "unhealthy"), Component(True, "degraded")], "unhealthy"),
    ],
)
def test_the_whole_is(components: list[Component], expected: str) -> None:
    assert overall(components) == expected


@given(COMPONENTS)
def test_the_whole_does_not_depend_on_the_order(components: list[Component]) -> None:
    assert overall(components) == overall(components[::-1])


@given(COMPONENTS)
def test_the_whole_is_unhealthy_only_by_a_critical_component(components: list[Component]) -> None:
    critical = any(component.critical and component.status == "unhealthy" for component in components)
    assert (overall(components) == "unhealthy") == critical


@given(COMPONENTS)
def test_the_whole_is_healthy_only_if_nothing_is_wrong_that_is_known(components: list[Component]) -> None:
    wrong = [item for item in components if item.status not in ("healthy", "unknown")]
    unsure = [item for item in components if item.status == "unknown" and item.critical]
    assert (overall(components) == "healthy") == (not wrong and not unsure)


def test_a_result_of_an_unknown_status_says_which_there_are() -> None:
    with pytest.raises(ConfigurationError, match="is 'fine'; it must be one of healthy, degraded, unhealthy"):
        Result("fine")

"""The pytest plugin: a fixture ``telemetry``, and what it has captured in the report of a test that fails.

pytest loads this at each start, wherever Tidegate is installed: nothing else is imported before the fixture is used,
and what is at the top here takes any pytest (from 6.2) and pluggy (from 1.0), as distributions have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tidegate.testing import Telemetry

#: What tests capture, from the fixture's beginning until they are reported.
_captured: dict[Any, Telemetry] = {}

_MARKER = (
    "telemetry(deterministic=False, level=None, providers=()): arguments of the capture by the fixture `telemetry`"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def telemetry(request: pytest.FixtureRequest) -> Iterator[Telemetry]:
    """What the test, and the fixtures after this one, record: see `tidegate.testing.capture`.

    ``@pytest.mark.telemetry(deterministic=True, level="DEBUG")`` gives it arguments; the closest mark of a test, class
    or module that names one decides.
    """
    from tidegate.testing import capture

    with capture(**_options(request.node)) as captured:
        _captured[request.node] = captured
        yield captured


def _options(node: pytest.Item) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for mark in node.iter_markers("telemetry"):  # the closest first
        if mark.args:
            raise pytest.UsageError(
                f"the mark `telemetry` has {mark.args!r}; name its arguments: level=…, deterministic=…."
            )
        options = {**mark.kwargs, **options}
    return options


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    outcome = yield
    captured = _captured.get(item)
    if captured is not None and outcome.excinfo is None:
        _report(outcome.get_result(), captured)
        if outcome.get_result().when == "teardown":
            del _captured[item]


def _report(report: pytest.TestReport, captured: Telemetry) -> None:
    if report.failed:
        try:
            tree = captured.tree()
        except Exception as error:  # the report of the failure itself matters more
            tree = f"what was captured cannot be shown: {error!r}"
        if tree:
            report.sections.append(("telemetry", tree))

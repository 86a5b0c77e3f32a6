"""The pytest plugin: a fixture ``telemetry``, and what it has captured in the report of a test that fails.

pytest loads this at each start, wherever Tidegate is installed: nothing else is imported before the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tidegate.testing import Telemetry

_KEY: pytest.StashKey[Telemetry] = pytest.StashKey()

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
        request.node.stash[_KEY] = captured
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report: pytest.TestReport = yield
    captured = item.stash.get(_KEY, None)
    if report.when == "teardown" and captured is not None:
        del item.stash[_KEY]  # items live as long as the session
    if captured is not None and report.failed:
        try:
            tree = captured.tree()
        except Exception as error:  # the report of the failure itself matters more
            tree = f"what was captured cannot be shown: {error!r}"
        if tree:
            report.sections.append(("telemetry", tree))
    return report

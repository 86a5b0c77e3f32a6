"""The pytest plugin, by running pytest."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tidegate import pytest_plugin

pytest_plugins = "pytester"

Run = Callable[..., pytest.RunResult]

#: What the tests that are run record.
SHOP = """
import asyncio, logging
import pytest
from opentelemetry import trace
tracer = trace.get_tracer("shop")

def order(name="order"):
    with tracer.start_as_current_span(name):
        logging.getLogger("shop").warning("said in %s", name)
"""

#: Plugins of the environment that have nothing to do with it.
OTHERS = ("schemathesis", "hypothesispytest", "platformdirs")


@pytest.fixture
def tests(pytester: pytest.Pytester) -> Run:
    """``tests(source, *arguments)``: pytest, run in this process on such a file, after what is above."""

    def tests(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(SHOP + source)
        without = [f"-pno:{name}" for name in OTHERS]
        return pytester.runpytest_inprocess("-pno:asyncio", "-pno:xdist", "--strict-markers", *without, *arguments)

    return tests


def test_the_fixture_captures_what_a_test_records(tests: Run) -> None:
    result = tests("""
def test_one(telemetry):
    order()
    assert telemetry.span("order")

def test_two(telemetry):
    assert telemetry.spans() == []

class TestClass:
    @pytest.fixture(autouse=True)
    def ordered(self, telemetry):
        order()

    def test_three(self, telemetry):
        assert telemetry.log("said in %s").body == "said in order"
""")
    result.assert_outcomes(passed=3)


def test_marks_give_the_capture_its_arguments(tests: Run) -> None:
    result = tests("""
pytestmark = pytest.mark.telemetry(level="DEBUG", deterministic=True)

@pytest.mark.telemetry(deterministic=False)
def test_closest(telemetry):
    order()
    logging.getLogger("shop").debug("quiet")
    assert telemetry.log("quiet")
    assert telemetry.span().span_id != "0000000000000001"

def test_module(telemetry):
    order()
    assert telemetry.span().span_id == "0000000000000001"
""")
    result.assert_outcomes(passed=2)


def test_a_mark_with_an_argument_without_name_is_told(tests: Run) -> None:
    result = tests("""
@pytest.mark.telemetry("DEBUG")
def test_wrong(telemetry): pass
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the mark `telemetry` has ('DEBUG',); name its arguments: *"])


def test_a_failure_shows_the_tree(tests: Run) -> None:
    result = tests("""
def test_failing(telemetry):
    order()
    assert False
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- telemetry -*", "order", "└─ WARN  said in order"])


def test_a_question_in_vain_is_shown_where_it_is_asked(tests: Run) -> None:
    result = tests("""
def test_failing(telemetry):
    telemetry.assert_parent("order", telemetry.span("none"))
""")
    result.stdout.fnmatch_lines([">*telemetry.span(*", "E*there is no span 'none'.*", "*.py:*: AssertionError"])
    result.stdout.no_fnmatch_line("*telemetry.py:*")


def test_a_failing_fixture_shows_the_tree(tests: Run) -> None:
    result = tests("""
@pytest.fixture
def ordered(telemetry):
    order()
    raise ValueError

def test_failing(ordered): pass
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*- telemetry -*", "order"])


@pytest.mark.parametrize(
    "source", ["def test_without():\n    order()\n    assert False", "def test_good(telemetry):\n    order()"]
)
def test_other_tests_show_nothing(tests: Run, source: str) -> None:
    tests(source).stdout.no_fnmatch_line("*- telemetry -*")


def test_coroutines_are_captured_under_anyio(tests: Run) -> None:
    result = tests("""
@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def ordered(telemetry):
    order("fixture")

@pytest.mark.anyio
async def test_tasks(telemetry, ordered):
    async def task(name):
        await asyncio.sleep(0)
        order(name)
    await asyncio.gather(task("a"), task("b"), asyncio.to_thread(order, "c"))
    assert sorted(span.name for span in telemetry.spans()) == ["a", "b", "c", "fixture"]
""")
    result.assert_outcomes(passed=1)


def test_coroutines_are_captured_under_pytest_asyncio_in_workers_of_xdist(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function")
    source = """
@pytest.fixture
async def ordered(telemetry):
    order("fixture")
    yield
    order("late")

@pytest.mark.parametrize("number", range(6))
async def test_tasks(telemetry, ordered, number):
    await asyncio.gather(*[asyncio.to_thread(order, f"{number}-{part}") for part in range(3)])
    assert len(telemetry.spans()) == 4
"""
    pytester.makepyfile(SHOP + source)
    result = pytester.runpytest_subprocess("-n2", *[f"-pno:{name}" for name in OTHERS])
    result.assert_outcomes(passed=6)


# --- what it costs those who do not use it

LISTING = """
import sys

def pytest_sessionfinish(session):
    names = [name for name in sys.modules if name.partition(".")[0] in ("opentelemetry", "tidegate", "orjson")]
    print("loaded", *sorted(names))
"""


def loaded(pytester: pytest.Pytester, *arguments: str) -> set[str]:
    pytester.makeconftest(LISTING)
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess(
        "-s", *arguments, *[f"-pno:{name}" for name in (*OTHERS, "asyncio", "xdist")]
    )
    result.assert_outcomes(passed=1)
    [line] = [line for line in result.outlines if "loaded" in line]
    return set(line.partition("loaded")[2].split())


def test_the_plugin_loads_nothing_before_it_is_used(pytester: pytest.Pytester) -> None:
    assert loaded(pytester) - loaded(pytester, "-pno:tidegate") == {
        "tidegate",
        "tidegate._version",
        "tidegate.pytest_plugin",
    }


def test_the_plugin_loads_with_the_pytest_of_old_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    def hookimpl(*, hookwrapper: bool = False, tryfirst: bool = False, trylast: bool = False) -> Any:  # pluggy 1.0
        return lambda function: function

    monkeypatch.setattr(pytest, "hookimpl", hookimpl)
    monkeypatch.delattr(pytest, "StashKey")  # of pytest 7.0
    assert "telemetry" in runpy.run_path(pytest_plugin.__file__)


def test_testing_does_not_need_pytest(run: Callable[..., object]) -> None:
    source = "import sys, tidegate.testing; assert not {'pytest', '_pytest', 'pluggy'} & set(sys.modules)"
    assert run([sys.executable, "-c", source])

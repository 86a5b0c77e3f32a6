"""What a check's answer means."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.watch.check import Check
from tidegate.watch.running import MAX_DETAIL, Run, interpret
from tidegate.watch.status import Result


class OddError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def answer(call: Callable[[], Any], timeout: float = 60) -> Result:
    """What a run of it comes to."""
    run = Run(Check("it", call, timeout=timeout), lambda: None)
    run.wait_once(20)
    assert run.result is not None
    return run.result


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("value", [None, True, "healthy", Result("healthy")])
def test_this_answer_is_a_pass(value: Any) -> None:
    assert interpret(value) == Result("healthy")


@pytest.mark.parametrize("value", [False, "unhealthy", Result("unhealthy", "why")])
def test_this_answer_is_a_failure(value: Any) -> None:
    assert interpret(value).status == "unhealthy"


def test_a_result_keeps_its_detail() -> None:
    assert interpret(Result("degraded", "only one replica")) == Result("degraded", "only one replica")


@pytest.mark.parametrize(
    ("value", "named"), [(1, "type int"), ({}, "type dict"), ("unknown", "'unknown'"), ("no " * 99, "'no no ")]
)
def test_any_other_answer_is_a_failure_that_says_what_may_be_returned(value: Any, named: str) -> None:
    result = interpret(value)
    assert result.status == "unhealthy"
    assert named in result.detail
    assert "None, True, False, healthy, degraded, unhealthy, or a health.Result" in result.detail


@pytest.mark.parametrize("error", [ValueError("no answer"), KeyboardInterrupt("no answer"), SystemExit("no answer")])
def test_an_exception_is_a_failure_with_its_type_and_message(error: BaseException) -> None:
    expected = Result("unhealthy", f"{type(error).__name__}: no answer")
    assert answer(functools.partial(fail, error)) == expected


def test_an_exception_that_cannot_be_shown_is_a_failure_like_any_other() -> None:
    assert answer(functools.partial(fail, OddError())).detail == "OddError: <OddError without a text: RuntimeError>"


def test_secrets_in_an_exception_are_redacted() -> None:
    error = OSError("cannot connect to postgresql://shop:hunter2@db/shop")
    assert answer(functools.partial(fail, error)).detail == (
        "OSError: cannot connect to postgresql://shop:[redacted]@db/shop"
    )


def test_secrets_in_a_result_are_redacted() -> None:
    assert interpret(Result("degraded", "password=hunter2")).detail == "password=[redacted]"


def test_a_long_detail_is_cut() -> None:
    assert len(interpret(Result("degraded", "long " * 10_000)).detail) == MAX_DETAIL


def test_an_asynchronous_check_is_awaited() -> None:
    async def check() -> str:
        await asyncio.sleep(0)
        return "degraded"

    assert answer(check) == Result("degraded")


def test_a_function_that_returns_an_awaitable_is_an_asynchronous_check() -> None:
    async def check(status: str) -> str:
        return status

    assert answer(functools.partial(check, "degraded")) == Result("degraded")


def test_an_asynchronous_check_that_takes_too_long_is_cancelled() -> None:
    cancelled = []

    async def check() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    assert answer(check, timeout=0.05).status == "unhealthy"
    assert cancelled == [True]


def test_a_check_may_run_where_the_main_thread_has_an_event_loop() -> None:
    async def check() -> bool:
        return True

    async def main() -> Result:
        return await asyncio.to_thread(answer, check)

    assert asyncio.run(main()) == Result("healthy")


def test_a_check_that_raises_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    answer(functools.partial(fail, ValueError("no answer")))
    assert capfd.readouterr() == ("", "")

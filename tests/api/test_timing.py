"""What takes time: recorded however it ends, of functions of every kind, with one object used many times at once."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber

import tidegate
from signalling import Odd, Signals, attributes, complained
from tidegate.api import timing
from tidegate.records import ORIGIN

Said = Callable[[], list[str]]


class Failure(Exception):
    pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """``clock[0]``: the time."""
    now = [100.0]
    monkeypatch.setattr(timing, "perf_counter", lambda: now[0])
    return now


def test_a_block_is_timed_in_seconds(signals: Signals, clock: list[float]) -> None:
    with tidegate.timer("pricing", currency="EUR"):
        clock[0] += 0.25
    point = signals.point("pricing")
    assert (point.count, point.sum, dict(point.attributes)) == (1, 0.25, {"currency": "EUR"})
    assert (signals.metrics["pricing"].unit, point.explicit_bounds) == ("s", tidegate.DEFAULT_HISTOGRAM_BUCKETS)


@pytest.mark.parametrize(("unit", "value"), [("ms", 250), ("us", 250_000), ("ns", 250_000_000), ("min", 1 / 240)])
def test_a_block_is_timed_in_a_unit_of_time(signals: Signals, clock: list[float], unit: str, value: float) -> None:
    with tidegate.timer("pricing", unit=unit):
        clock[0] += 0.25
    point = signals.point("pricing")
    assert (point.sum, signals.metrics["pricing"].unit) == (pytest.approx(value), unit)
    assert point.bucket_counts[6] == 1  # as of a quarter of a second


@pytest.mark.parametrize("unit", ["By", "", None, 5, ["s"]])
def test_what_is_no_unit_of_time_is_said_and_taken_for_seconds(
    signals: Signals, clock: list[float], said: Said, unit: Any
) -> None:
    for _ in range(2):
        with tidegate.timer("pricing", unit=unit):
            clock[0] += 0.25
    assert (signals.point("pricing").sum, signals.metrics["pricing"].unit, len(said())) == (0.5, "s", 1)


def test_a_timer_can_have_buckets_of_its_own(signals: Signals, clock: list[float]) -> None:
    with tidegate.timer("pricing", buckets=(0.1, 0.2)):
        clock[0] += 0.15
    assert list(signals.point("pricing").bucket_counts) == [0, 1, 0]


def test_an_error_is_recorded_and_goes_on_its_way(signals: Signals) -> None:
    error = Failure("x")
    with pytest.raises(Failure) as raised, tidegate.timer("pricing", currency="EUR"):
        raise error
    assert raised.value is error
    assert signals.attributes("pricing") == [{"currency": "EUR", "error.type": f"{__name__}.Failure"}]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_is_no_error_is_recorded_as_none(signals: Signals, end: type[BaseException]) -> None:
    with pytest.raises(end), tidegate.timer("pricing"):
        raise end
    assert signals.attributes("pricing") == [{}]


def test_a_timer_can_be_used_again(signals: Signals, clock: list[float]) -> None:
    timer = tidegate.timer("pricing")
    for seconds in (1, 2):
        with timer:
            clock[0] += seconds
    assert (signals.point("pricing").count, signals.point("pricing").sum) == (2, 3)


def test_a_timer_can_be_entered_while_it_runs(signals: Signals, clock: list[float]) -> None:
    timer = tidegate.timer("pricing")
    with timer:
        clock[0] += 1
        with timer:
            clock[0] += 10
            with timer:
                clock[0] += 100
        clock[0] += 1000
    point = signals.point("pricing")
    assert (point.count, point.sum, point.min, point.max) == (3, 100 + 110 + 1111, 100, 1111)


def test_a_timer_can_run_in_several_tasks_at_once(signals: Signals, clock: list[float]) -> None:
    timer = tidegate.timer("pricing")

    async def main() -> None:
        first, second = asyncio.Event(), asyncio.Event()

        async def early() -> None:
            with timer:
                clock[0] += 1
                await first.wait()

        async def late() -> None:
            with timer:
                clock[0] += 10
                first.set()
                await second.wait()

        tasks = [asyncio.create_task(early()), asyncio.create_task(late())]
        await tasks[0]  # the one that was entered first is left first
        clock[0] += 100
        second.set()
        await tasks[1]

    asyncio.run(main())
    point = signals.point("pricing")
    assert (point.count, point.min, point.max) == (2, 11, 110)


def test_a_timer_can_run_in_several_threads_at_once(signals: Signals, clock: list[float]) -> None:
    timer = tidegate.timer("pricing")
    entered = threading.Event()

    def other() -> None:
        with timer:
            entered.set()
            clock[0] += 10

    thread = threading.Thread(target=other)
    with timer:
        clock[0] += 1
        thread.start()
        thread.join()
    point = signals.point("pricing")
    assert (entered.is_set(), point.count, point.min, point.max) == (True, 2, 10, 11)


def test_a_task_that_outlives_the_run_it_was_started_in_has_its_own(signals: Signals, clock: list[float]) -> None:
    timer = tidegate.timer("pricing")

    async def later(go: asyncio.Event) -> None:
        await go.wait()
        with timer:
            clock[0] += 1

    async def main() -> None:
        go = asyncio.Event()
        with timer, timer:
            task = asyncio.create_task(later(go))
            await asyncio.sleep(0)
        clock[0] += 100
        go.set()
        await task

    asyncio.run(main())
    assert (signals.point("pricing").count, signals.point("pricing").max) == (3, 1)


def test_what_is_left_in_another_context_is_recorded(signals: Signals, clock: list[float]) -> None:
    timer = tidegate.timer("pricing")
    contextvars.copy_context().run(timer.__enter__)
    clock[0] += 5
    contextvars.copy_context().run(timer.__exit__, None, None, None)
    assert signals.point("pricing").sum == 5


def test_what_was_not_entered_is_not_recorded(signals: Signals) -> None:
    tidegate.timer("pricing").__exit__(None, None, None)
    assert signals.points("pricing") == []


def test_runs_that_are_open_have_a_bound(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MAX_OPEN", 3)

    def enter() -> int:
        timer = tidegate.timer("pricing")
        for _ in range(10):
            timer.__enter__()
        open_ = len(timing._open.get())
        for _ in range(10):
            timer.__exit__(None, None, None)
        return open_

    assert contextvars.copy_context().run(enter) == 3
    assert signals.point("pricing").count == 4


@pytest.mark.parametrize("name", ["two words", None, 5, Odd()])
def test_a_wrong_name_is_said_once_and_the_block_runs(signals: Signals, said: Said, name: Any) -> None:
    ran = []
    for number in range(2):
        with tidegate.timer(name):
            ran.append(number)
    assert (ran, signals.metrics, len(said())) == ([0, 1], {}, 1)


# --- decorated functions


def test_each_call_of_a_function_is_timed(signals: Signals, clock: list[float]) -> None:
    @tidegate.timer("sum")
    def add(a: int, b: int = 2) -> int:
        """Adds."""
        clock[0] += 1
        return a + b

    assert (add(1), add(1, b=5), add.__doc__, add.__name__) == (3, 6, "Adds.", "add")
    assert str(inspect.signature(add)) == "(a: 'int', b: 'int' = 2) -> 'int'"
    assert (signals.point("sum").count, signals.point("sum").sum) == (2, 2)


def test_a_function_that_calls_itself_is_timed_each_time(signals: Signals, clock: list[float]) -> None:
    @tidegate.timer("depth")
    def descend(depth: int) -> None:
        clock[0] += 1
        if depth:
            descend(depth - 1)

    descend(2)
    assert (signals.point("depth").count, signals.point("depth").sum) == (3, 1 + 2 + 3)


def test_a_coroutine_is_timed_until_it_ends(signals: Signals, clock: list[float]) -> None:
    @tidegate.timer("fetch")
    async def fetch() -> str:
        clock[0] += 1
        await asyncio.sleep(0)
        clock[0] += 1
        return "x"

    assert inspect.iscoroutinefunction(fetch)
    assert asyncio.run(fetch()) == "x"
    assert signals.point("fetch").sum == 2


def test_a_coroutine_that_is_cancelled_is_timed(signals: Signals) -> None:
    @tidegate.timer("fetch")
    async def fetch() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(fetch())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert signals.attributes("fetch") == [{}]


def test_a_generator_is_timed_from_first_to_last(signals: Signals, clock: list[float]) -> None:
    @tidegate.timer("rows")
    def rows() -> Iterator[int]:
        clock[0] += 1
        yield 1
        clock[0] += 1
        yield 2

    iterator = rows()
    clock[0] += 100
    assert [signals.points("rows"), *iterator] == [[], 1, 2]
    assert signals.point("rows").sum == 2


def test_an_async_generator_is_timed_until_it_is_closed(signals: Signals, clock: list[float]) -> None:
    @tidegate.timer("rows")
    async def rows() -> AsyncIterator[int]:
        clock[0] += 1
        yield 1
        yield 2

    async def main() -> None:
        iterator: Any = rows()
        assert await anext_(iterator) == 1
        await iterator.aclose()

    asyncio.run(main())
    assert (signals.point("rows").sum, signals.attributes("rows")) == (1, [{}])


async def anext_(iterator: Any) -> Any:
    return await iterator.__anext__()


def test_methods_of_every_kind_are_timed(signals: Signals) -> None:
    class Shop:
        @tidegate.timer("method")
        def method(self) -> str:
            return type(self).__name__

        @classmethod
        @tidegate.timer("class")
        def of_class(cls) -> str:
            return cls.__name__

        @tidegate.timer("static")
        @staticmethod
        def static() -> str:
            return "static"

    assert [Shop().method(), Shop.of_class(), Shop.static()] == ["Shop", "Shop", "static"]
    assert sorted(signals.metrics) == ["class", "method", "static"]


def test_an_error_of_a_function_is_the_same_object(signals: Signals) -> None:
    error = Failure("x")

    @tidegate.timer("fails")
    def fail() -> None:
        raise error

    with pytest.raises(Failure) as raised:
        fail()
    assert raised.value is error
    assert signals.attributes("fails")[0]["error.type"].endswith("Failure")


# --- timed_log


def test_beginning_and_end_are_logged(signals: Signals, clock: list[float]) -> None:
    with tidegate.timed_log("import", file="prices.csv"):
        clock[0] += 1.5
    assert signals.bodies == ["import started", "import finished"]
    started, finished = signals.logs
    assert attributes(started) == {"file": "prices.csv"}
    assert attributes(finished) == {"file": "prices.csv", "duration": 1.5}
    assert {log.severity_number for log in signals.logs} == {SeverityNumber.INFO}


def test_the_place_is_that_of_the_block(signals: Signals) -> None:
    with tidegate.timed_log("import"):
        pass
    name = "test_the_place_is_that_of_the_block"
    assert {getattr(log, ORIGIN)[1::2] for log in signals.logs} == {(__file__, name)}
    assert signals.scopes == [__name__] * 2


def test_the_level_is_as_in_log(signals: Signals) -> None:
    with tidegate.timed_log("import", level="debug"):
        pass
    with tidegate.timed_log("import", 13):
        pass
    assert [log.severity_text for log in signals.logs] == ["DEBUG", "DEBUG", "WARN", "WARN"]


def test_a_failure_is_logged_as_error_and_goes_on_its_way(signals: Signals, clock: list[float]) -> None:
    error = Failure("no file")

    def fail() -> None:
        clock[0] += 1.5
        raise error

    with pytest.raises(Failure) as raised, tidegate.timed_log("import", level="debug", file="prices.csv"):
        fail()
    failed, found = signals.logs[1], attributes(signals.logs[1])
    assert raised.value is error
    assert (failed.body, failed.severity_number) == ("import failed", SeverityNumber.ERROR)
    assert (found["duration"], found["file"], found["exception.message"]) == (1.5, "prices.csv", "no file")
    assert "raise error" in str(found["exception.stacktrace"])


@pytest.mark.parametrize(
    ("end", "word"),
    [(asyncio.CancelledError, "cancelled"), (KeyboardInterrupt, "cancelled"), (GeneratorExit, "finished")],
)
def test_what_is_no_failure_is_not_logged_as_one(signals: Signals, end: type[BaseException], word: str) -> None:
    with pytest.raises(end), tidegate.timed_log("import"):
        raise end
    assert (signals.logs[1].body, signals.logs[1].severity_text) == (f"import {word}", "INFO")


def test_each_call_of_a_decorated_function_is_logged(signals: Signals, clock: list[float]) -> None:
    @tidegate.timed_log("import")
    async def load(name: str) -> str:
        clock[0] += 1
        return name

    assert asyncio.run(load("x")) == "x"
    assert signals.bodies == ["import started", "import finished"]
    assert attributes(signals.logs[1])["duration"] == 1


def test_the_place_of_a_decorated_function_is_its_own(signals: Signals) -> None:
    @tidegate.timed_log("import")
    def load() -> None:
        pass

    load()
    assert {getattr(log, ORIGIN)[1::2] for log in signals.logs} == {(__file__, f"{__name__}.load")}
    assert signals.scopes == [__name__] * 2


def test_a_logger_logs_beginning_and_end_in_its_scope(signals: Signals) -> None:
    logger = tidegate.get_logger("shop")
    with logger.timed_log("import"):
        pass

    @logger.timed_log("import")
    def load() -> None:
        pass

    load()
    assert signals.scopes == ["shop"] * 4


def test_a_message_that_is_no_text_does_not_harm(signals: Signals) -> None:
    message: Any = Odd()
    with tidegate.timed_log(message):
        pass
    assert signals.bodies[0] == "<Odd without a text: RuntimeError> started"
    assert complained() == {}

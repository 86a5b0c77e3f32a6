"""Functions of every kind with something around their calls."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import pickle
import types
import typing
import warnings
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from tidegate.api.calls.wrapping import NOTHING, Step, wrap
from tidegate.errors import ConfigurationError


class Told(Step):
    """Tells what happens to it."""

    def __init__(self, told: list[str], *, swallows: bool = False) -> None:
        self.told, self.swallows = told, swallows

    def __enter__(self) -> Step:
        self.told.append("enter")
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object, /) -> bool:
        self.told.append("exit" if error is None else f"exit {error!r}")
        return self.swallows

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")


def plainly(function: Any) -> Any:
    return wrap(function, lambda args, kwargs: NOTHING)


def telling(told: list[str], *, swallows: bool = False) -> Callable[[Any], Any]:
    return lambda function: wrap(function, lambda args, kwargs: Told(told, swallows=swallows))


@plainly
def documented(a: int, /, b: str = "b", *args: float, c: bool = True, **kwargs: bytes) -> list[int]:
    """What it does."""
    return [a]


@plainly
async def coroutine(a: int) -> int:
    return a


@plainly
def generator(a: int) -> Iterator[int]:
    yield a


@plainly
async def async_generator(a: int) -> AsyncIterator[int]:
    yield a


class Shop:
    @plainly
    def method(self, a: int) -> tuple[Shop, int]:
        return self, a

    @plainly
    @classmethod
    def above_class(cls, a: int) -> tuple[type[Shop], int]:
        return cls, a

    @classmethod
    @plainly
    def below_class(cls, a: int) -> tuple[type[Shop], int]:
        return cls, a

    @plainly
    @staticmethod
    def above_static(a: int) -> int:
        return a

    @staticmethod
    @plainly
    def below_static(a: int) -> int:
        return a

    @property
    @plainly
    def total(self) -> int:
        return 3


class Called:
    def __call__(self, a: int, *, b: int = 2) -> int:
        return a + b


class CalledLater:
    async def __call__(self, a: int) -> int:
        return a


def test_the_result_is_the_functions_own() -> None:
    thing = object()
    assert plainly(lambda: thing)() is thing


def test_arguments_arrive_as_they_were_given() -> None:
    assert plainly(lambda *args, **kwargs: (args, kwargs))(1, 2, args=3, kwargs=4, function=5) == (
        (1, 2),
        {"args": 3, "kwargs": 4, "function": 5},
    )


def test_identity_is_the_functions_own() -> None:
    names = [documented.__name__, documented.__qualname__, documented.__module__, documented.__doc__]
    assert names == ["documented", "documented", __name__, "What it does."]


def test_the_signature_is_the_functions_own() -> None:
    text = "(a: 'int', /, b: 'str' = 'b', *args: 'float', c: 'bool' = True, **kwargs: 'bytes') -> 'list[int]'"
    assert str(inspect.signature(documented)) == text


def test_type_hints_are_found() -> None:
    assert typing.get_type_hints(documented)["return"] == list[int]


def test_annotations_are_found_in_the_functions_own_module() -> None:
    assert documented.__globals__ is globals()


@pytest.mark.parametrize(
    ("function", "kinds"),
    [
        (documented, []),
        (coroutine, ["coroutine"]),
        (generator, ["generator"]),
        (async_generator, ["async generator"]),
        (plainly(CalledLater()), ["coroutine"]),
        (plainly(functools.partial(coroutine, 1)), ["coroutine"]),
    ],
)
def test_the_kind_is_the_functions_own(function: Any, kinds: list[str]) -> None:
    asked = {
        "coroutine": inspect.iscoroutinefunction,
        "generator": inspect.isgeneratorfunction,
        "async generator": inspect.isasyncgenfunction,
    }
    assert [name for name, ask in asked.items() if ask(function)] == kinds


def test_a_coroutine_is_awaited() -> None:
    assert asyncio.run(coroutine(3)) == 3


def test_a_function_marked_as_a_coroutine_function_is_awaited() -> None:
    async def later() -> int:
        return 5

    def marked() -> Any:
        return later()

    marked._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    told: list[str] = []
    assert asyncio.run(telling(told)(marked)()) == 5


def test_a_generator_that_can_be_awaited_still_can() -> None:
    @plainly
    @types.coroutine
    def once() -> Generator[None, None, int]:
        yield
        return 7

    async def main() -> int:
        result: int = await once()
        return result

    assert asyncio.run(main()) == 7


@pytest.mark.parametrize("owner", [Shop, Shop()])
@pytest.mark.parametrize("name", ["above_class", "below_class"])
def test_class_methods_get_their_class(owner: Any, name: str) -> None:
    assert getattr(owner, name)(1) == (Shop, 1)


@pytest.mark.parametrize("owner", [Shop, Shop()])
@pytest.mark.parametrize("name", ["above_static", "below_static"])
def test_static_methods_get_arguments_only(owner: Any, name: str) -> None:
    assert getattr(owner, name)(1) == 1


def test_methods_get_their_object() -> None:
    shop = Shop()
    assert shop.method(2) == (shop, 2)


def test_a_property_of_a_wrapped_function_works() -> None:
    assert Shop().total == 3


def test_inherited_class_methods_get_the_class_they_are_called_on() -> None:
    class Small(Shop):
        pass

    assert Small.above_class(1) == (Small, 1)


@pytest.mark.parametrize("name", ["documented", "coroutine", "generator"])
def test_functions_are_pickled_by_name(name: str) -> None:
    assert pickle.loads(pickle.dumps(globals()[name])) is globals()[name]


def test_methods_are_pickled_with_their_object() -> None:
    assert pickle.loads(pickle.dumps(Shop().method))(1)[1] == 1


@pytest.mark.parametrize(
    ("function", "arguments", "result"),
    [(len, ("abc",), 3), (str.upper, ("a",), "A"), (dict.fromkeys, ("a", 1), {"a": 1}), (Called(), (1,), 3)],
)
def test_whatever_can_be_called_can_be_wrapped(function: Any, arguments: Any, result: object) -> None:
    assert plainly(function)(*arguments) == result


def test_recursion_has_a_step_for_each_call() -> None:
    told: list[str] = []

    @telling(told)
    def count(number: int) -> int:
        return number and 1 + count(number - 1)

    assert count(2) == 2
    assert told == ["enter"] * 3 + ["exit"] * 3


def test_the_exception_is_the_very_same_with_one_frame_of_ours() -> None:
    error = LookupError("here")

    def fails() -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        plainly(fails)()
    names = [frame.f_code.co_filename for frame, _ in _frames(caught.value)]
    assert caught.value is error
    assert error.__context__ is None
    assert [name == __file__ for name in names] == [True, False, True]


def _frames(error: BaseException) -> list[tuple[types.FrameType, int]]:
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return found


def test_stop_iteration_passes_a_plain_function() -> None:
    stop = StopIteration(4)

    def ends() -> None:
        raise stop

    with pytest.raises(StopIteration) as caught:
        plainly(ends)()
    assert caught.value is stop


def test_a_step_that_swallows_makes_the_call_return_none() -> None:
    assert telling([], swallows=True)(lambda: 1 / 0)() is None


def test_a_step_that_swallows_ends_a_generator() -> None:
    def fails() -> Iterator[int]:
        yield 1
        raise LookupError

    assert list(telling([], swallows=True)(fails)()) == [1]


def test_a_step_is_told_of_each_pause_of_a_generator() -> None:
    told: list[str] = []

    @telling(told)
    def two() -> Iterator[int]:
        told.append("first")
        yield 1
        told.append("second")
        yield 2

    assert list(two()) == [1, 2]
    assert told == ["enter", "first", "pause", "resume", "second", "pause", "resume", "exit"]


def test_a_step_is_told_of_each_pause_of_an_async_generator() -> None:
    told: list[str] = []

    @telling(told)
    async def two() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0)
        yield 2

    async def main() -> list[int]:
        return [item async for item in two()]

    assert asyncio.run(main()) == [1, 2]
    assert told == ["enter", "pause", "resume", "pause", "resume", "exit"]


@pytest.mark.parametrize("function", [generator, async_generator, coroutine])
def test_nothing_happens_around_what_is_never_started(function: Any) -> None:
    told: list[str] = []
    made = telling(told)(function)(1)
    with warnings.catch_warnings():  # Python's own, of a coroutine that was never awaited
        warnings.simplefilter("ignore", RuntimeWarning)
        del made
        gc.collect()
    assert told == []


def test_a_generator_closed_early_is_told_so() -> None:
    told: list[str] = []
    made = telling(told)(generator)(1)
    next(made)
    made.close()
    assert told == ["enter", "pause", "resume", "exit GeneratorExit()"]


def test_a_dropped_generator_cleans_up() -> None:
    told: list[str] = []

    def cleans() -> Iterator[int]:
        try:
            yield 1
        finally:
            told.append("cleaned")

    made = telling(told)(cleans)()
    next(made)
    del made
    gc.collect()
    assert told[-2:] == ["cleaned", "exit GeneratorExit()"]


def test_a_dropped_async_generator_cleans_up_in_its_loop() -> None:
    told: list[str] = []

    @telling(told)
    async def cleans() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            told.append("cleaned")

    async def main() -> None:
        async for _ in cleans():
            break
        gc.collect()
        for _ in range(5):  # the task that the loop starts for it
            await asyncio.sleep(0)

    asyncio.run(main())
    assert told[-2:] == ["cleaned", "exit GeneratorExit()"]


def test_a_cancelled_coroutine_is_told_so() -> None:
    told: list[str] = []

    @telling(told)
    async def waits() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert told == ["enter", "exit CancelledError()"]


def test_an_error_that_a_generator_handles_is_not_the_context_of_its_next_one() -> None:
    @plainly
    def handles() -> Iterator[int]:
        try:
            yield 1
        except ValueError:
            pass
        raise KeyError

    made = handles()
    next(made)
    with pytest.raises(KeyError) as caught:
        made.throw(ValueError())
    assert caught.value.__context__ is None


def test_an_error_thrown_into_a_generator_makes_no_cycle() -> None:
    made = generator(1)
    next(made)
    with pytest.raises(ValueError) as caught:
        made.throw(ValueError())
    trace = caught.value.__traceback__
    held = []
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            held += [item for item in trace.tb_frame.f_locals.values() if isinstance(item, BaseException)]
        trace = trace.tb_next
    assert held == []


@pytest.mark.parametrize("kind", [int, Shop])
def test_a_class_is_refused(kind: type) -> None:
    with pytest.raises(ConfigurationError, match="is a class, of which only functions can be decorated"):
        plainly(kind)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be called: put the decorator below"):
        plainly(property(lambda self: 1))

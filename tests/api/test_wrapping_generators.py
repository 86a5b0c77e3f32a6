"""A wrapped generator answers whatever is sent, thrown or asked as the generator itself does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.api.calls.wrapping import InContext, wrap
from tidegate.otel import current_context

ERRORS: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("thrown"),
    "KeyError": lambda: KeyError("thrown"),
    "StopIteration": lambda: StopIteration("thrown"),
    "StopAsyncIteration": lambda: StopAsyncIteration("thrown"),
    "GeneratorExit": GeneratorExit,
    "KeyboardInterrupt": KeyboardInterrupt,
}

#: What a generator does at each step: yields, or yields and handles what is thrown by going on, returning or raising.
actions = st.lists(st.sampled_from(["yield", "catch", "return", "raise", "change", "clean"]), max_size=6)

calls = st.lists(
    st.one_of(
        st.just(("next", None)),
        st.tuples(st.just("send"), st.sampled_from([None, 1])),
        st.tuples(st.just("throw"), st.sampled_from(sorted(ERRORS))),
        st.just(("close", None)),
    ),
    max_size=8,
)


def script(todo: Sequence[str], seen: list[object]) -> Generator[Any, Any, Any]:
    for number, action in enumerate(todo):
        if action == "return":
            return f"returned {number}"
        if action == "raise":
            raise LookupError(number)
        try:
            seen.append((yield number))
        except BaseException as error:
            seen.append((repr(error), repr(error.__context__)))
            if action == "change":
                raise OSError(number) from error
            if action != "catch":
                raise
        finally:
            if action == "clean":
                seen.append("cleaned")
    return "ended"


async def async_script(todo: Sequence[str], seen: list[object]) -> AsyncGenerator[Any, Any]:
    for number, action in enumerate(todo):
        if action == "return":
            return
        if action == "raise":
            raise LookupError(number)
        try:
            await asyncio.sleep(0)
            seen.append((yield number))
        except BaseException as error:
            seen.append((repr(error), repr(error.__context__)))
            await asyncio.sleep(0)
            if action == "change":
                raise OSError(number) from error
            if action != "catch":
                raise
        finally:
            if action == "clean":
                seen.append("cleaned")


def outcome(error: BaseException) -> tuple[object, ...]:
    return (type(error), str(error), getattr(error, "value", None), repr(error.__context__), repr(error.__cause__))


def answers(generator: Generator[Any, Any, Any], asked: Sequence[tuple[str, Any]]) -> list[object]:
    found: list[object] = []
    for method, value in asked:
        try:
            if method == "next":
                found.append(next(generator))
            elif method == "throw":
                found.append(generator.throw(ERRORS[value]()))
            elif method == "send":
                found.append(generator.send(value))
            else:
                found.append(generator.close())  # type: ignore[func-returns-value]  # it does since Python 3.13
        except BaseException as error:
            found.append(outcome(error))
    return found


#: Until there is no more, as a generator might not want to be closed.
TO_THE_END = [("next", None)] * 10


async def async_answers(generator: AsyncGenerator[Any, Any], asked: Sequence[tuple[str, Any]]) -> list[object]:
    found: list[object] = []
    for method, value in asked:
        try:
            if method == "next":
                found.append(await generator.__anext__())
            elif method == "throw":
                found.append(await generator.athrow(ERRORS[value]()))
            elif method == "send":
                found.append(await generator.asend(value))
            else:
                await generator.aclose()
                found.append(None)
        except (Exception, GeneratorExit) as error:
            found.append(outcome(error))
    return found


MANY = settings(max_examples=100, deadline=None)


def wrapped(function: Any) -> Any:
    return wrap(function, lambda args, kwargs: InContext(current_context()))


@MANY
@given(actions, calls)
def test_a_generator(todo: list[str], asked: list[tuple[str, Any]]) -> None:
    plain_seen: list[object] = []
    seen: list[object] = []
    plain, ours = script(todo, plain_seen), wrapped(script)(todo, seen)
    asked = asked + TO_THE_END
    assert answers(ours, asked) == answers(plain, asked)
    assert seen == plain_seen


async_calls = calls.map(lambda asked: [call for call in asked if call[1] != "KeyboardInterrupt"])


@MANY
@given(actions, async_calls)
def test_an_async_generator(todo: list[str], asked: list[tuple[str, Any]]) -> None:
    plain_seen: list[object] = []
    seen: list[object] = []

    async def both() -> None:
        plain = await async_answers(async_script(todo, plain_seen), asked + TO_THE_END)
        assert await async_answers(wrapped(async_script)(todo, seen), asked + TO_THE_END) == plain

    asyncio.run(both())
    assert seen == plain_seen


@MANY
@given(actions, calls)
def test_the_context_outside_stays_as_it_was(todo: list[str], asked: list[tuple[str, Any]]) -> None:
    before = current_context()
    generator = wrapped(script)(todo, [])
    for call in asked + TO_THE_END:
        answers(generator, [call])
        assert current_context() is before

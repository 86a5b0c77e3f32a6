"""Functions with something around their calls, of every kind that Python has, otherwise unchanged.

`wrap` is the only place where functions are replaced; `timer`, `log_context`, `traced` and the
others give it what is to happen around a call: a `Step`.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, Protocol, TypeVar, cast

from opentelemetry.context import Context

from tidegate.errors import ConfigurationError
from tidegate.otel import current_context, enter_context, leave_context

Function = TypeVar("Function", bound="Callable[..., Any] | classmethod[Any, ..., Any] | staticmethod[..., Any]")


class Decorator(Protocol):
    """What a decorator with arguments returns: it leaves types as they are."""

    def __call__(self, function: Function, /) -> Function: ...


class Step:
    """What happens around one call: a context manager, entered before the function's code runs, left after it.

    ``__exit__`` is told the error as any context manager is, and may swallow it by returning True;
    the call then returns None. A generator's code runs piece by piece: `pause` follows each piece but
    the last, `resume` precedes the next one, perhaps in another thread or context. A step that
    changes the context changes it back in `pause`. No method may raise.
    """

    __slots__ = ()

    def __enter__(self) -> Step:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None, /
    ) -> bool | None:
        return None

    def pause(self) -> None:
        """The generator hands out a value."""

    def resume(self) -> None:
        """The generator's code goes on."""


class InContext(Step):
    """A step that runs the code in an OpenTelemetry context: this one, later the one that a piece has left."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> InContext:
        self._token = enter_context(self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None, /
    ) -> bool | None:
        self._leave()
        return None

    def pause(self) -> None:
        self._context = current_context()
        self._leave()

    def resume(self) -> None:
        self._token = enter_context(self._context)

    def _leave(self) -> None:
        try:
            leave_context(self._token)
        except ValueError:  # a coroutine that was dropped is closed anywhere
            pass


#: A step of which nothing comes.
NOTHING = Step()

#: What makes the step of a call, given its positional and keyword arguments. It must not raise.
Around = Callable[[tuple[Any, ...], Mapping[str, Any]], Step]


def wrap(function: Function, around: Around) -> Function:
    """``function`` with a step of ``around`` around each call, or each run of a generator from start to end.

    Results, exceptions, signature, identity, and what ``inspect`` says of its kind stay the same. Only that wrong
    arguments of a coroutine or generator function are a TypeError where it begins, not where it is called: what calls
    the function must be of its kind.
    Objects of `classmethod` and `staticmethod` are wrapped inside. What is a class or cannot be called
    raises ConfigurationError.
    """
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(wrap(function.__func__, around))
    if isinstance(function, type):
        raise ConfigurationError(f"{function!r} is a class, of which only functions can be decorated: decorate those.")
    if not callable(function):
        raise ConfigurationError(f"{function!r} cannot be called: put the decorator below what made it of a function.")
    return cast("Function", _like(function, _builder(function)(function, around)))


def underlying(function: Any) -> Callable[..., Any]:
    """The function in a `classmethod` or `staticmethod`, else itself."""
    return cast("Callable[..., Any]", getattr(function, "__func__", function) if _is_method(function) else function)


def _is_method(function: object) -> bool:
    return isinstance(function, (classmethod, staticmethod))


def _builder(function: Callable[..., Any]) -> Callable[[Callable[..., Any], Around], types.FunctionType]:
    code = function
    if not isinstance(function, (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial)):
        code = type(function).__call__  # of an object
    if inspect.isasyncgenfunction(code):
        return _async_generator
    if inspect.iscoroutinefunction(code) or _is_marked(function):
        return _coroutine
    return _generator if inspect.isgeneratorfunction(code) else _call


def _is_marked(function: Callable[..., Any]) -> bool:
    """Whether it only returns a coroutine, and is marked as asyncio and Django do it before Python 3.12."""
    mark = getattr(sys.modules.get("asyncio.coroutines"), "_is_coroutine", None)
    return mark is not None and getattr(function, "_is_coroutine", None) is mark


def _like(function: Callable[..., Any], wrapper: types.FunctionType) -> Callable[..., Any]:
    # frameworks look annotations up in the globals of what they call; a wrapper uses none of its own
    names = getattr(inspect.unwrap(function), "__globals__", wrapper.__globals__)
    at_home = types.FunctionType(wrapper.__code__, names, wrapper.__name__, None, wrapper.__closure__)
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    if flags & inspect.CO_ITERABLE_COROUTINE:  # a generator that may be awaited
        types.coroutine(at_home)
    return functools.update_wrapper(at_home, function)


def _call(function: Callable[..., Any], around: Around) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # of pytest
        with around(args, kwargs):
            return function(*args, **kwargs)

    return call


def _coroutine(function: Callable[..., Any], around: Around) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # of pytest
        with around(args, kwargs):
            return await function(*args, **kwargs)

    return call


def _generator(function: Callable[..., Any], around: Around) -> Any:
    # what comes in is handed in outside of `except`, or it would be the context of the generator's next error;
    # GeneratorExit is thrown in as well, since a generator may end with a value or go on
    error, end = BaseException, StopIteration

    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        __tracebackhide__ = True  # of pytest
        generator = function(*args, **kwargs)
        thrown = sent = None
        with around(args, kwargs) as step:
            while True:
                try:
                    item = generator.send(sent) if thrown is None else generator.throw(thrown)
                except end as stop:
                    return stop.value
                finally:
                    thrown = sent = None  # an error's traceback has this frame: no cycle
                step.pause()
                try:
                    sent = yield item
                except error as caught:
                    thrown = caught
                item = None
                step.resume()

    return call


def _async_generator(function: Callable[..., Any], around: Around) -> Any:
    error, end = BaseException, StopAsyncIteration

    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        __tracebackhide__ = True  # of pytest
        generator = function(*args, **kwargs)
        thrown = sent = None
        with around(args, kwargs) as step:
            while True:
                try:
                    item = await (generator.asend(sent) if thrown is None else generator.athrow(thrown))
                except end:
                    return
                finally:
                    thrown = sent = None
                step.pause()
                try:
                    sent = yield item
                except error as caught:
                    thrown = caught
                item = None
                step.resume()

    return call

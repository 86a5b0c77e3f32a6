"""What is said of functions and of how their calls ended, by the semantic conventions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from sys import _getframe
from typing import Any, NamedTuple

from tidegate.records import Origin

#: Calls whose place is remembered, since finding a line's number takes long.
MAX_PLACES = 4096

#: By code object, which is kept so that no other one gets its id, and the place in it.
_places: dict[tuple[int, int], tuple[Any, Place]] = {}


class Place(NamedTuple):
    """Where in the code something is recorded: the module is the instrumentation scope."""

    module: str
    name: str
    origin: Origin


_NOWHERE = Place("__main__", "", Origin())


def place_of(function: Callable[..., Any]) -> Place:
    """Of a function, without what a local one is local to."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    module = getattr(function, "__module__", None) or "builtins"
    qualname = named.__qualname__.rpartition("<locals>.")[2]
    code = getattr(inspect.unwrap(function), "__code__", None)
    name = f"{module}.{qualname}"
    return Place(module, name, Origin("", code.co_filename, code.co_firstlineno, name) if code else Origin())


def place_of_caller() -> Place:
    """Of the line that calls what calls this."""
    try:
        frame = _getframe(2)
    except ValueError:  # called by no code of Python's, as by `atexit` or a new thread
        return _NOWHERE
    code = frame.f_code
    key = (id(code), frame.f_lasti)
    known = _places.get(key)
    if known is None:
        if len(_places) >= MAX_PLACES:
            _places.clear()
        module = frame.f_globals.get("__name__") or "__main__"
        place = Place(module, "", Origin("", code.co_filename, frame.f_lineno or 0, code.co_name))
        known = _places[key] = code, place
    return known[1]


def is_error(error: BaseException) -> bool:
    """Whether a call has failed that ended so: it has not where it was cancelled, a generator was closed, the program
    is to end, or an iterator has no more."""
    return isinstance(error, Exception) and not isinstance(error, (StopIteration, StopAsyncIteration))

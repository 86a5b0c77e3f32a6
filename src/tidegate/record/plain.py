"""Values that an application logs, as what OpenTelemetry and the store take. Nothing here raises."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

#: Nesting of a value beyond which its text is kept.
MAX_DEPTH = 16

#: Mappings and sequences kept of one value; objects that refer to each other would go on for ever.
MAX_NESTED = 10_000

#: Characters kept of an exception's message, and of its stack trace: its beginning and its end.
MAX_MESSAGE, MAX_STACKTRACE = 32_768, 65_536

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

_SCALARS = frozenset({type(None), str, bool, int, float, bytes})


def plain(value: Any) -> Any:
    """``value`` as OpenTelemetry's AnyValue, text in place of any other object.

    The SDK would do the same with a warning for each, on the application's console.
    """
    if type(value) in _SCALARS:
        return value
    try:
        return _plain(value, 0, [MAX_NESTED])
    except Exception:  # a mapping or a number of the application's own that does not behave like one
        return text(value)


def _plain(value: Any, depth: int, room: list[int]) -> Any:
    if type(value) in _SCALARS:
        return value
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        room[0] -= 1
        if room[0] < 0:
            return "…"
        if depth < MAX_DEPTH:
            if isinstance(value, Mapping):
                return {text(name): _plain(item, depth + 1, room) for name, item in value.items()}
            return [_plain(item, depth + 1, room) for item in value]
    for base in (int, float, str):
        if isinstance(value, base):
            return base(value)
    return text(value)


def text(value: object) -> str:
    """``str(value)``, or what can be said of an object that has none.

    What ends the program passes: it comes from elsewhere, a signal for instance.
    """
    try:
        return str(value)
    except Exception as error:
        return f"<{type(value).__qualname__} without a text: {type(error).__qualname__}>"


def shortened(whole: str, most: int) -> str:
    """The beginning and the end of a text that is longer than ``most``."""
    if len(whole) <= most:
        return whole
    half = most // 2
    return f"{whole[:half]}\n… {len(whole) - 2 * half} characters left out …\n{whole[-half:]}"


def type_name(kind: type) -> str:
    """``error.type`` and ``exception.type``, as OpenTelemetry's SDK has it."""
    module = kind.__module__
    return f"{module}.{kind.__qualname__}" if module and module != "builtins" else kind.__qualname__


def exception_attributes(exc_info: ExcInfo) -> dict[str, Any]:
    """``exception.*`` by the semantic conventions, nothing for an empty ``exc_info``."""
    kind, value, trace = exc_info
    if kind is None:
        return {}
    return {
        "exception.type": type_name(kind),
        "exception.message": shortened(text(value), MAX_MESSAGE),
        "exception.stacktrace": shortened(_stacktrace(kind, value, trace), MAX_STACKTRACE),
    }


def _stacktrace(kind: type[BaseException], value: BaseException | None, trace: TracebackType | None) -> str:
    try:
        return "".join(traceback.format_exception(kind, value, trace))
    except Exception:  # of a class that says wrong things of itself
        return "".join(traceback.format_tb(trace))


def current_exc_info(value: Any) -> ExcInfo | None:
    """What libraries allow for ``exc_info``: an exception, a triple, or true for the one being handled."""
    if isinstance(value, BaseException):
        return (type(value), value, value.__traceback__)
    if isinstance(value, tuple) and len(value) == 3:
        return value
    if not value:
        return None
    current = sys.exc_info()
    return current if current[0] is not None else None

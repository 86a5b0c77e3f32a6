"""What a test expects of an attribute, a name or a text, and whether something is like it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: A name or text: equal, by a regular expression that is found in it, or by what a function says; None is any.
Like = str | re.Pattern[str] | Callable[[Any], Any] | None

_MISSING = object()


def is_like(expected: Any, value: Any) -> bool:
    """Whether a value is what is expected: equal; of a type; found by a regular expression; true of a function.

    ``...`` expects any value. Booleans equal no numbers, lists equal tuples. Objects with an ``==`` of their own, such
    as ``pytest.approx(…)``, decide themselves.

    >>> is_like(re.compile("^ord"), "order-7"), is_like(int, "7"), is_like(lambda n: n > 3, 7), is_like(True, 1)
    (True, False, True, False)
    """
    if expected is ...:
        return True
    if isinstance(expected, type):
        return isinstance(value, expected) and (expected is bool or not isinstance(value, bool) or expected is object)
    if isinstance(expected, re.Pattern):
        return isinstance(value, str) and expected.search(value) is not None
    if isinstance(expected, (list, tuple)) and isinstance(value, (list, tuple)):
        return len(expected) == len(value) and all(map(is_like, expected, value))
    if isinstance(expected, (bool, int, float)) and bool in (type(expected), type(value)):
        return expected is value
    if callable(expected):
        return bool(expected(value))
    return bool(expected == value)


def named_like(expected: Like, *names: Any) -> bool:
    """Whether one of these names is expected."""
    return expected is None or any(is_like(expected, name) for name in names)


def have(attributes: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Whether there are such attributes; None expects that there is none."""
    for name, wanted in expected.items():
        value = attributes.get(name, _MISSING)
        if wanted is None:
            if value is not _MISSING and value is not None:
                return False
        elif value is _MISSING or not is_like(wanted, value):
            return False
    return True


def described(what: str, name: Like, **conditions: Any) -> str:
    """The question in words, such as ``span 'charge' with amount=3``."""
    wanted = [f"{key}={_shown(value)}" for key, value in conditions.pop("attributes", {}).items()]
    wanted += [f"{key}={_shown(value)}" for key, value in conditions.items() if value is not None]
    text = what if name is None else f"{what} {_shown(name)}"
    return f"{text} with {', '.join(wanted)}" if wanted else text


def _shown(value: Any) -> str:
    if isinstance(value, re.Pattern):
        return f"/{value.pattern}/"
    return "…" if value is ... else getattr(value, "__qualname__", repr(value)) if callable(value) else repr(value)


def near(name: Any, names: Sequence[str]) -> list[str]:
    """Names that were perhaps meant."""
    return difflib.get_close_matches(name, dict.fromkeys(names), n=3, cutoff=0.6) if isinstance(name, str) else []

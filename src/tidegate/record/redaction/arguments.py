"""Arguments that are secrets by their names: of a message that was filled in, and of a command."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

#: What stands for a named argument in a template of logging's.
_NAMED = re.compile(r"%\((\w[\w.-]*)\)[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]")

#: What is written of an argument, by its name and value; the value itself where it is no secret.
Hide = Callable[[str, Any], Any]


def is_named(template: object) -> bool:
    """Whether a message may have been filled in from a mapping."""
    return isinstance(template, str) and "%(" in template


def filled(template: str, body: str, hide: Hide) -> str:
    """``body`` without what is a secret by its name in the template that it was made of; one that does not fit stays.

    >>> filled("%(user)s logs in by %(pin)s", "ann logs in by 1234", lambda name, value: "*" if name == "pin" else "-")
    '- logs in by *'
    """
    first, *rest = _NAMED.split(template.replace("%%", "%"))
    if not body.startswith(first):
        return body
    parts, at = [first], len(first)
    names: list[str] = []
    for place in range(0, len(rest), 2):
        name, literal = rest[place : place + 2]
        is_last = place + 2 == len(rest)
        names.append(name)
        if not literal and not is_last:
            continue  # nobody knows where the one ends and the next begins
        end = len(body) - len(literal) if is_last else body.find(literal, at)
        if end < at or (is_last and not body.endswith(literal)):
            return body
        parts += (_hidden(names, body[at:end], hide), literal)
        names = []
        at = end + len(literal)
    return "".join(parts)


def _hidden(names: list[str], value: str, hide: Hide) -> Any:
    """The value of arguments side by side, by the first that is a secret."""
    return next((shown for name in names if (shown := hide(name, value)) != value), value)


def without_flagged(values: list[Any], hide: Hide) -> list[Any]:
    """The arguments of a command without those that follow a ``--flag`` that tells a secret."""
    if not any(type(value) is str and value.startswith("--") for value in values[:-1]):
        return values
    hidden = [
        hide(flag, value) if _is_flag(flag) and isinstance(value, str) and not value.startswith("-") else value
        for flag, value in pairwise(values)
    ]
    return [values[0], *hidden]


def _is_flag(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("--")

"""What ``where`` asks of the values that a record has by their keys.

======================  ==========================================================================
condition               holds for a record
======================  ==========================================================================
``key=value``           whose value, as text, is this one
``key!=value``          of which that is not so: it has another value, or none
``key>5``, ``key>=5``   whose value is a number greater than that, or not less
``key<5``, ``key<=5``   whose value is a number less than that, or not greater
``key?``                that has any value
``key!?``               that has none
======================  ==========================================================================

A key ends where the first operator begins, so values may have any characters. A mapping asks for
equality, with keys of any characters. Lengths of time may be written with a unit: ``duration>=500ms``;
severities as numbers or by name: ``severity>=9``, ``severity>=warn``.
"""

from __future__ import annotations

import math
import operator
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate import ndjson
from tidegate.errors import QueryError
from tidegate.records import SEVERITIES
from tidegate.store.sealed.shapes import MISSING

#: Conditions as a caller gives them: a mapping for equality, or texts (one, or several).
Where = Mapping[str, Any] | Iterable[str]

#: Conditions that one question may have.
MAX_CONDITIONS = 64

#: Keys of fields whose values are words in capital letters, which may be asked for in any case.
WORDS = ("kind", "status", "severity")

#: Names by which severities are known, and the lowest number of each.
SEVERITY_NUMBERS = {**SEVERITIES, "WARNING": 13, "CRITICAL": 21, "ERR": 17}

#: Numbers that have the same name.
SEVERITY_RANGE = 4

#: Nanoseconds of the units in which times are written.
UNITS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 604800 * 10**9,
}

_CONDITION = re.compile(r"([^=<>]+?)(!=|>=|<=|=|>|<)(.*)|([^=<>]+?)(!\?|\?)", re.DOTALL)
#: Never beyond what a float holds.
NUMBER = "[-+]?[0-9]{1,30}([.][0-9]{1,30})?([eE][-+]?[0-9]{1,2})?"
LENGTH = f"[0-9]{{1,12}}([.][0-9]{{1,12}})?({'|'.join(UNITS)})"
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

RULE = "KEY=VALUE, KEY!=VALUE, KEY>NUMBER, KEY>=NUMBER, KEY<NUMBER, KEY<=NUMBER, KEY? (has it) or KEY!? (has not)"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; ``operator`` is one of the module's table, ``text`` what stands behind it."""

    key: str
    operator: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.key}{self.operator}{self.text}"

    @classmethod
    def parse(cls, text: str) -> Condition:
        """From the form in the module's table; raises `QueryError`."""
        found = _CONDITION.fullmatch(text) if type(text) is str else None
        if found is None:
            raise QueryError(f"a condition is {text!r}; it must be {RULE}, such as http.route=/orders.")
        condition = cls(found[1] or found[4], found[2] or found[5], found[3] or "")
        if condition.operator in _COMPARE:
            condition.number()
        return condition

    @property
    def field(self) -> str:
        """The field that is meant where no attribute has the key."""
        if self.key == "severity" and (self.operator in _COMPARE or self.text.isdecimal()):
            return "severity_number"
        return self.key

    def number(self) -> float:
        """What values are compared with; raises `QueryError`."""
        if re.fullmatch(NUMBER, self.text):
            return int(self.text) if self.text.lstrip("-+").isdigit() else float(self.text)
        if self.key == "severity" and (lowest := SEVERITY_NUMBERS.get(self.text.upper())):
            return lowest + SEVERITY_RANGE - 1 if self.operator in (">", "<=") else lowest
        if self.key == "duration" and (found := re.fullmatch(LENGTH, self.text)):
            return float(self.text.removesuffix(found[2])) * UNITS[found[2]]
        raise QueryError(
            f"{str(self)!r} compares with {self.text!r}; it must be a number (a duration may have a unit, a severity"
            " may be a name)."
        )

    def test(self) -> Callable[[Any], bool]:
        """Whether the condition holds for a value, or for `MISSING`."""
        if self.operator in ("?", "!?"):
            has = self.operator == "?"
            return lambda value: (value is not MISSING) is has
        if self.operator in _COMPARE:
            return _comparison(_COMPARE[self.operator], self.number())
        return _equality(self._texts(), wanted=self.operator == "=")

    def _texts(self) -> set[str]:
        """How a value that is asked for may be written."""
        if self.key not in WORDS:
            return {self.text}
        word = self.text.upper()
        severity = SEVERITY_NUMBERS.get(word) if self.key == "severity" else None
        return {self.text, word, *(name for name, number in SEVERITIES.items() if number == severity)}

    def needs(self) -> tuple[str, str | None] | None:
        """The key, and the text if there is one that a matching record has; None where that cannot be said."""
        if self.operator in ("!=", "!?"):
            return None
        return self.key, self.text if self.operator == "=" else None


def _equality(texts: set[str], *, wanted: bool) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        found = value if type(value) is str else None if value is MISSING else as_text(value)
        return (found in texts) is wanted

    return test


def _comparison(compare: Callable[[Any, Any], bool], number: float) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and compare(value, number)

    return test


def conditions(where: Where | None) -> tuple[Condition, ...]:
    """What a caller gives as ``where``; raises `QueryError`."""
    if not where:
        return ()
    if isinstance(where, Mapping):
        found = [Condition(key, "=", as_text(value)) for key, value in where.items()]
    else:
        found = [Condition.parse(text) for text in ([where] if isinstance(where, str) else where)]
    if len(found) > MAX_CONDITIONS:
        raise QueryError(f"where has {len(found)} conditions; it must have {MAX_CONDITIONS} at most.")
    _check_contradictions(found)
    return tuple(dict.fromkeys(found))


def _check_contradictions(found: Iterable[Condition]) -> None:
    equal: dict[str, str] = {}
    for condition in found:
        if condition.operator == "=" and equal.setdefault(condition.key, condition.text) != condition.text:
            raise QueryError(
                f"where asks that {condition.key!r} be {equal[condition.key]!r} and {condition.text!r};"
                " nothing can be both: leave one out."
            )


def as_text(value: Any) -> str:
    """A value as text: a number as in JSON, bytes as Base64, anything larger as JSON, which is how
    OpenTelemetry writes values where there is only text. What JSON lacks is as `tidegate.ndjson` shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return ndjson.integer_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return ndjson.dumps(value).decode().removesuffix("\n")


def parse_length(value: str | int, name: str) -> int:
    """A length of time in ns, from that or from text such as ``1m``; raises `QueryError`."""
    if isinstance(value, str):
        for unit, size in UNITS.items():
            digits = value.strip().removesuffix(unit).strip()
            if value.strip().endswith(unit) and digits.isdecimal() and digits.isascii() and len(digits) < 10:
                value = int(digits) * size
                break
    if type(value) is not int or value < 1:
        raise QueryError(f"the {name} is {value!r}; it must be ns, or text such as 30s, 1m or 2h.")
    return value

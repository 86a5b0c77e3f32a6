"""What a dialect is, and what all of them have in common: the checks of numbers, ids and texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tidegate import ndjson

#: Values nested deeper than this many levels are written as JSON text: protobuf reads 100 messages deep, of
#: which a level takes three, and some stand around the value.
MAX_DEPTH = 24

U32_MAX, U64_MAX = (1 << 32) - 1, (1 << 64) - 1
S32_MIN, S32_MAX = -(1 << 31), (1 << 31) - 1
S64_MIN, S64_MAX = -(1 << 63), (1 << 63) - 1

#: Scales of exponential histograms to either side, of which a reader can raise 2 to 2 to the power; those of
#: OpenTelemetry's SDKs go from -10 to 20.
MAX_SCALE = 64

#: Characters of a wrong value in an error's message.
SHOWN = 60

Convert = Callable[[Any], Any]


class Malformed(ValueError):
    """A field that breaks its rule; ``path`` leads to it from the outside."""

    def __init__(self, value: object, rule: str, path: Iterable[str] = ()) -> None:
        super().__init__(rule)
        self.value, self.rule, self.path = value, rule, list(path)

    def __str__(self) -> str:
        shown = repr(self.value)
        shown = shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
        return f"{'.'.join(self.path) or 'the message'} is {shown}; it must be {self.rule}"


@dataclass(frozen=True)
class Dialect:
    """One encoding: the ``names`` under which a field may come, the first being the one that is written;
    the ``pairs`` of a message that has come; and for each scalar how it is written and read (None: as it is).
    """

    names: Callable[[str], tuple[str, ...]]
    pairs: Callable[[Any], Iterable[tuple[str, Any]]]
    write: Mapping[str, Convert | None]
    read: Mapping[str, Convert | None]
    enums_by_name: bool = False


def within(low: int, high: int) -> Convert:
    """The nearest number that the field's bits can carry."""

    def keep(value: int) -> int:
        return value if low <= value <= high else low if value < low else high

    return keep


def whole(low: int, high: int) -> Convert:
    """Reads a whole number, which JSON may have as text."""

    def read(value: Any) -> int:
        if type(value) is not int:
            value = _whole(value, f"a whole number from {low} to {high}")
        if not low <= value <= high:
            raise Malformed(value, f"a whole number from {low} to {high}")
        return int(value)

    return read


def _whole(value: Any, rule: str) -> int:
    try:
        if isinstance(value, str) or (isinstance(value, float) and value.is_integer()):
            return int(value)
    except ValueError:
        pass
    raise Malformed(value, rule)


def real(value: Any) -> float:
    """Reads a number, which JSON has as text when it is none (``NaN``, ``Infinity``, ``-Infinity``)."""
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (OverflowError, ValueError):
            pass
    raise Malformed(value, "a number")


def as_real(value: Any) -> float:
    """The number itself, or the nearest infinity."""
    try:
        return float(value)
    except OverflowError:
        return float("inf" if value > 0 else "-inf")


def text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Malformed(value, "text")


def flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise Malformed(value, "true or false")


def identifier(digits: int) -> Convert:
    """Reads an id of so many hexadecimal digits; empty, or all zeros, is none."""
    fits, none = re.compile(f"[0-9a-f]{{{digits}}}").fullmatch, "0" * digits

    def read(value: Any) -> str:
        if value == "":
            return ""
        id = value.lower() if isinstance(value, str) else ""
        if not fits(id):
            raise Malformed(value, f"{digits} hexadecimal digits")
        return "" if id == none else id

    return read


def as_text(value: Any) -> str:
    """What a value becomes that OTLP cannot carry: its JSON."""
    plain = ndjson.jsonable(value)
    return plain if isinstance(plain, str) else orjson.dumps(plain).decode()


def without_surrogates(value: Any) -> Any:
    """The same with escapes in place of lone surrogates, which no UTF-8 can carry."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_surrogates(item) for item in value]
    return value

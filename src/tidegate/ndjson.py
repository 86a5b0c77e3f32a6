"""Records as lines of JSON (NDJSON), with what JSON cannot carry written as the nearest thing that it can."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
_DEEPEST = 100

#: Bits up to which an integer becomes decimal text; Python refuses that beyond 4,300 digits.
_LONGEST_INTEGER = 4096


def dumps(record: Any) -> bytes:
    """One line of JSON.

    NaN and infinities become null, bytes base64, integers beyond 64 bits text (hexadecimal beyond
    4,096 bits), lone surrogates the text ``\\udXXX``, what is nested too deep ``…``, and anything
    else its ``str``.
    """
    try:
        return orjson.dumps(record, default=jsonable, option=OPTIONS)
    except TypeError:
        return orjson.dumps(jsonable(record), option=OPTIONS)


def jsonable(value: Any, depth: int = 0) -> Any:
    """``value`` made of nothing but what JSON can carry, by the rules of `dumps`."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, (bool, float)) or value is None:
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else integer_text(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if depth == _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {jsonable(str(key)): jsonable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [jsonable(item, depth + 1) for item in value]
    return jsonable(str(value))


def integer_text(value: int) -> str:
    """An integer as decimal digits, beyond 4,096 bits as hexadecimal ones."""
    return str(int(value)) if value.bit_length() <= _LONGEST_INTEGER else hex(value)

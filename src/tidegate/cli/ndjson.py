"""Records as lines of JSON (NDJSON) on standard output."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from tidegate.cli.safe import safe_json

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
_DEEPEST = 100


def write_json(record: Mapping[str, Any]) -> None:
    """One record as one line; see `dumps`."""
    sys.stdout.buffer.write(dumps(record))


def dumps(record: Mapping[str, Any]) -> bytes:
    """One line of JSON, with what JSON cannot carry written as the nearest thing that it can.

    NaN and infinities become null, bytes base64, integers beyond 64 bits decimal text, lone
    surrogates the text ``\\udXXX``, what is nested too deep ``…``, and anything else its ``str``.
    Characters that could harm a terminal are escaped, which means the same to whoever parses it.
    """
    try:
        line = orjson.dumps(record, default=jsonable, option=_OPTIONS)
    except TypeError:
        line = orjson.dumps(jsonable(record), option=_OPTIONS)
    return safe_json(line)


def jsonable(value: Any, depth: int = 0) -> Any:
    """``value`` made of nothing but what JSON can carry, by the rules of `dumps`."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, (bool, float)) or value is None:
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if depth == _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {jsonable(str(key)): jsonable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [jsonable(item, depth + 1) for item in value]
    return jsonable(str(value))

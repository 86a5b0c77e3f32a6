"""Values that JSON cannot carry, written as tagged objects and read back as they were.

==================================  ============================================
value                               in the block
==================================  ============================================
bytes                               ``{"$bytes": "<base64>"}``
an integer beyond 64 bits           ``{"$int": "<hex, 0x…>"}``
NaN, infinities                     ``{"$float": "nan" | "inf" | "-inf"}``
text with lone surrogates           ``{"$text": "<base64 of UTF-8, surrogates passed>"}``
a mapping with a key that has ``$`` ``{"$map": [[key, value], …]}``
an enum's member                    its value
anything else                       its ``str()``
what is nested too deep, or in      ``"…"``
itself
==================================  ============================================

Only blocks marked ``tagged`` hold such objects; in all others ``{"$bytes": …}`` is just data.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import orjson

#: Nesting beyond this many levels is cut off where tags are needed.
MAX_DEPTH = 32

#: More levels than JSON that was read ever has, for values that are written once more as they were.
AS_READ = 1 << 10

#: A quarter of the time that `in` takes to find nothing in a block.
_NULL = re.compile(b"null")

_INT_MIN, _INT_MAX = -(1 << 63), (1 << 64) - 1

#: Without these orjson has forms of its own for them, which only blocks without tags would have.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def dumps(columns: dict[str, Any], deepest: int = MAX_DEPTH) -> bytes:
    """JSON of a block's columns; the slow way, with tags, only for those that need it.

    With tags, nesting beyond ``deepest`` levels is cut off.
    """
    try:
        raw = orjson.dumps(columns, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return _dumps_tagged(columns, deepest)
    # orjson writes NaN and the infinities as null without a word
    if _NULL.search(raw) and _has_nonfinite(columns):
        return _dumps_tagged(columns, deepest)
    return raw


def snapshot(value: Any) -> Any:
    """``value`` as a reader will see it: a copy of plain values that ends, whatever it was."""
    if value is None or type(value) in (str, bool, int, float, bytes):
        return value
    try:
        return untag(tag(value))
    except Exception:  # a mapping or sequence of the application's own that cannot be read
        return f"<{type(value).__name__}>"


def loads(raw: bytes) -> dict[str, Any]:
    """The columns of a block, tags resolved."""
    columns: dict[str, Any] = orjson.loads(raw)
    if columns.pop("tagged", False):
        columns = {name: untag(column) for name, column in columns.items()}
    return columns


def _dumps_tagged(columns: dict[str, Any], deepest: int) -> bytes:
    try:
        tagged = {name: tag(column, deepest=deepest) for name, column in columns.items()}
        return orjson.dumps({"tagged": True, **tagged})
    except (TypeError, RecursionError):  # with its tags, it is nested too deep for JSON
        if deepest <= MAX_DEPTH:
            raise
        return _dumps_tagged(columns, MAX_DEPTH)


def _has_nonfinite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(_has_nonfinite(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_has_nonfinite(item) for item in value)
    return False


def tag(value: Any, path: tuple[int, ...] = (), deepest: int = MAX_DEPTH) -> Any:
    """``value`` in a form that JSON carries; see the module's table. ``path``: the ids of what it is in."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return tag(value.value, (*path, id(value)), deepest) if len(path) < deepest else "…"
    if isinstance(value, str):
        return _tag_text(value)
    if isinstance(value, int):
        return int(value) if _INT_MIN <= value <= _INT_MAX else {"$int": hex(value)}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": b64encode(bytes(value)).decode()}
    if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return _tag_text(_text_of(value))
    if len(path) >= deepest or id(value) in path:
        return "…"
    path = (*path, id(value))
    if isinstance(value, Mapping):
        return _tag_mapping(value, path, deepest)
    return [tag(item, path, deepest) for item in value]


def _tag_text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"$text": b64encode(value.encode("utf-8", "surrogatepass")).decode()}
    return str.__str__(value)


def _tag_mapping(value: Mapping[Any, Any], path: tuple[int, ...], deepest: int) -> Any:
    pairs = [(key if isinstance(key, str) else _text_of(key), item) for key, item in value.items()]
    plain = all(not key.startswith("$") and isinstance(_tag_text(key), str) for key, _ in pairs)
    if plain:
        return {str(key): tag(item, path, deepest) for key, item in pairs}
    return {"$map": [[_tag_text(key), tag(item, path, deepest)] for key, item in pairs]}


def _text_of(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # the application's own __str__ failed; its type is all there is to say
        return f"<{type(value).__name__}>"


_UNTAG: dict[str, Callable[[Any], Any]] = {
    "$int": lambda text: int(text, 16),
    "$float": float,
    "$bytes": b64decode,
    "$text": lambda text: b64decode(text).decode("utf-8", "surrogatepass"),
    "$map": lambda pairs: {untag(key): untag(item) for key, item in pairs},
}


def untag(value: Any) -> Any:
    """The inverse of `tag` (tuples and sets come back as lists)."""
    if isinstance(value, dict):
        if len(value) == 1:
            name = next(iter(value))
            if name in _UNTAG:
                return _UNTAG[name](value[name])
        return {key: untag(item) for key, item in value.items()}
    if isinstance(value, list):
        return [untag(item) for item in value]
    return value

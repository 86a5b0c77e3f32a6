"""Numbers and attribute values as text."""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from collections.abc import Mapping
from typing import Any

from tidegate import ndjson

#: Beyond it, and below its negative, a number is an infinity to Prometheus, whose values are 64-bit floats.
GREATEST = sys.float_info.max

#: Nesting of an attribute's value beyond this many levels is cut off.
MAX_DEPTH = 32

_SURROGATE = re.compile("[\ud800-\udfff]")


def number(value: float) -> str:
    """The shortest text that is read back as the same number."""
    if -GREATEST <= value <= GREATEST:
        return str(+value)  # + makes an int of a bool
    return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124 - only NaN is not itself


def label_value(value: Any) -> str:
    """An attribute's value, by the specification's "AnyValue representation for non-OTLP protocols":
    text as it is, None as nothing, bytes as base64, lists and maps as JSON, other scalars as JSON has them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    plain = _plain(value, 0)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def escaped(text: str) -> str:
    """Text for between quotes; a lone surrogate, which UTF-8 cannot carry, becomes U+FFFD."""
    return help_text(text).replace('"', '\\"')


def help_text(text: str) -> str:
    """Text for a HELP line of the format 0.0.4, where quotes stay as they are."""
    return _SURROGATE.sub("\ufffd", text).replace("\\", "\\\\").replace("\n", "\\n")


def _plain(value: Any, depth: int) -> Any:
    """``value`` made of what JSON can carry."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value) if value.bit_length() <= 64 else ndjson.integer_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if depth == MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    return str(value)

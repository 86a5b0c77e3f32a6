"""OTLP in JSON (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): lowerCamelCase names, ids in
hexadecimal, enums as numbers, 64-bit integers as text, bytes in base64.

Read are also enums by name, 64-bit integers as numbers, and field names as the protocol spells them.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import orjson

from tidegate.otlp import dialect
from tidegate.otlp.dialect import MAX_DEPTH, S64_MAX, S64_MIN, Dialect, Malformed


def _names(name: str) -> tuple[str, ...]:
    first, *others = name.split("_")
    camel = first + "".join(word.capitalize() for word in others)
    return (camel, name) if others else (name,)


def _write_64(low: int, high: int) -> dialect.Convert:
    keep = dialect.within(low, high)
    return lambda value: str(keep(value))


def _write_real(value: Any) -> Any:
    number = dialect.as_real(value)
    if math.isfinite(number):
        return number
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"  # noqa: PLR0124 — NaN alone differs


def write_value(value: Any, depth: int = 0) -> dict[str, Any]:
    """An AnyValue; the empty object is None."""
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if S64_MIN <= value <= S64_MAX else {"stringValue": dialect.as_text(value)}
    if isinstance(value, float):
        return {"doubleValue": _write_real(value)}
    if value is None:
        return {}
    if isinstance(value, (bytes, bytearray)):
        return {"bytesValue": b64encode(value).decode()}
    if depth >= MAX_DEPTH:
        return {"stringValue": dialect.as_text(value)}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": write_attributes(value, depth + 1)}}
    return {"arrayValue": {"values": [write_value(item, depth + 1) for item in value]}}


def write_attributes(attributes: Mapping[str, Any], depth: int = 0) -> list[dict[str, Any]]:
    return [{"key": key, "value": write_value(value, depth)} for key, value in attributes.items()]


def read_value(value: Any) -> Any:
    if not isinstance(value, dict):
        raise Malformed(value, "an object such as {'stringValue': …}")
    for kind, content in value.items():
        read = _READ.get(kind)
        if read is not None and content is not None:
            return read(content)
    return None


def read_attributes(values: Any) -> dict[str, Any]:
    if not isinstance(values, list):
        raise Malformed(values, "a list of objects with key and value")
    try:
        return {dialect.text(item["key"]): read_value(item.get("value", {})) for item in values}
    except (KeyError, TypeError, AttributeError):
        raise Malformed(values, "a list of objects with key and value") from None


def _read_bytes(value: Any) -> bytes:
    try:
        # the URL's alphabet too, and without padding, as protobuf's JSON mapping has it
        return b64decode(value.translate(_STANDARD) + "=" * (-len(value) % 4), validate=True)
    except (AttributeError, ValueError, TypeError):
        raise Malformed(value, "bytes in base64") from None


_STANDARD = str.maketrans("-_", "+/")


def _read_list(value: Any) -> list[Any]:
    values = value.get("values") or [] if isinstance(value, dict) else None
    if not isinstance(values, list):
        raise Malformed(value, "an object with a list of values")
    return [read_value(item) for item in values]


def _read_mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(value, "an object with a list of values")
    return read_attributes(value.get("values") or [])


_READ = {
    name: read
    for field, read in {
        "string_value": dialect.text,
        "bool_value": dialect.flag,
        "int_value": dialect.whole(S64_MIN, S64_MAX),
        "double_value": dialect.real,
        "bytes_value": _read_bytes,
        "array_value": _read_list,
        "kvlist_value": _read_mapping,
    }.items()
    for name in _names(field)
}

JSON = Dialect(
    _names,
    dict.items,
    write={
        "text": None,
        "bool": None,
        "trace_id": None,
        "span_id": None,
        "u32": dialect.within(0, dialect.U32_MAX),
        "s32": dialect.within(dialect.S32_MIN, dialect.S32_MAX),
        "scale": None,
        "u64": _write_64(0, dialect.U64_MAX),
        "s64": _write_64(S64_MIN, S64_MAX),
        "double": _write_real,
        "any": write_value,
        "attributes": write_attributes,
    },
    read={
        "text": dialect.text,
        "bool": dialect.flag,
        "trace_id": dialect.identifier(32),
        "span_id": dialect.identifier(16),
        "u32": dialect.whole(0, dialect.U32_MAX),
        "s32": dialect.whole(dialect.S32_MIN, dialect.S32_MAX),
        "scale": dialect.whole(-dialect.MAX_SCALE, dialect.MAX_SCALE),
        "u64": dialect.whole(0, dialect.U64_MAX),
        "s64": dialect.whole(S64_MIN, S64_MAX),
        "double": dialect.real,
        "any": read_value,
        "attributes": read_attributes,
    },
)


def dumps(signal: str, message: dict[str, Any]) -> bytes:
    return orjson.dumps(message)

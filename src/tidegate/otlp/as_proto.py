"""OTLP in protobuf, by the generated classes of opentelemetry-proto."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tidegate.otlp import dialect
from tidegate.otlp.dialect import MAX_DEPTH, S64_MAX, S64_MIN, Dialect, Malformed

MESSAGES: dict[str, Any] = {"spans": TracesData, "logs": LogsData, "metrics": MetricsData}


def write_value(value: Any, depth: int = 0) -> dict[str, Any]:
    """The fields of an AnyValue; none for None."""
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value} if S64_MIN <= value <= S64_MAX else {"string_value": dialect.as_text(value)}
    if isinstance(value, float):
        return {"double_value": value}
    if value is None:
        return {}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes_value": bytes(value)}
    if depth >= MAX_DEPTH:
        return {"string_value": dialect.as_text(value)}
    if isinstance(value, Mapping):
        return {"kvlist_value": {"values": write_attributes(value, depth + 1)}}
    return {"array_value": {"values": [write_value(item, depth + 1) for item in value]}}


def write_attributes(attributes: Mapping[str, Any], depth: int = 0) -> list[dict[str, Any]]:
    return [{"key": key, "value": write_value(value, depth)} for key, value in attributes.items()]


def read_value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(value, kind)
    if kind == "array_value":
        return [read_value(item) for item in content.values]
    if kind == "kvlist_value":
        return read_attributes(content.values)
    # an index into a table of texts that only profiles have
    return None if kind == "string_value_strindex" else content


def read_attributes(values: Any) -> dict[str, Any]:
    return {item.key: read_value(item.value) for item in values}


def _pairs(message: Any) -> Iterator[tuple[str, Any]]:
    return ((field.name, value) for field, value in message.ListFields())


def _read_id(size: int) -> dialect.Convert:
    read = dialect.identifier(2 * size)

    def read_bytes(value: bytes) -> str:
        if value and len(value) != size:
            raise Malformed(value, f"{size} bytes")
        return str(read(value.hex()))

    return read_bytes


PROTO = Dialect(
    lambda name: (name,),
    _pairs,
    write={
        "text": None,
        "bool": None,
        "trace_id": bytes.fromhex,
        "span_id": bytes.fromhex,
        "u32": dialect.within(0, dialect.U32_MAX),
        "s32": dialect.within(dialect.S32_MIN, dialect.S32_MAX),
        "scale": None,
        "u64": dialect.within(0, dialect.U64_MAX),
        "s64": dialect.within(S64_MIN, S64_MAX),
        "double": dialect.as_real,
        "any": write_value,
        "attributes": write_attributes,
    },
    read={
        **dict.fromkeys(("text", "bool", "u32", "s32", "u64", "s64", "double")),
        "scale": dialect.whole(-dialect.MAX_SCALE, dialect.MAX_SCALE),
        "trace_id": _read_id(16),
        "span_id": _read_id(8),
        "any": read_value,
        "attributes": read_attributes,
    },
)


def dumps(signal: str, message: dict[str, Any]) -> bytes:
    data: bytes = MESSAGES[signal](**message).SerializeToString()
    return data


def parse(signal: str, payload: bytes) -> Any:
    """The message in ``payload``; raises `Malformed`."""
    try:
        return MESSAGES[signal].FromString(payload)
    except DecodeError as error:
        raise Malformed(payload, f"a message of {signal} in protobuf ({error})") from None

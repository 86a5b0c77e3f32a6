"""Which signal a protobuf message is of. The messages of all three begin alike: a field 1 with resources, in
each a field 2 with scopes, in each a field 2 with records; the fields of a record tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.otlp.dialect import Malformed

VARINT, I64, LEN, I32 = 0, 1, 2, 5

Field = tuple[int, int, bytes]


def signal_of(message: bytes) -> str:
    """``spans``, ``logs`` or ``metrics``, "" when there are no records; raises `Malformed` when it cannot be told."""
    silent: bytes | None = None
    for resource in _inside(message, 1):
        for scope in _inside(resource, 2):
            for silent in _inside(scope, 2):
                if signal := _signal_of(silent):
                    return signal
    if silent is not None:
        raise Malformed(silent, "a span, log record or metric, which have a time, name or body")
    return ""


def _signal_of(record: bytes) -> str:
    """Of a record; "" when it has nothing but what records of other signals may have."""
    found = {(number, kind): len(content) for number, kind, content in fields(record)}
    if {(1, I64), (2, VARINT), (11, I64)} & found.keys():  # its times and severity
        return "logs"
    if {(6, VARINT), (7, I64), (8, I64)} & found.keys():  # its kind and times
        return "spans"
    if found.get((1, LEN)) == 16 and found.get((2, LEN)) == 8 and (7, LEN) not in found:  # its ids
        return "spans"
    if (1, LEN) in found:  # its name; of log records, 1 is a time
        return "metrics"
    if {(3, LEN), (5, LEN), (6, LEN)} & found.keys():  # severity text, body, attributes
        return "logs"
    return ""


def _inside(message: bytes, number: int) -> Iterator[bytes]:
    return (content for found, kind, content in fields(message) if (found, kind) == (number, LEN))


def fields(message: bytes) -> Iterator[Field]:
    """Number, wire type and content of each field (protobuf.dev/programming-guides/encoding)."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        start = at
        if kind == VARINT:
            _, at = _varint(message, at)
        elif kind == LEN:
            size, start = _varint(message, at)
            at = start + size
        elif kind in (I64, I32):
            at += 8 if kind == I64 else 4
        else:
            raise Malformed(message[:16], "a message in protobuf")
        if at > len(message):
            raise Malformed(message[:16], "a message in protobuf; it is cut short")
        yield tag >> 3, kind, message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Malformed(message[:16], "a message in protobuf; a number in it has no end")

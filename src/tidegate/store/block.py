"""A block: up to some hundreds of records of one signal and one resource, as columns.

On disk it is two zstd frames written together: a skippable frame with the index (what lets a reader
pass the block by) and a compressed frame with the columns as one JSON object. A column is a list
with one value per record; ``{"all": value}`` when every record has the same; and absent when every
record has the column's default. Span ids stand one after the other in one text. Times are deltas in
nanoseconds to ``t0``, which is text so that tools which read numbers as doubles keep every digit.
"""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from tidegate.errors import FormatError
from tidegate.store import codec, values

T = TypeVar("T")

#: zstd reserves 0x184D2A50 to 0x184D2A5F for skippable frames (RFC 8878, section 3.1.2).
SKIPPABLE_MAGIC = 0x184D2A5D

#: Magic and payload length of a skippable frame.
FRAME_HEADER = struct.Struct("<II")

CHECKSUM_BYTES = 4

ID_DIGITS = 16

NO_ID = "0" * ID_DIGITS

#: All times of a block are in one window of 2**53 ns, counted from 1970: what is between them is a number that tools
#: which read numbers as doubles keep exact.
WINDOW_BITS = 53

#: No index or segment header is longer; a length beyond it is damage.
MAX_HEADER_BYTES = 16 << 20


@dataclass(slots=True)
class Batch:
    """Records on their way into a block. Times in ns; ``severity`` is the highest severity number,
    ``errors`` the number of spans with status ERROR or log records of severity ERROR and above;
    ``trace_ids`` are hexadecimal, repeats and empty ones allowed."""

    signal: str
    count: int
    columns: dict[str, Any]
    first: int
    last: int
    severity: int = 0
    errors: int = 0
    trace_ids: Iterable[str] = ()


@dataclass(slots=True)
class Index:
    """What a reader knows of a block without opening it. ``size`` counts the compressed frame's
    bytes; ``sequence`` is the place of the first record in its segment; ``traces`` holds the first
    four bytes of each trace id in the block, one after the other."""

    signal: str
    count: int
    first: int
    last: int
    severity: int
    errors: int
    sequence: int
    size: int
    traces: bytes = b""

    def has_trace(self, prefix: str) -> bool:
        """Whether a trace id that starts with these hexadecimal digits may be in the block."""
        digits = prefix[:8]
        if len(digits) == 8:
            needle, at = bytes.fromhex(digits), -1
            while (at := self.traces.find(needle, at + 1)) >= 0:
                if at % 4 == 0:
                    return True
            return False
        return any(self.traces[at : at + 4].hex().startswith(digits) for at in range(0, len(self.traces), 4))


def window(time: int) -> int:
    """The window that a time is in; a block's times are in one."""
    return time >> WINDOW_BITS


def by_window(batch: Batch, records: Sequence[T]) -> list[Sequence[T]]:
    """The records that a batch was made of, by the windows that their times are in."""
    if window(batch.first) == window(batch.last):
        return [records]
    groups: dict[int, list[T]] = defaultdict(list)
    for record, delta in zip(records, unpack(batch.columns, "time", batch.count, 0), strict=True):
        groups[window(batch.first + delta)].append(record)
    return list(groups.values())


def skippable(payload: bytes) -> bytes:
    """A zstd frame that decompressors pass over: the payload behind its CRC-32."""
    checksum = zlib.crc32(payload).to_bytes(CHECKSUM_BYTES, "little")
    return FRAME_HEADER.pack(SKIPPABLE_MAGIC, CHECKSUM_BYTES + len(payload)) + checksum + payload


def checked(content: bytes) -> bytes | None:
    """The payload of a skippable frame's content, or None when it is not what was written."""
    payload = content[CHECKSUM_BYTES:]
    return payload if zlib.crc32(payload).to_bytes(CHECKSUM_BYTES, "little") == content[:CHECKSUM_BYTES] else None


def pack(name: str, column: Sequence[Any], default: Any, columns: dict[str, Any]) -> None:
    """Put a column of numbers or texts into ``columns`` in its shortest form."""
    head = column[0]
    if column.count(head) != len(column):
        columns[name] = column
    elif head != default:
        columns[name] = {"all": head}


def pack_ids(name: str, column: Sequence[int], columns: dict[str, Any]) -> None:
    """Put a column of span ids into ``columns``: 16 hexadecimal digits each, one after the other."""
    if any(column):
        columns[name] = struct.pack(f">{len(column)}Q", *column).hex()


def unpack_ids(columns: Mapping[str, Any], name: str, count: int) -> list[str]:
    """The inverse of `pack_ids`, "" for 0."""
    digits = columns.get(name)
    if digits is None:
        return [""] * count
    if len(digits) != count * ID_DIGITS:
        raise FormatError(f"column {name!r} does not have {count} values")
    ids = (digits[at : at + ID_DIGITS] for at in range(0, len(digits), ID_DIGITS))
    return ["" if each == NO_ID else each for each in ids]


def pack_lists(name: str, column: Sequence[Any], columns: dict[str, Any]) -> None:
    """Put a column of lists into ``columns``, unless all are empty. Equal ones are not made one,
    since for Python 1, 1.0 and True are equal."""
    if any(column):
        columns[name] = column


def unpack(columns: Mapping[str, Any], name: str, count: int, default: Any) -> Sequence[Any]:
    """The inverse of `pack`: one value per record."""
    column = columns.get(name)
    if column is None:
        return [default] * count
    if isinstance(column, dict):
        return [column["all"]] * count
    if not isinstance(column, list) or len(column) != count:
        raise FormatError(f"column {name!r} does not have {count} values")
    return column


def encode(batch: Batch, sequence: int) -> tuple[Index, bytes]:
    """A block's index and its compressed frame."""
    frame = codec.compress(values.dumps({"signal": batch.signal, "count": batch.count, **batch.columns}))
    traces = bytes.fromhex("".join({trace_id[:8] for trace_id in batch.trace_ids}))
    times, worst = (batch.first, batch.last), (batch.severity, batch.errors)
    return Index(batch.signal, batch.count, *times, *worst, sequence, len(frame), traces), frame


def to_bytes(index: Index, frame: bytes) -> bytes:
    """Both frames of a block, ready to be appended to a segment."""
    fields = {name: getattr(index, name) for name in _INDEX_FIELDS}
    return skippable(orjson.dumps(fields) + b"\n" + index.traces) + frame


_INDEX_FIELDS = ("signal", "count", "first", "last", "severity", "errors", "sequence", "size")


def parse_index(payload: bytes) -> Index:
    """Read a payload that `to_bytes` made; raises ValueError or TypeError when it did not."""
    text, _, hashes = payload.partition(b"\n")
    return Index(**orjson.loads(text), traces=hashes)

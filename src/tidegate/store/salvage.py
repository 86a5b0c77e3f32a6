"""Damaged places of a segment: where they end, and what in them can be had all the same.

Every frame stands for itself, so a flipped bit costs little: a frame behind a damaged length is found by
where the next one starts; a damaged index is made anew from the block's columns, which have a checksum of
their own; a single flipped bit of a header is found by its checksum. Loaded only where there is damage.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from tidegate.errors import FormatError
from tidegate.records import SEVERITIES, Resource
from tidegate.store import block, codec, segment, values

_MAGIC = block.SKIPPABLE_MAGIC.to_bytes(4, "little")

#: How a zstd frame starts (RFC 8878, section 3.1.1). No UTF-8 text, so no header, contains it.
_FRAME_MAGIC = b"\x28\xb5\x2f\xfd"

#: Bytes searched at once.
_CHUNK = 1 << 20

#: The longest frame in which a flipped bit is looked for; it takes a checksum of the frame for each bit.
_MAX_MENDED = 4096

#: Parts of a header of which none is in an index or, but for data that looks like it, in a block.
_HEADER_MARKS = (b'"format":', b'"segment":"', b'"process":{', b'"resource":{')

#: What is raised by columns that are not what was written.
BROKEN = (AttributeError, FormatError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Piece:
    """What was had from bytes ``start`` to ``end`` of a damaged place; a block's frame is at ``offset``."""

    found: segment.Header | block.Index
    start: int
    offset: int
    end: int


def next_sound(file: BinaryIO, offset: int, size: int, path: str) -> int | None:
    """Where behind ``offset`` the next skippable frame is whose checksum is right; None if there is none."""
    at = offset + 1
    while at + block.FRAME_HEADER.size <= size:
        file.seek(at)
        found = file.read(_CHUNK).find(_MAGIC)
        at += found if found >= 0 else _CHUNK - len(_MAGIC) + 1
        if found >= 0:
            if _is_sound(file, at, size, path):
                return at
            at += 1
    return None


def _is_sound(file: BinaryIO, at: int, size: int, path: str) -> bool:
    file.seek(at)
    head = file.read(block.FRAME_HEADER.size)
    length = int.from_bytes(head[4:], "little")
    if length > block.MAX_HEADER_BYTES or at + len(head) + length > size:
        return False
    return segment.parse(file.read(length), path) is not None


def is_cut(data: bytes) -> bool:
    """Whether the last bytes of a file are a frame that was never finished, or the zeros of a power failure."""
    magic, length = block.FRAME_HEADER.unpack(data[: block.FRAME_HEADER.size])
    fits = magic == block.SKIPPABLE_MAGIC and length <= block.MAX_HEADER_BYTES
    return (fits and block.FRAME_HEADER.size + length > len(data)) or not data.strip(b"\0")


def may_hold_header(data: bytes) -> bool:
    """Whether a header may have been lost with these bytes, as far as something of it is left."""
    return any(mark in data for mark in _HEADER_MARKS)


def pieces(data: bytes, sequence: int | None, path: str) -> Iterator[Piece]:
    """What can be had from the start of a damaged place; its first record has this sequence, if that is known."""
    at = 0
    while at + block.FRAME_HEADER.size < len(data):
        piece = _block(data, at, sequence, path) or _header(data, at, path)
        if piece is None:
            return
        yield piece
        at = piece.end
        if isinstance(piece.found, block.Index):
            sequence = piece.found.sequence + piece.found.count


def _block(data: bytes, start: int, sequence: int | None, path: str) -> Piece | None:
    """The first frame that can be decompressed, with the index before it or one made anew."""
    offset = start
    while (offset := data.find(_FRAME_MAGIC, offset + 1)) >= 0:
        try:
            raw, size = codec.decompress_first(data[offset:])
            made = index_of(raw)
        except BROKEN:
            continue
        index = segment.parse(data[start + block.FRAME_HEADER.size : offset], path)
        if not isinstance(index, block.Index) or index.size != size:
            # only a length that is right says that no other block is lost between
            if sequence is None or not _ends_at(data, start, offset):
                return None
            index, index.sequence, index.size = made, sequence, size
        return Piece(index, start, offset, offset + size)
    return None


def _ends_at(data: bytes, start: int, end: int) -> bool:
    """Whether this is where the skippable frame that starts there says that it ends."""
    _, length = block.FRAME_HEADER.unpack_from(data, start)
    return bool(start + block.FRAME_HEADER.size + length == end)


def _header(data: bytes, start: int, path: str) -> Piece | None:
    content = data[start + block.FRAME_HEADER.size :]
    if _ends_at(data, start, len(data)):
        content = _mended(content)
    header = segment.parse(content, path)
    return Piece(header, start, len(data), len(data)) if isinstance(header, segment.Header) else None


def _mended(content: bytes) -> bytes:
    """A skippable frame's content, without the one bit that was flipped if that is what is wrong with it."""
    if block.checked(content) is not None or len(content) > _MAX_MENDED:
        return content
    mended = bytearray(content)
    for bit in range(len(content) * 8):
        mended[bit >> 3] ^= 1 << (bit & 7)
        if block.checked(bytes(mended)) is not None:
            return bytes(mended)
        mended[bit >> 3] ^= 1 << (bit & 7)
    return content


def unknown_header(path: str) -> segment.Header | None:
    """Whose an active segment is when its header is lost: by its name, of no resource. None for other files."""
    name = os.path.basename(path)
    match = segment.ACTIVE_NAME.fullmatch(name)
    if match is None:
        return None
    return segment.Header(segment.FORMAT, match[2], Resource({}), int(match[1]), {"id": match[2]})


def index_of(raw: bytes) -> block.Index:
    """The index that belongs to an active block of this content, with sequence and size 0.

    Raises one of `BROKEN` when the content is not that of a block.
    """
    columns = values.loads(raw)
    signal, count = str(columns["signal"]), int(columns["count"])
    base, deltas = int(columns["t0"]), block.unpack(columns, "time", count, 0)
    severity, errors = _worst(signal, columns, count)
    traces = {bytes.fromhex(trace_id[:8]) for trace_id in columns.get("traces", ()) if trace_id}
    times = (base + min(deltas), base + max(deltas))
    return block.Index(signal, count, *times, severity, errors, 0, 0, b"".join(sorted(traces)))


def _worst(signal: str, columns: dict[str, Any], count: int) -> tuple[int, int]:
    """The highest severity and the number of errors."""
    if signal == "logs":
        severities = block.unpack(columns, "severity", count, 0)
        return max(severities), sum(severity >= SEVERITIES["ERROR"] for severity in severities)
    statuses = block.unpack(columns, "status", count, 0) if signal == "spans" else ()
    return 0, sum(status == 2 for status in statuses)

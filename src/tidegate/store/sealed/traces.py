"""Which blocks of a sealed file hold which traces, so that a trace is found by reading one row.

A trace is known by the first three bytes of its id. The first one is the row (``bucket``), whose
``entries`` are the next two and the block's id, two bytes each, big-endian, in order.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from tidegate.errors import FormatError

_ENTRY = struct.Struct(">HH")

#: Digits of a trace id by which it is known, and of those the ones that say its bucket.
DIGITS, BUCKET_DIGITS = 6, 2

#: A block's id takes two bytes.
MAX_BLOCKS = 0xFFFF


class Buckets:
    """The entries of a file on their way into it, each as one number: bucket, rest of the id, block."""

    def __init__(self) -> None:
        self._entries = array("Q")

    def add(self, hashes: Iterable[int], block: int) -> None:
        """The block holds traces whose ids begin with these numbers."""
        self._entries.extend([each << 16 | block for each in hashes])

    def rows(self) -> Iterator[tuple[int, bytes]]:
        found = sorted(set(self._entries))
        packed = struct.pack(f">{len(found)}I", *[entry & 0xFFFFFFFF for entry in found])
        start = 0
        while start < len(found):
            bucket = found[start] >> 32
            end = bisect_left(found, bucket + 1 << 32, start)
            yield bucket, packed[start * _ENTRY.size : end * _ENTRY.size]
            start = end


def hashes(trace_ids: Iterable[str]) -> set[int]:
    """By what these traces are known."""
    return {int(trace_id[:DIGITS], 16) for trace_id in trace_ids}


def entries(bucket: int, packed: bytes) -> Iterator[tuple[int, int]]:
    """Each trace of a bucket by what it is known, and a block that holds it; raises `FormatError`."""
    if len(packed) % _ENTRY.size:
        raise FormatError(f"the traces of bucket {bucket} have {len(packed)} bytes; it must be a multiple of 4")
    for low, block in _ENTRY.iter_unpack(packed):
        yield bucket << 16 | low, block


def blocks_of(prefix: str, bucket: int, packed: bytes) -> set[int]:
    """The blocks that may hold a trace of this bucket whose id starts with these digits."""
    digits = prefix[:DIGITS]
    shift = 4 * (DIGITS - len(digits))
    wanted = int(digits, 16)
    return {block for known, block in entries(bucket, packed) if known >> shift == wanted}

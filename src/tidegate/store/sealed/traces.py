"""Which blocks of a sealed file hold which traces, so that a trace is found by reading one row.

A trace is known by the first three bytes of its id. The first one is the row (``bucket``), whose
``entries`` are the next two and the block's id, two bytes each, big-endian, in order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from struct import Struct, pack

from tidegate.errors import FormatError

_ENTRY = Struct(">HH")

#: Digits of a trace id by which it is known, and of those the ones that say its bucket.
DIGITS, BUCKET_DIGITS = 6, 2

#: A block's id takes two bytes.
MAX_BLOCKS = 0xFFFF


class Buckets:
    """The entries of a file on their way into it, by bucket, each as one number: there may be very many."""

    def __init__(self) -> None:
        self._of = [array("L") for _ in range(1 << 4 * BUCKET_DIGITS)]

    def add(self, hashes: Iterable[int], block: int) -> None:
        """The block holds traces whose ids begin with these numbers."""
        for each in hashes:
            self._of[each >> 16].append((each & 0xFFFF) << 16 | block)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        for bucket, found in enumerate(self._of):
            if entries := sorted(set(found)):
                yield bucket, pack(f">{len(entries)}I", *entries)


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

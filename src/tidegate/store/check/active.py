"""One append-only segment: every frame, and every block's index against its content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from tidegate.errors import FormatError
from tidegate.store import block, codec, locks, segment
from tidegate.store.check.accounts import Accounts
from tidegate.store.check.finding import Finding
from tidegate.store.rows import open_block
from tidegate.store.salvage import BROKEN, index_of
from tidegate.store.segment import BlockRef, SegmentScanner

REWRITE = "write the readable blocks anew, and set the file aside"

_FIELDS = ("signal", "count", "first", "last", "severity", "errors")


def is_alive(path: str) -> bool:
    """Whether a process may still write this segment."""
    return path.endswith(segment.ACTIVE) and not locks.is_free(path.removesuffix(segment.ACTIVE) + segment.LOCK)


def check_active(path: str, accounts: Accounts) -> Iterator[Finding]:
    """What there is to say about a file; raises FileNotFoundError when it goes away meanwhile."""
    name = os.path.basename(path)
    alive = is_alive(path)
    scanner = SegmentScanner(path)
    try:
        refs = scanner.scan()
    except FormatError as error:
        yield Finding(name, str(error), "newer")
        return
    for finding in (*_gaps(name, scanner), *_blocks(name, refs, accounts)):
        yield replace(finding, repair="") if alive else finding
    left = os.stat(path).st_size - scanner.offset
    if not alive and left > 0 and not scanner.is_tail_damaged:
        what = f"{left:,} bytes at the end are a block that was never finished"
        yield Finding(name, f"{what}; the process was killed, or the machine stopped", "note", scanner.offset)
    if not alive and not refs and not left:
        yield Finding(name, "there is no block in it; its process ended too early", "note")


def _gaps(name: str, scanner: SegmentScanner) -> Iterator[Finding]:
    for start, end in scanner.gaps:
        what = f"{end - start:,} bytes are damaged" if end > start else "the header is missing"
        yield Finding(name, what, offset=start, repair=REWRITE)
    if scanner.is_tail_damaged:
        yield Finding(name, "from here to the end nothing can be read", offset=scanner.offset, repair=REWRITE)


def _blocks(name: str, refs: list[BlockRef], accounts: Accounts) -> Iterator[Finding]:
    is_one = name.endswith(segment.ACTIVE)
    expected = 0
    for ref in refs:
        own, first = ref.header.segment, ref.index.sequence
        if is_one and own != name[21:37]:
            yield Finding(name, f"the block is of another segment, {own}", offset=ref.start, repair=REWRITE)
        elif is_one and first > expected:
            yield Finding(
                name, f"{first - expected:,} records before this block are lost", offset=ref.start, repair=REWRITE
            )
        expected = first + ref.index.count
        wrong = what_is_wrong(ref)
        if wrong:
            yield Finding(name, wrong, offset=ref.start, repair=REWRITE)
        doubled = accounts.take((own, first + row) for row in range(ref.index.count))
        if doubled:
            yield Finding(name, f"{doubled:,} records are there a second time", offset=ref.start)


def what_is_wrong(ref: BlockRef) -> str:
    """What a block's content says against its index, or why it cannot be read; empty when it is sound."""
    frame = segment.read_frame(ref)
    try:
        raw, size = codec.decompress_first(frame)
        made = index_of(raw)
        rows = open_block(raw, ref)
        for row in range(made.count):
            rows.record(row)
    except BROKEN as error:
        return f"the block cannot be read: {error}"
    if size != len(frame):
        return f"there are {len(frame) - size:,} bytes behind the block"
    return differences(ref.index, made)


def differences(index: block.Index, made: block.Index) -> str:
    """Where an index is not what it should be, in words."""
    wrong = [name for name in _FIELDS if getattr(index, name) != getattr(made, name)]
    said = {index.traces[at : at + 4] for at in range(0, len(index.traces), 4)}
    if said != {made.traces[at : at + 4] for at in range(0, len(made.traces), 4)}:
        wrong.append("traces")
    return f"the index has another {', '.join(wrong)} than the block" if wrong else ""

"""A damaged segment, written anew with all that can be read, under a name of its own.

The damaged file keeps its content as ``<name>.damaged``. The new one takes its place by an exchange, so that at
no moment a record is lost or there twice.
"""

from __future__ import annotations

import os
import secrets
from typing import BinaryIO

from tidegate.store import block, codec, exchange, location, segment
from tidegate.store.check.rebuilding import rebuild
from tidegate.store.rows import open_block
from tidegate.store.salvage import BROKEN, index_of
from tidegate.store.segment import BlockRef, Header, SegmentScanner


def renew(path: str) -> bool:
    """Put what can be read of a segment in its place; False where its process has come to life or it is gone."""
    directory, name = os.path.split(path)
    if name.endswith(segment.FRESH):
        return False
    fresh = (rebuild if name.endswith(segment.SEALED) else _renew_active)(path)
    exchange.set_aside(path)
    exchange.commit(directory, [fresh] if fresh else [], [name])
    return True


def _renew_active(path: str) -> str:
    """The name of a segment with the blocks that can be read; empty when there is none."""
    scanner = SegmentScanner(path)
    refs = scanner.scan()
    if not refs:
        return ""
    stat = os.stat(path)
    name = f"{_start(path, stat):020d}-{stat.st_mtime_ns:020d}-{secrets.token_hex(8)}{segment.MERGED}"
    fresh = os.path.join(os.path.dirname(path), name + segment.FRESH)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    with open(os.open(fresh, flags, location.FILE_MODE), "wb") as out:
        written = _copy(refs, out)
        out.flush()
        os.fsync(out.fileno())
    os.utime(fresh, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    if not written:
        os.unlink(fresh)
    return name if written else ""


def _start(path: str, stat: os.stat_result) -> int:
    digits = os.path.basename(path)[:20]
    return int(digits) if digits.isdigit() else stat.st_mtime_ns


def _copy(refs: list[BlockRef], out: BinaryIO) -> int:
    """Write the readable blocks, each once, with their indexes made anew; returns how many."""
    header: Header | None = None
    written: set[segment.Key] = set()
    for ref in refs:
        made = _readable(ref)
        if made is None or ref.key in written:
            continue
        if ref.header is not header:
            header = ref.header
            out.write(segment.encode_header(header.segment, header.resource, header.created, header.process))
        out.write(block.to_bytes(*made))
        written.add(ref.key)
    return len(written)


def _readable(ref: BlockRef) -> tuple[block.Index, bytes] | None:
    """A block's index, as its content wants it, and its frame; None when not all records can be read."""
    try:
        frame = segment.read_frame(ref)
        raw, size = codec.decompress_first(frame)
        index = index_of(raw)
        index.sequence, index.size = ref.index.sequence, size
        rows = open_block(raw, BlockRef(ref.header, index))
        for row in range(index.count):
            rows.record(row)
    except BROKEN:
        return None
    return index, frame[:size]

"""A segment file: headers and blocks, one after the other, read without a lock while it grows.

The file is a sequence of zstd frames, so ``zstd -dc FILE | jq`` shows its blocks. A skippable frame
holds, behind a checksum, either a header (JSON with ``format``: which process and resource the
following blocks belong to) or the index of the block that comes right after it. One process appends;
a frame that is cut short ends the readable part, a damaged one is passed by (`salvage`).

Names: ``<start>-<id>.active`` while its process writes it, with ``<start>-<id>.lock`` beside it, held
by the operating system as long as that process lives; ``<start>-<end>-<id>.merged`` for the segments
of ended processes that earlier versions put together, which are read, and sealed like others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from tidegate.errors import FormatError
from tidegate.records import Resource
from tidegate.store import block, values

#: Version of the format; a reader refuses a newer one and leaves the file alone.
FORMAT = 1

ACTIVE, LOCK, MERGED, SEALED = ".active", ".lock", ".merged", ".sealed"

#: Ends the name of a file that is not complete yet.
PARTIAL = ".partial"

#: Ends the name of a new segment until an exchange gives it its own. Earlier versions, which know of no exchange, sweep
#: partial files away, but nothing that is called so.
FRESH = ".fresh"

#: Ends the name of a file that was set aside, after that of the segment that it was.
DAMAGED = ".damaged"

#: When an active segment was begun (ns), and its id.
ACTIVE_NAME = re.compile(r"(\d{20})-([0-9a-f]{16})\.active")


@dataclass(frozen=True, slots=True)
class Header:
    """Whose the following blocks are. ``segment`` is unique among all processes of all hosts."""

    format: int
    segment: str
    resource: Resource
    created: int
    process: dict[str, Any]


Key = tuple[str, int]


@dataclass(slots=True)
class BlockRef:
    """Where a block is: its index at ``start`` of the file at ``path``, its frame at ``offset``.

    ``number`` is its rank in the order in which one catalog discovered its blocks, from 1.
    """

    header: Header
    index: block.Index
    path: str = ""
    start: int = 0
    offset: int = 0
    number: int = 0

    @property
    def key(self) -> Key:
        """The block's identity, which it keeps when segments are merged."""
        return (self.header.segment, self.index.sequence)

    @property
    def service(self) -> str:
        return self.header.resource.service

    def has_trace(self, prefix: str) -> bool:
        """Whether a trace whose id begins with these hexadecimal digits may be in the block."""
        return self.index.has_trace(prefix)

    @property
    def end(self) -> int:
        return self.offset + self.index.size


def encode_header(segment: str, resource: Resource, created: int, process: Mapping[str, Any]) -> bytes:
    """A skippable frame with the header; ``created`` in ns."""
    body = {
        "format": FORMAT,
        "segment": segment,
        "created": str(created),
        "process": dict(process),
        "resource": {"attributes": dict(resource.attributes), "schema_url": resource.schema_url},
    }
    return block.skippable(values.dumps(body))


def parse(content: bytes, path: str) -> Header | block.Index | None:
    """What a skippable frame holds; None when it is damaged. Raises `FormatError` for a newer format."""
    payload = block.checked(content)
    try:
        if payload is not None:
            return _parse(payload, path)
    except (AttributeError, LookupError, TypeError, ValueError):
        pass
    return None


def _parse(payload: bytes, path: str) -> Header | block.Index:
    """What a skippable frame holds; `FormatError` for a newer format, any other error means damage."""
    if payload.startswith(b'{"signal"'):
        return block.parse_index(payload)
    body = values.loads(payload)
    version = int(body["format"])
    if version > FORMAT:
        raise FormatError(f"{path} has format {version}; this version reads up to {FORMAT}. Upgrade tidegate.")
    resource = Resource(**body["resource"])
    return Header(version, str(body["segment"]), resource, int(body["created"]), body["process"])


class SegmentScanner:
    """Finds the blocks of one file; `scan` goes on where the last one stopped.

    ``gaps`` are the damaged places that were passed by, from the first byte to the one after the last. Where a
    file merely ends in a frame that is not complete, that is no damage: it may grow, or was cut by a crash.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.offset = 0
        self.gaps: list[tuple[int, int]] = []
        self._tail = 0
        self._header: Header | None = None
        self._sequence: int | None = 0
        self._frame = 0

    @property
    def damaged(self) -> int:
        """How many damaged places there are, one at the end of the file among them."""
        return len(self.gaps) + self.is_tail_damaged

    @property
    def is_tail_damaged(self) -> bool:
        """Whether the file ends in bytes that no process would have written."""
        return self._tail > 0

    def scan(self) -> list[BlockRef]:
        """The blocks that were not there at the last call. Raises FileNotFoundError when the file is gone."""
        # most looks find nothing new, and opening a file takes longer than asking for its size
        if self.offset and os.stat(self.path).st_size <= max(self.offset, self._tail):
            return []
        with open(self.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return list(self._blocks(file, size)) if size > max(self.offset, self._tail) else []

    def _blocks(self, file: BinaryIO, size: int) -> Iterator[BlockRef]:
        self._tail = 0
        while self.offset + block.FRAME_HEADER.size <= size:
            found, end = self._next(file)
            if isinstance(found, Header):
                self._take(found, end)
            elif found is not None and self._header is not None and end + found.size <= size:
                yield self._block(self._header, found, self.offset, end)
            elif not (yield from self._pass_by(file, size, found)):
                return

    def _next(self, file: BinaryIO) -> tuple[Header | block.Index | None, int]:
        """What the skippable frame here holds, None when it is damaged or not complete, and where it ends."""
        file.seek(self.offset)
        magic, length = block.FRAME_HEADER.unpack(file.read(block.FRAME_HEADER.size))
        if magic != block.SKIPPABLE_MAGIC or length > block.MAX_HEADER_BYTES:
            return None, 0
        return parse(file.read(length), self.path), self.offset + block.FRAME_HEADER.size + length

    def _take(self, header: Header, end: int) -> None:
        if self._header is None or header.segment != self._header.segment:
            self._sequence = 0
        self._header, self.offset, self._frame = header, end, 0

    def _block(self, header: Header, index: block.Index, start: int, offset: int) -> BlockRef:
        self.offset, self._sequence, self._frame = offset + index.size, index.sequence + index.count, offset
        return BlockRef(header, index, self.path, start, offset)

    def _pass_by(self, file: BinaryIO, size: int, found: block.Index | None) -> Generator[BlockRef, None, bool]:
        """Go to the next sound frame, and give the blocks on the way that can be had all the same.

        ``found`` is the sound index that stands here, of a block that is not. Returns False at the end of what
        can be read so far.
        """
        from tidegate.store import salvage

        start = self.offset
        if found is not None and self._header is None:
            self._header = salvage.unknown_header(self.path)
            if self._header:
                self.gaps.append((start, start))
                return True
        end = salvage.next_sound(file, self._frame or start, size, self.path)
        if end is not None and end < start:
            # the block before this place was cut, and another one was written behind it
            self.gaps.append((self._frame, end))
            self._sequence, self._frame, self.offset = None, 0, end
            return True
        file.seek(start)
        damaged = file.read((size if end is None else end) - start)
        if found is None:
            yield from self._salvaged(damaged)
        if end is not None and self.offset < end:
            self._doubt(damaged[self.offset - start :])
            self._sequence, self.offset = None, end
        elif self.offset == start:
            self._tail = 0 if found is not None or salvage.is_cut(damaged) else size
            return False
        self.gaps.append((start, self.offset))
        return True

    def _salvaged(self, damaged: bytes) -> Iterator[BlockRef]:
        """The blocks of what starts here, as far as they are there one after the other."""
        from tidegate.store import salvage

        start = self.offset
        for piece in salvage.pieces(damaged, self._sequence, self.path):
            if isinstance(piece.found, Header):
                self._take(piece.found, start + piece.end)
                continue
            self._doubt(damaged[piece.start : piece.offset])
            if self._header is None:
                return
            yield self._block(self._header, piece.found, start + piece.start, start + piece.offset)

    def _doubt(self, lost: bytes) -> None:
        """What comes next may belong to another resource when a header may be among what was lost."""
        from tidegate.store import salvage

        if self._header is None or salvage.may_hold_header(lost):
            self._header = salvage.unknown_header(self.path)


def first_header(path: str) -> Header | None:
    """Whose the first blocks of a file are; None where that is damaged. Raises OSError and `FormatError`."""
    with open(path, "rb") as file:
        start = file.read(block.FRAME_HEADER.size)
        magic, length = block.FRAME_HEADER.unpack(start) if len(start) == block.FRAME_HEADER.size else (0, 0)
        if magic != block.SKIPPABLE_MAGIC or length > block.MAX_HEADER_BYTES:
            return None
        found = parse(file.read(length), path)
    return found if isinstance(found, Header) else None


def read_frame(ref: BlockRef) -> bytes:
    """A block's compressed frame; raises FileNotFoundError when the file is gone."""
    with open(ref.path, "rb") as file:
        file.seek(ref.offset)
        return file.read(ref.index.size)

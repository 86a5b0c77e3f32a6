"""A segment file: headers and blocks, one after the other, read without a lock while it grows.

The file is a sequence of zstd frames, so ``zstd -dc FILE | jq`` shows its blocks. A skippable frame
holds, behind a checksum, either a header (JSON with ``format``: which process and resource the
following blocks belong to) or the index of the block that comes right after it. One process appends;
a skippable frame that is cut short or damaged ends the readable part, a damaged block is passed by.

Names: ``<start>-<id>.active`` while its process writes it, with ``<start>-<id>.lock`` beside it, held
by the operating system as long as that process lives; ``<start>-<end>-<id>.merged`` for the segments
of ended processes, put together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from tidegate.errors import FormatError
from tidegate.records import Resource
from tidegate.store import block, values

#: Version of the format; a reader refuses a newer one and leaves the file alone.
FORMAT = 1

ACTIVE, LOCK, MERGED = ".active", ".lock", ".merged"

#: Ends the name of a file that is not complete yet.
PARTIAL = ".partial"


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
    """Finds the blocks of one file; `scan` goes on where the last one stopped."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.offset = 0
        self.damaged = False
        self._header: Header | None = None

    def scan(self) -> list[BlockRef]:
        """The blocks that were not there at the last call. Raises FileNotFoundError when the file is gone."""
        with open(self.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return list(self._blocks(file, size)) if size > self.offset else []

    def _blocks(self, file: BinaryIO, size: int) -> Iterator[BlockRef]:
        while True:
            content = self._content(file, size)
            if content is None:
                return
            end = self.offset + block.FRAME_HEADER.size + len(content)
            found = self._read(content)
            if isinstance(found, Header):
                self._header = found
            elif found is None or self._header is None:
                self.damaged = True
                return
            elif end + found.size > size:
                return
            else:
                yield BlockRef(self._header, found, self.path, self.offset, end)
                end += found.size
            self.offset = end

    def _content(self, file: BinaryIO, size: int) -> bytes | None:
        """What the next skippable frame holds, or None at the end of what can be read."""
        if self.offset + block.FRAME_HEADER.size > size:
            return None
        file.seek(self.offset)
        magic, length = block.FRAME_HEADER.unpack(file.read(block.FRAME_HEADER.size))
        if magic != block.SKIPPABLE_MAGIC or length > block.MAX_HEADER_BYTES:
            self.damaged = True
            return None
        content = file.read(length)
        return content if len(content) == length else None

    def _read(self, content: bytes) -> Header | block.Index | None:
        """The header or index in it; None when it is damaged."""
        payload = block.checked(content)
        try:
            if payload is not None:
                return _parse(payload, self.path)
        except (AttributeError, LookupError, TypeError, ValueError):
            pass
        return None


def read_frame(ref: BlockRef) -> bytes:
    """A block's compressed frame; raises FileNotFoundError when the file is gone."""
    with open(ref.path, "rb") as file:
        file.seek(ref.offset)
        return file.read(ref.index.size)

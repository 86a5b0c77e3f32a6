"""A segment file: headers and blocks, one after the other, read without a lock while it grows.

The file is a sequence of zstd frames, so ``zstd -dc FILE | jq`` shows its blocks. A skippable frame
holds either a header (JSON with ``format``: which process and resource the following blocks belong
to) or the index of the block that comes right after it. One process appends; a frame that is cut
short or damaged ends the readable part.

Names: ``<start>-<id>.active`` while its process writes it, with ``<start>-<id>.lock`` beside it, held
by the operating system as long as that process lives; ``<start>-<end>-<id>.merged`` for the segments
of ended processes, put together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from tidegate.errors import FormatError
from tidegate.records import Resource
from tidegate.store import block, values

#: Version of the format; a reader refuses a newer one and leaves the file alone.
FORMAT = 1

ACTIVE, LOCK, MERGED = ".active", ".lock", ".merged"


@dataclass(frozen=True, slots=True)
class Header:
    """Whose the following blocks are. ``segment`` is unique among all processes of all hosts."""

    format: int
    segment: str
    resource: Resource
    created: int
    process: dict[str, Any]


@dataclass(slots=True)
class BlockRef:
    """Where a block is. The segment's id and the sequence in its index are its identity."""

    header: Header
    index: block.Index
    offset: int


def encode_header(segment: str, resource: Resource, created: int, process: dict[str, Any]) -> bytes:
    """A skippable frame with the header; ``created`` in ns."""
    body = {
        "format": FORMAT,
        "segment": segment,
        "created": str(created),
        "process": process,
        "resource": {"attributes": dict(resource.attributes), "schema_url": resource.schema_url},
    }
    return block.skippable(values.dumps(body))


def _parse(payload: bytes) -> Header | block.Index:
    """What a skippable frame holds; any error means damage."""
    if payload.startswith(b'{"signal"'):
        return block.parse_index(payload)
    body = values.loads(payload)
    resource = Resource(**body["resource"])
    return Header(int(body["format"]), body["segment"], resource, int(body["created"]), body["process"])


def _check_format(header: Header, path: str) -> None:
    if header.format > FORMAT:
        raise FormatError(f"{path} has format {header.format}; this version reads up to {FORMAT}. Upgrade tidegate.")


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
            payload = self._payload(file, size)
            if payload is None:
                return
            end = self.offset + block.FRAME_HEADER.size + len(payload)
            try:
                found = _parse(payload)
            except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
                self.damaged = True
                return
            if isinstance(found, Header):
                _check_format(found, self.path)
                self._header = found
            elif self._header is None or end + found.size > size:
                return
            else:
                yield BlockRef(self._header, found, end)
                end += found.size
            self.offset = end

    def _payload(self, file: BinaryIO, size: int) -> bytes | None:
        """The next skippable frame's payload, or None at the end of what can be read."""
        if self.offset + block.FRAME_HEADER.size > size:
            return None
        file.seek(self.offset)
        magic, length = block.FRAME_HEADER.unpack(file.read(block.FRAME_HEADER.size))
        if magic != block.SKIPPABLE_MAGIC or length > block.MAX_HEADER_BYTES:
            self.damaged = True
            return None
        payload = file.read(length)
        return payload if len(payload) == length else None


def read_frame(path: str, ref: BlockRef) -> bytes:
    """A block's compressed frame."""
    with open(path, "rb") as file:
        file.seek(ref.offset)
        return file.read(ref.index.size)

"""A store's files, looked at from outside."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SKIPPABLE = 0x184D2A5D


def segments(directory: Path) -> list[Path]:
    """Segment files in order of their start."""
    return sorted(path for path in directory.iterdir() if path.suffix in (".active", ".merged", ".sealed"))


def frames(data: bytes | bytearray) -> Iterator[tuple[int, bytes, bool]]:
    """Each zstd frame of a segment: where it starts, its bytes, and whether it is skippable.

    A compressed frame goes up to the next skippable one, or the end.
    """
    at = 0
    marker = struct.pack("<I", SKIPPABLE)
    while at < len(data):
        skippable = data.startswith(marker, at)
        if skippable:
            end = at + 8 + int(struct.unpack_from("<I", data, at + 4)[0])
        else:
            end = data.find(marker, at)
            end = len(data) if end < 0 else end
        yield at, bytes(data[at:end]), skippable
        at = end


def everything(directory: Path) -> bytes:
    """All that is in a store's files, decompressed: what ``grep`` would search."""
    out = b""
    for path in directory.iterdir():
        for _, content, skippable in frames(path.read_bytes()):
            out += content if skippable else decompress(content)
    return out


def plain(data: bytes) -> list[bytes]:
    """The content of each compressed frame of a segment, as ``zstd -dc`` would give it."""
    return [decompress(content) for _, content, skippable in frames(data) if not skippable]


def decompress(data: bytes) -> bytes:
    """What ``zstd -dc`` gives for one frame, or for several with skippable ones between."""
    return zstd.decompress(data)


def places(data: bytes | bytearray) -> list[int]:
    """Where each compressed frame of a segment starts."""
    return [start for start, _, skippable in frames(data) if not skippable]

"""What blocks there are: of a directory's segments, or of this process's ring in memory."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Any, Protocol

from tidegate.errors import FormatError
from tidegate.store import block, segment
from tidegate.store.rows import ROWS, LogRows, PointRows, SpanRows
from tidegate.store.sinks import rings

#: Decoded blocks kept for the next question, newest use last.
CACHED_BLOCKS = 16

AnyRows = SpanRows | LogRows | PointRows


class Catalog(Protocol):
    """The blocks of one store. `damaged` counts those that could not be read."""

    location: str
    damaged: int

    def blocks(self) -> list[segment.BlockRef]:
        """All committed blocks, in no order, each once."""

    def frame(self, ref: segment.BlockRef) -> bytes | None:
        """The compressed frame of a block, or None when it has been removed since."""


class DirectoryCatalog:
    """Blocks of every segment of every process. Scans only what was added since the last call."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.damaged = 0
        self._scanners: dict[str, segment.SegmentScanner] = {}
        self._found: dict[str, list[segment.BlockRef]] = {}
        self._path: dict[tuple[str, int], str] = {}

    def blocks(self) -> list[segment.BlockRef]:
        self._refresh()
        unique: dict[tuple[str, int], segment.BlockRef] = {}
        # a merged segment and its sources are both there for a moment; merged names come last
        for path in sorted(self._found, key=lambda path: path.endswith(segment.MERGED)):
            for ref in self._found[path]:
                key = (ref.header.segment, ref.index.sequence)
                unique[key] = ref
                self._path[key] = path
        return list(unique.values())

    def _refresh(self) -> None:
        present = set()
        for name in _segment_names(self.location):
            path = os.path.join(self.location, name)
            present.add(path)
            scanner = self._scanners.setdefault(path, segment.SegmentScanner(path))
            try:
                self._found.setdefault(path, []).extend(scanner.scan())
            except FileNotFoundError:  # merged or removed by retention a moment ago
                present.discard(path)
        for path in self._scanners.keys() - present:
            del self._scanners[path]
            self._found.pop(path, None)
        self._path = {key: path for key, path in self._path.items() if path in self._found}
        self.damaged = sum(scanner.damaged for scanner in self._scanners.values())

    def frame(self, ref: segment.BlockRef) -> bytes | None:
        key = (ref.header.segment, ref.index.sequence)
        try:
            return segment.read_frame(self._path[key], ref)
        except (FileNotFoundError, KeyError):
            pass
        for moved in self.blocks():  # its segment may have been merged since
            if (moved.header.segment, moved.index.sequence) == key:
                try:
                    return segment.read_frame(self._path[key], moved)
                except FileNotFoundError:
                    return None
        return None


def _segment_names(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries if entry.name.endswith((segment.ACTIVE, segment.MERGED)))
    except (FileNotFoundError, NotADirectoryError):
        return []


class MemoryCatalog:
    """Blocks of the rings of this process."""

    location = "memory:"

    def __init__(self) -> None:
        self.damaged = 0
        self._frames: dict[tuple[str, int], bytes] = {}

    def blocks(self) -> list[segment.BlockRef]:
        entries = [entry for ring in list(rings) for entry in tuple(ring.ring)]
        self._frames = {(ref.header.segment, ref.index.sequence): frame for ref, frame in entries}
        return [ref for ref, _ in entries]

    def frame(self, ref: segment.BlockRef) -> bytes | None:
        return self._frames.get((ref.header.segment, ref.index.sequence))


class BlockCache:
    """Opens blocks through a catalog and keeps the last few."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._kept: OrderedDict[tuple[str, int], AnyRows] = OrderedDict()

    def rows(self, ref: segment.BlockRef, must_contain: bytes = b"") -> AnyRows | None:
        """A block's rows; None when it is gone, damaged, or its lower-cased text lacks ``must_contain``."""
        key = (ref.header.segment, ref.index.sequence)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        try:
            frame = self._catalog.frame(ref)
            if frame is None:
                return None
            columns, raw = block.decode(frame)
            if must_contain and must_contain not in raw.lower():
                return None
            rows = _open_rows(ref, columns)
        except (FormatError, LookupError, TypeError, ValueError):
            self._catalog.damaged += 1
            return None
        self._kept[key] = rows
        if len(self._kept) > CACHED_BLOCKS:
            self._kept.popitem(last=False)
        return rows


def _open_rows(ref: segment.BlockRef, columns: dict[str, Any]) -> AnyRows:
    return ROWS[ref.index.signal](columns, ref.index.count, ref.header.resource)

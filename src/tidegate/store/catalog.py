"""What blocks there are: of a directory's segments, or of this process's ring in memory."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from tidegate.errors import FormatError, StoreError
from tidegate.store import codec, segment, values
from tidegate.store.rows import ROWS, LogRows, PointRows, SpanRows
from tidegate.store.sinks import rings

#: Decoded blocks kept for the next question, newest use last.
CACHED_BLOCKS = 16

#: Looks at a directory whose files are being merged until two show the same; more is not worth waiting for.
MAX_LOOKS = 10

AnyRows = SpanRows | LogRows | PointRows


class Catalog(Protocol):
    """The blocks of one store."""

    location: str

    @property
    def damaged(self) -> int:
        """How many segments end in damage."""

    def blocks(self) -> list[segment.BlockRef]:
        """All committed blocks, in no order, each once."""

    def frame(self, ref: segment.BlockRef) -> bytes | None:
        """The compressed frame of a block, or None when it has been removed since."""


class DirectoryCatalog:
    """Blocks of every segment of every process. Scans only what was added since the last call."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._scanners: dict[str, segment.SegmentScanner] = {}
        self._found: dict[str, list[segment.BlockRef]] = {}

    @property
    def damaged(self) -> int:
        return sum(scanner.damaged for scanner in self._scanners.values())

    def blocks(self) -> list[segment.BlockRef]:
        self._refresh()
        # a merged segment and its sources are both there for a moment; merged names come last
        paths = sorted(self._found, key=lambda path: path.endswith(segment.MERGED))
        return list({ref.key: ref for path in paths for ref in self._found[path]}.values())

    def _refresh(self) -> None:
        """Scan every segment. While files are merged, one look may miss both a source and the result."""
        names, looks = None, 0
        try:
            while (present := _segment_names(self.location)) != names and looks < MAX_LOOKS:
                names, looks = present, looks + 1
                self._scan({os.path.join(self.location, name) for name in names})
        except PermissionError as error:
            raise StoreError(
                f"{error.filename!r} cannot be read by user {os.getuid()}; ask as the user whose programs record there."
            ) from None

    def _scan(self, paths: set[str]) -> None:
        for gone in self._scanners.keys() - paths:
            del self._scanners[gone], self._found[gone]
        for path in paths:
            scanner = self._scanners.setdefault(path, segment.SegmentScanner(path))
            found = self._found.setdefault(path, [])
            try:
                found += scanner.scan()
            except FileNotFoundError:  # merged or removed by retention a moment ago
                del self._scanners[path], self._found[path]

    def frame(self, ref: segment.BlockRef) -> bytes | None:
        try:
            return segment.read_frame(ref)
        except FileNotFoundError:
            pass
        moved = next((found for found in self.blocks() if found.key == ref.key), None)
        try:
            return segment.read_frame(moved) if moved is not None else None
        except FileNotFoundError:
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
    damaged = 0

    def __init__(self) -> None:
        self._frames: dict[segment.Key, bytes] = {}

    def blocks(self) -> list[segment.BlockRef]:
        entries = [entry for ring in list(rings) for entry in tuple(ring.ring)]
        self._frames = {ref.key: frame for ref, frame in entries}
        return [ref for ref, _ in entries]

    def frame(self, ref: segment.BlockRef) -> bytes | None:
        return self._frames.get(ref.key)


class BlockCache:
    """Opens blocks through a catalog and keeps the last few. ``broken`` are those that cannot be read."""

    def __init__(self, catalog: Catalog) -> None:
        self.broken: set[segment.Key] = set()
        self._catalog = catalog
        self._kept: OrderedDict[segment.Key, AnyRows] = OrderedDict()

    def rows(self, ref: segment.BlockRef, may_match: Callable[[bytes], bool] | None = None) -> AnyRows | None:
        """A block's rows; None when it is gone, damaged, or ``may_match`` says no to its JSON."""
        rows = self._kept.get(ref.key)
        if rows is None:
            rows = self._open(ref, may_match)
            if rows is None:
                return None
            self._kept[ref.key] = rows
            if len(self._kept) > CACHED_BLOCKS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(ref.key)
        return rows

    def _open(self, ref: segment.BlockRef, may_match: Callable[[bytes], bool] | None) -> AnyRows | None:
        frame = self._catalog.frame(ref)
        if frame is None:
            return None
        try:
            raw = codec.decompress(frame)
            if may_match is not None and not may_match(raw):
                return None
            return ROWS[ref.index.signal](values.loads(raw), ref.index.count, ref.header.resource)
        except (AttributeError, FormatError, LookupError, TypeError, ValueError):
            self.broken.add(ref.key)
            return None

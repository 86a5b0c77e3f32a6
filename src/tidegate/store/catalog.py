"""What blocks there are: of a directory's segments, or of this process's ring in memory.

A catalog is used by several threads at once, and gives each block a number, by which readers that
follow a store ask for what has come since.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Protocol

from tidegate.errors import FormatError, StoreError
from tidegate.store import codec, segment
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.segment import BlockRef, Key
from tidegate.store.sinks import rings

#: Decoded blocks kept for the next question, newest use last.
CACHED_BLOCKS = 16

#: Looks at a directory whose files are being merged until two show the same; more is not worth waiting for.
MAX_LOOKS = 10


class Catalog(Protocol):
    """The blocks of one store."""

    location: str

    @property
    def damaged(self) -> int:
        """How many segments end in damage."""

    def blocks(self) -> list[BlockRef]:
        """All committed blocks, each once, in order of discovery."""

    def newer(self, number: int, *, within: float = 0.0) -> list[BlockRef]:
        """The blocks that this catalog discovered after the one with this number, in order of discovery.

        What another call has found in the last ``within`` seconds is good enough; many callers then
        share one look at the store.
        """

    def frame(self, ref: BlockRef) -> bytes | None:
        """The compressed frame of a block, or None when it has been removed since."""


class _Numbered:
    """Blocks by their keys, numbered from 1 in the order in which `_refresh` adds them."""

    def __init__(self) -> None:
        self._blocks: dict[Key, BlockRef] = {}
        self._last = 0
        self._looked = float("-inf")
        self._lock = Lock()

    def blocks(self) -> list[BlockRef]:
        with self._lock:
            self._look()
            return list(self._blocks.values())

    def newer(self, number: int, *, within: float = 0.0) -> list[BlockRef]:
        found: list[BlockRef] = []
        with self._lock:
            if time.monotonic() - self._looked >= within:
                self._look()
            for ref in reversed(self._blocks.values()):
                if ref.number <= number:
                    break
                found.append(ref)
        return found[::-1]

    def _look(self) -> None:
        self._refresh()
        self._looked = time.monotonic()

    def _refresh(self) -> None:
        """Bring the blocks up to date; called with the lock held."""
        raise NotImplementedError

    def _add(self, ref: BlockRef) -> BlockRef:
        """``ref`` with its number; a block that was known elsewhere keeps number and rank."""
        known = self._blocks.get(ref.key)
        if known is None:
            self._last += 1
        # never changed in place: another thread may be reading where the block was
        self._blocks[ref.key] = numbered = replace(ref, number=known.number if known else self._last)
        return numbered


class DirectoryCatalog(_Numbered):
    """Blocks of every segment of every process. Scans only what was added since the last call."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location
        self._scanners: dict[str, segment.SegmentScanner] = {}
        self._files: dict[str, dict[Key, BlockRef]] = {}

    @property
    def damaged(self) -> int:
        with self._lock:
            return sum(scanner.damaged for scanner in self._scanners.values())

    def _refresh(self) -> None:
        """Scan every segment. While files are merged, one look may miss both a source and the result."""
        names, looks = None, 0
        try:
            while (present := _segment_names(self.location)) != names and looks < MAX_LOOKS:
                names, looks = present, looks + 1
                for name in names:
                    self._scan(os.path.join(self.location, name))
        except PermissionError as error:
            raise StoreError(
                f"{error.filename!r} cannot be read by user {os.getuid()}; ask as the user whose programs record there."
            ) from None
        # only now: a block of a source that went before the result was seen keeps its number
        for path in self._scanners.keys() - {os.path.join(self.location, name) for name in names or ()}:
            self._drop(path)

    def _scan(self, path: str) -> None:
        merged = path.endswith(segment.MERGED)
        if merged and path in self._files:
            return  # complete from its first moment
        scanner = self._scanners.setdefault(path, segment.SegmentScanner(path))
        try:
            found = scanner.scan()
        except FileNotFoundError:  # merged or removed by retention a moment ago
            return
        file = self._files.setdefault(path, {})
        for ref in found:
            known = self._blocks.get(ref.key)
            # a merged segment and its sources are both there for a moment; the merged one stays
            file[ref.key] = self._add(ref) if merged or known is None else replace(ref, number=known.number)

    def _drop(self, path: str) -> None:
        """Forget a file that is gone, and its blocks unless another file has them."""
        del self._scanners[path]
        lost = {key for key in self._files.pop(path, ()) if self._blocks[key].path == path}
        for file in self._files.values():
            for key in lost & file.keys():
                self._blocks[key] = file[key]
                lost.discard(key)
        for key in lost:
            del self._blocks[key]

    def frame(self, ref: BlockRef) -> bytes | None:
        try:
            return segment.read_frame(ref)
        except FileNotFoundError:
            pass
        with self._lock:
            self._look()
            moved = self._blocks.get(ref.key)
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


class MemoryCatalog(_Numbered):
    """Blocks of the rings of this process."""

    location = "memory:"
    damaged = 0

    def __init__(self) -> None:
        super().__init__()
        self._frames: dict[Key, bytes] = {}

    def _refresh(self) -> None:
        kept = {ref.key: (ref, frame) for ring in list(rings) for ref, frame in tuple(ring.ring)}
        for key in self._frames.keys() - kept.keys():
            del self._frames[key], self._blocks[key]
        for key, (ref, frame) in kept.items():
            if key not in self._frames:
                self._frames[key] = frame
                self._add(ref)

    def frame(self, ref: BlockRef) -> bytes | None:
        return self._frames.get(ref.key)


class ServiceCatalog:
    """What another catalog has of one service (``service.name``), and nothing else."""

    def __init__(self, catalog: Catalog, service: str) -> None:
        self.location = catalog.location
        self._catalog = catalog
        self._service = service

    @property
    def damaged(self) -> int:
        return self._catalog.damaged

    def blocks(self) -> list[BlockRef]:
        return self._own(self._catalog.blocks())

    def newer(self, number: int, *, within: float = 0.0) -> list[BlockRef]:
        return self._own(self._catalog.newer(number, within=within))

    def _own(self, blocks: list[BlockRef]) -> list[BlockRef]:
        return [ref for ref in blocks if ref.header.resource.service == self._service]

    def frame(self, ref: BlockRef) -> bytes | None:
        return self._catalog.frame(ref) if self._own([ref]) else None


class BlockCache:
    """Opens blocks through a catalog and keeps the last few. ``broken`` are those that cannot be read."""

    def __init__(self, catalog: Catalog) -> None:
        self.broken: set[Key] = set()
        self._catalog = catalog
        self._kept: OrderedDict[Key, AnyRows] = OrderedDict()
        self._lock = Lock()

    def rows(self, ref: BlockRef, may_match: Callable[[bytes], bool] | None = None) -> AnyRows | None:
        """A block's rows; None when it is gone, damaged, or ``may_match`` says no to its JSON."""
        with self._lock:
            rows = self._kept.get(ref.key)
        if rows is None:
            # without the lock: two threads may open the same block, and nobody waits for another's
            rows = self._open(ref, may_match)
        if rows is not None:
            self._keep(ref.key, rows)
        return rows

    def _keep(self, key: Key, rows: AnyRows) -> None:
        with self._lock:
            self._kept[key] = rows
            self._kept.move_to_end(key)
            if len(self._kept) > CACHED_BLOCKS:
                self._kept.popitem(last=False)

    def _open(self, ref: BlockRef, may_match: Callable[[bytes], bool] | None) -> AnyRows | None:
        frame = self._catalog.frame(ref)
        if frame is None:
            return None
        try:
            raw = codec.decompress(frame)
            if may_match is not None and not may_match(raw):
                return None
            return open_block(raw, ref)
        except (AttributeError, FormatError, LookupError, TypeError, ValueError):
            self.broken.add(ref.key)
            return None

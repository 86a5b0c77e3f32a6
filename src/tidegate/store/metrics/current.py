"""What a reader shows of metrics: totals that go on from the checkpoint, block by block."""

from __future__ import annotations

import time

from tidegate.records import Point
from tidegate.store import locks
from tidegate.store.catalog import BlockCache, Moved, steadily
from tidegate.store.forks import Lock
from tidegate.store.location import MEMORY
from tidegate.store.metrics import checkpoint, feeding, freezing
from tidegate.store.metrics.recovery import SealedPoints
from tidegate.store.metrics.totals import Segment, Totals
from tidegate.store.segment import BlockRef

#: Times that a checkpoint may change while it and what came after are read.
MAX_TRIES = 10


class Current:
    """Totals over a catalog's blocks; used by several threads at once.

    Active blocks are added to the checkpoint, which has all sealed ones; where there is none, these are read too.
    With ``service``, only its metrics are counted.
    """

    def __init__(self, cache: BlockCache, service: str | None = None) -> None:
        self._cache, self._catalog, self._service = cache, cache.catalog, service
        self._lock = Lock()
        self._totals = Totals()
        self._number = 0
        self._checkpoint: checkpoint.File | None = None
        self._sealed: SealedPoints | None = None
        self.damaged = 0

    @property
    def evicted(self) -> int:
        """Series of ended processes that the store no longer counts, for want of room or for their age."""
        return self._totals.evicted

    def points(self) -> list[Point]:
        """Raises `FormatError` when a newer version wrote the checkpoint."""
        with self._lock:
            return steadily(self._read)

    def _read(self) -> list[Point]:
        for _ in range(MAX_TRIES):
            try:
                self._read_checkpoint()
                self._go_on()
            except Moved:
                self._checkpoint = None  # what was half counted is begun afresh
                raise
            # what upkeep has sealed or removed meanwhile is in the checkpoint that it wrote before
            if self._checkpoint is None or not self._checkpoint.is_outdated():
                break
        return self._totals.points()

    def _read_checkpoint(self) -> None:
        """Begin afresh with a checkpoint that is not the one that was read last."""
        former = self._checkpoint
        if self._catalog.location == MEMORY or (former is not None and not former.is_outdated()):
            return
        found = checkpoint.File.read(self._catalog.location)
        if former is None or found.content != former.content:
            totals = freezing.load(found.content, found.path, self._service, self._totals)
            self.damaged = int(totals is None)
            self._sealed = None if totals and found.content else SealedPoints(self._cache)
            self._totals, self._number = totals or Totals(self._totals), 0
        self._checkpoint = found

    def _go_on(self) -> None:
        broken = feeding.settle(self._totals, self._look, self._frame, self._is_alive, time.time_ns())
        self._cache.broken.update(ref.key for ref in broken)

    def _look(self) -> list[BlockRef]:
        found = self._catalog.newer(self._number, deleted=True)  # a total counts what was deleted, too
        if found:
            self._number = found[-1].number
        return [*(self._sealed.take() if self._sealed else ()), *(ref for ref in found if isinstance(ref, BlockRef))]

    def _frame(self, ref: BlockRef) -> bytes | None:
        return self._sealed.frame(ref) if self._sealed and ref in self._sealed else self._catalog.frame(ref)

    def _is_alive(self, segment: Segment) -> bool:
        if self._catalog.location == MEMORY:
            return True  # it is this one
        return not locks.is_free(locks.path_of(self._catalog.location, *segment[1:]))

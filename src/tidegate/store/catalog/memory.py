"""The blocks of the rings of this process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import time_ns

from tidegate.store import sinks
from tidegate.store.catalog.base import AnyRef, Numbered
from tidegate.store.catalog.deletion import left_of
from tidegate.store.deleted import MAX_MARKS, Mark, compact
from tidegate.store.segment import Key


class MemoryCatalog(Numbered):
    """Blocks of the rings of this process, or of ``rings``, which nobody else reads."""

    location = "memory:"
    damaged = 0

    def __init__(self, rings: Iterable[sinks.MemorySink] | None = None) -> None:
        super().__init__()
        self._rings = rings
        self._frames: dict[Key, bytes] = {}

    def _refresh(self) -> Sequence[Mark]:
        rings = list(sinks.rings if self._rings is None else self._rings)
        kept = {ref.key: (ref, frame) for ring in rings for ref, frame in tuple(ring.ring)}
        for key in self._frames.keys() - kept.keys():
            del self._frames[key], self._blocks[key]
        for key, (ref, frame) in kept.items():
            if key not in self._frames:
                self._frames[key] = frame
                self._add(ref)
        return tuple(sinks.deleted) if self._rings is None else ()

    def _read(self, ref: AnyRef) -> bytes:
        return self._frames[ref.key]

    def frame(self, ref: AnyRef) -> bytes | None:
        return left_of(ref, lambda whole: self._frames.get(whole.key))

    def delete_before(self, time: int) -> None:
        now = time_ns()
        sinks.deleted[:] = compact((*sinks.deleted, Mark(min(time, now), now)))[-MAX_MARKS:]

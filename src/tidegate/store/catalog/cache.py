"""Blocks that were opened, the last few of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from tidegate.errors import FormatError
from tidegate.store import codec
from tidegate.store.catalog.base import AnyRef, Catalog, Moved
from tidegate.store.forks import Lock
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.segment import Key

if TYPE_CHECKING:
    from tidegate.store.query import Query

#: Opened blocks kept for the next question, newest use last, and the bytes of their frames, of which most take ten to
#: forty times as much when they are open. One is always kept.
CACHED_BLOCKS, CACHED_BYTES = 16, 2 << 20


class BlockCache:
    """Opens blocks through a catalog and keeps the last few. ``broken`` are those that cannot be read."""

    def __init__(self, catalog: Catalog) -> None:
        self.broken: set[Key] = set()
        self.catalog = catalog
        #: By a block's key and count: when some records are deleted, there is another with the same key.
        self._kept: OrderedDict[tuple[Key, int], tuple[AnyRows, int]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def has(self, ref: AnyRef) -> bool:
        """Whether a block is open."""
        return (ref.key, ref.index.count) in self._kept

    def rows(self, ref: AnyRef, query: Query | None = None) -> AnyRows | None:
        """A block's rows; None when it is damaged, or when it need not be opened since nothing in it matches.

        Raises `Moved` when it is not there any more.
        """
        with self._lock:
            kept = self._kept.get((ref.key, ref.index.count))
        # without the lock: two threads may open the same block, and nobody waits for another's
        rows = kept[0] if kept else self._open(ref, query)
        if rows is not None:
            self._keep((ref.key, ref.index.count), rows, ref.index.size)
        return rows

    def _keep(self, key: tuple[Key, int], rows: AnyRows, size: int) -> None:
        with self._lock:
            former = self._kept.pop(key, None)
            self._size += size - (former[1] if former else 0)
            self._kept[key] = rows, size
            while len(self._kept) > 1 and (len(self._kept) > CACHED_BLOCKS or self._size > CACHED_BYTES):
                self._size -= self._kept.popitem(last=False)[1][1]

    def _open(self, ref: AnyRef, query: Query | None) -> AnyRows | None:
        try:
            raw = self._read(ref, query)
            return None if raw is None else open_block(raw, ref)
        except (AttributeError, FormatError, LookupError, TypeError, ValueError):
            self.broken.add(ref.key)
            return None

    def _read(self, ref: AnyRef, query: Query | None) -> bytes | None:
        if query is not None and not self.catalog.may_match(ref, query):
            return None
        frame = self.catalog.frame(ref)
        if frame is None:
            raise Moved(ref.key)
        raw = codec.decompress(frame)
        return None if query is not None and query.text and not query.may_match(raw) else raw

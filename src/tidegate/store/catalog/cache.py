"""Blocks that were opened, the last few of them."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from tidegate.errors import FormatError
from tidegate.store import codec
from tidegate.store.catalog.base import AnyRef, Catalog, Moved
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.segment import Key

if TYPE_CHECKING:
    from tidegate.store.query import Query

#: Opened blocks kept for the next question, newest use last.
CACHED_BLOCKS = 16


class BlockCache:
    """Opens blocks through a catalog and keeps the last few. ``broken`` are those that cannot be read."""

    def __init__(self, catalog: Catalog) -> None:
        self.broken: set[Key] = set()
        self.catalog = catalog
        self._kept: OrderedDict[tuple[Key, int], AnyRows] = OrderedDict()
        self._lock = Lock()

    def rows(self, ref: AnyRef, query: Query | None = None) -> AnyRows | None:
        """A block's rows; None when it is damaged, or when it need not be opened since nothing in it matches.

        Raises `Moved` when it is not there any more.
        """
        with self._lock:
            rows = self._kept.get((ref.key, ref.index.count))
        if rows is None:
            # without the lock: two threads may open the same block, and nobody waits for another's
            rows = self._open(ref, query)
        if rows is not None:
            # fewer records than before: some were deleted
            self._keep((ref.key, ref.index.count), rows)
        return rows

    def _keep(self, key: tuple[Key, int], rows: AnyRows) -> None:
        with self._lock:
            self._kept[key] = rows
            self._kept.move_to_end(key)
            if len(self._kept) > CACHED_BLOCKS:
                self._kept.popitem(last=False)

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

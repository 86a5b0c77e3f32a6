"""Totals without a checkpoint: the metric points of sealed files, as the blocks that they were committed in.

Upkeep brings the checkpoint up to date before it seals. Where it has been lost, what it had counted is
still in the sealed files, until retention removes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from tidegate.store import codec, values
from tidegate.store.block import Index
from tidegate.store.catalog import BlockCache
from tidegate.store.rows import PointRows
from tidegate.store.sealed.file import SealedRef, Source
from tidegate.store.segment import FORMAT, BlockRef, Header, Key

#: A segment, which of a block's resources, and a time in ns.
_Part = tuple[str, int, int]


class SealedPoints:
    """The blocks in which a catalog's sealed points were committed, as `tidegate.store.metrics.feeding` takes them."""

    def __init__(self, cache: BlockCache) -> None:
        self._cache = cache
        self._parts: dict[Key, tuple[SealedRef, list[int]]] = {}
        self._left: list[BlockRef] = []
        for group in cache.catalog.groups():
            if not isinstance(group, BlockRef) and group.index.signal == "metrics":
                sources = {source.segment: source for source in cache.catalog.sources(group.file)}
                for ref in group.refs:
                    self._add(ref, sources)

    def _add(self, ref: SealedRef, sources: dict[str, Source]) -> None:
        rows = self._open(ref)
        if rows is None:
            return
        # of a process's points those of one time are of one collection, in which each series comes once
        parts: dict[_Part, list[int]] = {}
        for row, ((segment, _), resource, time) in enumerate(zip(rows.places, rows.resource, rows.times, strict=True)):
            parts.setdefault((segment, resource, time), []).append(row)
        for (segment, resource, time), picked in parts.items():
            picked.sort(key=rows.places.__getitem__)
            source = sources.get(segment)
            if source is None:  # it cannot be read whose it was
                continue
            header = Header(FORMAT, segment, rows.resources[resource], source.created, dict(source.process))
            index = Index("metrics", len(picked), time, time, 0, 0, rows.places[picked[0]][1], 0)
            made = BlockRef(header, index)
            self._parts[made.key] = ref, picked
            self._left.append(made)

    def _open(self, ref: SealedRef) -> PointRows | None:
        return cast("PointRows | None", self._cache.rows(ref))

    def take(self) -> list[BlockRef]:
        """The blocks, in no order; once."""
        taken, self._left = self._left, []
        return taken

    def __bool__(self) -> bool:
        return bool(self._parts)

    def __contains__(self, ref: BlockRef) -> bool:
        return ref.key in self._parts

    def frame(self, ref: BlockRef) -> bytes | None:
        """The frame of one of these blocks. Raises `Moved` when its file has gone meanwhile."""
        sealed, picked = self._parts[ref.key]
        rows = self._open(sealed)
        return None if rows is None else codec.compress(values.dumps(_columns(rows, picked)))


def _columns(rows: PointRows, picked: Iterable[int]) -> dict[str, Any]:
    picked = list(picked)
    records = [rows.record(row) for row in picked]
    return {
        "t0": str(rows.base),
        "metrics": rows.columns["metrics"],
        "scopes": rows.columns.get("scopes", []),
        "metric": [rows.metric[row] for row in picked],
        "scope": [rows.scope[row] for row in picked],
        "time": [rows.times[row] - rows.base for row in picked],
        "age": [
            record.time_unix_nano - record.start_time_unix_nano if record.start_time_unix_nano else None
            for record in records
        ],
        "attributes": [record.attributes for record in records],
        "value": [record.value for record in records],
        "exemplars": [record.exemplars for record in records],
    }

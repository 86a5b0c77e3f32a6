"""What is committed to one route, handed out in columns: what decides about records, and sends them, follows a store.

A `RowsFollower` promises what `tidegate.store.follow` does, but no record is passed by, however many wait: what
waits is references to blocks. `Whereabouts` finds rows again by their places, wherever they are by then.

What a follower in another process may miss: segments that were begun before others, of which `MOST_SEGMENTS` have grown
since these did, and that grow once more while nobody follows.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from tidegate.errors import StoreError
from tidegate.store.catalog import MAX_TRIES, AnyRef, AnyRows, BlockCache, Catalog, Moved, has_any
from tidegate.store.follow import Following
from tidegate.store.pieces import Portion, portions_of
from tidegate.store.query import Query
from tidegate.store.sealed.places import Places
from tidegate.store.segment import BlockRef, Key
from tidegate.store.watermark import MOST_SEGMENTS, Piece, Watermark

__all__ = ["Portion", "RowsFollower", "Whereabouts"]

#: Of how many segments in sealed blocks, one block after the other, it is remembered which sequences are there.
KNOWN_SPANS = 20_000


class RowsFollower(Following):
    """A place among what one route's processes commit; made by `Reader.rows_follower`. For one thread at a time.

    ``gone`` counts records that were there, but could not be handed out: removed or deleted before, or in a damaged
    block.
    """

    def __init__(
        self, catalog: Catalog, cache: BlockCache, signal: str, route: str, *, after: Watermark | None, within: float
    ) -> None:
        self.gone = 0
        super().__init__(
            catalog,
            cache,
            Query(signal),
            after=after,
            max_backlog=sys.maxsize,
            within=within,
            route=route,
            most_segments=MOST_SEGMENTS,
        )

    def poll(self) -> list[Portion]:
        """What has come since the last poll, about `follow.PORTION` records at most; more may be ``pending``.

        From poll to poll, the records of a segment come in the order in which they were committed. Raises
        `StoreError` when the files of the store change all the while, and OSError; the next poll then begins where this
        one did.
        """
        self._look()
        return self._opened(self._portions) if self._waiting else []

    def _portions(self, pieces: Sequence[Piece]) -> list[Portion]:
        found = portions_of(self._cache, pieces)
        self.gone += sum(piece.count for piece in pieces) - sum(len(portion.picked) for portion in found)
        return found

    @property
    def waiting(self) -> set[str]:
        """The segments of which records are known that were not handed out."""
        return {piece.segment for piece in self._waiting}

    def watermark(self, undecided: Mapping[str, int] = MappingProxyType({})) -> Watermark:
        """The place behind all that was handed out, but before the first ``undecided`` sequence of some segments.

        When more than `watermark.MOST_SEGMENTS` segments wait or are undecided, some of what was handed out may come
        again after it; nothing is passed by.
        """
        return self._progress.watermark(self._waiting, undecided)


class Whereabouts:
    """Finds rows of one reader's store by their places; see `Reader.rows_at`. For any number of threads.

    An active block is found by its index. Of a sealed one, the segments and sequences in it are known once it was
    opened, and remembered for `KNOWN_SPANS` of them.
    """

    def __init__(self, cache: BlockCache) -> None:
        self._cache = cache
        #: Of sealed blocks, by their segments the first and the last sequence.
        self._spans: dict[Key, Mapping[str, tuple[int, int]]] = {}
        self._room = KNOWN_SPANS

    def rows_at(self, signal: str, places: Mapping[str, Iterable[int]]) -> Iterator[Portion]:
        """The rows with these sequences in these segments, by the blocks where they are now, each block once.

        What is gone is not handed out. Raises `StoreError` when the files of the store change all the while.
        """
        left = {segment: sorted(set(numbers)) for segment, numbers in places.items()}
        for _ in range(MAX_TRIES):
            try:
                for ref in self._candidates(signal, left):
                    if self._may_hold(ref, left) and (rows := self._cache.rows(ref)) is not None:
                        picked = self._take(ref, rows, left)
                        if picked:
                            yield Portion(rows, picked)
                    if not left:
                        return
                return
            except Moved:  # what was not handed out yet is somewhere else
                pass
        raise StoreError(f"the files of the store have changed {MAX_TRIES} times while they were read; ask again.")

    def _candidates(self, signal: str, left: Mapping[str, Sequence[int]]) -> list[AnyRef]:
        """The blocks to look into: active ones first, and what is open already before it is closed for another."""
        catalog = self._cache.catalog
        found = catalog.holding(signal, left)
        files = {ref.file.name: ref.file for ref in found if not isinstance(ref, BlockRef)}
        own = {name for name, file in files.items() if any(each.segment in left for each in catalog.sources(file))}
        chosen = [ref for ref in found if isinstance(ref, BlockRef) or ref.file.name in own]
        return sorted(chosen, key=lambda ref: (not isinstance(ref, BlockRef), not self._cache.has(ref)))

    def _may_hold(self, ref: AnyRef, left: Mapping[str, Sequence[int]]) -> bool:
        known = None if isinstance(ref, BlockRef) else self._spans.get(ref.key)
        return known is None or any(has_any(left.get(name, ()), *span) for name, span in known.items())

    def _take(self, ref: AnyRef, rows: AnyRows, left: dict[str, list[int]]) -> Sequence[int]:
        """The rows that were asked for, which are left no more."""
        if isinstance(ref, BlockRef) and not rows.is_sealed:
            return _of_active(ref, rows, left)
        places = rows.places
        if not isinstance(ref, BlockRef):
            self._learn(ref.key, places)
        wanted = {name: set(left.get(name, ())) for name in places.names}
        picked = [row for row, (name, number) in enumerate(places) if number in wanted[name]]
        for row in picked:
            name, number = places[row]
            wanted[name].discard(number)
        for name in wanted.keys() & left.keys():
            _keep(left, name, sorted(wanted[name]))
        return picked

    def _learn(self, key: Key, places: Places) -> None:
        if key in self._spans:
            return
        spans: dict[str, tuple[int, int]] = {}
        for name, number in places:
            low, high = spans.get(name, (number, number))
            spans[name] = min(low, number), max(high, number)
        self._room -= len(spans)
        if self._room < 0:
            self._spans, self._room = {}, KNOWN_SPANS - len(spans)
        self._spans[key] = spans


def _of_active(ref: BlockRef, rows: AnyRows, left: dict[str, list[int]]) -> Sequence[int]:
    segment, first = ref.key
    numbers = left.get(segment, [])
    low, high = bisect_left(numbers, first), bisect_left(numbers, first + rows.count)
    found = numbers[low:high]
    _keep(left, segment, numbers[:low] + numbers[high:])
    return range(rows.count) if len(found) == rows.count else [number - first for number in found]


def _keep(left: dict[str, list[int]], segment: str, numbers: list[int]) -> None:
    """What is still to be found of a segment."""
    if numbers:
        left[segment] = numbers
    else:
        left.pop(segment, None)

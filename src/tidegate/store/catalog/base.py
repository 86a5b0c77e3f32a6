"""What every catalog can be asked, and how blocks get their numbers."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from tidegate.errors import StoreError
from tidegate.store.block import Index
from tidegate.store.catalog.deletion import Cuts
from tidegate.store.deleted import Mark
from tidegate.store.forks import Lock
from tidegate.store.segment import BlockRef, Key

if TYPE_CHECKING:
    from tidegate.store.query import Query
    from tidegate.store.sealed.file import SealedFile, SealedRef, Source

AnyRef: TypeAlias = "BlockRef | SealedRef"
AnyGroup: TypeAlias = "BlockRef | SealedGroup"

T = TypeVar("T")

#: Times that a question begins anew since files were exchanged under it.
MAX_TRIES = 10


class Moved(Exception):
    """A block is not where it was: its records have gone to another file, or are gone.

    Whoever sees it asks the catalog again, and finds each record that is left where it is now.
    """

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.key = key


def steadily(ask: Callable[[], T]) -> T:
    """What ``ask`` gives, which begins anew when a block has `Moved` meanwhile."""
    for _ in range(MAX_TRIES):
        try:
            return ask()
        except Moved:
            pass
    raise StoreError(f"the files of the store have changed {MAX_TRIES} times while they were read; ask again.")


def has_any(numbers: Sequence[int], first: int, last: int) -> bool:
    """Whether any of these rising numbers is from ``first`` to ``last``."""
    at = bisect_left(numbers, first)
    return at < len(numbers) and numbers[at] <= last


def processes_of(catalog: Catalog, each: AnyGroup) -> set[str]:
    """The ids of the processes that recorded something of a block, or of a sealed file's one service.

    Raises `Moved` when the file is not there any more.
    """
    if isinstance(each, BlockRef):
        return {each.header.process["id"]}
    return {source.process["id"] for source in catalog.sources(each.file) if source.service == each.service}


@dataclass(frozen=True, slots=True)
class SealedGroup:
    """The blocks of one signal and one service in a sealed file. The index sums up theirs; its ``sequence``,
    ``size`` and ``traces`` mean nothing."""

    file: SealedFile
    index: Index
    service: str
    refs: Sequence[SealedRef]

    def has_trace(self, prefix: str) -> bool:
        """Yes: a file is asked for traces as a whole, see `of_trace`."""
        return True


def grouped(refs: Iterable[SealedRef]) -> list[SealedGroup]:
    """A sealed file's blocks, by their signal and service."""
    groups: dict[tuple[str, str], list[SealedRef]] = {}
    for ref in refs:
        groups.setdefault((ref.index.signal, ref.service), []).append(ref)
    return [
        SealedGroup(refs[0].file, _sum([ref.index for ref in refs]), refs[0].service, refs) for refs in groups.values()
    ]


def _sum(indexes: Sequence[Index]) -> Index:
    return Index(
        indexes[0].signal,
        sum(index.count for index in indexes),
        min(index.first for index in indexes),
        max(index.last for index in indexes),
        max(index.severity for index in indexes),
        sum(index.errors for index in indexes),
        sequence=0,
        size=0,
    )


class Catalog(Protocol):
    """The blocks of one store."""

    location: str

    @property
    def damaged(self) -> int:
        """How many files, or places in files, are damaged."""

    def blocks(self) -> list[AnyRef]:
        """All committed blocks, each once, in order of discovery."""

    def newer(self, number: int, *, within: float = 0.0, deleted: bool = False) -> list[AnyRef]:
        """The blocks that this catalog discovered after the one with this number, in order of discovery.

        What another call has found in the last ``within`` seconds is good enough; many callers then
        share one look at the store. Records that were committed before and have been sealed since
        come again, in their sealed blocks. With ``deleted``, what was deleted is there as well.
        """

    def candidates(self, query: Query) -> list[AnyRef]:
        """The blocks that may hold a match, as far as can be said without opening one."""

    def holding(self, signal: str, places: Mapping[str, Sequence[int]]) -> list[AnyRef]:
        """The blocks of a signal that may hold some of these places: rising sequences, by their segments.

        All active ones that do; and sealed ones, unless all places are in active ones.
        """

    def groups(self) -> list[AnyGroup]:
        """All committed blocks, those of sealed files by service and signal."""

    def sources(self, file: SealedFile) -> Sequence[Source]:
        """The segments of which a file holds records; none where that is damaged.

        Raises `Moved` when the file is not there any more.
        """

    def of_trace(self, file: SealedFile, prefix: str) -> set[int]:
        """The ids of the blocks in a file that may hold a trace whose id begins with these digits.

        Raises `Moved` when the file is not there any more.
        """

    def may_match(self, ref: AnyRef, query: Query) -> bool:
        """Whether a block may hold a match, by what else is known of it than its index.

        Raises `Moved` when it is not there any more.
        """

    def frame(self, ref: AnyRef) -> bytes | None:
        """The compressed frame of a block, or None when it is not there any more, see `Moved`."""

    def delete_before(self, time: int) -> None:
        """Delete the records with a time (ns) before this one that have been committed so far."""

    def close(self) -> None:
        """Let go of the files that are open; they are opened again when they are needed."""


class Numbered:
    """Blocks by their keys, numbered from 1 in the order in which `_refresh` adds them."""

    def __init__(self) -> None:
        self._blocks: dict[Key, AnyRef] = {}
        self._last = 0
        self._looked = float("-inf")
        self._lock = Lock()
        self._cuts = Cuts(self._read)

    def blocks(self) -> list[AnyRef]:
        with self._lock:
            self._look()
            return self._cuts.of(self._blocks.values())

    def newer(self, number: int, *, within: float = 0.0, deleted: bool = False) -> list[AnyRef]:
        found: list[AnyRef] = []
        with self._lock:
            if time.monotonic() - self._looked >= within:
                self._look()
            for ref in reversed(self._blocks.values()):
                if ref.number <= number:
                    break
                found.append(ref)
            found.reverse()
            return found if deleted else self._cuts.of(found)

    def candidates(self, query: Query) -> list[AnyRef]:
        return [ref for ref in self.blocks() if query.wants(ref)]

    def holding(self, signal: str, places: Mapping[str, Sequence[int]]) -> list[AnyRef]:
        found: list[AnyRef] = []
        open_ = {segment for segment, numbers in places.items() if numbers}
        with self._lock:
            self._look()
            # what is asked for is new, most of the time
            for ref in reversed(self._blocks.values()):
                if not open_:
                    break
                if not isinstance(ref, BlockRef):
                    found += [ref] * (ref.index.signal == signal)
                    continue
                segment, first = ref.key
                if segment in open_:
                    if has_any(places[segment], first, first + ref.index.count - 1) and ref.index.signal == signal:
                        found.append(ref)
                    if first <= places[segment][0]:
                        open_.discard(segment)
            found.reverse()
            return self._cuts.of(found)

    def groups(self) -> list[AnyGroup]:
        return [ref for ref in self.blocks() if isinstance(ref, BlockRef)]

    def sources(self, file: SealedFile) -> Sequence[Source]:
        raise NotImplementedError

    def of_trace(self, file: SealedFile, prefix: str) -> set[int]:
        raise NotImplementedError

    def may_match(self, ref: AnyRef, query: Query) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""

    def _look(self) -> None:
        self._cuts.update(self._refresh(), self._blocks)
        self._looked = time.monotonic()

    def _refresh(self) -> Sequence[Mark]:
        """Bring the blocks up to date, and say what was deleted; called with the lock held."""
        raise NotImplementedError

    def _read(self, ref: AnyRef) -> bytes:
        """A block's frame as it was written; raises FileNotFoundError when it is not there any more."""
        raise NotImplementedError

    def _add(self, ref: BlockRef) -> BlockRef:
        """``ref`` with its number; a block that was known elsewhere keeps number and rank."""
        known = self._blocks.get(ref.key)
        if known is None:
            self._last += 1
        # never changed in place: another thread may be reading where the block was
        self._blocks[ref.key] = numbered = replace(ref, number=known.number if known else self._last)
        return numbered

    def _add_sealed(self, refs: Iterable[SealedRef]) -> None:
        for ref in refs:
            self._last += 1
            ref.number = self._last  # nobody else has seen it yet
            self._blocks[ref.key] = ref

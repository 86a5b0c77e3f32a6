"""What deletion leaves of blocks until upkeep has rewritten their files; those that it cuts are made anew when read."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from tidegate.errors import FormatError
from tidegate.store import codec, deleted
from tidegate.store.deleted import Mark
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.sealed.file import SealedRef
from tidegate.store.sealed.gathering import Gathered
from tidegate.store.segment import BlockRef, Key

if TYPE_CHECKING:
    from tidegate.store.catalog.base import AnyRef
    from tidegate.store.sealed.gathering import Block


T = TypeVar("T", bound="AnyRef")

#: Stands for every segment of a file that does not tell them.
UNKNOWN = ""


@dataclass(slots=True)
class CutBlock(BlockRef):
    """An active block of which records were deleted: its index says what is left, ``rows`` which of the ``uncut`` one,
    and ``whole`` how many there were."""

    whole: int = 0
    uncut: BlockRef | None = None
    rows: Sequence[int] = field(default=(), compare=False)


@dataclass(slots=True)
class CutSealed(SealedRef):
    """The same of a sealed block."""

    uncut: SealedRef | None = None
    rows: Sequence[int] = field(default=(), compare=False)


def left_of(ref: AnyRef, read: Callable[[AnyRef], bytes | None]) -> bytes | None:
    """The frame of a block as a question sees it: of one that was cut, made of what ``read`` gives of the whole, so
    that who asked before more was deleted goes on with what there was."""
    uncut = ref.uncut if isinstance(ref, (CutBlock, CutSealed)) else None
    frame = read(uncut or ref)
    if uncut is None or frame is None:
        return frame
    return _gathered(open_block(codec.decompress(frame), uncut), ref.rows).frame  # type: ignore[union-attr]


def _gathered(rows: AnyRows, kept: Sequence[int]) -> Block:
    gathered = Gathered(rows.signal)
    gathered.add(rows, kept)
    return gathered.encode()


class Cuts:
    """The blocks of one catalog that marks touch. ``read`` gives a block's frame as it is in its file."""

    def __init__(self, read: Callable[[AnyRef], bytes]) -> None:
        self._read = read
        self._marks: Sequence[Mark] = ()
        self._examined = 0
        #: What is left of blocks of which something was deleted; None for nothing.
        self._left: dict[Key, AnyRef | None] = {}

    def update(self, marks: Sequence[Mark], blocks: Mapping[Key, AnyRef]) -> None:
        """Bring it up to date with a catalog's blocks, which are in order of their numbers."""
        if marks != self._marks:
            self._marks, self._examined = marks, 0
            self._left.clear()
        if not marks:
            return
        for ref in reversed(blocks.values()):  # type: ignore[call-overload]
            if ref.number <= self._examined:
                break
            self._examine(ref)
        self._examined = next(reversed(blocks.values())).number if blocks else 0  # type: ignore[call-overload]
        for key in self._left.keys() - blocks.keys():
            del self._left[key]

    def __bool__(self) -> bool:
        return bool(self._left)

    def of(self, refs: Iterable[T]) -> list[T]:
        """What is left of these blocks."""
        if not self._left:
            return list(refs)
        left = (self._left.get(ref.key, ref) for ref in refs)
        return [cast(T, ref) for ref in left if ref is not None]

    def _examine(self, ref: AnyRef) -> None:
        # of whom a block is, is looked up in its file: most are newer than all that was deleted
        if ref.index.first >= max(mark.before for mark in self._marks):
            return
        befores = [deleted.cut(self._marks, created) for created in _begun(ref).values()]
        if ref.index.first >= max(befores, default=0):
            return
        rest = None if ref.index.last < min(befores) else self._cut(ref)
        if rest is not ref:
            self._left[ref.key] = rest

    def _cut(self, ref: AnyRef) -> AnyRef | None:
        try:
            rows = open_block(codec.decompress(self._read(ref)), ref)
            before = {segment: deleted.cut(self._marks, created) for segment, created in _begun(ref).items()}
            other = before.get(UNKNOWN, 0)
            times, places = rows.times, rows.places
            kept = [row for row in range(rows.count) if times[row] >= before.get(places[row][0], other)]
        except (AttributeError, FormatError, LookupError, OSError, TypeError, ValueError):
            return ref  # whoever opens it finds out
        if len(kept) == rows.count:
            return ref
        return _rewritten(ref, rows, kept) if kept else None


def _rewritten(ref: AnyRef, rows: AnyRows, kept: Sequence[int]) -> AnyRef:
    index = _gathered(rows, kept).index
    kept = array("I", kept)
    if isinstance(ref, SealedRef):
        return CutSealed(ref.file, ref.id, index, ref.service, ref.number, ref, kept)
    index.sequence, index.traces = ref.index.sequence, ref.index.traces
    return CutBlock(ref.header, index, ref.path, ref.start, ref.offset, ref.number, ref.index.count, ref, kept)


def _begun(ref: AnyRef) -> dict[str, int]:
    """When the segments were begun of which a block may have records; where that cannot be read, what was deleted
    goes by the time of the file."""
    if isinstance(ref, BlockRef):
        return {ref.header.segment: ref.header.created}
    try:
        return {source.segment: source.created for source in ref.file.sources}
    except (FormatError, FileNotFoundError):  # of a file that is gone, another look finds what took its place
        return {UNKNOWN: ref.file.start}

"""Merging sealed files of one class: blocks are copied as they are, small ones become larger ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from tidegate.errors import FormatError
from tidegate.store import codec, deleted
from tidegate.store.deleted import Mark
from tidegate.store.retention import DAMAGED, File
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.sealed.file import SealedFile, SealedRef, Source
from tidegate.store.upkeep.files import SEALED
from tidegate.store.upkeep.outputs import BLOCK_ROWS, Outputs
from tidegate.store.upkeep.pace import Pace
from tidegate.store.upkeep.sealing import BROKEN

#: A block with fewer rows is put together with others.
SMALL_ROWS = BLOCK_ROWS // 2


def merge(directory: str, files: Sequence[File], marks: Sequence[Mark], pace: Pace) -> bool:
    """Put sealed files of one class into one, without what was deleted; False when nothing is to be gained.

    Raises OSError, sqlite3.Error, `FormatError` or `Stopped`, and then nothing has changed.
    """
    with contextlib.ExitStack() as stack:
        opened = list(_opened(files, stack))
        if not opened or (len(opened) == 1 and not has_deleted(opened[0], marks)):
            return False
        outputs = Outputs(directory, min(file.start for file in opened), max(file.end for file in opened), pace)
        with outputs.or_nothing():
            _write(opened, marks, outputs, pace)
            outputs.finish(_sources(opened))
            outputs.take_the_place_of(opened)
    return True


def _opened(files: Sequence[File], stack: contextlib.ExitStack) -> Iterator[SealedFile]:
    for file in files:
        with contextlib.suppress(FormatError, FileNotFoundError):  # those stay as they are
            opened = stack.enter_context(contextlib.closing(SealedFile(file.path)))
            if opened.sources:
                yield opened


def _sources(files: Sequence[SealedFile]) -> Iterator[tuple[str, Source]]:
    """Each source once: parts of it may have been sealed apart."""
    found: dict[str, Source] = {}
    for file in files:
        for source in file.sources:
            former = found.get(source.segment)
            if former is None or former.next_sequence < source.next_sequence:
                found[source.segment] = source
    for name in sorted(found):
        yield files[0].kind, found[name]


def cuts(file: SealedFile, marks: Sequence[Mark]) -> dict[str, int]:
    """For each source of which something may have been deleted, the time in ns before which it was."""
    found = {source.segment: deleted.cut(marks, source.created) for source in file.sources} if marks else {}
    return {segment: before for segment, before in found.items() if before}


def has_deleted(file: SealedFile, marks: Sequence[Mark]) -> bool:
    """Whether records of the file may have been deleted."""
    return file.first < max(cuts(file, marks).values(), default=0)


def _write(files: Sequence[SealedFile], marks: Sequence[Mark], outputs: Outputs, pace: Pace) -> None:
    before = {id(file): cuts(file, marks) for file in files}
    refs = sorted((ref for file in files for ref in file.refs), key=lambda ref: ref.index.first)
    for ref in refs:
        cut = before[id(ref.file)]
        touched = ref.index.first < max(cut.values(), default=0)
        if not touched and ref.index.count >= SMALL_ROWS:
            outputs.copy(ref.file.kind, ref)
        else:
            _rewrite(ref, cut if touched else {}, outputs)
        pace.step()


def _rewrite(ref: SealedRef, cut: dict[str, int], outputs: Outputs) -> None:
    """A block's rows into another block; what cannot be read stays as it is."""
    try:
        raw = codec.decompress(ref.file.frame(ref.id))
        rows = open_block(raw, ref)
        picked = _left(rows, cut) if cut else None
    except BROKEN:
        outputs.copy(ref.file.kind, ref)
        return
    if picked is None or len(picked) == rows.count:
        outputs.add((ref.index.signal, ref.file.kind, ref.service), rows, None, len(raw))
    elif picked:
        outputs.add((ref.index.signal, ref.file.kind, ref.service), rows, picked, len(raw) * len(picked) // rows.count)


def _left(rows: AnyRows, cut: dict[str, int]) -> list[int]:
    """The rows that were not deleted."""
    return [
        row
        for row, (time, (segment, _)) in enumerate(zip(rows.times, rows.places, strict=True))
        if time >= cut.get(segment, 0)
    ]


def may_hide(file: File, mark: Mark) -> bool:
    """Whether a mark may hide something of this file, which then waits to be sealed or merged."""
    if not file.path.endswith(SEALED):
        return file.kind != DAMAGED and file.start <= mark.at
    try:
        with contextlib.closing(SealedFile(file.path)) as sealed:
            return has_deleted(sealed, [mark])
    except FileNotFoundError:
        return False
    except (FormatError, OSError):  # perhaps for now only
        return True

"""Rows of active segments to one sealed file, by the parts that upkeep is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from store_files import segments
from tidegate.store import codec, segment
from tidegate.store.rows import AnyRows, Record, open_block
from tidegate.store.sealed.file import SealedFile, Source
from tidegate.store.sealed.gathering import Gathered
from tidegate.store.sealed.writing import Writer

Pick = Callable[[AnyRows], Sequence[int] | None]


def active_rows(directory: Path) -> list[tuple[AnyRows, segment.BlockRef]]:
    """The rows of each block of all active segments, in order."""
    refs = [ref for path in segments(directory) for ref in segment.SegmentScanner(str(path)).scan()]
    return [(open_block(codec.decompress(segment.read_frame(ref)), ref), ref) for ref in refs]


def sealed_rows(file: SealedFile) -> list[AnyRows]:
    """The rows of each block of a sealed file, in order."""
    return [open_block(codec.decompress(file.frame(ref.id)), ref) for ref in file.refs]


def regroup(directory: Path, path: Path, *, pick: Pick = lambda rows: None, most: int = 10**9) -> SealedFile:
    """A file at ``path`` of what the active segments in ``directory`` hold, in blocks of about ``most`` rows."""
    waiting: dict[tuple[str, str], Gathered] = {}
    out = Writer(str(path), "trace", 1, 2)
    for rows, ref in active_rows(directory):
        key = (ref.index.signal, ref.service)
        gathered = waiting.setdefault(key, Gathered(ref.index.signal))
        gathered.add(rows, pick(rows))
        if gathered.count >= most:
            out.add(*key, gathered.encode())
        header, last = ref.header, ref.index.sequence + ref.index.count
        out.source(Source(header.segment, header.created, header.created, last, ref.service, header.process))
    for key, gathered in waiting.items():
        if gathered.count:
            out.add(*key, gathered.encode())
    out.finish()
    return SealedFile(str(path))


def content(rows: Sequence[AnyRows]) -> dict[tuple[str, int], Record]:
    """Each record by its place."""
    return {place: each.record(row) for each in rows for row, place in enumerate(each.places)}

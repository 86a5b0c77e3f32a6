"""Sealing: the blocks of ended segments, in order of time, regrouped by class into immutable files.

Memory is bounded: one block is open at a time, rows that wait to become blocks are few (`outputs`), and of each
source block only its index is held.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from tidegate.errors import FormatError
from tidegate.store import classes, codec, deleted, exchange, segment
from tidegate.store.deleted import Mark
from tidegate.store.retention import File, Policy
from tidegate.store.rows import AnyRows, open_block, open_traces
from tidegate.store.sealed.file import SealedFile, Source
from tidegate.store.segment import BlockRef, Key, SegmentScanner, read_frame
from tidegate.store.upkeep.covering import cover
from tidegate.store.upkeep.faulty import Faulty
from tidegate.store.upkeep.files import SEALED
from tidegate.store.upkeep.outputs import Outputs
from tidegate.store.upkeep.pace import Pace
from tidegate.store.upkeep.planning import hour_of

#: What a block raises that cannot be read.
BROKEN = (AttributeError, FormatError, LookupError, TypeError, ValueError)

#: Segments that are looked through in one step.
_SCANNED = 16


class Batch:
    """Ended segments that are sealed together: their blocks, whose they are, and which files are damaged."""

    def __init__(self, files: Iterable[File], sealed: Iterable[File], pace: Pace) -> None:
        self.files: list[File] = []
        self.refs: list[BlockRef] = []
        self.damaged: set[str] = set()
        self._sources: dict[str, Source] = {}
        self._used: dict[str, set[str]] = {}
        files = list(files)
        merged = any(file.path.endswith(segment.MERGED) for file in files)
        known = _sealed_segments(sealed) if merged else set()
        seen: set[Key] = set()
        for number, file in enumerate(files):
            if number % _SCANNED == 0:
                pace.step()
            self._scan(file, known, seen)
        self.refs.sort(key=lambda ref: ref.index.first)

    def _scan(self, file: File, known: set[str], seen: set[Key]) -> None:
        """A merged segment may hold what is elsewhere too, where merging had been cut off; that comes once."""
        scanner = SegmentScanner(file.path)
        try:
            found = scanner.scan()
        except (FormatError, OSError):  # of a newer version, or gone
            return
        self.files.append(file)
        if scanner.damaged:
            self.damaged.add(file.path)
        for ref in found:
            self._note(ref, file)
            if ref.key not in seen and ref.header.segment not in known:
                seen.add(ref.key)
                self.refs.append(ref)

    def _note(self, ref: BlockRef, file: File) -> None:
        header, former = ref.header, self._sources.get(ref.header.segment)
        reached = max(ref.index.sequence + ref.index.count, former.next_sequence if former else 0)
        self._sources[header.segment] = Source(
            header.segment, header.created, file.end, reached, header.resource.service, header.process
        )

    def use(self, kind: str, segment: str) -> None:
        """Rows of this segment are in the file of this class."""
        self._used.setdefault(kind, set()).add(segment)

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Whose rows are in the file of each class."""
        for kind, segments in self._used.items():
            for name in sorted(segments):
                yield kind, self._sources[name]


def _sealed_segments(files: Iterable[File]) -> set[str]:
    found: set[str] = set()
    for file in files:
        with contextlib.suppress(FormatError, OSError), contextlib.closing(SealedFile(file.path)) as sealed:
            found.update(source.segment for source in sealed.sources)
    return found


def seal(
    directory: str, files: Sequence[File], others: Sequence[File], policy: Policy, marks: Sequence[Mark], pace: Pace
) -> bool:
    """Put ended segments of one hour into sealed files; False when there was a reason not to.

    ``others`` are the files of the store, of which those that are sealed tell which traces have errors.
    Raises OSError, sqlite3.Error, `FormatError` or `Stopped`, and then nothing has changed.
    """
    sealed = [file for file in others if file.path.endswith(SEALED)]
    batch = Batch(files, sealed, pace)
    if not batch.files:
        return False
    if any(ref.index.signal == "metrics" for ref in batch.refs) and not _is_covered(
        directory, policy, batch.files, pace
    ):
        return False
    outputs = Outputs(directory, min(file.start for file in files), max(file.end for file in files), pace)
    with contextlib.closing(Faulty(_with_errors(sealed, files))) as faulty, outputs.or_nothing():
        _write(batch, faulty, marks, outputs, pace)
        outputs.finish(batch.sources())
        for path in sorted(batch.damaged):
            exchange.set_aside(path)
        outputs.take_the_place_of(batch.files)
    return True


def _is_covered(directory: str, policy: Policy, files: Sequence[File], pace: Pace) -> bool:
    try:
        return cover(directory, policy, pace, files)
    except FormatError:  # a newer version looks after the totals, and then also after what they are made of
        return False


def _with_errors(sealed: Iterable[File], files: Sequence[File]) -> list[str]:
    """The files that know of traces with errors in the hour of these segments, and beside it."""
    hour = hour_of(files[0])
    return [file.path for file in sealed if file.kind == classes.ERROR_TRACE and abs(hour_of(file) - hour) <= 1]


def _write(batch: Batch, faulty: Faulty, marks: Sequence[Mark], outputs: Outputs, pace: Pace) -> None:
    for ref in batch.refs:
        if ref.index.signal == "spans" and ref.index.errors:
            opened = _open(ref, batch, open_traces)
            if opened is not None:
                faulty.learn(opened[0])
            pace.step()
    for ref in batch.refs:
        before = deleted.cut(marks, ref.header.created)
        opened = _open(ref, batch) if ref.index.last >= before else None
        if opened is not None:
            _add(batch, ref, *opened, before, faulty, outputs)
        pace.step()


def _open(
    ref: BlockRef, batch: Batch, opened: Callable[[bytes, BlockRef], AnyRows] = open_block
) -> tuple[AnyRows, int] | None:
    """A block and the size of its JSON; None when it cannot be read, and then its file is damaged."""
    try:
        raw = codec.decompress(read_frame(ref))
        return opened(raw, ref), len(raw)
    except BROKEN:
        batch.damaged.add(ref.path)
        return None


def _add(batch: Batch, ref: BlockRef, rows: AnyRows, size: int, before: int, faulty: Faulty, outputs: Outputs) -> None:
    try:
        split = classes.split(rows, ref.index, faulty)
    except BROKEN:
        batch.damaged.add(ref.path)
        return
    for kind, of_kind in split.items():
        picked = of_kind if ref.index.first >= before else _since(before, rows, of_kind)
        count = rows.count if picked is None else len(picked)
        if count:
            outputs.add((ref.index.signal, kind, ref.service), rows, picked, size * count // rows.count)
            batch.use(kind, ref.header.segment)


def _since(time: int, rows: AnyRows, picked: Sequence[int] | None) -> list[int]:
    return [row for row in (range(rows.count) if picked is None else picked) if rows.times[row] >= time]


def is_damaged(path: str) -> bool:
    """Whether a segment is not what anybody writes; False for one of a newer version. Raises OSError."""
    try:
        refs = SegmentScanner(path).scan()
    except FormatError:
        return False
    except BROKEN:
        return True
    return not all(map(_can_be_read, refs))


def _can_be_read(ref: BlockRef) -> bool:
    try:
        rows = open_block(codec.decompress(read_frame(ref)), ref)
        for row in range(rows.count):
            rows.record(row)
    except BROKEN:
        return False
    return True

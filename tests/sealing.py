"""Sealed files made by hand: what upkeep does, with blocks as small as a test wants them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable

from tidegate.store import classes, codec, exchange, locks, segment
from tidegate.store.rows import open_block
from tidegate.store.sealed.file import SealedFile, Source
from tidegate.store.sealed.gathering import Gathered
from tidegate.store.sealed.writing import Writer


def ended(directory: str) -> list[str]:
    """The paths of active segments that no process writes any more, oldest first."""
    if not os.path.isdir(directory):
        return []
    paths = sorted(os.path.join(directory, name) for name in os.listdir(directory) if name.endswith(segment.ACTIVE))
    return [path for path in paths if locks.is_free(path.removesuffix(segment.ACTIVE) + segment.LOCK)]


def sealed(directory: str) -> list[str]:
    """The paths of sealed files."""
    if not os.path.isdir(directory):
        return []
    return sorted(os.path.join(directory, name) for name in os.listdir(directory) if name.endswith(".sealed"))


class Outputs:
    """Sealed files under the names of new ones, one for each class."""

    def __init__(self, directory: str, block_rows: int) -> None:
        self._directory, self._block_rows = directory, block_rows
        self.writers: dict[str, Writer] = {}
        self._gathered: dict[tuple[str, str, str], Gathered] = {}

    def writer(self, kind: str) -> Writer:
        if kind not in self.writers:
            name = f"{1:020d}-{2:020d}-{secrets.token_hex(8)}.{kind}.sealed{segment.FRESH}"
            self.writers[kind] = Writer(os.path.join(self._directory, name), kind, 1, 2)
        return self.writers[kind]

    def add(self, path: str) -> None:
        """All that is in an active segment."""
        end = 0
        for ref in segment.SegmentScanner(path).scan():
            end = ref.index.sequence + ref.index.count
            rows = open_block(codec.decompress(segment.read_frame(ref)), ref)
            for kind, picked in classes.split(rows, ref.index, set()).items():
                header = ref.header
                source = Source(header.segment, header.created, 2, end, ref.service, header.process)
                self.writer(kind).source(source)
                for row in range(rows.count) if picked is None else picked:
                    group = (ref.index.signal, kind, ref.service)
                    gathered = self._gathered.setdefault(group, Gathered(ref.index.signal))
                    gathered.add(rows, [row])
                    if gathered.count >= self._block_rows:
                        self._encode(group)
        for writer in self.writers.values():
            # how far a segment had got is the same wherever it went
            writer._db.execute("UPDATE sources SET next_sequence = ? WHERE segment = ?", (end, path[-23:-7]))

    def _encode(self, group: tuple[str, str, str]) -> None:
        signal, kind, service = group
        if self._gathered[group].count:
            self.writer(kind).add(signal, service, self._gathered[group].encode())

    def finish(self) -> list[str]:
        for group in self._gathered:
            self._encode(group)
        for writer in self.writers.values():
            writer.finish()
        return [os.path.basename(writer.path).removesuffix(segment.FRESH) for writer in self.writers.values()]


def prepare(directory: str, paths: Iterable[str] | None = None, block_rows: int = 3) -> tuple[list[str], list[str]]:
    """Write what will take the place of ended segments; returns what is to be added and removed."""
    chosen = ended(directory) if paths is None else list(paths)
    outputs = Outputs(directory, block_rows)
    for path in chosen:
        outputs.add(path)
    return outputs.finish(), [os.path.basename(path) for path in chosen]


def seal(directory: str, paths: Iterable[str] | None = None, block_rows: int = 3) -> None:
    """Put ended segments, all or some, into sealed files."""
    add, remove = prepare(directory, paths, block_rows)
    if remove:
        exchange.commit(directory, add, remove)


def merge(directory: str, paths: Iterable[str] | None = None) -> None:
    """Put sealed files of the same class together, all or some; their blocks are copied."""
    outputs = Outputs(directory, 1)
    chosen = sealed(directory) if paths is None else list(paths)
    for path in chosen:
        file = SealedFile(path)
        for ref in file.refs:
            outputs.writer(file.kind).copy(ref)
        for source in file.sources:
            outputs.writer(file.kind).source(source)
        file.close()
    if chosen:
        exchange.commit(directory, outputs.finish(), [os.path.basename(path) for path in chosen])

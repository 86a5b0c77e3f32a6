"""A sealed file, written: in one go, and then never again."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from typing import Any

from tidegate.errors import FormatError
from tidegate.store import location, values
from tidegate.store.sealed import file, traces
from tidegate.store.sealed.file import SealedFile, SealedRef, Source
from tidegate.store.sealed.gathering import Block

#: Half of what SQLite takes by itself: a file of a quiet hour is then half as large, and a large one is read as fast.
PAGE_BYTES = 2048

_SCHEMA = f"""
PRAGMA page_size = {PAGE_BYTES};
PRAGMA application_id = {file.APPLICATION_ID};
PRAGMA user_version = {file.FORMAT};
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -256;
BEGIN;
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE sources (segment TEXT PRIMARY KEY, created, ended, next_sequence INTEGER, service TEXT,
    process TEXT) WITHOUT ROWID;
CREATE TABLE blocks (id INTEGER PRIMARY KEY, signal TEXT, service TEXT, count INTEGER, first, last,
    severity INTEGER, errors INTEGER, size INTEGER);
CREATE TABLE frames (block INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE filters (block INTEGER PRIMARY KEY, words BLOB, pairs BLOB);
CREATE TABLE traces (bucket INTEGER PRIMARY KEY, entries BLOB);
"""


class Writer:
    """Writes one sealed file at ``path``, which is a name that no reader looks for yet.

    ``kind`` is the retention class, ``start`` and ``end`` are the commit times in ns of the oldest and
    newest source. Raises OSError when the file cannot be written; then, and whenever `finish` is not
    reached, `abort` leaves nothing behind.
    """

    def __init__(self, path: str, kind: str, start: int, end: int) -> None:
        self.path = path
        self.blocks = 0
        self._meta = {"kind": kind, "start": start, "end": end}
        self._traces = traces.Buckets()
        self._hashes: dict[SealedFile, dict[int, set[int]]] = {}
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, location.FILE_MODE))
        with self._errors():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with self._errors():
                self._db.executescript(_SCHEMA)
        except OSError:
            self.abort()
            raise

    def add(self, signal: str, service: str, block: Block) -> None:
        """A block whose records are all of one service."""
        index = block.index
        row = (index.count, file.fitting(index.first), file.fitting(index.last), index.severity, index.errors)
        self._insert((signal, file.as_text(service), *row, index.size), block.frame, (block.words, block.pairs))
        self._traces.add(traces.hashes(block.traces), self.blocks)

    def copy(self, ref: SealedRef) -> None:
        """A block of another file, as it is."""
        if ref.file not in self._hashes:
            self._hashes[ref.file] = ref.file.traces_of_blocks()
        row, frame, filters = ref.file.stored(ref.id)
        self._insert(row, frame, filters)
        self._traces.add(self._hashes[ref.file].get(ref.id, ()), self.blocks)

    def _insert(self, row: tuple[Any, ...], frame: bytes, filters: tuple[bytes | None, bytes | None]) -> None:
        if self.blocks == traces.MAX_BLOCKS:
            raise FormatError(f"a sealed file would have {self.blocks + 1} blocks; it may have {traces.MAX_BLOCKS}")
        with self._errors():
            self.blocks += 1
            self._db.execute("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (self.blocks, *row))
            self._db.execute("INSERT INTO frames VALUES (?, ?)", (self.blocks, frame))
            self._db.execute("INSERT INTO filters VALUES (?, ?, ?)", (self.blocks, *filters))

    def source(self, source: Source) -> None:
        """A segment of which this file holds records; the last word on one counts."""
        times = (file.fitting(source.created), file.fitting(source.ended))
        process = values.dumps(dict(source.process)).decode()
        row = (source.segment, *times, source.next_sequence, file.as_text(source.service), process)
        with self._errors():
            self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?, ?)", row)

    def finish(self) -> int:
        """Complete the file and bring it to the disk; returns its size in bytes."""
        with self._errors():
            self._db.executemany("INSERT INTO traces VALUES (?, ?)", self._traces.rows())
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", self._meta.items())
            self._db.execute("COMMIT")
            self._db.close()
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def abort(self) -> None:
        """Leave nothing behind; harmless once more."""
        self._db.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = errno.ENOSPC if "full" in str(error) else errno.EIO
            raise OSError(code, f"a sealed segment cannot be written: {error}", self.path) from error

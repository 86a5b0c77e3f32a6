"""A sealed file, read: what its blocks are, and which of them may hold what is asked for."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from tidegate.errors import FormatError
from tidegate.store import block, values
from tidegate.store.sealed import pairs, traces, words
from tidegate.store.segment import FRESH

if TYPE_CHECKING:
    import sqlite3

#: Version of the format; a reader refuses a newer one and leaves the file alone.
FORMAT = 2

#: "TIDE", by which such a file is known among other databases.
APPLICATION_ID = 0x54494445

#: How a database file begins, and where its header has ``user_version`` and ``application_id``
#: (https://www.sqlite.org/fileformat.html, section 1.3).
_MAGIC, _VERSION_AT, _APPLICATION_AT, _HEADER_BYTES = b"SQLite format 3\0", 60, 68, 100

_INT64 = 1 << 63

#: What is raised by tables that are not what was written.
_BROKEN = (AttributeError, FormatError, LookupError, TypeError, ValueError, struct.error)


@dataclass(frozen=True, slots=True)
class Source:
    """A segment of which a sealed file holds records: how far it had got when it ended. Times in ns."""

    segment: str
    created: int
    ended: int
    next_sequence: int
    service: str
    process: Mapping[str, Any]


@dataclass(slots=True)
class SealedRef:
    """Where a sealed block is, as `tidegate.store.segment.BlockRef` says it of an active one."""

    file: SealedFile
    id: int
    index: block.Index
    service: str
    number: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """The block's identity: its file's name and its id there."""
        return (self.file.name, self.id)

    def has_trace(self, prefix: str) -> bool:
        """Whether a trace whose id begins with these hexadecimal digits may be in the block."""
        return self.id in self.file.blocks_of_trace(prefix)


class SealedFile:
    """One sealed file, read by any number of threads; see `tidegate.store.sealed.writing.Writer`.

    ``kind`` is the retention class, ``start`` and ``end`` are the commit times of its oldest and newest
    source, ``first`` and ``last`` the times of its records, all in ns; ``refs`` are in order of their ids.
    Raises FileNotFoundError when there is no such file, not even under its partial name, and `FormatError`
    for what is no sealed file or has a newer format. It stays readable when it is unlinked, until it is
    closed, and a forked child opens it anew.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = os.path.basename(path)
        self._lock = Lock()
        self._db: sqlite3.Connection | None = None
        self._closing: weakref.finalize[..., SealedFile] | None = None
        # a trace is asked for block by block
        self._last_trace: tuple[str, set[int]] = "", set()
        _files.add(self)
        self.size = _check(path)
        meta = dict(self._select("SELECT name, value FROM meta"))
        try:
            self.kind, self.start, self.end = str(meta["kind"]), int(meta["start"]), int(meta["end"])
            self.refs = [_ref(self, row) for row in self._select("SELECT * FROM blocks ORDER BY id")]
        except (LookupError, TypeError, ValueError) as error:
            self.close()
            raise FormatError(f"{path} is damaged: {error!r}. `tidegate check --repair` sets it aside.") from None
        self.first = min((ref.index.first for ref in self.refs), default=0)
        self.last = max((ref.index.last for ref in self.refs), default=0)
        self.count = sum(ref.index.count for ref in self.refs)

    @cached_property
    def sources(self) -> list[Source]:
        """The segments of which the file holds records, oldest first; one that cannot be read is of nobody.

        There may be thousands, and few questions are about them, so they are read when they are first asked for.
        Raises `FormatError` when they cannot be read, and FileNotFoundError as `frame` does.
        """
        return [self._known(row) for row in self._select("SELECT * FROM sources ORDER BY created, segment")]

    def _known(self, row: Sequence[Any]) -> Source:
        try:
            return source_of(row)
        except _BROKEN:
            return Source(str(row[0]), self.end, self.end, 0, "", {"id": str(row[0])})

    @property
    def unreadable_sources(self) -> int:
        """How many of `sources` cannot be read."""
        return sum(source.next_sequence == 0 for source in self.sources)

    def __repr__(self) -> str:
        return f"SealedFile({self.path!r})"

    def frame(self, id: int) -> bytes:
        """A block's compressed frame; raises `FormatError` when there is none or it cannot be read, and
        FileNotFoundError when the file was closed and is gone."""
        data: bytes = self._blob("SELECT data FROM frames WHERE block = ?", id)
        return data

    def blocks_of_trace(self, prefix: str) -> set[int]:
        """The ids of the blocks that may hold a trace whose id starts with these 2 or more hexadecimal digits: all,
        where that cannot be read."""
        asked, found = self._last_trace
        if asked != prefix:
            bucket = int(prefix[: traces.BUCKET_DIGITS], 16)
            try:
                rows = self._select("SELECT entries FROM traces WHERE bucket = ?", bucket)
                found = traces.blocks_of(prefix, bucket, rows[0][0]) if rows else set()
            except _BROKEN:
                found = {ref.id for ref in self.refs}
            self._last_trace = prefix, found
        return found

    def may_hold(self, id: int, needle: str) -> bool:
        """Whether a text of the block may contain ``needle``, which is case-folded."""
        try:
            known = self._blob("SELECT words FROM filters WHERE block = ?", id)
            return known is None or words.may_hold(known, needle)
        except _BROKEN:
            return True

    def may_have(self, id: int, key: str, value: str | None) -> bool:
        """Whether a record of the block may have this attribute, its own or its resource's.

        A value is as `tidegate.store.conditions.as_text` writes it. Fields that ``where`` knows beside
        attributes are not looked at.
        """
        try:
            known = self._blob("SELECT pairs FROM filters WHERE block = ?", id)
            return known is None or pairs.may_have(known, key, value)
        except _BROKEN:
            return True

    def stored(self, id: int) -> tuple[tuple[Any, ...], bytes, tuple[bytes | None, bytes | None]]:
        """A block as it is in the file: its row without the id, its frame, its words and pairs."""
        (row,) = self._select("SELECT * FROM blocks WHERE id = ?", id)
        (filter_,) = self._select("SELECT words, pairs FROM filters WHERE block = ?", id)
        return row[1:], self.frame(id), filter_

    def traces_of_blocks(self) -> dict[int, set[int]]:
        """By block, what its traces are known by; see `tidegate.store.sealed.traces`."""
        out: dict[int, set[int]] = {}
        for bucket, packed in self._select("SELECT bucket, entries FROM traces"):
            for known, id in traces.entries(bucket, packed):
                out.setdefault(id, set()).add(known)
        return out

    def close(self) -> None:
        """Let go of the file; whoever asks it something opens it again, if it is still there."""
        with self._lock:
            if self._closing is not None:
                self._closing()
            self._db = self._closing = None

    def abandon(self) -> None:
        """Begin anew in a forked child, without touching the parent's connection."""
        self._lock = Lock()
        if self._db is not None and self._closing is not None:
            self._closing.detach()
            _inherited.append(self._db)
            self._db = self._closing = None

    def _blob(self, statement: str, id: int) -> Any:
        rows = self._select(statement, id)
        if not rows:
            raise FormatError(f"{self.path} has no block {id}")
        return rows[0][0]

    def _select(self, statement: str, *parameters: int) -> Sequence[tuple[Any, ...]]:
        try:
            with self._lock:
                if self._db is None:
                    self._db = _connect(self.path)
                    # not by __del__: a file and its refs hold each other, and go in any order
                    self._closing = weakref.finalize(self, self._db.close)
                return self._db.execute(statement, parameters).fetchall()
        except unreadable() as error:
            raise FormatError(f"{self.path} cannot be read: {error}") from None


def _check(path: str) -> int:
    """The size of a file that this version can read."""
    with _opened(path) as file:
        header, size = file.read(_HEADER_BYTES), os.fstat(file.fileno()).st_size
    if not _is_sealed(header):
        raise FormatError(f"{path} is not a sealed segment. `tidegate check --repair` sets it aside.")
    version = _number(header, _VERSION_AT)
    if version > FORMAT:
        raise FormatError(f"{path} has format {version}; this version reads up to {FORMAT}. Upgrade tidegate.")
    return size


def is_newer(path: str) -> bool:
    """Whether this is a sealed file of a later version, as far as its header can be believed."""
    try:
        with _opened(path) as file:
            header = file.read(_HEADER_BYTES).ljust(_HEADER_BYTES)
    except FileNotFoundError:
        return False
    return _is_sealed(header) and _number(header, _VERSION_AT) > FORMAT


def _is_sealed(header: bytes) -> bool:
    return header.startswith(_MAGIC) and _number(header, _APPLICATION_AT) == APPLICATION_ID


def _number(header: bytes, at: int) -> int:
    return int.from_bytes(header[at : at + 4], "big")


def _names(path: str) -> tuple[str, ...]:
    """The names that a file may have: until an exchange is done, its first one. Whoever tries to open them in this
    order finds it, whenever it gets its name."""
    return (path, path + FRESH, path)


def _opened(path: str) -> BinaryIO:
    for name in _names(path):
        with contextlib.suppress(FileNotFoundError):
            return open(name, "rb")
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def unreadable() -> tuple[type[Exception], ...]:
    """What SQLite raises of a damaged database, also where its own message has bytes of the damage, or where it is
    told to allocate what no machine has."""
    import sqlite3

    return (sqlite3.Error, UnicodeDecodeError, MemoryError)


def _connect(path: str) -> sqlite3.Connection:
    import sqlite3  # a store without sealed files is read without it

    for name in _names(path):
        # immutable: no locks, no look at a journal; such a file is never written again
        uri = f"file:{quote(name)}?mode=ro&immutable=1"
        try:
            return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError as error:
            failed = error
    _opened(path).close()
    raise failed


def _ref(file: SealedFile, row: Sequence[Any]) -> SealedRef:
    id, signal, service, count, first, last, severity, errors, size = row
    index = block.Index(signal, count, int(first), int(last), severity, errors, 0, size)
    return SealedRef(file, id, index, from_text(service))


def source_of(row: Sequence[Any]) -> Source:
    """What a row of table ``sources`` says; raises AttributeError, LookupError, TypeError or ValueError of junk."""
    segment, created, ended, next_sequence, service, process = row
    return Source(segment, int(created), int(ended), int(next_sequence), from_text(service), values.loads(process))


def fitting(number: int) -> int | str:
    """A number for SQLite: text when it has more than 64 bits."""
    return number if -_INT64 <= number < _INT64 else str(number)


def as_text(text: str) -> str | bytes:
    """A text for SQLite: bytes when it has a lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def from_text(stored: str | bytes) -> str:
    """The inverse of `as_text`."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


#: Every file of this process, for what a fork leaves to the child.
_files: weakref.WeakSet[SealedFile] = weakref.WeakSet()

#: Connections of a parent, which a child must not close: another thread may have held SQLite's locks at the fork.
#: At the child's end they go, but for the one that such a thread holds, as it will never run again.
_inherited: list[sqlite3.Connection] = []


def _forget_inherited() -> None:
    for file in list(_files):
        file.abandon()


os.register_at_fork(after_in_child=_forget_inherited)

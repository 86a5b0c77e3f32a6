"""A damaged sealed file, written anew from its frames, each of which has a checksum of its own.

Indexes, filters and traces are made again from the records. Where not even the database opens, the first page,
which is the same in all files but for a few numbers, is taken from a new one.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import cast
from urllib.parse import quote

import orjson

from tidegate.store import block, segment
from tidegate.store.check import carving
from tidegate.store.check.sealed import NAME
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.salvage import BROKEN
from tidegate.store.sealed import file
from tidegate.store.sealed.file import SealedFile, SealedRef, Source
from tidegate.store.sealed.gathering import Gathered
from tidegate.store.sealed.writing import PAGE_BYTES, Writer

#: Where a database's header has the number of its pages (https://www.sqlite.org/fileformat.html, section 1.3).
_PAGES_AT = 28


def rebuild(path: str) -> str:
    """The name of a new file with all blocks that can be read, still without its place; empty when there are none."""
    directory = os.path.dirname(path)
    match = NAME.fullmatch(os.path.basename(path))
    if match is None:
        return ""
    start, end, kind = int(match[1]), int(match[2]), match[3]
    name = f"{start:020d}-{end:020d}-{secrets.token_hex(8)}.{kind}{segment.SEALED}"
    writer = Writer(os.path.join(directory, name + segment.FRESH), kind, start, end)
    try:
        with _database(path, kind) as db:
            _copy(path, db, writer, Source("", start, end, 0, "", {}))
        if writer.blocks:
            writer.finish()
            return name
    except BaseException:
        writer.abort()
        raise
    writer.abort()
    return ""


def _copy(path: str, db: sqlite3.Connection, writer: Writer, unknown: Source) -> None:
    """Add every block that can be read, and the sources of their records, as far as they are known."""
    sources = {each.segment: each for each in _sources(db)}
    reached: dict[str, int] = {}
    for signal, rows in _readable(path):
        gathered = Gathered(signal)
        gathered.add(rows)
        writer.add(signal, rows.resources[rows.resource[0]].service, gathered.encode())
        for own, sequence in rows.places:
            reached[own] = max(sequence + 1, reached.get(own, 0))
    for own, sequence in reached.items():
        known = sources.get(own) or replace(unknown, segment=own, process={"id": own})
        writer.source(replace(known, next_sequence=max(known.next_sequence, sequence)))


def _readable(path: str) -> Iterator[tuple[str, AnyRows]]:
    """The signal and the rows of each block that can be read."""
    if not os.path.getsize(path):
        return
    read: set[int] = set()
    with open(path, "rb") as content, mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for id, raw in carving.frames(cast("bytes", mapped)):
            with contextlib.suppress(*BROKEN):
                head = orjson.loads(raw.partition(b"\n")[0])
                index = block.Index(head["signal"], head["count"], 0, 0, 0, 0, 0, 0)
                rows = open_block(raw, SealedRef(cast("SealedFile", None), id, index, ""))
                for row in range(rows.count):
                    rows.record(row)
                if id not in read:
                    read.add(id)
                    yield index.signal, rows


def _sources(db: sqlite3.Connection) -> Iterator[Source]:
    with contextlib.suppress(*file.unreadable()):
        for row in db.execute("SELECT * FROM sources"):
            with contextlib.suppress(*BROKEN):
                yield file.source_of(row)


@contextlib.contextmanager
def _database(path: str, kind: str) -> Iterator[sqlite3.Connection]:
    """The file as a database, if need be a copy of it with a first page from a new one."""
    with closing(_connect(path)) as db:
        if _can_be_read(db):
            yield db
            return
    copy = path + ".mended" + segment.PARTIAL
    try:
        _mend(path, copy, kind)
        with closing(_connect(copy)) as db:
            yield db
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(copy)


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True)


def _can_be_read(db: sqlite3.Connection) -> bool:
    try:
        db.execute("SELECT * FROM sources").fetchall()
    except file.unreadable():
        return False
    return True


def _mend(path: str, copy: str, kind: str) -> None:
    """All tables are made before the first row, so that their roots are the same pages in every file."""
    empty = Writer(copy, kind, 0, 0)
    empty.finish()
    with open(copy, "rb") as made:
        page = bytearray(made.read(PAGE_BYTES))
    pages = os.stat(path).st_size // PAGE_BYTES
    page[_PAGES_AT : _PAGES_AT + 4] = pages.to_bytes(4, "big")
    shutil.copyfile(path, copy)
    with open(copy, "r+b") as out:
        out.write(page)

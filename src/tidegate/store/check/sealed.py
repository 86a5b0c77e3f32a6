"""One sealed file: the database, every block, and what its tables say of the blocks."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain
from urllib.parse import quote

from tidegate.errors import FormatError
from tidegate.store import codec
from tidegate.store.check.accounts import Accounts
from tidegate.store.check.active import differences
from tidegate.store.check.finding import Finding
from tidegate.store.classes import ERROR_TRACE, METRIC, TRACE, of_severity
from tidegate.store.conditions import as_text
from tidegate.store.rows import AnyRows, LogRows, open_block
from tidegate.store.salvage import BROKEN
from tidegate.store.sealed import file as sealed
from tidegate.store.sealed import pairs, traces
from tidegate.store.sealed.file import SealedFile, SealedRef, Source
from tidegate.store.sealed.gathering import Block, Gathered

REBUILD = "write the readable blocks anew, with new indexes and filters, and set the file aside"

#: Where a sealed file's commit times and class are in its name.
NAME = re.compile(r"(\d{20})-(\d{20})-[^.]+\.([a-z-]+)\.sealed(\.fresh)?")

#: Lines of SQLite's own check that are told; the rest says the same.
_MAX_LINES = 3


def check_sealed(path: str, accounts: Accounts) -> Iterator[Finding]:
    """What there is to say about a file; raises FileNotFoundError when it goes away meanwhile."""
    name = os.path.basename(path)
    try:
        file = SealedFile(path)
    except FormatError as error:
        newer = sealed.is_newer(path)
        yield Finding(name, str(error), "newer" if newer else "damage", repair="" if newer else REBUILD)
        return
    with closing(file):
        for wrong in (*_database(path), *_names(file)):
            yield Finding(name, wrong, repair=REBUILD)
        yield from _blocks(file, accounts)


def _database(path: str) -> Iterator[str]:
    """What SQLite itself finds."""
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True)) as db:
            for (line,) in db.execute(f"PRAGMA integrity_check({_MAX_LINES})").fetchall():
                if line != "ok":
                    yield f"the database is damaged: {' '.join(str(line).split())}"
    except sealed.unreadable() as error:
        yield f"the database is damaged: {error}"


def _names(file: SealedFile) -> Iterator[str]:
    """Whether the file is what its name says, and is whole."""
    match = NAME.fullmatch(file.name)
    if match is None or (int(match[1]), int(match[2]), match[3]) != (file.start, file.end, file.kind):
        yield f"it is of class {file.kind!r} and of the times {file.start} to {file.end}, which is not its name"
    known = {ref.id for ref in file.refs}
    try:
        strange = file.traces_of_blocks().keys() - known
    except BROKEN as error:
        yield f"the traces cannot be read: {error}"
        return
    if strange:
        yield f"{len(strange)} blocks that are not there are said to hold traces"


def _blocks(file: SealedFile, accounts: Accounts) -> Iterator[Finding]:
    try:
        sources = {source.segment: source for source in file.sources}
    except FormatError as error:
        yield Finding(file.name, str(error), repair=REBUILD)
        return
    for source in file.sources:
        accounts.claim(source.segment, source.next_sequence)
    if file.unreadable_sources:
        what = f"of {file.unreadable_sources:,} segments it cannot be read whose they were"
        yield Finding(file.name, what, repair=REBUILD)
    try:
        hashes = file.traces_of_blocks()
    except BROKEN:
        hashes = {}
    for ref in file.refs:
        try:
            rows, made = opened(file, ref)
        except BROKEN as error:
            yield Finding(file.name, f"the block cannot be read: {error}", block=ref.id, repair=REBUILD)
            continue
        try:
            told = [*_index(ref, rows, made, hashes.get(ref.id, set())), *_rows(ref, rows, sources)]
        except BROKEN as error:
            told = [f"what is said of the block cannot be read: {error}"]
        for wrong in told:
            yield Finding(file.name, wrong, block=ref.id, repair=REBUILD)
        doubled = accounts.take(rows.places)
        if doubled:
            yield Finding(file.name, f"{doubled:,} records are there a second time", block=ref.id)


def opened(file: SealedFile, ref: SealedRef) -> tuple[AnyRows, Block]:
    """A block's rows, all of which can be read, and what sealing would make of them now; raises one of `BROKEN`."""
    frame = file.frame(ref.id)
    raw, size = codec.decompress_first(frame)
    if size != len(frame):
        raise FormatError(f"{len(frame) - size:,} bytes stand behind it")
    rows = open_block(raw, ref)
    for row in range(rows.count):
        rows.record(row)
    again = Gathered(ref.index.signal)
    again.add(rows)
    made = again.encode()
    made.index.size = size
    return rows, made


def _index(ref: SealedRef, rows: AnyRows, made: Block, hashes: set[int]) -> Iterator[str]:
    """What the tables say of a block against its content."""
    if wrong := differences(ref.index, made.index):
        yield wrong
    if ref.index.size != made.index.size:
        yield f"the block has {made.index.size:,} bytes and not {ref.index.size:,}"
    if hashes != traces.hashes(made.traces):
        yield "its traces would not be found, or others in their place"
    yield from _filters(ref, rows, made)


def _filters(ref: SealedRef, rows: AnyRows, made: Block) -> Iterator[str]:
    """Whether a filter denies what is there. Those of another version may be others, and deny nothing all the same."""
    _, _, (stored_words, stored_pairs) = ref.file.stored(ref.id)
    if None not in (stored_words, made.words) and stored_words != made.words:
        known = codec.decompress(stored_words or b"")
        if any(word not in known for word in codec.decompress(made.words or b"").split()):
            yield "the filter of words hides records"
    differs = stored_pairs is not None and stored_pairs != made.pairs
    if differs and not all(pairs.may_have(stored_pairs or b"", *pair) for pair in _pairs(rows)):
        yield "the filter of attributes hides records"


def _pairs(rows: AnyRows) -> set[tuple[str, str]]:
    """All attributes of the records and their resources, with their values as text."""
    records = [rows.record(row) for row in range(rows.count)]
    attributes = chain((each.attributes for each in records), (each.attributes for each in rows.resources))
    return {(key, as_text(value)) for each in attributes for key, value in each.items()}


def _rows(ref: SealedRef, rows: AnyRows, sources: Mapping[str, Source]) -> Iterator[str]:
    """Whether the rows belong where they are."""
    services = {rows.resources[place].service for place in set(rows.resource)}
    if services != {ref.service}:
        yield f"it is said to be of service {ref.service!r} and is of {', '.join(map(repr, sorted(services)))}"
    if ref.file.kind not in _classes(rows, ref.index.signal):
        yield f"its records are not all of class {ref.file.kind!r}"
    unknown = sum(segment not in sources or not 0 <= at < sources[segment].next_sequence for segment, at in rows.places)
    if unknown:
        yield f"{unknown:,} records are of no segment that the file is made of"


def _classes(rows: AnyRows, signal: str) -> set[str]:
    """The classes of which all rows may be."""
    if isinstance(rows, LogRows):
        found = {of_severity(severity) for severity in set(rows.severity)}
        return found if len(found) == 1 else set()
    return {METRIC} if signal == "metrics" else {TRACE, ERROR_TRACE}

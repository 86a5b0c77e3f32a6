"""Catalogs over sealed files: one picture while files are exchanged, few of them open, little of them read."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest

import sealing
import tidegate.store
from making import T0, log, put, resource, span
from metering import Made, put_points
from storing import Store
from tidegate.errors import FormatError
from tidegate.store import exchange, segment
from tidegate.store.catalog import AnyRef, DirectoryCatalog, listing
from tidegate.store.catalog import directory as catalog_directory
from tidegate.store.reader import Reader
from tidegate.store.sealed.file import SealedFile
from tidegate.store.watermark import Watermark


class CountingCatalog(DirectoryCatalog):
    """A directory that counts how many blocks are read from it."""

    opened = 0

    def frame(self, ref: AnyRef) -> bytes | None:
        self.opened += 1
        return super().frame(ref)


def write(store: Store, *numbers: int, service: str = "shop") -> None:
    """A process that ends after one block: errors, warnings and information by turns, each in a trace of its own."""
    made = [log(n, n, severity=9 + 4 * (n % 3), trace=(n + 1) << 108) for n in numbers]
    put(store.writer(), made, resource(service))
    store.close()


def seal(store: Store, block_rows: int = 2) -> None:
    sealing.seal(store.location, block_rows=block_rows)


def bodies(reader: Reader, **filters: Any) -> list[Any]:
    return [record.body for record in reader.logs(**filters)]


def begin_exchange(store: Store) -> tuple[list[str], list[str]]:
    """The moment after which new files take the place of the ended segments."""
    add, remove = sealing.prepare(store.location)
    body = {"format": 1, "add": add, "remove": remove}
    exchange.replace(os.path.join(store.location, exchange.NAME), orjson.dumps(body))
    return add, remove


# One picture


def test_sealed_blocks_are_new_and_what_they_took_the_place_of_is_gone(directory: Store) -> None:
    known = DirectoryCatalog(directory.location)
    write(directory, 0, 1, 2)
    assert [ref.number for ref in known.blocks()] == [1]
    seal(directory)
    assert [ref.number for ref in known.blocks()] == [2, 3, 4]
    assert [ref.number for ref in known.newer(3)] == [4]


def test_while_files_are_exchanged_each_record_is_there_once(directory: Store) -> None:
    write(directory, *range(4))
    write(directory, *range(4, 8))
    reader, expected = directory.reader(), list(range(8))[::-1]
    add, remove = begin_exchange(directory)
    place = Path(directory.location)
    for name in add:
        assert bodies(reader) == bodies(directory.reader()) == expected
        (place / (name + segment.FRESH)).rename(place / name)
    for name in [*remove, exchange.NAME]:
        assert bodies(reader) == bodies(directory.reader()) == expected
        (place / name).unlink()
    assert bodies(reader) == bodies(directory.reader()) == expected


def test_a_file_that_was_opened_by_its_first_name_is_read_on_by_its_own(directory: Store) -> None:
    write(directory, 0, 1, 2)
    begin_exchange(directory)
    reader = directory.reader()
    assert len(reader.services()) == 1
    exchange.finish(directory.location)
    reader.close()
    assert bodies(reader) == [2, 1, 0]


def test_new_files_without_an_exchange_are_not_looked_at(directory: Store) -> None:
    write(directory, 0, 1, 2)
    sealing.prepare(directory.location)
    assert bodies(directory.reader()) == [2, 1, 0]


def test_what_was_begun_goes_on_when_its_files_are_sealed_and_merged(directory: Store) -> None:
    for number in range(0, 12, 3):
        write(directory, *range(number, number + 3))
    found = directory.reader().logs()
    first = [record.body for record in islice(found, 2)]
    seal(directory)
    second = [record.body for record in islice(found, 4)]
    for kind in ("error", "warning", "info"):
        sealing.merge(directory.location, [path for path in sealing.sealed(directory.location) if f".{kind}." in path])
    assert first + second + [record.body for record in found] == list(range(12))[::-1]


def test_what_was_begun_goes_on_when_its_files_have_been_removed(directory: Store) -> None:
    write(directory, *range(6))
    seal(directory, 1)
    found = directory.reader().logs()
    assert next(found).body == 5
    for path in sealing.sealed(directory.location):
        if ".info." in path:
            os.unlink(path)
    # what a reader has open stays readable
    assert {record.body for record in found} >= {4, 2, 1}


def test_a_number_of_answers_is_found_while_files_are_exchanged(
    directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_directory, "OPEN_FILES", 1)
    write(directory, *range(9))
    seal(directory, 1)
    reader = directory.reader()
    assert reader.count("logs", where={"nothing": 1}) == 0
    for kind in ("error", "warning", "info"):
        sealing.merge(directory.location, [path for path in sealing.sealed(directory.location) if f".{kind}." in path])
    assert reader.count("logs", text="") == 9
    assert len(list(reader.lines("logs"))) == 9


def test_nothing_is_listed_while_nothing_appears_or_goes(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(directory, 0)
    os.utime(directory.location, ns=(T0, T0))
    known = DirectoryCatalog(directory.location)
    assert len(known.blocks()) == 1
    with monkeypatch.context() as patch:
        patch.setattr(listing.Listing, "_read", lambda each: pytest.fail("it was listed"))
        assert len(known.blocks()) == 1
    write(directory, 1)
    assert len(known.blocks()) == 2


# Little is read


@pytest.fixture
def hour(directory: Store) -> Iterator[CountingCatalog]:
    """Three hundred records of two services in sealed blocks of ten, each of one class."""
    for number in range(0, 300, 30):
        write(directory, *range(number, number + 30), service="pay" if number % 60 else "shop")
    seal(directory, 10)
    catalog = CountingCatalog(directory.location)
    yield catalog
    catalog.close()


@pytest.mark.parametrize(
    ("filters", "limit", "opened"),
    [
        ({}, 1, 1),
        ({}, 3, 3),  # the newest block of each class
        ({"level": "error"}, 5, 1),
        ({"level": "error", "service": "pay"}, None, 5),
        ({"trace_id": f"{8 << 108:032x}"}, None, 1),
        ({"since": T0 + 290}, None, 3),
        ({"until": T0 + 5}, None, 3),
        ({"where": {"service.name": "nobody"}}, None, 0),
        ({"text": "nothing of the kind"}, None, 0),
    ],
    ids=repr,
)
def test_a_question_opens_no_more_blocks_than_it_needs(
    hour: CountingCatalog, filters: dict[str, Any], limit: int | None, opened: int
) -> None:
    list(islice(Reader(hour).logs(**filters), limit))
    assert hour.opened == opened


def test_services_are_read_from_indexes_alone(hour: CountingCatalog) -> None:
    services = Reader(hour).services()
    assert [(each.name, each.logs, each.errors, each.processes) for each in services] == [
        ("pay", 150, 50, 5),
        ("shop", 150, 50, 5),
    ]
    assert hour.opened == 0


def test_traces_are_looked_up_together(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        put(directory.writer(), [span(str(number), number, trace=(number + 1) << 100, id=number + 1)])
    directory.close()
    seal(directory, 10)
    catalog = CountingCatalog(directory.location)
    looks = 0
    groups = DirectoryCatalog.groups

    def counted(self: DirectoryCatalog) -> list[Any]:
        nonlocal looks
        looks += 1
        return groups(self)

    monkeypatch.setattr(DirectoryCatalog, "groups", counted)
    assert [int(trace.trace_id, 16) >> 100 for trace in Reader(catalog).traces()] == list(range(1, 41))[::-1]
    assert looks < 10
    catalog.close()


def test_no_more_files_are_open_than_intended(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_directory, "OPEN_FILES", 2)
    for number in range(5):
        write(directory, number * 3)
        seal(directory)
    reader = directory.reader()
    assert bodies(reader) == [12, 9, 6, 3, 0]
    assert opened(directory) == 2
    reader.close()
    assert opened(directory) == 0


def opened(store: Store) -> int:
    """How many of a store's files this process has open."""
    found = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{descriptor}").startswith(os.path.join(store.location, "0"))
        except FileNotFoundError:  # the one by which the directory was listed
            pass
    return found


def test_a_removed_file_is_let_go_of_with_the_next_look(directory: Store) -> None:
    write(directory, 0)
    seal(directory)
    reader = directory.reader()
    assert bodies(reader) == [0]
    shutil.rmtree(directory.location)
    assert bodies(reader) == []
    assert opened(directory) == 0


def test_a_forked_child_reads_with_files_of_its_own(directory: Store) -> None:
    write(directory, *range(6))
    seal(directory)
    reader = directory.reader()
    assert len(bodies(reader)) == 6
    child = os.fork()
    if not child:
        try:
            right = bodies(reader) == bodies(directory.reader()) == list(range(6))[::-1]
            reader.close()
            os._exit(0 if right else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(bodies(reader)) == 6


def test_a_forked_child_does_not_wait_for_what_a_thread_of_its_parent_holds(directory: Store) -> None:
    write(directory, *range(6))
    seal(directory)
    reader = directory.reader()
    catalog: Any = reader._catalog
    with catalog._lock, catalog._open_lock, reader._cache._lock, reader._current._lock:
        child = os.fork()
        if not child:
            signal.alarm(20)
            try:
                os._exit(0 if bodies(reader) == list(range(6))[::-1] and reader.current_metrics() == [] else 1)
            finally:
                os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# What is read only when it is asked for


def test_whose_records_a_file_holds_is_not_read_for_a_trace(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(directory, 0)
    seal(directory)
    with monkeypatch.context() as patch:
        patch.setattr(SealedFile, "sources", None)
        assert bodies(directory.reader(), trace_id=f"{1 << 108:032x}") == [0]


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda reader: reader.services()[0].processes, 4),
        (lambda reader: len(reader.follower(after=Watermark()).poll()), 4),
        (lambda reader: reader.current_metrics()[0].value["as_int"], 4),
    ],
    ids=["services", "follower", "totals"],
)
def test_what_is_merged_before_it_is_asked_whose_records_it_holds_is_looked_for_anew(
    directory: Store, monkeypatch: pytest.MonkeyPatch, ask: Any, answer: int
) -> None:
    for number in range(2):
        put(directory.writer(), [log(number, number), log(number, number)])
        put_points(directory.writer(), Made("orders", 2))
        directory.close()
        seal(directory)
    sources = DirectoryCatalog.sources

    def merged_before(catalog: DirectoryCatalog, file: SealedFile) -> Any:
        monkeypatch.setattr(DirectoryCatalog, "sources", sources)
        for kind in ("info", "metric"):
            paths = [path for path in sealing.sealed(directory.location) if f".{kind}." in path]
            sealing.merge(directory.location, paths)
        file.close()
        return sources(catalog, file)

    monkeypatch.setattr(DirectoryCatalog, "sources", merged_before)
    assert ask(directory.reader()) == answer


# What is damaged, and what is newer


def damage(path: str, at: int, with_: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(with_)


@pytest.fixture
def three(directory: Store) -> Store:
    """A store of three sealed files: an error, a warning, an information."""
    write(directory, 0, 1, 2)
    seal(directory)
    return directory


def of_kind(store: Store, kind: str) -> str:
    [path] = [path for path in sealing.sealed(store.location) if f".{kind}." in path]
    return path


@pytest.mark.damaging
@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4096)], ids=len)
def test_a_file_that_cannot_be_read_is_counted_and_the_others_are_read(three: Store, content: bytes) -> None:
    Path(of_kind(three, "error")).write_bytes(content)
    reader = three.reader()
    assert (bodies(reader), reader.damaged) == ([1, 0], 1)


@pytest.mark.damaging
def test_a_block_that_cannot_be_read_is_counted_and_the_others_are_read(three: Store) -> None:
    path = of_kind(three, "error")
    file = SealedFile(path)
    frame = file.frame(1)
    file.close()
    damage(path, Path(path).read_bytes().index(frame) + len(frame) // 2, b"damage")
    reader = three.reader()
    assert (bodies(reader), reader.damaged) == ([1, 0], 1)


@pytest.mark.damaging
def test_a_file_that_does_not_say_whose_records_it_holds_is_counted_and_read(three: Store) -> None:
    with contextlib.closing(sqlite3.connect(of_kind(three, "error"), isolation_level=None)) as db:
        db.execute("DROP TABLE sources")
    reader = three.reader()
    assert ([each.logs for each in reader.services()], bodies(reader), reader.damaged) == ([3], [2, 1, 0], 1)
    assert len(reader.follower(after=Watermark()).poll()) == 2


@pytest.mark.damaging
def test_what_was_deleted_in_such_a_file_stays_deleted(three: Store) -> None:
    three.reader().delete_before(T0 + 10)
    with contextlib.closing(sqlite3.connect(of_kind(three, "error"), isolation_level=None)) as db:
        db.execute("DROP TABLE sources")
    assert bodies(three.reader()) == []


def test_what_was_set_aside_is_counted(three: Store) -> None:
    Path(three.location, f"{1:020d}-0123456789abcdef.active.damaged").write_bytes(b"whatever")
    reader = three.reader()
    assert (len(bodies(reader)), reader.damaged) == (3, 1)


@pytest.mark.damaging
def test_a_file_of_a_newer_format_is_refused(three: Store) -> None:
    damage(of_kind(three, "error"), 60, struct.pack(">I", 99))
    with pytest.raises(FormatError, match=r"has format 99; this version reads up to 2\. Upgrade tidegate"):
        three.reader().services()


def test_a_store_that_cannot_be_read_says_so_before_any_answer(three: Store) -> None:
    assert [record.body for record in tidegate.store.open(three.location).logs(level="error")] == [2]

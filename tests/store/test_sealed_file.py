"""A sealed file is written whole or not at all, and can be read by anyone, as long as anyone has it open."""

from __future__ import annotations

import builtins
import gc
import os
import resource as limits
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from making import log, put, resource, span
from regrouping import active_rows, content, regroup, sealed_rows
from store_files import decompress
from tidegate.errors import FormatError
from tidegate.store.block import Index
from tidegate.store.rows import SpanRows
from tidegate.store.sealed import writing
from tidegate.store.sealed.file import SealedFile, Source
from tidegate.store.sealed.gathering import Block, Gathered
from tidegate.store.sealed.writing import Writer
from tidegate.store.segment import FRESH
from tidegate.store.sinks import FileSink

SOURCE = Source("a" * 16, 5, 6, 7, "shop", {"id": "p", "pid": 3})


@pytest.fixture
def file(store_dir: Path, tmp_path: Path) -> Iterator[SealedFile]:
    """Three blocks: log records, and spans of two services."""
    sink = FileSink(str(store_dir))
    put(sink, [log(f"order {n}", n, trace=n + 1 << 120, attributes={"n": n}) for n in range(5)])
    put(sink, [span(f"work {n}", n, trace=n + 1 << 120, attributes={"user": "ann"}) for n in range(5)])
    put(sink, [span("pay", 9, trace=9 << 120)], resource("pay"))
    sink.close()
    file = regroup(store_dir, tmp_path / "file.db")
    yield file
    file.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(str(tmp_path / "other.db"), "trace", 1, 2)
    yield writer
    writer.abort()


def test_a_file_says_what_it_is(file: SealedFile) -> None:
    assert (file.kind, file.start, file.end, file.name, file.count) == ("trace", 1, 2, "file.db", 11)
    assert [(ref.index.signal, ref.service, ref.index.count) for ref in file.refs] == [
        ("logs", "shop", 5),
        ("spans", "shop", 5),
        ("spans", "pay", 1),
    ]
    assert (file.first, file.last) == (min(ref.index.first for ref in file.refs), max(r.index.last for r in file.refs))
    assert file.size == os.path.getsize(file.path)


def test_sources_are_kept_with_how_far_they_had_got(writer: Writer) -> None:
    writer.source(Source("a" * 16, 1, 2, 3, "shop", {}))
    writer.source(SOURCE)
    writer.finish()
    with closing(SealedFile(writer.path)) as read:
        assert read.sources == [SOURCE]


@pytest.mark.parametrize("moment", [-1, 0, 1 << 63, (1 << 64) - 1])
def test_a_moment_of_any_length_is_kept(writer: Writer, moment: int) -> None:
    writer.source(Source("a", moment, moment, 3, "shop", SOURCE.process))
    writer.finish()
    with closing(SealedFile(writer.path)) as read:
        assert (read.sources[0].created, read.sources[0].ended) == (moment, moment)


@pytest.mark.parametrize("service", ["", "häßlich", "'; DROP TABLE blocks; --", "\ud800", "a\0b", "../up"])
def test_a_service_may_have_any_name(store_dir: Path, tmp_path: Path, service: str) -> None:
    sink = FileSink(str(store_dir))
    put(sink, [log()], resource(service))
    sink.close()
    with closing(regroup(store_dir, tmp_path / "file")) as file:
        assert [ref.service for ref in file.refs] == [source.service for source in file.sources] == [service]


def test_a_copied_block_is_the_same_and_found_the_same(file: SealedFile, writer: Writer) -> None:
    for ref in reversed(file.refs):
        writer.copy(ref)
    writer.finish()
    with closing(SealedFile(writer.path)) as read:
        assert content(sealed_rows(read)) == content(sealed_rows(file))
        assert [read.frame(ref.id) for ref in read.refs] == [file.frame(ref.id) for ref in reversed(file.refs)]
        for ref, former in zip(read.refs, reversed(file.refs), strict=True):
            assert (ref.index, ref.service) == (former.index, former.service)
        assert read.blocks_of_trace(f"{3 << 120:032x}") == {2, 3}
        assert read.blocks_of_trace(f"{9 << 120:032x}") == {1}
        assert [read.may_hold(id, "order") for id in (1, 2, 3)] == [False, False, True]
        assert [read.may_have(id, "user", "ann") for id in (1, 2, 3)] == [False, True, False]


def test_a_trace_that_is_nowhere_is_found_nowhere(file: SealedFile) -> None:
    assert file.blocks_of_trace("ffffffff") == set()
    assert not any(ref.has_trace("ffff") for ref in file.refs)


def test_an_aborted_file_leaves_nothing_behind(writer: Writer) -> None:
    writer.source(SOURCE)
    writer.abort()
    assert not os.path.exists(writer.path)


@contextmanager
def little_room() -> Iterator[None]:
    """No file may have more than 64 KiB, that of pytest's own output included: for no longer than one call."""
    soft, hard = limits.getrlimit(limits.RLIMIT_FSIZE)
    limits.setrlimit(limits.RLIMIT_FSIZE, (64 << 10, hard))
    try:
        yield
    finally:
        limits.setrlimit(limits.RLIMIT_FSIZE, (soft, hard))


def test_a_file_for_which_there_is_no_room_is_an_error_and_leaves_nothing(writer: Writer) -> None:
    block = Block(Index("logs", 1, 1, 1, 0, 0, 0, 1 << 20), os.urandom(100 << 10), None, None, [])
    writer.add("logs", "shop", block)
    with little_room(), pytest.raises(OSError, match="a sealed segment cannot be written"):
        writer.finish()
    writer.abort()
    assert not os.path.exists(writer.path)


def test_a_file_for_which_there_is_no_room_from_the_beginning_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_SCHEMA", "CREATE TABLE blocks (id); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(OSError, match="a sealed segment cannot be written"):
        Writer(str(tmp_path / "new"), "info", 0, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_not_overwritten(file: SealedFile) -> None:
    before = Path(file.path).read_bytes()
    with pytest.raises(FileExistsError):
        Writer(file.path, "trace", 1, 2)
    assert Path(file.path).read_bytes() == before


def test_only_its_owner_may_read_it(file: SealedFile) -> None:
    assert os.stat(file.path).st_mode & 0o777 == 0o600


def test_a_file_that_is_gone_can_be_read_to_the_end(file: SealedFile) -> None:
    os.unlink(file.path)
    assert len(content(sealed_rows(file))) == 11


def test_a_closed_file_is_opened_again_when_it_is_asked(file: SealedFile) -> None:
    file.close()
    assert len(content(sealed_rows(file))) == 11


def test_a_closed_file_that_is_gone_cannot_be_read(file: SealedFile) -> None:
    file.close()
    os.unlink(file.path)
    with pytest.raises(FileNotFoundError):
        file.frame(1)


def test_a_file_that_nobody_holds_any_more_is_closed(file: SealedFile) -> None:
    path = file.path
    SealedFile(path).frame(1)
    gc.collect()
    file.close()
    held = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    assert path not in held


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SealedFile(str(tmp_path / "none"))


def test_a_path_may_have_any_characters(file: SealedFile, tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=rwc#100%.db"
    path.write_bytes(Path(file.path).read_bytes())
    with closing(SealedFile(str(path))) as read:
        assert read.frame(1) == file.frame(1)
    assert sorted(tmp_path.glob("a*")) == [path]


@pytest.mark.damaging
@pytest.mark.parametrize("length", [0, 50, 100, 5000])
def test_a_file_that_is_cut_short_is_refused(file: SealedFile, length: int) -> None:
    path = Path(file.path + ".cut")
    path.write_bytes(Path(file.path).read_bytes()[:length])
    with pytest.raises(FormatError):
        closing(SealedFile(str(path)))


def test_a_block_that_is_not_there_is_an_error_that_says_so(file: SealedFile) -> None:
    with pytest.raises(FormatError, match="has no block 4"):
        file.frame(4)


def test_many_threads_read_one_file(file: SealedFile) -> None:
    frames = [file.frame(ref.id) for ref in file.refs] * 100
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(file.frame, [ref.id for ref in file.refs] * 100)) == frames


def test_a_forked_child_reads_on_its_own_and_leaves_the_parents_file_alone(file: SealedFile) -> None:
    expected = file.frame(1)
    child = os.fork()
    if not child:
        os._exit(0 if file.frame(1) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert file.frame(1) == expected


def test_a_forked_child_ends_while_another_thread_of_its_parent_was_reading(file: SealedFile) -> None:
    source = f"""
import os, sys, threading
from tidegate.store.sealed.file import SealedFile
file = SealedFile({file.path!r})
stop = threading.Event()
def read():
    while not stop.is_set():
        file.frame(1)
threads = [threading.Thread(target=read) for _ in range(2)]
for thread in threads:
    thread.start()
codes = []
for _ in range(20):
    child = os.fork()
    if not child:
        del file
        sys.exit(0)  # the interpreter is taken down, and all that it holds
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
for thread in threads:
    thread.join()
file.close()
assert codes == [0] * 20, codes
"""
    subprocess.run([sys.executable, "-W", "error", "-c", source], check=True, timeout=60)


def test_the_frame_of_a_block_is_what_zstd_reads(file: SealedFile) -> None:
    assert decompress(file.frame(1)).startswith(b'{"signal":"logs","count":5,"t0":"')


def test_columns_that_are_not_asked_for_are_not_parsed(file: SealedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = sealed_rows(file)[1]
    assert isinstance(rows, SpanRows)
    parsed: list[str] = []
    read = type(rows.columns).__getitem__

    def noted(columns: object, name: str) -> object:
        parsed.append(name)
        return read(columns, name)  # type: ignore[arg-type]

    monkeypatch.setattr(type(rows.columns), "__getitem__", noted)
    assert list(rows.values_of("user")) == ["ann"] * 5
    assert set(parsed) <= {"shapes", "shape", "attributes.0.user"}


def test_what_was_gathered_is_gone_once_it_is_encoded(store_dir: Path) -> None:
    sink = FileSink(str(store_dir))
    put(sink, [log("one"), log("two")])
    sink.close()
    gathered = Gathered("logs")
    ((rows, _),) = active_rows(store_dir)
    gathered.add(rows, [1])
    assert (gathered.encode().index.count, gathered.count) == (1, 0)
    gathered.add(rows)
    assert (gathered.encode().index.count, gathered.count) == (2, 0)


def test_a_block_of_no_picked_rows_adds_nothing(store_dir: Path) -> None:
    sink = FileSink(str(store_dir))
    put(sink, [log("one")])
    sink.close()
    gathered = Gathered("logs")
    gathered.add(active_rows(store_dir)[0][0], [])
    assert gathered.count == 0


def test_a_record_of_ten_megabytes_and_one_with_ten_thousand_attributes_are_kept(
    store_dir: Path, tmp_path: Path
) -> None:
    sink = FileSink(str(store_dir))
    put(sink, [log("é" * (5 << 20)), log(attributes={f"key {n}": n for n in range(10_000)}), log("small")])
    sink.close()
    with closing(regroup(store_dir, tmp_path / "file")) as file:
        assert content(sealed_rows(file)) == content([rows for rows, _ in active_rows(store_dir)])
        assert file.may_have(1, "key 9999", "9999")
        assert file.may_hold(1, "é" * 100)


Many = Callable[[int], Path]


@pytest.fixture
def many(store_dir: Path) -> Many:
    """``many(keys)``: a store with a log record for each of so many sets of three keys."""

    def many(keys: int) -> Path:
        sink = FileSink(str(store_dir))
        put(sink, [log(n, n, attributes={f"{n}.{part}": n for part in range(3)}) for n in range(keys)])
        sink.close()
        return store_dir

    return many


@pytest.mark.parametrize(("keys", "name"), [(10, "shapes"), (1000, "attributes")])
def test_attributes_of_too_many_shapes_are_one_column(many: Many, tmp_path: Path, keys: int, name: str) -> None:
    directory = many(keys)
    with closing(regroup(directory, tmp_path / "file")) as file:
        assert name in sealed_rows(file)[0].columns
        assert content(sealed_rows(file)) == content([rows for rows, _ in active_rows(directory)])
        assert file.may_have(1, "7.1", "7")
        assert not file.may_have(1, "7.1", "8")


@pytest.mark.parametrize("opens", [(builtins, "open"), (sqlite3, "connect")], ids=lambda opens: str(opens[1]))
def test_a_file_that_gets_its_name_while_it_is_opened_is_read(
    file: SealedFile, monkeypatch: pytest.MonkeyPatch, opens: tuple[Any, str]
) -> None:
    partial = file.path + FRESH
    os.rename(file.path, partial)
    really = getattr(*opens)

    def late(name: str, *args: Any, **options: Any) -> Any:
        if FRESH in name and os.path.exists(partial):
            os.rename(partial, file.path)
        return really(name, *args, **options)

    monkeypatch.setattr(*opens, late)
    with closing(SealedFile(file.path)) as found:
        assert found.count == file.count


def test_what_is_no_file_under_any_name_is_not_found(file: SealedFile) -> None:
    file.close()
    os.unlink(file.path)
    with pytest.raises(FileNotFoundError):
        file.frame(1)

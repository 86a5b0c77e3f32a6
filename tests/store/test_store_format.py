"""The store's format is what its page says: the page's own commands read a real store, with nothing but zstd, jq
and sqlite3, and find what the readers do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.trace import SpanKind

import tidegate.store
from making import T0, log, put, resource, span
from metering import Made, put_points
from project.markdown import blocks
from store_files import segments
from tidegate.errors import FormatError
from tidegate.record import spans
from tidegate.record.blocks import Blocks
from tidegate.records import Log, Span
from tidegate.store import block
from tidegate.store.sealed.file import FORMAT, SealedFile
from tidegate.store.sealed.schema import COLUMNS, TABLES
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep.planning import SEAL_FROM
from tidying import tidy

PAGE = "docs/reference/store-format.md"

Read = Callable[..., list[Any]]


@pytest.fixture
def store(store_dir: Path) -> Iterator[Path]:
    """Sealed segments, one that is being written, and a checkpoint."""
    for number in range(SEAL_FROM):
        sink = FileSink(str(store_dir))
        fill(sink, number)
        sink.close()
    tidy(store_dir)
    sink = FileSink(str(store_dir))
    fill(sink, 99)
    yield store_dir
    sink.close()


def fill(sink: FileSink, number: int) -> None:
    trace = number + 1 << 96
    at = number * 10**9 + 123_456_789
    put(sink, [log(f"order {number}", at, trace=trace, attributes={"n": number}), log({"ünïcode": [number, None]}, at)])
    put(
        sink,
        [
            span("child", at + 1, trace=trace, id=7, parent=8, attributes={"http.route": "/a", "n": number}),
            span("parent", at, trace=trace, id=8, parent=9, remote=True, kind=SpanKind.SERVER, attributes={"n": 2.5}),
            span(
                "alone", at + 2, trace=trace + 1, id=9, duration=10**12, attributes={"list": [1, "two"], "none": None}
            ),
        ],
    )
    put_points(sink, Made("orders", number, at=1), of=resource(**{"service.instance.id": str(number)}))


#: Times that one block cannot hold, the greatest that there can be among them, and some that one just can.
WINDOW = T0 >> 53 << 53
FAR = (WINDOW + 999_999_999 - WINDOW % 10**9, WINDOW + (1 << 53) - 1)
AGES = (1, T0 + 987_654_321, (1 << 53) - 1, 1 << 53, *FAR, T0, 1 << 63, (1 << 64) - 1)


@pytest.fixture
def of_all_ages(store_dir: Path) -> Iterator[Path]:
    """A store with records of all these ages, sealed and not."""
    for number in range(SEAL_FROM + 1):
        if number == SEAL_FROM:
            tidy(store_dir)
        sink = FileSink(str(store_dir))
        made = [span(f"{number}", time - T0, id=place) for place, time in enumerate(AGES, 1)]
        Blocks(sink, {"spans": spans.batch}, None, None).write([("spans", each) for each in made])
        if number < SEAL_FROM:
            sink.close()
    yield store_dir
    sink.close()


@pytest.fixture
def command(root: Path, store: Path, tmp_path: Path) -> Read:
    """`commands` of a store that is made for all of them."""
    shutil.copy(store / "metrics.checkpoint", tmp_path)
    return commands(root, store, tmp_path)


def commands(root: Path, store: Path, tmp_path: Path) -> Read:
    """``commands(…)(mark)``: the lines of JSON, or else of text, that the page's command with this mark in it gives."""
    page = blocks(root / PAGE)
    for each in page:
        if each.file:
            (tmp_path / each.file).write_text(each.text, encoding="utf-8")
    lines = [line for each in page if each.language == "console" for line in each.text.splitlines()]
    active, sealed = only(store, "*.active"), only(store, "*.trace.sealed")

    def run(mark: str, block: int = 1, **variables: str) -> list[Any]:
        (line,) = (line.removeprefix("$ ").replace("block = 1", f"block = {block}") for line in lines if mark in line)
        environ = {"PATH": os.environ["PATH"], "ACTIVE": str(active), "SEALED": str(sealed), **variables}
        done = subprocess.run(["sh", "-c", line], env=environ, cwd=tmp_path, capture_output=True, check=True)
        assert done.stderr == b""
        return [orjson.loads(each) if each[:1] in b'{["' else each.decode() for each in done.stdout.splitlines()]

    return run


def only(directory: Path, pattern: str) -> Path:
    (path,) = directory.glob(pattern)
    return path


def read(store: Path, signal: str) -> list[Any]:
    """All records, oldest first."""
    with tidegate.store.open(store) as reader:
        return list(getattr(reader, signal)())[::-1]


def place(record: Span | Log) -> list[Any]:
    _, segment, number = record.cursor.split(".")
    return [segment, int(number, 16)]


def columns(span: Span) -> list[Any]:
    """A span as the page's commands show it."""
    ids = [span.trace_id, span.span_id, span.parent_span_id]
    return [str(span.start_time_unix_nano), *ids, span.name, span.duration_ns, span.attributes]


def in_active(store: Path, record: Span | Log) -> bool:
    return place(record)[0] in only(store, "*.active").name


def test_the_header_of_an_active_segment_says_whose_it_is(store: Path, command: Read) -> None:
    (header,) = command("od -An")
    assert header["resource"]["attributes"]["service.name"] == "shop"
    assert header["process"]["pid"] == os.getpid()
    assert f"{int(header['created']):020d}-{header['segment']}.active" == only(store, "*.active").name


def test_messages_of_an_active_segment_are_read_with_zstd_and_jq(store: Path, command: Read) -> None:
    assert command('column("body"; null)') == [each.body for each in read(store, "logs") if in_active(store, each)]


def test_spans_of_an_active_segment_are_read_with_zstd_and_jq(store: Path, command: Read) -> None:
    expected = [columns(each) for each in read(store, "spans") if in_active(store, each)]
    assert sorted(command('select(.signal == "spans")'), key=str) == sorted(expected, key=str)
    assert len(expected) == 3


def test_spans_of_a_sealed_segment_are_read_with_sqlite3_zstd_and_jq(store: Path, command: Read) -> None:
    command("'block.zst'")
    expected = [[place(each), *columns(each)] for each in read(store, "spans") if not in_active(store, each)]
    assert sorted(command("add | [places"), key=str) == sorted(expected, key=str)
    assert len(expected) == 3 * SEAL_FROM


def test_every_nanosecond_comes_through_jq(store: Path, command: Read) -> None:
    command("'block.zst'")
    assert str(T0 + 123_456_789 + 1) in [row[1] for row in command("add | [places")]


def test_every_nanosecond_of_all_ages_comes_through_jq(root: Path, of_all_ages: Path, tmp_path: Path) -> None:
    command = commands(root, of_all_ages, tmp_path)
    found = [row[0] for row in command('select(.signal == "spans")')]
    with closing(SealedFile(str(only(of_all_ages, "*.sealed")))) as sealed:
        for ref in sealed.refs:
            command("'block.zst'", ref.id)
            found += [row[1] for row in command("add | [places")]
    expected = [str(each.start_time_unix_nano) for each in read(of_all_ages, "spans")]
    assert sorted(found) == sorted(expected) == sorted(map(str, AGES * (SEAL_FROM + 1)))


def test_a_block_with_times_too_far_from_each_other_is_sealed_as_several(store_dir: Path) -> None:
    for _ in range(SEAL_FROM):
        sink = FileSink(str(store_dir))
        put(sink, [span(at=time - T0, id=place) for place, time in enumerate(AGES, 1)])
        sink.close()
    tidy(store_dir)
    with closing(SealedFile(str(only(store_dir, "*.sealed")))) as sealed:
        assert [block.window(ref.index.first) for ref in sealed.refs] == [
            block.window(ref.index.last) for ref in sealed.refs
        ]
        assert {block.window(ref.index.first) for ref in sealed.refs} == set(map(block.window, AGES))
    times = [each.start_time_unix_nano for each in read(store_dir, "spans")]
    assert times == sorted(AGES * SEAL_FROM)


def test_sqlite3_says_what_a_sealed_segment_holds(store: Path, command: Read) -> None:
    assert command("PRAGMA user_version") == [str(FORMAT), "trace", str(3 * SEAL_FROM)]


def test_sqlite3_says_of_which_segments_a_sealed_one_holds_records(store: Path, command: Read) -> None:
    ids = {place(each)[0] for each in read(store, "spans") if not in_active(store, each)}
    rows = [row.split("|") for row in command("next_sequence, service")]
    assert {segment for segment, *_ in rows} == ids
    assert {tuple(rest) for _, *rest in rows} == {("6", "shop", str(os.getpid()))}


def test_words_of_a_block_are_its_letters(store: Path, command: Read) -> None:
    command("'words.zst'")
    assert set(command("-dcq words.zst")) == {"a", "alone", "child", "parent", "two", "null"}


def test_sqlite3_finds_the_blocks_of_a_trace(store: Path, command: Read) -> None:
    trace_id = read(store, "spans")[0].trace_id
    assert command("WITH RECURSIVE", BUCKET=trace_id[:2], NEXT=trace_id[2:6]) == ["0001"]
    assert command("WITH RECURSIVE", BUCKET="ff", NEXT="ffff") == []


def test_the_checkpoint_is_read_with_zstd_and_jq(command: Read) -> None:
    ((version, names, based, processes),) = command("metrics.checkpoint")
    assert (version, names) == (1, ["orders"])
    assert based + processes == SEAL_FROM


def test_every_command_of_the_page_is_run_here(root: Path) -> None:
    page = (root / PAGE).read_text(encoding="utf-8")
    assert page.count("\n$ ") == 11


def test_every_column_of_the_encoders_is_on_the_page(root: Path) -> None:
    page = (root / PAGE).read_text(encoding="utf-8")
    named = {*chain(*COLUMNS.values(), *TABLES.values())}
    named |= {rows for tables in TABLES.values() for rows, _ in tables.values()}
    assert {name for name in named if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("pattern", ["*.trace.sealed", "*.active"])
def test_a_newer_format_is_refused_and_left_untouched(store: Path, pattern: str) -> None:
    path = only(store, pattern)
    make_newer(path)
    content = path.read_bytes()
    with pytest.raises(FormatError, match=r"has format 99; this version reads up to \d\. Upgrade tidegate"):
        read(store, "spans")
    tidy(store, max_bytes=0, max_age_s=0)
    assert path.read_bytes() == content


def make_newer(path: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".sealed":
        path.write_bytes(content[:60] + (99).to_bytes(4, "big") + content[64:])
    else:
        body = orjson.dumps({"format": 99, "what": "a later version knows"})
        path.write_bytes(block.skippable(body) + content)


def test_a_database_of_something_else_is_no_sealed_segment(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE blocks (id)")
    with pytest.raises(FormatError, match="is not a sealed segment"):
        SealedFile(str(path))


def test_segments_are_named_as_the_page_says(store: Path) -> None:
    suffixes = {path.name.partition(".")[2] for path in segments(store)}
    assert suffixes == {"active", "info.sealed", "trace.sealed", "metric.sealed"}

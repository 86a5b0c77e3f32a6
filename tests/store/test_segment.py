"""One file: whatever happens to its bytes, what comes before is read and nothing is raised."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tidegate.store
from making import SHOP, log, put, resource, span
from store_files import decompress, frames, places, plain, segments
from tidegate.errors import FormatError
from tidegate.store import locks, segment, sinks
from tidegate.store.sinks import FileSink
from tidying import tidy

reuse_files = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


@pytest.fixture
def written(store_dir: Path) -> Path:
    """A segment of five blocks: two of logs, one of spans, two of logs of another resource."""
    sink = FileSink(str(store_dir))
    put(sink, [log("a", 1), log("b", 2)])
    put(sink, [log("c", 3)])
    put(sink, [span("d", 4)])
    put(sink, [log("e", 5)], resource("other"))
    put(sink, [log("f", 6)], resource("other"))
    sink.close()
    return segments(store_dir)[0]


def read(path: Path) -> tuple[str, int]:
    """Bodies and names of all readable records, in order of writing, and how much is damaged."""
    with tidegate.store.open(path.parent) as reader:
        records = [(log.time_unix_nano, str(log.body)) for log in reader.logs()]
        records += [(span.start_time_unix_nano, span.name) for span in reader.spans()]
        return "".join(text for _, text in sorted(records)), reader.damaged


def test_all_is_read_from_a_whole_file(written: Path) -> None:
    assert read(written) == ("abcdef", 0)


@reuse_files
@given(data=st.data())
def test_a_file_cut_short_anywhere_is_read_up_to_there_without_complaint(written: Path, data: st.DataObject) -> None:
    whole = written.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    written.write_bytes(whole[:size])
    try:
        assert read(written) == ("abcdef"[: blocks_within(whole, size)], 0)
    finally:
        written.write_bytes(whole)


def blocks_within(whole: bytes, size: int) -> int:
    """How many records are in blocks that end by ``size``."""
    ends, end = [], 0
    for start, content, skippable in frames(whole):
        end = start + len(content)
        if not skippable:
            ends.append(end)
    records = [2, 1, 1, 1, 1]
    return sum(count for count, end in zip(records, ends, strict=True) if end <= size)


@reuse_files
@given(data=st.data())
def test_garbage_is_no_segment_and_no_exception(written: Path, data: st.DataObject) -> None:
    whole = written.read_bytes()
    written.write_bytes(data.draw(st.binary(max_size=300)))
    try:
        assert read(written)[0] == ""
    finally:
        written.write_bytes(whole)


@pytest.mark.damaging
def test_a_damaged_block_is_counted_and_those_after_it_are_read(written: Path) -> None:
    whole = bytearray(written.read_bytes())
    whole[places(whole)[2] + 12] ^= 1
    written.write_bytes(whole)
    assert read(written) == ("abcef", 1)


@pytest.mark.damaging
def test_a_damaged_block_is_counted_once_however_often_it_is_asked_for(written: Path) -> None:
    whole = bytearray(written.read_bytes())
    whole[places(whole)[0] + 12] ^= 1
    written.write_bytes(whole)
    with tidegate.store.open(written.parent) as reader:
        for _ in range(3):
            list(reader.logs())
        assert reader.damaged == 1


@pytest.fixture
def newer(written: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """A second segment beside the first, as a later version would write it."""

    def newer() -> Path:
        path = written.with_name(f"{1:020d}-{'ab' * 8}{segment.ACTIVE}")
        with monkeypatch.context() as later:
            later.setattr(segment, "FORMAT", segment.FORMAT + 1)
            path.write_bytes(segment.encode_header("ab" * 8, SHOP, 0, {}) + b"whatever comes then")
        return path

    return newer


def test_a_newer_format_is_refused_with_what_to_do(newer: Callable[[], Path]) -> None:
    path = newer()
    with pytest.raises(FormatError, match=f"{path.name} has format 2; .* reads up to 1. Upgrade tidegate"):
        read(path)


def test_a_newer_format_is_left_untouched(newer: Callable[[], Path]) -> None:
    path = newer()
    before = path.read_bytes()
    os.utime(path, (0, 0))
    tidy(path.parent, max_bytes=0, max_age_s=1)
    assert path.read_bytes() == before


def test_zstd_and_jq_can_read_a_segment(written: Path) -> None:
    blocks = [json.loads(text) for text in plain(written.read_bytes())]
    assert [block.get("body", block.get("name")) for block in blocks] == [["a", "b"], ["c"], {"all": "d"}, ["e"], ["f"]]


def test_the_whole_file_is_one_zstd_stream(written: Path) -> None:
    assert decompress(written.read_bytes()) == b"".join(plain(written.read_bytes()))


def test_nanoseconds_are_text_so_that_tools_with_doubles_keep_them(written: Path) -> None:
    assert json.loads(plain(written.read_bytes())[0])["t0"] == "1700000000000000001"


def test_a_scan_goes_on_where_the_last_one_stopped(store_dir: Path) -> None:
    sink = FileSink(str(store_dir))
    put(sink, [log()])
    scanner = segment.SegmentScanner(str(segments(store_dir)[0]))
    put(sink, [log()])
    counts = [len(scanner.scan())]
    put(sink, [log()])
    counts += [len(scanner.scan()), len(scanner.scan())]
    sink.close()
    assert counts == [2, 1, 0]


def test_a_lock_is_left_alone_by_other_threads_from_its_first_moment(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, found = os.open, list[bool]()

    def open_and_look(path: str, flags: int, *mode: int) -> int:
        descriptor = really(path, flags, *mode)
        if flags & os.O_CREAT and segment.LOCK in path:
            os.link(path, path.removesuffix(".new"))
            found.append(locks.is_free(path.removesuffix(".new")))
            os.unlink(path.removesuffix(".new"))
        return descriptor

    monkeypatch.setattr(os, "open", open_and_look)
    sink = FileSink(str(store_dir))
    put(sink, [log()])
    sink.close()
    assert found == [False]


def test_a_segment_that_cannot_be_begun_is_nobody_s(store_dir: Path) -> None:
    store_dir.mkdir(parents=True, exist_ok=True)
    before = set(sinks.own_segments)
    with pytest.raises(OSError, match="File name too long"):
        sinks._OpenSegment(str(store_dir / ("x" * 300)), {})
    assert sinks.own_segments == before

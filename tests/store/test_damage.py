"""An active segment that something has happened to: what is whole is read, and what is not is told."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import tidegate.store
from damaging import flip
from making import log, put, resource, span
from metering import Made, histogram, put_points
from sealing import seal
from store_files import frames, places, segments
from tidegate.errors import FormatError
from tidegate.store import segment
from tidegate.store.sinks import FileSink

pytestmark = pytest.mark.damaging

reuse_files = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)

#: What each block of `written` holds, and whose it is.
BLOCKS = ("ab", "c", "d", "e", "f")
SERVICES = dict(zip("abcdef", ["shop", "shop", "shop", "shop", "other", "other"], strict=True))


@pytest.fixture
def written(store_dir: Path) -> Path:
    """A segment of five blocks: two of logs, one of spans, two of logs of another resource."""
    sink = FileSink(str(store_dir))
    put(sink, [log("a", 1, trace=7), log("b", 2)])
    put(sink, [log("c", 3, severity=17)])
    put(sink, [span("d", 4, error=True)])
    other = resource("other")
    put(sink, [log("e", 5)], other)
    put(sink, [log("f", 6)], other)
    sink.close()
    return segments(store_dir)[0]


def read(path: Path) -> tuple[dict[str, tuple[str, str]], int]:
    """Of every readable record its service and cursor, and how much is damaged."""
    with tidegate.store.open(path.parent) as reader:
        found = {str(log.body): (log.service, log.cursor) for log in reader.logs()}
        found |= {span.name: (span.service, span.cursor) for span in reader.spans()}
        return found, reader.damaged


@pytest.fixture
def whole(written: Path) -> Iterator[bytes]:
    """The bytes of the segment, which are put back when the test ends."""
    content = written.read_bytes()
    yield content
    written.write_bytes(content)


def flipped(content: bytes, bit: int) -> bytes:
    broken = bytearray(content)
    broken[bit >> 3] ^= 1 << (bit & 7)
    return bytes(broken)


def block_at(content: bytes, at: int) -> str | None:
    """What the block holds of whose compressed frame this byte is part."""
    holds = iter(BLOCKS)
    for start, frame, skippable in frames(content):
        held = None if skippable else next(holds)
        if start <= at < start + len(frame):
            return held
    raise AssertionError(at)


@reuse_files
@given(data=st.data())
def test_a_flipped_bit_anywhere_costs_no_more_than_the_block_whose_content_it_is_in(
    written: Path, whole: bytes, data: st.DataObject
) -> None:
    written.write_bytes(whole)
    sound, _ = read(written)
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    written.write_bytes(flipped(whole, bit))
    found, damaged = read(written)
    lost = set(sound) - set(found)
    assert found == {name: sound[name] for name in found}
    assert lost in (set(), set(block_at(whole, bit >> 3) or ()))
    assert damaged == (1 if lost or block_at(whole, bit >> 3) is None else damaged)


@reuse_files
@given(data=st.data())
def test_what_is_overwritten_costs_only_the_blocks_that_it_touches(
    written: Path, whole: bytes, data: st.DataObject
) -> None:
    written.write_bytes(whole)
    sound, _ = read(written)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start + 1, len(whole)))
    overwritten = whole[:start] + b"\xff" * (end - start) + whole[end:]
    assume(overwritten != whole)
    written.write_bytes(overwritten)
    found, damaged = read(written)
    untouched = {name for name in sound if not touches(whole, name, start, end)}
    assert {name: found[name][1] for name in untouched} == {name: sound[name][1] for name in untouched}
    assert all(found[name][1] == sound[name][1] for name in found)
    assert damaged > 0


def touches(content: bytes, name: str, start: int, end: int) -> bool:
    """Whether these bytes are part of the block that holds this record, or of its index."""
    parts = list(frames(content))
    index = next(
        i for i, (at, _, skippable) in enumerate(parts) if not skippable and name in str(block_at(content, at))
    )
    return parts[index - 1][0] < end and start < parts[index][0] + len(parts[index][1])


@reuse_files
@given(size=st.integers(0, 10**6), more=st.integers(1, 5000))
@example(size=10**6, more=4096)
def test_zeros_at_the_end_as_a_power_failure_leaves_them_are_no_damage(
    written: Path, whole: bytes, size: int, more: int
) -> None:
    starts = [at for at, _, skippable in frames(whole) if skippable]
    size = max(at for at in [0, *starts, len(whole)] if at <= size)
    written.write_bytes(whole[:size] + bytes(more))
    assert read(written)[1] == 0


def test_a_length_that_reaches_behind_the_end_hides_nothing(written: Path, whole: bytes) -> None:
    at = [at for at, _, skippable in frames(whole) if skippable][-1]
    written.write_bytes(flipped(whole, (at + 4) * 8 + 19))
    found, damaged = read(written)
    assert (set(found), damaged) == (set("abcdef"), 1)


def test_an_index_that_is_overwritten_is_made_anew_from_its_block(written: Path, whole: bytes) -> None:
    sound, _ = read(written)
    at = places(whole)[1]
    written.write_bytes(whole[: at - 60] + b"x" * 40 + whole[at - 20 :])
    assert read(written) == (sound, 1)


def test_an_error_is_found_by_the_index_that_was_made_anew(written: Path, whole: bytes) -> None:
    for number, ask in ((1, {"min_level": "error"}), (0, {"trace_id": f"{7:032x}"})):
        at = places(whole)[number]
        written.write_bytes(whole[: at - 60] + b"x" * 40 + whole[at - 20 :])
        with tidegate.store.open(written.parent) as reader:
            assert len(list(reader.logs(**ask))) == 1


def test_a_header_that_is_lost_costs_its_blocks_their_resource_and_nothing_else(written: Path, whole: bytes) -> None:
    sound, _ = read(written)
    written.write_bytes(whole[:40] + b"x" * 100 + whole[140:])
    found, damaged = read(written)
    assert {name: cursor for name, (_, cursor) in found.items()} == {
        name: cursor for name, (_, cursor) in sound.items()
    }
    assert {name: service for name, (service, _) in found.items()} == {**SERVICES, **dict.fromkeys("abcd", "")}
    assert damaged == 1


def test_blocks_behind_a_header_that_is_lost_are_not_taken_for_those_of_the_one_before(
    written: Path, whole: bytes
) -> None:
    at = [at for at, content, skippable in frames(whole) if skippable and b'"resource"' in content][1]
    written.write_bytes(whole[: at + 40] + b"x" * 100 + whole[at + 140 :])
    found, _ = read(written)
    assert {name: service for name, (service, _) in found.items()} == {**SERVICES, **dict.fromkeys("ef", "")}


def test_without_any_header_blocks_are_those_of_the_segment_that_the_file_is_named_after(
    written: Path, whole: bytes
) -> None:
    sound, _ = read(written)
    _, header, _ = next(frames(whole))
    written.write_bytes(whole[len(header) :])
    found, damaged = read(written)
    assert [found[name][1] for name in "abcdef"] == [sound[name][1] for name in "abcdef"]
    assert damaged == 1


def test_a_process_that_goes_on_behind_a_damaged_end_is_read_on(written: Path, whole: bytes) -> None:
    *_, last = [at for at, _, skippable in frames(whole) if skippable]
    scanner = segment.SegmentScanner(str(written))
    written.write_bytes(whole[:last] + b"\xff" * 50)
    counts = [len(scanner.scan()), scanner.damaged, len(scanner.scan()), scanner.damaged]
    written.write_bytes(whole[:last] + b"\xff" * 50 + whole[last:])
    counts += [len(scanner.scan()), scanner.damaged]
    assert counts == [4, 1, 0, 1, 1, 1]


def test_a_torn_block_in_the_midst_is_passed_by(written: Path, whole: bytes) -> None:
    first, second = (at for at, content, skippable in frames(whole) if skippable and b'"resource"' in content)
    torn = whole[first : places(whole)[0] + 20]
    written.write_bytes(whole[:second] + torn + whole[second:])
    found, damaged = read(written)
    # the torn block is the first one's twin, which may hide it; what comes behind is there
    assert set(found) >= set("cdef")
    assert damaged > 0


def test_a_length_beyond_all_measure_is_damage(written: Path, whole: bytes) -> None:
    written.write_bytes(whole + struct.pack("<II", 0x184D2A5D, 1 << 31) + b"x" * 50)
    assert read(written)[1] == 1


# --- sealed files


def ask_everything(store: Path) -> None:
    """Every kind of question, which may find less than there was, and never fails."""
    with tidegate.store.open(store) as reader:
        for query in ({}, {"text": "wave"}, {"where": {"user": "ann"}}, {"service": "shop"}, {"trace_id": f"{7:032x}"}):
            list(reader.logs(**query))
            list(reader.spans(**query))
        list(reader.logs(min_level="error"))
        list(reader.lines("logs", limit=2))
        list(reader.traces())
        list(reader.services())
        list(reader.metrics())
        reader.current_metrics()
        assert reader.damaged >= 0


@pytest.fixture
def sealed(store_dir: Path) -> Path:
    sink = FileSink(str(store_dir))
    for number in range(12):
        body, attributes = f"wave {number}", {"user": "ann", "order": number}
        put(sink, [log(body, number, severity=5 + number, attributes=attributes, trace=number)])
    put(sink, [span("d", 4, error=True, trace=7)])
    put_points(sink, Made("orders", 3), histogram("wait", [1, 2], [5.0]))
    sink.close()
    seal(str(store_dir))
    return store_dir


@reuse_files
@given(data=st.data())
def test_of_a_sealed_file_with_a_flipped_bit_every_question_is_answered(sealed: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(sealed.glob("*.sealed"))))
    content = path.read_bytes()
    try:
        flip(path, data.draw(st.integers(0, len(content) * 8 - 1)))
        ask_everything(sealed)
    except FormatError as error:
        # a bit that makes a file one of a later version
        assert "Upgrade tidegate" in str(error)
    finally:
        path.write_bytes(content)


@reuse_files
@given(data=st.data())
def test_of_a_sealed_file_that_is_cut_or_overwritten_every_question_is_answered(
    sealed: Path, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(sealed.glob("*.sealed"))))
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, 5000))
    junk = data.draw(st.sampled_from([b"", b"\0", b"\xff", b"\x0d\x01"])) * length
    try:
        path.write_bytes(content[:start] + (junk + content[start + len(junk) :] if junk else b""))
        ask_everything(sealed)
    except FormatError as error:
        assert "Upgrade tidegate" in str(error)
    finally:
        path.write_bytes(content)

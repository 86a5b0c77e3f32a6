from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from making import log, span
from tidegate.errors import FormatError
from tidegate.record import logs, spans
from tidegate.store import block, codec, values

columns = st.lists(st.integers() | st.text(max_size=3), min_size=1, max_size=20)
trace_ids = st.integers(1, (1 << 128) - 1).map(lambda number: f"{number:032x}")


def packed(column: list[Any], default: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    block.pack("it", column, default, out)
    return out


@given(columns, st.sampled_from([0, ""]))
def test_a_packed_column_is_unpacked_the_same(column: list[Any], default: Any) -> None:
    assert list(block.unpack(packed(column, default), "it", len(column), default)) == column


def test_a_column_of_defaults_takes_no_room() -> None:
    assert packed([0, 0, 0], 0) == {}


def test_a_column_of_one_value_is_written_once() -> None:
    assert packed([7, 7, 7], 0) == {"it": {"all": 7}}


def test_lists_that_are_equal_but_of_other_types_stay_apart() -> None:
    out: dict[str, Any] = {}
    block.pack_lists("it", [[1], [True], [1.0]], out)
    assert str(out) == "{'it': [[1], [True], [1.0]]}"


def test_a_column_of_the_wrong_length_is_damage() -> None:
    with pytest.raises(FormatError, match="does not have 3 values"):
        block.unpack({"it": [1, 2]}, "it", 3, 0)


@given(st.lists(trace_ids, min_size=1, max_size=30), st.integers(1, 32))
def test_the_index_knows_every_trace_of_its_block_by_any_prefix(ids: list[str], digits: int) -> None:
    index = _index(ids)
    assert all(index.has_trace(trace_id[:digits]) for trace_id in ids)


@given(st.lists(trace_ids, min_size=1, max_size=30), trace_ids)
def test_the_index_tells_traces_apart_by_their_first_eight_digits(ids: list[str], other: str) -> None:
    assert _index(ids).has_trace(other) == any(trace_id[:8] == other[:8] for trace_id in ids)


def _index(ids: list[str]) -> block.Index:
    index, frame = block.encode(block.Batch("spans", 1, {"t0": "0"}, 0, 0, trace_ids=ids), 0)
    return block.parse_index(block.checked(block.to_bytes(index, frame)[block.FRAME_HEADER.size : -len(frame)]) or b"")


def test_the_index_says_what_lets_a_reader_pass_by() -> None:
    made = logs.batch([log(at=5, severity=9), log(at=2, severity=17), log(at=9, severity=21)])
    index, frame = block.encode(made, 40)
    assert (index.signal, index.count, index.last - index.first, index.severity, index.errors, index.sequence) == (
        "logs", 3, 7, 21, 2, 40,
    )  # fmt: skip
    assert index.size == len(frame)


def test_the_index_counts_spans_with_an_error() -> None:
    assert block.encode(spans.batch([span(error=True), span(), span(error=True)]), 0)[0].errors == 2


@given(st.binary(max_size=200), st.integers(0), st.integers(0, 7))
def test_a_payload_with_a_flipped_bit_is_not_what_was_written(payload: bytes, at: int, bit: int) -> None:
    content = bytearray(block.skippable(payload)[block.FRAME_HEADER.size :])
    assert block.checked(bytes(content)) == payload
    content[at % len(content)] ^= 1 << bit
    assert block.checked(bytes(content)) is None


@given(st.binary(max_size=2000))
def test_a_frame_holds_what_was_compressed(raw: bytes) -> None:
    assert codec.decompress(codec.compress(raw)) == raw


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_frame_that_is_cut_short_is_damage(raw: bytes, data: st.DataObject) -> None:
    frame = codec.compress(raw)
    with pytest.raises(FormatError):
        codec.decompress(frame[: data.draw(st.integers(0, len(frame) - 1))])


def test_a_block_that_no_reader_would_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_BLOCK_BYTES", 1000)
    with pytest.raises(FormatError, match="too large"):
        codec.compress(b"x" * 1001)


def test_a_parent_in_the_same_block_costs_no_identifier() -> None:
    _, frame = block.encode(spans.batch([span(id=5), span(id=6, parent=5)]), 0)
    assert values.loads(codec.decompress(frame))["parent"] == ["", 0]

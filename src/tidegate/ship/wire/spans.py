"""Spans from their columns (opentelemetry/proto/trace/v1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from operator import add, attrgetter
from struct import Struct
from typing import TYPE_CHECKING, Any

from tidegate.otlp.dialect import as_text
from tidegate.ship.wire.marks import marked_fields, marked_states
from tidegate.ship.wire.pieces import (
    I32,
    I64,
    LEN,
    U64_MAX,
    VARINT,
    Pieces,
    Take,
    fixed32,
    fixed64,
    heads,
    nearest,
    number,
    tag,
    taker,
    texts,
    within,
)
from tidegate.ship.wire.values import attributes
from tidegate.store.block import NO_ID
from tidegate.store.rows import SpanRows

if TYPE_CHECKING:
    from tidegate.ship.wire import Mark

#: trace_id 1 and span_id 2 with what stands before them, start 7 and end 8.
_FIXED = Struct("<20s8sBQBQ").pack
_TRACE, _SPAN, _PARENT = tag(1, LEN) + b"\x10", tag(2, LEN) + b"\x08", tag(4, LEN) + b"\x08"
_START, _END = tag(7, I64)[0], tag(8, I64)[0]

_NO_TRACE = 2 * NO_ID

_STATE, _NAME, _ATTRIBUTES = texts(3), texts(5), attributes(9)
_EVENT, _EVENT_TIME, _EVENT_NAME, _EVENT_ATTRIBUTES = heads(11), tag(1, I64), texts(2), attributes(3)
_LINK, _LINK_STATE, _LINK_ATTRIBUTES, _LINK_FLAGS = heads(13), texts(3), attributes(4), tag(6, I32)
_STATUS_HEAD, _MESSAGE, _FLAGS = heads(15), texts(2), tag(16, I32)

#: Bits of the flags of spans and links beyond those of W3C, by the protocol's SpanFlags.
_W3C, _HAS_IS_REMOTE, _IS_REMOTE = 0xFF, 0x100, 0x200

#: Columns that differ little: what `_of_few` takes.
_FEW = attrgetter(
    *("kinds", "flags", "remote", "dropped_attributes", "dropped_events", "dropped_links", "status", "messages")
)


def messages(rows: SpanRows, picked: Sequence[int], marks: Sequence[Mark] | None) -> Iterable[bytes]:
    """The message of each picked span."""
    take = taker(rows.count, picked)
    parts: list[Iterable[bytes]] = [
        _fixed(rows, take, picked),
        map(_NAME.__getitem__, take(rows.names)),
        map(_few.__getitem__, zip(*map(take, _FEW(rows)), strict=True)),
        _parents(rows, picked),
        marked_fields(_ATTRIBUTES, rows.attributes, picked, marks),
    ]
    if marks is not None or "trace_state" in rows.columns:
        parts.append(map(_STATE.__getitem__, marked_states(take(rows.trace_states), marks)))
    if any(events := take(rows.events)):
        since = [rows.times[row] for row in picked] if rows.is_sealed else repeat(rows.base)
        parts.append(map(_events, events, since))
    if any(links := take(rows.links)):
        parts.append(map(_links, links))
    return map(b"".join, zip(*parts, strict=False))


def _fixed(rows: SpanRows, take: Take, picked: Sequence[int]) -> Iterator[bytes]:
    traces, digits = take(rows.trace_ids), rows.packed_ids
    known = {each: _TRACE + bytes.fromhex(each or _NO_TRACE) + _SPAN for each in set(traces)}
    starts = take(rows.times)
    ends = within(0, U64_MAX, list(map(add, starts, take(rows.durations))))
    ids = [digits[8 * row : 8 * row + 8] for row in picked]
    fixed = (repeat(_START), within(0, U64_MAX, starts), repeat(_END), ends)
    return map(_FIXED, map(known.__getitem__, traces), ids, *fixed)


def _parents(rows: SpanRows, picked: Sequence[int]) -> list[bytes]:
    """A parent in the same block is known by the way there."""
    digits, steps = rows.packed_ids, rows.parent_steps
    out = []
    for row in picked:
        step = steps[row]
        if type(step) is int:
            at = 8 * (row + step)
            out.append(_PARENT + digits[at : at + 8])
        else:
            out.append(_PARENT + bytes.fromhex(step) if step else b"")  # type: ignore[arg-type]
    return out


def _of_few(row: tuple[Any, ...]) -> bytes:
    kind, flags, is_remote, attributes, events, links, code, message = row
    # kinds are one more than in a block; the status is written also when it is unset, as the standard encoder does
    first = tag(6) + VARINT[kind + 1] + _flags(_FLAGS, flags, is_remote)
    status = number(3, code) + _MESSAGE[message]
    dropped = number(10, attributes) + number(12, events) + number(14, links)
    return first + dropped + _STATUS_HEAD[len(status)] + status


#: The fields that differ little, by their values.
_few = Pieces(_of_few)


def _flags(start: bytes, flags: int, is_remote: int) -> bytes:
    return start + fixed32(flags & _W3C | _HAS_IS_REMOTE | (_IS_REMOTE if is_remote else 0))


def _events(events: Sequence[Any], since: int) -> bytes:
    out: list[bytes] = []
    for name, delta, mapping, dropped in events:
        time = _EVENT_TIME + fixed64(nearest(0, U64_MAX, since + delta))
        content = b"".join(
            (
                time,
                _EVENT_NAME[name if type(name) is str else as_text(name)],
                _EVENT_ATTRIBUTES.of(mapping),
                number(4, dropped),
            )
        )
        out += (_EVENT[len(content)], content)
    return b"".join(out)


def _links(links: Sequence[Any]) -> bytes:
    out: list[bytes] = []
    for trace_id, span_id, state, flags, mapping, dropped, *is_remote in links:
        ids = _TRACE + bytes.fromhex(trace_id or _NO_TRACE) + _SPAN + bytes.fromhex(span_id or NO_ID)
        more = (_LINK_STATE[state], _LINK_ATTRIBUTES.of(mapping), number(5, dropped))
        content = b"".join((ids, *more, _flags(_LINK_FLAGS, flags, bool(is_remote and is_remote[0]))))
        out += (_LINK[len(content)], content)
    return b"".join(out)

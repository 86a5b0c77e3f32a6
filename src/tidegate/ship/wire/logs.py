"""Log records from their columns (opentelemetry/proto/logs/v1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from operator import add, attrgetter
from struct import Struct
from typing import TYPE_CHECKING, Any

from tidegate.ship.wire.marks import marked_fields
from tidegate.ship.wire.pieces import (
    I32,
    I64,
    LEN,
    S32_MAX,
    U32_MAX,
    U64_MAX,
    Pieces,
    Take,
    all_utf8,
    fixed32,
    heads,
    nearest,
    number,
    tag,
    taker,
    texts,
    within,
)
from tidegate.ship.wire.values import any_value, attributes, none_has
from tidegate.store.rows import ORIGIN_KEYS, LogRows

if TYPE_CHECKING:
    from tidegate.ship.wire import Mark

#: time 1 and observed time 11.
_TIMES = Struct("<BQBQ").pack
_TIME, _OBSERVED = tag(1, I64)[0], tag(11, I64)[0]

_TRACE, _SPAN = tag(9, LEN) + b"\x10", tag(10, LEN) + b"\x08"

_SEVERITY_TEXT, _EVENT_NAME, _ATTRIBUTES = texts(3), texts(12), attributes(6)

_BODY, _TEXT = heads(5), heads(1)

#: What stands before a text that is the body, by its length.
_TEXT_BODY = Pieces(lambda length: _BODY[len(_TEXT[length]) + length] + _TEXT[length])

#: Columns that differ little: what `_of_few` takes.
_FEW = attrgetter("severity", "flags", "dropped_attributes", "severity_texts", "event_names")


def messages(rows: LogRows, picked: Sequence[int], marks: Sequence[Mark] | None) -> Iterable[bytes]:
    """The message of each picked log record."""
    take = taker(rows.count, picked)
    parts: list[Iterable[bytes]] = [
        _times(rows, take),
        map(_few.__getitem__, zip(*map(take, _FEW(rows)), strict=True)),
        _bodies(take(rows.bodies)),
    ]
    if any(origin[1] for origin in rows.origins):
        parts.append(_located(rows, take(rows.origin), picked))
    parts.append(marked_fields(_ATTRIBUTES, rows.attributes, picked, marks))
    if any(traces := take(rows.trace_ids)):
        known = {each: _TRACE + bytes.fromhex(each) if each else b"" for each in set(traces)}
        parts.append(map(known.__getitem__, traces))
    if "span_id" in rows.columns:
        parts.append(_spans(rows, picked))
    return map(b"".join, zip(*parts, strict=False))


def _times(rows: LogRows, take: Take) -> Iterator[bytes]:
    times, timeless = take(rows.times), take(rows.timeless)
    observed = within(0, U64_MAX, list(map(add, times, take(rows.observed))))
    stamps = [0 if no else time for time, no in zip(times, timeless, strict=True)] if any(timeless) else times
    return map(_TIMES, repeat(_TIME), within(0, U64_MAX, stamps), repeat(_OBSERVED), observed)


def _spans(rows: LogRows, picked: Sequence[int]) -> list[bytes]:
    digits, nothing = rows.packed_ids, bytes(8)
    ids = [digits[8 * row : 8 * row + 8] for row in picked]
    return [_SPAN + each if each != nothing else b"" for each in ids]


def _of_few(row: tuple[int, int, int, str, str]) -> bytes:
    severity, flags, dropped, text, name = row
    bits = tag(8, I32) + fixed32(nearest(0, U32_MAX, flags)) if flags else b""
    return number(2, severity, S32_MAX) + bits + number(7, dropped) + _SEVERITY_TEXT[text] + _EVENT_NAME[name]


#: The fields that differ little, by their values.
_few = Pieces(_of_few)


def _bodies(bodies: Sequence[Any]) -> Iterable[bytes]:
    """Written also when there is none, as the standard encoder does."""
    if set(map(type, bodies)) == {str}:
        contents = all_utf8(bodies)
        return map(add, map(_TEXT_BODY.__getitem__, map(len, contents)), contents)
    return [_BODY[len(content)] + content for content in map(any_value, bodies)]


def _located(rows: LogRows, origin: Sequence[int], picked: Sequence[int]) -> list[bytes]:
    """Where the call stands, as attributes, unless the record has such of its own."""
    pieces = [_ATTRIBUTES.of(_place(each)) if each[1] else b"" for each in rows.origins]
    mappings = rows.attributes
    if none_has(mappings, picked, ORIGIN_KEYS):
        return [pieces[place] for place in origin]
    out = []
    for place, row in zip(origin, picked, strict=True):
        own = mappings[row].keys() & ORIGIN_KEYS if pieces[place] else ()
        others = {key: value for key, value in _place(rows.origins[place]).items() if key not in own}
        out.append(_ATTRIBUTES.of(others) if own else pieces[place])
    return out


def _place(origin: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(ORIGIN_KEYS, origin[1:], strict=True))

"""Pieces of messages, remembered: most of what a batch is made of was in the one before.

Source of the format: https://protobuf.dev/programming-guides/encoding/ (varints, tags, lengths).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from struct import Struct
from typing import Any

#: Pieces that are remembered of one kind, and bytes that one may have; when there are more, it begins anew.
MAX_PIECES, MAX_BYTES = 4096, 512

U32_MAX, U64_MAX = (1 << 32) - 1, (1 << 64) - 1
S32_MIN, S32_MAX = -(1 << 31), (1 << 31) - 1
S64_MIN, S64_MAX = -(1 << 63), (1 << 63) - 1

fixed64 = Struct("<Q").pack
fixed32 = Struct("<I").pack
double = Struct("<d").pack


class Pieces(dict[Any, bytes]):
    """What ``make`` makes of a key, remembered within bounds. To be asked by ``[key]``, which is quick for known ones.

    Two threads may make the same piece at once, which is no harm.
    """

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        self._make = make

    def __missing__(self, key: Any) -> bytes:
        made = self._make(key)
        if len(made) <= MAX_BYTES:
            if len(self) >= MAX_PIECES:
                self.clear()
            self[key] = made
        return made


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; negative numbers in the two's complement of 64 bits."""
    if 0 <= number < 0x80:
        return number.to_bytes(1, "little")
    if 0 <= number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    if 0 <= number < 0x200000:
        return bytes((number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14))
    number &= U64_MAX
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


#: Varints by their numbers, for those that come again.
VARINT = Pieces(varint)

LEN, I64, I32 = 2, 1, 5


def tag(field: int, kind: int = 0) -> bytes:
    """What a field begins with."""
    return VARINT[field << 3 | kind]


@cache
def heads(field: int) -> Pieces:
    """By the length of its content, what a field with a length begins with."""
    start = tag(field, LEN)
    return Pieces(lambda length: start + VARINT[length])


def utf8(text: str) -> bytes:
    """Lone surrogates, which UTF-8 cannot carry, as escapes."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")
    except AttributeError:  # what should be a text, but was not when it was recorded
        return utf8(str(text))


def all_utf8(texts: Sequence[str]) -> list[bytes]:
    """Each of them as `utf8` gives it."""
    try:
        return list(map(str.encode, texts))
    except UnicodeEncodeError:
        return list(map(utf8, texts))


@cache
def texts(field: int) -> Pieces:
    """Fields by their texts; nothing for the empty one."""
    head = heads(field)

    def make(text: str) -> bytes:
        data = utf8(text)
        return head[len(data)] + data if data else b""

    return Pieces(make)


def within(low: int, high: int, column: Sequence[int]) -> Sequence[int]:
    """Numbers that a field has room for: what is beyond its ends becomes these."""
    if not column or (low <= min(column) and max(column) <= high):
        return column
    return [nearest(low, high, number) for number in column]


def nearest(low: int, high: int, number: int) -> int:
    """A number that a field has room for."""
    return min(max(number, low), high)


def number(field: int, value: int, high: int = U32_MAX) -> bytes:
    """A field of a number that is not negative; nothing for 0."""
    return tag(field) + VARINT[min(value, high)] if value > 0 else b""


#: Takes some rows of a column.
Take = Callable[[Sequence[Any]], Sequence[Any]]


def taker(count: int, picked: Sequence[int]) -> Take:
    """Takes the picked rows of a column of so many rows."""
    if isinstance(picked, range):
        if picked == range(count):
            return lambda column: column
        return lambda column: [column[row] for row in picked]
    if len(picked) < 2:
        return lambda column: [column[row] for row in picked]
    return itemgetter(*picked)

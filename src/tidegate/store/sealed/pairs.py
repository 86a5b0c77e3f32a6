"""Which attributes the records of a block may have: their keys, and their keys with values.

Each is known by the CRC-32 of ``KEY?`` for a key, of ``KEY=VALUE`` with the value as text, and of
``KEY*`` for a key of which there are too many values. What is written is a zstd frame: a number in four
bytes (big-endian), then the rests of the CRCs divided by it in order, each by how much greater it is
than the one before; 255 means that the next one is at least so much greater. That is smaller than a
Bloom filter that is as often wrong, and cheaper to make.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, repeat
from struct import Struct
from typing import Any
from zlib import crc32

import orjson

from tidegate.store import codec
from tidegate.store.conditions import as_text
from tidegate.store.rows import ORIGIN_KEYS
from tidegate.store.sealed.columns import distinct
from tidegate.store.sealed.shapes import column_name

#: Possible places for each key or pair; one that another has taken costs an unnecessary look into a block.
ROOM = 64

_ROOM = Struct(">I")
_FAR = 255

#: A block's pairs are not all written when there are more than this many, or as many a row: the keys with the
#: most values go first.
MOST, MOST_A_ROW = 1024, 4

#: Types whose values are one after the other in JSON without anything to tell apart.
_SIMPLE = {int, float, bool, type(None)}


def make(columns: Mapping[str, Any], count: int) -> bytes | None:
    """The keys and pairs of a block with these columns, compressed; None where there are too many keys."""
    found: dict[str, set[int]] = {}
    for key, values in _attributes(columns):
        found.setdefault(key, set()).update(_hashes(_bytes(key) + b"=", values))
    keys = [crc32(_bytes(key) + b"?") for key in found]
    most = max(MOST, MOST_A_ROW * count)
    if len(found) > most:
        return None
    total = sum(map(len, found.values()))
    for key in sorted(found, key=lambda key: -len(found[key])):
        if total <= most:
            break
        total -= len(found[key]) - 1
        found[key] = {crc32(_bytes(key) + b"*")}
    return _packed(chain(keys, *found.values()))


def may_have(pairs: bytes, key: str, value: str | None) -> bool:
    """Whether a record may have an attribute by this key; with a value, as `as_text` writes it."""
    places = _Places(pairs)
    start = _bytes(key)
    if not places.has(start, b"?"):
        return False
    return value is None or places.has(start, b"=", _bytes(value)) or places.has(start, b"*")


def _packed(hashes: Iterable[int]) -> bytes:
    found = set(hashes)
    room = max(len(found) * ROOM, 1)
    steps = bytearray(_ROOM.pack(room))
    last = 0
    for place in sorted(each % room for each in found):
        while place - last >= _FAR:
            steps.append(_FAR)
            last += _FAR
        steps.append(place - last)
        last = place
    return codec.compress(bytes(steps))


class _Places:
    """The places that `_packed` wrote."""

    def __init__(self, packed: bytes) -> None:
        raw = codec.decompress(packed)
        (self._room,) = _ROOM.unpack_from(raw)
        self._taken = list(accumulate(raw[_ROOM.size :]))

    def has(self, *content: bytes) -> bool:
        place = crc32(b"".join(content)) % self._room
        at = bisect_left(self._taken, place)
        return at < len(self._taken) and self._taken[at] == place


def _attributes(columns: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Keys and values of all attributes, a key perhaps several times."""
    for shape, keys in enumerate(columns.get("shapes", ())):
        for key in keys:
            yield key, distinct(columns[column_name(shape, key)])
    for each in (*columns.get("attributes", ()), *(resource["attributes"] for resource in columns["resources"])):
        for key, value in each.items():
            yield key, [value]
    for _, *place in columns.get("origins", ()):
        for key, value in zip(ORIGIN_KEYS, place, strict=True):
            yield key, [value]


def _hashes(start: bytes, values: Sequence[Any]) -> Iterable[int]:
    """What a key's pairs are known by, of which ``start`` is the beginning."""
    return map(crc32, _texts(values), repeat(crc32(start)))


def _texts(values: Sequence[Any]) -> Iterable[bytes]:
    """Each of these values as text, as `as_text` writes it."""
    kinds = set(map(type, values))
    if kinds == {str}:
        distinct = set(values)
        try:
            return list(map(str.encode, distinct))
        except UnicodeEncodeError:
            return map(_bytes, distinct)
    if kinds <= _SIMPLE and len(values) > 1:
        try:
            texts = set(orjson.dumps(values)[1:-1].split(b","))
        except TypeError:  # an integer beyond 64 bits
            pass
        else:
            # what is not finite is null, too
            if b"null" not in texts:
                return texts
    return (_bytes(as_text(value)) for value in values)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

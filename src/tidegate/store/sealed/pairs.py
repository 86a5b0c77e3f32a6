"""Which attributes the records of a block may have: a bitmap of their keys, and of their keys with values.

Each is known by a CRC-32, whose bit is the rest of the division by the number of bits: of ``KEY?`` for a
key, of ``KEY=VALUE`` with the value as text, and of ``KEY*`` for a key of which there are too many
values. One bit for each in a large bitmap of which zstd leaves little is as small and sure as a Bloom
filter with several, and cheaper to make.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any
from zlib import crc32

import orjson

from tidegate.store import codec
from tidegate.store.conditions import as_text
from tidegate.store.rows import ORIGIN_KEYS
from tidegate.store.sealed.shapes import column_name

#: Bits for each key or pair; a bit that another one has set costs an unnecessary look into a block.
BITS = 32

#: A block's pairs are not all written when there are more than this many, or as many a row: the keys with the
#: most values go first.
MOST, MOST_A_ROW = 1024, 4

#: Types whose values are one after the other in JSON without anything to tell apart.
_SIMPLE = {int, float, bool, type(None)}


def make(columns: Mapping[str, Any], count: int) -> bytes:
    """The bitmap of a block with these columns, compressed."""
    found: dict[str, set[int]] = {}
    for key, values in _attributes(columns):
        found.setdefault(key, set()).update(_hashes(_bytes(key) + b"=", values))
    keys = [crc32(_bytes(key) + b"?") for key in found]
    most = max(MOST, MOST_A_ROW * count)
    total = sum(map(len, found.values()))
    for key in sorted(found, key=lambda key: -len(found[key])):
        if total <= most:
            break
        total -= len(found[key]) - 1
        found[key] = {crc32(_bytes(key) + b"*")}
    return codec.compress(_bitmap({*keys, *(each for hashes in found.values() for each in hashes)}))


def may_have(pairs: bytes, key: str, value: str | None) -> bool:
    """Whether a record may have an attribute by this key; with a value, as `as_text` writes it."""
    bitmap = codec.decompress(pairs)
    start = _bytes(key)
    if not _has(bitmap, start + b"?"):
        return False
    return value is None or _has(bitmap, start + b"=" + _bytes(value)) or _has(bitmap, start + b"*")


def _bitmap(hashes: Iterable[int]) -> bytes:
    hashes = set(hashes)
    bitmap = bytearray((len(hashes) * BITS + 7) // 8 or 1)
    bits = len(bitmap) * 8
    for each in hashes:
        bit = each % bits
        bitmap[bit >> 3] |= 1 << (bit & 7)
    return bytes(bitmap)


def _has(bitmap: bytes, content: bytes) -> bool:
    bit = crc32(content) % (len(bitmap) * 8)
    return bool(bitmap[bit >> 3] >> (bit & 7) & 1)


def _attributes(columns: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Keys and values of all attributes, a key perhaps several times."""
    for shape, keys in enumerate(columns.get("shapes", ())):
        for key in keys:
            column = columns[column_name(shape, key)]
            yield key, [column["all"]] if isinstance(column, dict) else column
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
        return map(_bytes, set(values))
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

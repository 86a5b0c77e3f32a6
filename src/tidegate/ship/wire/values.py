"""Attributes and bodies: ``KeyValue`` and ``AnyValue`` (opentelemetry/proto/common/v1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import repeat
from operator import add
from typing import Any

from tidegate.otlp.dialect import MAX_DEPTH, as_text
from tidegate.ship.wire.pieces import (
    I64,
    S64_MAX,
    S64_MIN,
    VARINT,
    Pieces,
    all_utf8,
    double,
    heads,
    tag,
    taker,
    texts,
    utf8,
    varint,
)
from tidegate.store.sealed.shapes import ShapedAttributes

# fields of AnyValue
_BOOL, _DOUBLE = {value: tag(2) + VARINT[value] for value in (False, True)}, tag(4, I64)
_TEXT, _INT, _ARRAY, _MAP, _BYTES = heads(1), tag(3), heads(5), heads(6), heads(7)

_KEY, _ITEM, _PAIR = texts(1), heads(1), heads(1)

_VALUE = heads(2)

#: A short text as the value of a KeyValue, by its length: what goes before its bytes.
_TEXT_VALUE = Pieces(lambda length: _VALUE[len(_TEXT[length]) + length] + _TEXT[length])


#: The same of integers, whose varints have up to ten bytes.
_INT_VALUE = Pieces(lambda length: _VALUE[len(_INT) + length] + _INT)

#: Types of which equal values are the same, unlike 0.0 and -0.0.
_COMPARABLE = {str, int, bool, bytes, type(None)}

#: So many rows are worth being looked at column by column.
_MANY = 16


def any_value(value: Any, depth: int = 0) -> bytes:
    """The content of an AnyValue, by the rules of `tidegate.otlp`; nothing for None."""
    kind = type(value)
    if kind is str:
        data = utf8(value)
        return _TEXT[len(data)] + data
    if kind is bool:
        return _BOOL[value]
    if kind is int:
        return _INT + varint(value) if S64_MIN <= value <= S64_MAX else any_value(as_text(value))
    if kind is float:
        return _DOUBLE + double(value)
    if value is None:
        return b""
    return _nested(value, depth)


def _nested(value: Any, depth: int) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return _BYTES[len(value)] + value
    if depth >= MAX_DEPTH or not isinstance(value, (Mapping, list, tuple)):
        return any_value(as_text(value))
    if isinstance(value, Mapping):
        content = b"".join([_with_head(_PAIR, pair(key, item, depth + 1)) for key, item in value.items()])
        return _MAP[len(content)] + content
    content = b"".join([_with_head(_ITEM, any_value(item, depth + 1)) for item in value])
    return _ARRAY[len(content)] + content


def _with_head(head: Pieces, content: bytes) -> bytes:
    return head[len(content)] + content


def pair(key: str, value: Any, depth: int = 0) -> bytes:
    """The content of a KeyValue."""
    if type(value) is str:
        data = utf8(value)
        return _KEY[key] + _TEXT_VALUE[len(data)] + data
    content = any_value(value, depth)
    return _KEY[key] + _VALUE[len(content)] + content


class Attributes:
    """Attributes as fields of this number of a record."""

    __slots__ = ("_head", "_known")

    def __init__(self, field: int) -> None:
        self._head = heads(field)
        #: By key, value and the value's type: for Python 1, 1.0 and True are equal.
        self._known = Pieces(lambda item: self._field(item[0], item[1]))

    def of(self, attributes: Mapping[str, Any]) -> bytes:
        """The fields of all of them."""
        return b"".join([self._one(key, value) for key, value in attributes.items()])

    def _one(self, key: str, value: Any) -> bytes:
        kind = type(value)
        return self._known[key, value, kind] if kind in _COMPARABLE else self._field(key, value)

    def _field(self, key: str, value: Any) -> bytes:
        content = pair(key, value)
        return self._head[len(content)] + content

    def of_rows(self, attributes: Sequence[Mapping[str, Any]], picked: Sequence[int]) -> Iterable[bytes]:
        """What `of` gives of each of these rows, column by column where there are many."""
        if isinstance(attributes, ShapedAttributes):
            shapes, of_shape = attributes.picked(picked)
        else:
            mappings = taker(len(attributes), picked)(attributes)
            if len(mappings) < _MANY:
                return map(self.of, mappings)
            shapes, of_shape = _shaped(mappings)
        made = {
            shape: map(b"".join, zip(*map(self._column, keys, columns), strict=True)) if keys else repeat(b"")
            for shape, (keys, columns) in of_shape.items()
        }
        return map(next, map(made.__getitem__, shapes))

    def _column(self, key: str, column: Sequence[Any]) -> Iterable[bytes]:
        """One attribute of some rows: each different value once, unless most are."""
        kinds = set(map(type, column))
        if len(kinds) > 1 or not kinds <= _COMPARABLE:
            return [self._one(key, value) for value in column]
        distinct = set(column)
        if len(distinct) * 2 > len(column):
            if kinds == {str}:
                return self._sized(key, _TEXT_VALUE, all_utf8(column))
            if kinds == {int} and min(distinct) >= S64_MIN and max(distinct) <= S64_MAX:
                return self._sized(key, _INT_VALUE, list(map(varint, column)))
        return map({value: self._one(key, value) for value in distinct}.__getitem__, column)

    def _sized(self, key: str, heads_of: Pieces, contents: Sequence[bytes]) -> Iterable[bytes]:
        """Of one key, values that differ; what stands before one depends on its length alone."""
        name = _KEY[key]

        def before(length: int) -> bytes:
            start = name + heads_of[length]
            return self._head[len(start) + length] + start

        return map(add, map(Pieces(before).__getitem__, map(len, contents)), contents)


def _shaped(mappings: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Any], Mapping[Any, tuple[Sequence[str], Any]]]:
    """What `ShapedAttributes.picked` gives, of mappings."""
    shapes = list(map(tuple, mappings))
    of_shape: dict[Any, list[Any]] = {}
    for shape, mapping in zip(shapes, mappings, strict=True):
        of_shape.setdefault(shape, []).append(mapping.values())
    return shapes, {shape: (shape, list(zip(*values, strict=True))) for shape, values in of_shape.items()}


attributes: Callable[[int], Attributes] = cache(Attributes)


def none_has(attributes: Sequence[Mapping[str, Any]], picked: Sequence[int], names: Collection[str]) -> bool:
    """Whether there is no attribute of these names in these rows."""
    if isinstance(attributes, ShapedAttributes):
        return all(map(frozenset(names).isdisjoint, attributes.shapes))
    return all(map(frozenset(names).isdisjoint, taker(len(attributes), picked)(attributes)))

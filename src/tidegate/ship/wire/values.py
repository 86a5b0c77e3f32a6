"""Attributes and bodies: ``KeyValue`` and ``AnyValue`` (opentelemetry/proto/common/v1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import Any

from tidegate.otlp.dialect import MAX_DEPTH, as_text
from tidegate.ship.wire.pieces import (
    I64,
    S64_MAX,
    S64_MIN,
    VARINT,
    Pieces,
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

#: Values that can be no key.
_UNHASHABLE = {list, dict, bytearray}


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


class Attributes(Pieces):
    """The field of each attribute, by its key, value and the value's type: for Python 1, 1.0 and True are equal."""

    __slots__ = ("_head",)

    def __init__(self, field: int) -> None:
        self._head = heads(field)
        super().__init__(self._field)

    def _field(self, item: tuple[str, Any, type]) -> bytes:
        content = pair(item[0], item[1])
        return self._head[len(content)] + content

    def __missing__(self, item: Any) -> bytes:
        key, value, kind = item
        if kind is str:  # texts and numbers that are new are what makes records differ
            content = pair(key, value)
        elif kind is int and S64_MIN <= value <= S64_MAX:
            digits = varint(value)
            content = _KEY[key] + _INT_VALUE[len(digits)] + digits
        else:
            made = self._field(item)
            # 0.0 and -0.0 are equal too; and no two measurements are
            return made if kind is float else self.remember(item, made)
        return self.remember(item, self._head[len(content)] + content)

    def of(self, attributes: Mapping[str, Any]) -> bytes:
        """The fields of all of them."""
        values = attributes.values()
        try:
            return b"".join(map(self.__getitem__, zip(attributes, values, map(type, values), strict=False)))
        except TypeError:  # a list or mapping, which is no key
            return b"".join([self._one(key, value) for key, value in attributes.items()])

    def _one(self, key: str, value: Any) -> bytes:
        kind = type(value)
        return self._field((key, value, kind)) if kind in _UNHASHABLE else self[key, value, kind]

    def of_rows(self, attributes: Sequence[Mapping[str, Any]], picked: Sequence[int]) -> Iterable[bytes]:
        """What `of` gives of each of these rows; of sealed ones by columns, without making a mapping of each."""
        if not isinstance(attributes, ShapedAttributes):
            return map(self.of, taker(len(attributes), picked)(attributes))
        shapes, of_shape = attributes.picked(picked)
        made = {
            shape: map(b"".join, zip(*map(self._column, keys, columns), strict=True)) if keys else repeat(b"")
            for shape, (keys, columns) in of_shape.items()
        }
        return map(next, map(made.__getitem__, shapes))

    def _column(self, key: str, column: Sequence[Any]) -> Iterable[bytes]:
        kinds = list(map(type, column))
        if _UNHASHABLE.isdisjoint(kinds):
            return map(self.__getitem__, zip(repeat(key), column, kinds, strict=False))
        return [self._one(key, value) for value in column]


attributes: Callable[[int], Attributes] = cache(Attributes)


def none_has(attributes: Sequence[Mapping[str, Any]], picked: Sequence[int], names: Collection[str]) -> bool:
    """Whether there is no attribute of these names in these rows."""
    if isinstance(attributes, ShapedAttributes):
        return all(map(frozenset(names).isdisjoint, attributes.shapes))
    return all(map(frozenset(names).isdisjoint, taker(len(attributes), picked)(attributes)))

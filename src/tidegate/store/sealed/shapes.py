"""Attributes of a block's records by their shapes, so that one key is read without the others.

``shapes`` is a table of lists of keys, ``shape`` each row's place in it, and the column
``attributes.S.KEY`` holds the values of KEY of the rows that have shape S, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from operator import itemgetter
from typing import Any, overload

from tidegate.errors import FormatError
from tidegate.store.block import pack, unpack
from tidegate.store.sealed.columns import packed

#: Stands where a record does not have an attribute.
MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING", "__bool__": lambda self: False})()

#: Attributes of a block that would take more columns than this are one column of objects.
MAX_COLUMNS = 1024


def column_name(shape: int, key: str) -> str:
    """The column of a key's values in the rows of one shape."""
    return f"attributes.{shape}.{key}"


class ShapedAttributes(Sequence[Mapping[str, Any]]):
    """Each row's attributes; what is made, is made when a row or key is asked for."""

    def __init__(self, columns: Mapping[str, Any], count: int) -> None:
        self._columns = columns
        #: The lists of keys that rows have.
        self.shapes: Sequence[Sequence[str]] = columns["shapes"]
        self._shape = unpack(columns, "shape", count, 0)
        self._read: dict[int, Sequence[Sequence[Any]]] = {}

    def __len__(self) -> int:
        return len(self._shape)

    @overload
    def __getitem__(self, row: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, row: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(row, slice):
            return [self[each] for each in range(len(self))[row]]
        shape, rank = self._shape[row], self._rank[row]
        keys = self.shapes[shape]
        return {key: column[rank] for key, column in zip(keys, self._values(shape), strict=True)}

    @cached_property
    def _counts(self) -> Sequence[int]:
        """How many rows have each shape."""
        return list(map(self._shape.count, range(len(self.shapes))))

    @cached_property
    def _rank(self) -> Sequence[int]:
        """Each row's place among those of its shape."""
        ranks = [iter(range(count)) for count in self._counts]
        return list(map(next, map(ranks.__getitem__, self._shape)))

    def _values(self, shape: int) -> Sequence[Sequence[Any]]:
        found = self._read.get(shape)
        if found is None:
            found = self._read[shape] = [self._column(shape, key) for key in self.shapes[shape]]
        return found

    def _column(self, shape: int, key: str) -> Sequence[Any]:
        name = column_name(shape, key)
        if name not in self._columns:
            raise FormatError(f"a block has no column {name!r}")
        return unpack(self._columns, name, self._counts[shape], None)

    def picked(self, rows: Sequence[int]) -> tuple[Sequence[int], Mapping[int, tuple[Sequence[str], Sequence[Any]]]]:
        """These rows' shapes; and by shape its keys and for each of them a column of its rows, in that order."""
        ranks: dict[int, list[int]] = {}
        shapes = [self._shape[row] for row in rows]
        for row, shape in zip(rows, shapes, strict=True):
            ranks.setdefault(shape, []).append(self._rank[row])
        return shapes, {
            shape: (self.shapes[shape], [[column[rank] for rank in places] for column in self._values(shape)])
            for shape, places in ranks.items()
        }

    def values_of(self, key: str) -> Sequence[Any]:
        """Each row's value of one key, `MISSING` where there is none."""
        sources = [
            iter(self._column(shape, key)) if key in keys else repeat(MISSING) for shape, keys in enumerate(self.shapes)
        ]
        return list(map(next, map(sources.__getitem__, self._shape)))


class GatheredShapes:
    """Attributes of rows that wait to become a block, as columns already: those are smaller than mappings."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, ...]] = []
        self._shapes: dict[tuple[str, ...], dict[str, list[Any]]] = {}

    def add(self, attributes: Iterable[Mapping[str, Any]]) -> None:
        rows: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
        for each in attributes:
            keys = tuple(each)
            self._rows.append(keys)
            if keys in rows:
                rows[keys].append(each)
            else:
                rows[keys] = [each]
        for keys, of_shape in rows.items():
            columns = self._shapes.get(keys) or self._shapes.setdefault(keys, {key: [] for key in keys})
            for key, column in columns.items():
                column.extend(map(itemgetter(key), of_shape))

    def pack(self, columns: dict[str, Any]) -> None:
        """Put the column of attributes into ``columns``: as it came when there are too many shapes, or odd keys."""
        if sum(map(len, self._shapes)) > MAX_COLUMNS or not all(map(_is_text, self._shapes)):
            columns["attributes"] = list(self._mappings())
            return
        columns["shapes"] = list(map(list, self._shapes))
        places = {keys: place for place, keys in enumerate(self._shapes)}
        pack("shape", list(map(places.__getitem__, self._rows)), 0, columns)
        for keys, place in places.items():
            for key, column in self._shapes[keys].items():
                columns[column_name(place, key)] = packed(column)

    def _mappings(self) -> Iterator[Mapping[str, Any]]:
        values = {keys: [iter(column) for column in columns.values()] for keys, columns in self._shapes.items()}
        for keys in self._rows:
            yield dict(zip(keys, map(next, values[keys]), strict=True))


def _is_text(keys: Iterable[str]) -> bool:
    """Whether these keys can be columns' names: not with a lone surrogate, which JSON cannot carry."""
    try:
        "".join(keys).encode()
    except UnicodeEncodeError:
        return False
    return True

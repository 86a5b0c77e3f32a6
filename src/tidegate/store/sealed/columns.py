"""The shortest form of a column, and the column again.

A list with a value for each row; ``{"all": value}`` when all are the same; ``{"values": […], "rows": […]}``
when there are few different ones: each row's place among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: A table of values pays when there are so many rows to each of them.
ROWS_A_VALUE = 8

#: So many rows show whether a table will pay.
SAMPLE = 64

#: Types of which equal values are the same; among others 1, 1.0 and True are equal for Python.
_COMPARABLE = {str, int, bool}


def packed(column: Sequence[Any]) -> Any:
    """A column of values of any types in its shortest form; not empty."""
    kinds = set(map(type, column))
    if len(kinds) == 1 and kinds <= _COMPARABLE:
        if column.count(column[0]) == len(column):
            return {"all": column[0]}
        return _table(column) if kinds == {str} else column
    return _filled(column) if kinds <= {list, tuple} else column


def _table(column: Sequence[str]) -> Any:
    if len(set(column[:SAMPLE])) * 2 > len(column[:SAMPLE]):
        return column
    places = {value: place for place, value in enumerate(dict.fromkeys(column))}
    if len(places) * ROWS_A_VALUE > len(column):
        return column
    return {"values": list(places), "rows": list(map(places.__getitem__, column))}


def _filled(column: Sequence[Any]) -> Any:
    """Lists, of which most are empty more often than not."""
    filled = [each for each in column if each]
    if len(filled) * 2 > len(column):
        return column
    places = iter(range(1, len(filled) + 1))
    return {"values": [[], *filled], "rows": [next(places) if each else 0 for each in column]}


def expanded(column: Any) -> Any:
    """A column with a table as a list; others as they are."""
    if isinstance(column, dict) and "rows" in column:
        return list(map(column["values"].__getitem__, column["rows"]))
    return column


def distinct(column: Any) -> Sequence[Any]:
    """The values in a column that `packed` made, perhaps some several times."""
    if isinstance(column, dict):
        return [column["all"]] if "all" in column else column["values"]
    values: Sequence[Any] = column
    return values

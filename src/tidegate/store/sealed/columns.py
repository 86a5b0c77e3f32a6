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
    head = column[0]
    # most columns differ somewhere where it is cheap to look
    if head == column[-1] and column.count(head) == len(column):
        return {"all": head} if type(head) in _COMPARABLE and _are_all(column, type(head)) else column
    if type(head) is str:
        return _table(column)
    return _filled(column) if isinstance(head, (list, tuple)) and _are_all(column, list, tuple) else column


def _are_all(column: Sequence[Any], *kinds: type) -> bool:
    return set(map(type, column)) <= set(kinds)


def _table(column: Sequence[Any]) -> Any:
    """Texts of which most rows have one of a few."""
    sample = column[:SAMPLE]
    if not _are_all(sample, str) or len(set(sample)) * 2 > len(sample):
        return column
    try:
        distinct = dict.fromkeys(column)
    except TypeError:  # there are lists or mappings among them
        return column
    # a text is equal to nothing but texts
    if len(distinct) * ROWS_A_VALUE > len(column) or not _are_all(list(distinct), str):
        return column
    places = dict(zip(distinct, range(len(distinct)), strict=True))
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

"""Where a block's records have a text, found column by column: what many records share is looked into once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, ValuesView
from typing import Any

from tidegate.store.conditions import as_text
from tidegate.store.rows import ORIGIN_KEYS, AnyRows, LogRows, SpanRows
from tidegate.store.sealed.shapes import MISSING

#: Letters that numbers and truth values have as text.
_NUMERIC = frozenset("0123456789abcdefx+-.infnatruefls")


def leaves(value: Any) -> Iterator[str]:
    """The texts in a value: itself, or those of a list's items and of a mapping's keys and values."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from leaves(item)
    elif isinstance(value, (list, tuple, ValuesView)):
        for item in value:
            yield from leaves(item)
    elif value is not None:
        yield as_text(value)


def rows_with(text: str, rows: AnyRows, found: Sequence[int]) -> Sequence[int]:
    """Those of the rows whose records have this case-folded text, see `Query.matches_text`."""
    has: set[int] = set()
    for column in _columns(text, rows):
        has |= _having(text, column, found)
        if len(has) == len(found):
            return found
    return [row for row in found if row in has]


def _columns(text: str, rows: AnyRows) -> Iterator[Sequence[Any]]:
    """Of each row a value that is searched, or `MISSING`."""
    if isinstance(rows, LogRows):
        yield rows.event_names
        yield rows.bodies
    elif isinstance(rows, SpanRows):
        yield rows.names
        yield rows.messages
        yield [[(name, attributes.values()) for name, _, attributes, _ in each] for each in rows.events]
    else:
        names = [metric.name for metric in rows.metrics]
        yield [names[place] for place in rows.metric]
    if "shapes" not in rows.columns:
        yield [each.values() for each in rows.attributes]
    keys = {key for shape in rows.columns.get("shapes", ()) for key in shape}
    if isinstance(rows, LogRows) and any(_has(text, origin[1:]) for origin in rows.origins):
        keys.update(ORIGIN_KEYS)
    for key in keys:
        yield rows.values_of(key)


def _having(text: str, column: Sequence[Any], found: Sequence[int]) -> set[int]:
    """The rows whose value has the text."""
    kinds = set(map(type, column)) - {type(MISSING)}
    if kinds <= {int, float, bool} and not _NUMERIC.issuperset(text):
        return set()
    # among others there are some that are equal, but not as text: 1, 1.0 and True
    if len(kinds) == 1 and kinds <= {str, int}:
        distinct = set(column)
        if str in kinds and text not in "\n".join(filter(None, distinct)).casefold():
            return set()
        having = {value for value in distinct if _has(text, value)}
        return {row for row in found if column[row] in having} if having else set()
    return {row for row in found if _has(text, column[row])}


def _has(text: str, value: Any) -> bool:
    if type(value) is str:
        return text in value.casefold()
    return value is not MISSING and any(text in leaf.casefold() for leaf in leaves(value))

"""Which rows of a block match, found column by column: a record is made only where its text is looked into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

from tidegate.records import SPAN_KINDS, STATUS_CODES
from tidegate.store.block import unpack, unpack_ids
from tidegate.store.query import MAX_SEVERITY, Query, severity_name
from tidegate.store.rows import AnyRows, LogRows, PointRows, SpanRows
from tidegate.store.sealed.shapes import MISSING
from tidegate.store.texts import rows_with

if TYPE_CHECKING:
    from tidegate.store.catalog import AnyRef


def selected(query: Query, rows: AnyRows, ref: AnyRef) -> Sequence[int]:
    """The numbers of the rows that match; the cheapest conditions come first. All of them are a ``range``."""
    found: Sequence[int] = range(rows.count)
    if not query.covers(ref.index.first, ref.index.last):
        since, until = query.bounds
        found = [row for row, time in enumerate(rows.times) if since <= time < until]
    if query.after is not None:
        times, places = rows.times, rows.places
        found = [row for row in found if query.follows((times[row], *places[row]))]
    if query.trace_id is not None:
        ids, beginning = rows.trace_ids, query.trace_id
        found = [row for row in found if ids[row].startswith(beginning)]
    if query.errors and isinstance(rows, SpanRows):
        status = rows.status
        found = [row for row in found if status[row] == 2]
    if isinstance(rows, LogRows) and (query.low > 0 or query.high < MAX_SEVERITY):
        severity, low, high = rows.severity, query.low, query.high
        found = [row for row in found if low <= severity[row] <= high]
    return _inside(query, rows, found) if query.looks_inside and found else found


def _inside(query: Query, rows: AnyRows, found: Sequence[int]) -> Sequence[int]:
    if query.name is not None:
        names, name = _names(rows), query.name
        found = [row for row in found if names[row] == name]
    for condition in query.where:
        if not found:
            return found
        values, test = column(rows, condition.key, condition.field), condition.test()
        found = [row for row in found if test(values[row])]
    if query.text:
        found = rows_with(query.text, rows, found)
    return found


def column(rows: AnyRows, key: str, field: str = "") -> Sequence[Any]:
    """Of each row what `tidegate.store.query.value_of` gives of its record."""
    own = rows.values_of(key)
    missing = own.count(MISSING)
    if not missing:
        return own
    behind = _behind(rows, key, field or key)
    return behind if missing == rows.count else _first(own, behind)


def _behind(rows: AnyRows, key: str, field: str) -> Sequence[Any]:
    """What stands behind a record's own attributes: those of its resource, then its fields."""
    table = [resource.attributes.get(key, MISSING) for resource in rows.resources]
    read = _FIELDS[type(rows)].get(field)
    if read is None or MISSING not in table:
        return by_resource(rows, table)
    fields = read(rows)
    return fields if all(value is MISSING for value in table) else _first(by_resource(rows, table), fields)


def _first(values: Sequence[Any], otherwise: Sequence[Any]) -> Sequence[Any]:
    return [other if value is MISSING else value for value, other in zip(values, otherwise, strict=True)]


def by_resource(rows: AnyRows, table: Sequence[Any]) -> Sequence[Any]:
    """Of each row what the table has for its resource."""
    return [table[0]] * rows.count if len(table) == 1 else [table[place] for place in rows.resource]


def pick(values: Sequence[Any], found: Sequence[int], count: int) -> Sequence[Any]:
    """The values of the rows that were found, of ``count`` rows."""
    if len(found) == count:
        return values
    if len(found) * 4 < count:
        return [values[row] for row in found]
    wanted = bytearray(count)
    for row in found:
        wanted[row] = 1
    return list(compress(values, wanted))


# --- fields, by the keys of `tidegate.store.query.FIELDS`


def _filled(texts: Sequence[str]) -> Sequence[Any]:
    """An empty field is none."""
    return [text or MISSING for text in texts] if "" in texts else texts


def _names(rows: AnyRows) -> Sequence[str]:
    if isinstance(rows, SpanRows):
        return rows.names
    if isinstance(rows, LogRows):
        return unpack(rows.columns, "event_name", rows.count, "")
    names = [metric.name for metric in rows.metrics]
    return [names[place] for place in rows.metric]


def _scopes(rows: AnyRows) -> Sequence[Any]:
    names = [scope.name or MISSING for scope in rows.scopes]
    return [names[0]] * rows.count if len(names) == 1 else [names[place] for place in rows.scope]


def _services(rows: AnyRows) -> Sequence[Any]:
    return by_resource(rows, [resource.service or MISSING for resource in rows.resources])


def _severities(rows: AnyRows) -> Sequence[Any]:
    numbers = unpack(rows.columns, "severity", rows.count, 0)
    words = {number: severity_name(number) if number > 0 else MISSING for number in set(numbers)}
    return [words[number] for number in numbers]


def _severity_numbers(rows: AnyRows) -> Sequence[Any]:
    numbers = unpack(rows.columns, "severity", rows.count, 0)
    return numbers if min(numbers) > 0 else [number if number > 0 else MISSING for number in numbers]


def _bodies(rows: LogRows) -> Sequence[Any]:
    return [MISSING if body is None or body == "" else body for body in rows.bodies]


def _templates(rows: AnyRows) -> Sequence[Any]:
    table = [origin[0] or MISSING for origin in rows.columns.get("origins", [[""]])]
    return [table[place] for place in unpack(rows.columns, "origin", rows.count, 0)]


def _words(name: str, words: Sequence[str]) -> Callable[[AnyRows], Sequence[Any]]:
    return lambda rows: [words[number] for number in unpack(rows.columns, name, rows.count, 0)]


def span_ids(rows: AnyRows) -> Sequence[str]:
    return unpack_ids(rows.columns, "span_id", rows.count)


_OF_ALL: Mapping[str, Callable[[Any], Sequence[Any]]] = {
    "name": lambda rows: _filled(_names(rows)),
    "scope": _scopes,
    "service": _services,
}
_FIELDS: Mapping[type, Mapping[str, Callable[[Any], Sequence[Any]]]] = {
    SpanRows: {
        **_OF_ALL,
        "span_id": lambda rows: _filled(span_ids(rows)),
        "kind": _words("kind", SPAN_KINDS),
        "status": _words("status", STATUS_CODES),
        "duration": lambda rows: rows.durations,
    },
    LogRows: {
        **_OF_ALL,
        "event_name": lambda rows: _filled(_names(rows)),
        "span_id": lambda rows: _filled(span_ids(rows)),
        "severity": _severities,
        "severity_number": _severity_numbers,
        "body": _bodies,
        "template": _templates,
    },
    PointRows: _OF_ALL,
}

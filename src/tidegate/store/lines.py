"""Records as lines of JSON straight from the columns of their block."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from tidegate import ndjson
from tidegate.store.catalog import AnyRef
from tidegate.store.query import cursor_of
from tidegate.store.rows import AnyRows
from tidegate.store.stream import records


def lines(rows: AnyRows, ref: AnyRef) -> Callable[[int], bytes]:
    """The shape of a line: what `tidegate.ndjson.dumps` makes of ``{**record.to_dict(), "cursor": record.cursor}``.

    Resources and scopes become JSON once for the whole block. A row that plain JSON cannot carry takes
    the long way, by which all lines could go.
    """
    record = records(rows, ref)

    def exact(row: int) -> bytes:
        made = record(row)
        return ndjson.dumps({**made.to_dict(), "cursor": made.cursor})

    try:
        resources = [orjson.Fragment(orjson.dumps(resource.to_dict())) for resource in rows.resources]
        scopes = [orjson.Fragment(orjson.dumps(scope.to_dict())) for scope in rows.scopes]
    except TypeError:
        return exact
    places, times, resource, scope, fields = rows.places, rows.times, rows.resource, rows.scope, rows.fields

    def line(row: int) -> bytes:
        content = fields(row)
        content["resource"] = resources[resource[row]]
        content["scope"] = scopes[scope[row]]
        content["cursor"] = cursor_of(times[row], *places[row])
        try:
            return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:
            return exact(row)

    return line

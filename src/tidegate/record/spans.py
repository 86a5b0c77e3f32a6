"""SDK spans to columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from tidegate.otel import attribute_fields, span_fields
from tidegate.store.block import Batch, pack, pack_ids, pack_lists

#: What is recorded of a span, free of the SDK's objects, which are a dozen a span: see `tidegate.otel.span_fields`.
taken = span_fields

#: Where the status code is in it.
STATUS = 7


def batch(spans: Sequence[ReadableSpan | tuple[Any, ...]]) -> Batch:
    """The columns of finished spans, or of what was `taken` of them, which all have one resource."""
    rows = [span if type(span) is tuple else taken(span) for span in spans]
    _, names, contexts, parents, kinds, starts, ends, status, messages, *rest, scopes = zip(*rows, strict=True)
    attributes, dropped_attributes, events, dropped_events, links, dropped_links = rest
    times = starts if all(starts) else [start or 0 for start in starts]
    base = min(times)
    trace_ids, span_ids, _, flags, states, _ = zip(*contexts, strict=True)
    # kinds and status codes have the same numbers in the API and in a block
    columns: dict[str, Any] = {"t0": str(base), "attributes": attributes}
    traces = trace_columns(trace_ids, columns)
    pack_ids("span_id", span_ids, columns)
    _pack_parents(span_ids, parents, columns)
    pack("name", texts(names), "", columns)
    pack("kind", kinds, 0, columns)
    pack("time", [time - base for time in times], 0, columns)
    pack("duration", [(end or time) - time for time, end in zip(times, ends, strict=True)], 0, columns)
    pack("status", status, 0, columns)
    if any(messages):
        pack("status_message", [message or "" for message in messages], "", columns)
    pack("flags", flags, 0, columns)
    _pack_states(states, columns)
    pack_lists("events", [_events(items, base) if items else () for items in events], columns)
    pack_lists("links", [[_link(link) for link in items] if items else () for items in links], columns)
    pack("dropped_attributes", dropped_attributes, 0, columns)
    pack("dropped_events", dropped_events, 0, columns)
    pack("dropped_links", dropped_links, 0, columns)
    scope_columns(scopes, columns)
    return Batch("spans", len(rows), columns, base, max(times), errors=status.count(2), trace_ids=traces)


def _pack_states(states: Sequence[Any], columns: dict[str, Any]) -> None:
    """Trace states as they are sent."""
    distinct, places = by_identity(states)
    headers = [state.to_header() if state else "" for state in distinct]
    if any(headers):
        pack("trace_state", [headers[place] for place in places], "", columns)


def dictionary(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Distinct values in order of appearance, and for each value its place among them."""
    places: dict[Any, int] = {}
    rows = [places.setdefault(value, len(places)) for value in values]
    return list(places), rows


def by_identity(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """`dictionary` of few objects that are used over and over, and whose own hash or truth is slow."""
    identities = list(map(id, values))
    if identities.count(identities[0]) == len(identities):
        return [values[0]], [0] * len(identities)
    _, places = dictionary(identities)
    return list(dict(zip(identities, values, strict=True)).values()), places


def trace_columns(trace_ids: Sequence[int], columns: dict[str, Any]) -> list[str]:
    """A table of trace ids, "" for none, and each record's row in it; returns the table."""
    distinct, places = dictionary(trace_ids)
    table = ["%032x" % trace_id if trace_id else "" for trace_id in distinct]
    columns["traces"] = table
    pack("trace", places, 0, columns)
    return table


def _pack_parents(span_ids: Sequence[int], parents: Sequence[Any], columns: dict[str, Any]) -> None:
    """A parent in the same block by its row, which costs two bytes instead of nine; else its id."""
    rows: dict[int | None, Any] = dict(zip(span_ids, range(len(span_ids)), strict=True))
    rows[None] = ""
    ids = [parent and parent[1] for parent in parents]
    pack("parent", [rows[id] if id in rows else "%016x" % id for id in ids], "", columns)
    if any(parent and parent[2] for parent in parents):
        pack("parent_is_remote", [1 if parent and parent[2] else 0 for parent in parents], 0, columns)


def _events(events: Sequence[Any], base: int) -> list[list[Any]]:
    return [[event.name, event.timestamp - base, *attribute_fields(event.attributes)] for event in events]


def _link(link: Any) -> list[Any]:
    context = link.context
    return [
        "%032x" % context.trace_id,
        "%016x" % context.span_id,
        context.trace_state.to_header() if context.trace_state else "",
        int(context.trace_flags),
        *attribute_fields(link.attributes),
        context.is_remote,
    ]


def texts(column: Sequence[Any]) -> Sequence[str]:
    """A column of texts: what the application gave that is none becomes its text."""
    try:
        "".join(column)  # the quickest way to look at the types
    except TypeError:
        return [value if isinstance(value, str) else str(value) for value in column]
    return column


def scope_columns(scopes: Sequence[Any], columns: dict[str, Any]) -> None:
    """The instrumentation scopes of all records: a table, and each record's row in it."""
    distinct, rows = by_identity(scopes)
    columns["scopes"] = [_scope(scope) for scope in distinct]
    pack("scope", rows, 0, columns)


def _scope(scope: Any) -> dict[str, Any]:
    if scope is None:
        return {}
    fields = {
        "name": scope.name or "",
        "version": scope.version or "",
        "schema_url": scope.schema_url or "",
        "attributes": attribute_fields(scope.attributes)[0],
    }
    return {name: value for name, value in fields.items() if value}

"""SDK spans to columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from tidegate.otel import attribute_dict, attribute_dicts, dropped_count, dropped_counts, lists, span_fields
from tidegate.records import SPAN_KINDS, STATUS_CODES
from tidegate.store.block import Batch, pack, pack_ids, pack_lists

_KIND = {kind.value: SPAN_KINDS.index(kind.name) for kind in SpanKind}

_STATUS = {code.value: STATUS_CODES.index(code.name) for code in StatusCode}


def batch(spans: Sequence[ReadableSpan]) -> Batch:
    """The columns of finished spans, which all have one resource."""
    names, contexts, parents, kinds, starts, ends, codes, messages, attributes, events, links, scopes = zip(
        *map(span_fields, spans), strict=True
    )
    times = [start or 0 for start in starts]
    base = min(times)
    status = [_STATUS[code] for code in codes]
    columns: dict[str, Any] = {"t0": str(base), "attributes": attribute_dicts(attributes)}
    traces = trace_columns([context[0] for context in contexts], columns)
    pack_ids("span_id", [context[1] for context in contexts], columns)
    pack("parent", _parents(contexts, parents), "", columns)
    pack("parent_is_remote", [1 if parent and parent[2] else 0 for parent in parents], 0, columns)
    pack("name", texts(names), "", columns)
    pack("kind", [_KIND[kind] for kind in kinds], 0, columns)
    pack("time", [time - base for time in times], 0, columns)
    pack("duration", [(end or time) - time for time, end in zip(times, ends, strict=True)], 0, columns)
    pack("status", status, 0, columns)
    pack("status_message", [message or "" for message in messages], "", columns)
    pack("flags", [context[3] for context in contexts], 0, columns)
    pack("trace_state", [_header(context[4]) for context in contexts], "", columns)
    pack_lists("events", [_events(items, base) if items else () for items in lists(events)], columns)
    pack_lists("links", [[_link(link) for link in items] if items else () for items in lists(links)], columns)
    pack("dropped_attributes", dropped_counts(attributes), 0, columns)
    pack("dropped_events", dropped_counts(events), 0, columns)
    pack("dropped_links", dropped_counts(links), 0, columns)
    scope_columns(scopes, columns)
    return Batch("spans", len(spans), columns, base, max(times), errors=status.count(2), trace_ids=traces)


def _header(trace_state: Any) -> str:
    return trace_state.to_header() if trace_state else ""


def dictionary(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Distinct values in order of appearance, and for each value its place among them."""
    distinct = list(dict.fromkeys(values))
    places = {value: place for place, value in enumerate(distinct)}
    return distinct, list(map(places.__getitem__, values))


def trace_columns(trace_ids: Sequence[int], columns: dict[str, Any]) -> list[str]:
    """A table of trace ids, "" for none, and each record's row in it; returns the table."""
    distinct, places = dictionary(trace_ids)
    table = ["%032x" % trace_id if trace_id else "" for trace_id in distinct]
    columns["traces"] = table
    pack("trace", places, 0, columns)
    return table


def _parents(contexts: Sequence[Any], parents: Sequence[Any]) -> list[Any]:
    """A parent in the same block by its row, which costs two bytes instead of nine; else its id."""
    rows = {context[1]: row for row, context in enumerate(contexts)}
    return [
        "" if parent is None else rows[parent[1]] if parent[1] in rows else "%016x" % parent[1] for parent in parents
    ]


def _events(events: Sequence[Any], base: int) -> list[list[Any]]:
    return [
        [event.name, event.timestamp - base, attribute_dict(event.attributes), dropped_count(event.attributes)]
        for event in events
    ]


def _link(link: Any) -> list[Any]:
    context = link.context
    return [
        "%032x" % context.trace_id,
        "%016x" % context.span_id,
        context.trace_state.to_header() if context.trace_state else "",
        int(context.trace_flags),
        attribute_dict(link.attributes),
        dropped_count(link.attributes),
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
    # scopes are few objects used over and over; their own hash is computed from JSON each time
    identities = list(map(id, scopes))
    distinct = dict(zip(identities, scopes, strict=True))
    rows = {identity: row for row, identity in enumerate(distinct)}
    columns["scopes"] = [_scope(scope) for scope in distinct.values()]
    pack("scope", list(map(rows.__getitem__, identities)), 0, columns)


def _scope(scope: Any) -> dict[str, Any]:
    if scope is None:
        return {}
    fields = {
        "name": scope.name or "",
        "version": scope.version or "",
        "schema_url": scope.schema_url or "",
        "attributes": attribute_dict(scope.attributes),
    }
    return {name: value for name, value in fields.items() if value}

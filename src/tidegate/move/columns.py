"""Plain records to columns: what `tidegate.record` makes of the SDK's objects, made of our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tidegate.records import SEVERITIES, SPAN_KINDS, STATUS_CODES, Log, Origin, Point, Scope, Span
from tidegate.store.block import Batch, pack, pack_ids, pack_lists
from tidegate.store.metrics.series import Identity, identity, keeps

_KIND = {kind: number for number, kind in enumerate(SPAN_KINDS)}

_STATUS = {code: number for number, code in enumerate(STATUS_CODES)}


def spans(records: Sequence[Span]) -> Batch:
    """The columns of spans, which all have one resource."""
    times = [span.start_time_unix_nano for span in records]
    base = min(times)
    status = [_STATUS[span.status_code] for span in records]
    columns: dict[str, Any] = {"t0": str(base), "attributes": [span.attributes for span in records]}
    traces = _table("traces", "trace", [span.trace_id for span in records], columns)
    pack_ids("span_id", [_number(span.span_id) for span in records], columns)
    pack("parent", _parents(records), "", columns)
    pack("parent_is_remote", [int(span.parent_is_remote) for span in records], 0, columns)
    pack("name", [span.name for span in records], "", columns)
    pack("kind", [_KIND[span.kind] for span in records], 0, columns)
    pack("time", [time - base for time in times], 0, columns)
    pack("duration", [span.duration_ns for span in records], 0, columns)
    pack("status", status, 0, columns)
    pack("status_message", [span.status_message for span in records], "", columns)
    pack("flags", [span.flags for span in records], 0, columns)
    pack("trace_state", [span.trace_state for span in records], "", columns)
    pack_lists("events", [_events(span, base) for span in records], columns)
    pack_lists("links", [_links(span) for span in records], columns)
    pack("dropped_attributes", [span.dropped_attributes_count for span in records], 0, columns)
    pack("dropped_events", [span.dropped_events_count for span in records], 0, columns)
    pack("dropped_links", [span.dropped_links_count for span in records], 0, columns)
    _scopes(records, columns)
    return Batch("spans", len(records), columns, base, max(times), errors=status.count(2), trace_ids=traces)


def _number(id: str) -> int:
    return int(id, 16) if id else 0


def _table(name: str, column: str, values: Sequence[Any], columns: dict[str, Any]) -> list[Any]:
    """A table of the distinct values, and each record's row in it; returns the table."""
    rows: dict[Any, int] = {}
    pack(column, [rows.setdefault(value, len(rows)) for value in values], 0, columns)
    columns[name] = list(rows)
    return list(rows)


def _parents(records: Sequence[Span]) -> list[Any]:
    """A parent in the same block by its row."""
    rows: dict[str, Any] = {span.span_id: row for row, span in enumerate(records)}
    rows[""] = ""
    return [rows.get(span.parent_span_id, span.parent_span_id) for span in records]


def _events(span: Span, base: int) -> list[list[Any]]:
    return [
        [event.name, event.time_unix_nano - base, event.attributes, event.dropped_attributes_count]
        for event in span.events
    ]


def _links(span: Span) -> list[list[Any]]:
    return [
        [
            *(link.trace_id, link.span_id, link.trace_state, link.flags),
            *(link.attributes, link.dropped_attributes_count, link.is_remote),
        ]
        for link in span.links
    ]


def _scopes(records: Sequence[Any], columns: dict[str, Any]) -> None:
    """The scopes: few objects that many records share."""
    distinct: dict[int, Scope] = {id(record.scope): record.scope for record in records}
    rows = {identity: row for row, identity in enumerate(distinct)}
    columns["scopes"] = [
        {name: value for name, value in scope.to_dict().items() if value} for scope in distinct.values()
    ]
    pack("scope", [rows[id(record.scope)] for record in records], 0, columns)


def logs(records: Sequence[Log]) -> Batch:
    """The columns of log records, which all have one resource."""
    times = [log.time_unix_nano or log.observed_time_unix_nano for log in records]
    base = min(times)
    severities = [log.severity_number for log in records]
    located = [_located(log) for log in records]
    columns: dict[str, Any] = {"t0": str(base), "body": [log.body for log in records]}
    columns["attributes"] = [attributes for _, attributes in located]
    pack("time", [time - base for time in times], 0, columns)
    seen = [log.observed_time_unix_nano - time for log, time in zip(records, times, strict=True)]
    pack("observed", seen, 0, columns)
    pack("timeless", [0 if log.time_unix_nano else 1 for log in records], 0, columns)
    pack("severity", severities, 0, columns)
    pack("severity_text", [log.severity_text for log in records], "", columns)
    pack("event_name", [log.event_name for log in records], "", columns)
    pack_ids("span_id", [_number(log.span_id) for log in records], columns)
    pack("flags", [log.flags for log in records], 0, columns)
    pack("dropped", [log.dropped_attributes_count for log in records], 0, columns)
    traces = _table("traces", "trace", [log.trace_id for log in records], columns)
    columns["origins"] = [list(each) for each in _table("origins", "origin", [each for each, _ in located], columns)]
    _scopes(records, columns)
    errors = sum(severity >= SEVERITIES["ERROR"] for severity in severities)
    return Batch("logs", len(records), columns, base, max(times), max(severities), errors, traces)


#: How a reader shows where the call stands: at the head of the attributes.
_PLACE = {"code.file.path": str, "code.line.number": int, "code.function.name": str}


def _located(log: Log) -> tuple[Origin, Any]:
    """Template and place of the call, which a block keeps beside the attributes, and those without it."""
    attributes = log.attributes
    if list(attributes)[:3] == list(_PLACE) and attributes["code.file.path"]:
        place = [attributes[name] for name in _PLACE]
        if list(map(type, place)) == list(_PLACE.values()):
            return Origin(log.template, *place), {name: attributes[name] for name in attributes if name not in _PLACE}
    return Origin(log.template), attributes


def metrics(records: Sequence[Point]) -> Batch:
    """The columns of metric points, which all have one resource."""
    times = [point.time_unix_nano for point in records]
    base = min(times)
    columns: dict[str, Any] = {
        "t0": str(base),
        "attributes": [point.attributes for point in records],
        "value": [point.value for point in records],
    }
    table = _table("metrics", "metric", [point.metric for point in records], columns)
    columns["metrics"] = [_metric(metric) for metric in table]
    pack("time", [time - base for time in times], 0, columns)
    pack("age", [_age(point) for point in records], 0, columns)
    pack_lists("exemplars", [point.exemplars for point in records], columns)
    pack("flags", [point.flags for point in records], 0, columns)
    _scopes(records, columns)
    return Batch("metrics", len(records), columns, base, max(times))


def collections(records: Sequence[Any]) -> list[list[Any]]:
    """Points of one resource as a process writes them: a block has each series once, or, of instruments that conflict,
    several times at one time; and those of a series come in order, stream by stream where they add up."""
    found: list[list[Point]] = []
    last: dict[Identity, tuple[int, tuple[int, int]]] = {}
    for point in sorted(records, key=_turn):
        series, turn = identity(point.metric, point.scope, point.attributes), _turn(point)
        number, former = last.get(series, (-1, None))
        number += turn != former
        last[series] = number, turn
        if number == len(found):
            found.append([])
        found[number].append(point)
    return found


def _turn(point: Point) -> tuple[int, int]:
    return point.start_time_unix_nano if keeps(point.metric) else 0, point.time_unix_nano


def _metric(metric: Any) -> dict[str, Any]:
    fields = {name: getattr(metric, name) for name in ("unit", "description", "temporality", "is_monotonic")}
    return {"name": metric.name, "type": metric.type, **{name: value for name, value in fields.items() if value}}


def _age(point: Point) -> int | None:
    """Time since the series began, in ns; None for a point without a beginning."""
    start = point.start_time_unix_nano
    return point.time_unix_nano - start if start else None


BATCH: dict[str, Callable[[Sequence[Any]], Batch]] = {"spans": spans, "logs": logs, "metrics": metrics}

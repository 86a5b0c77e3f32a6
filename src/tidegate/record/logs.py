"""SDK log records to columns."""

from __future__ import annotations

from collections.abc import Sequence
from operator import sub
from typing import Any

from tidegate.otel import attribute_fields
from tidegate.record.spans import dictionary, scope_columns, texts, trace_columns
from tidegate.records import ORIGIN, SEVERITIES, Origin
from tidegate.store.block import Batch, pack, pack_ids
from tidegate.store.values import snapshot

_NO_ORIGIN = Origin()

#: Where the severity number is in what `taken` gives.
SEVERITY = 4


def taken(record: Any) -> tuple[Any, ...]:
    """What is recorded of a `ReadWriteLogRecord` or `ReadableLogRecord`, free of the SDK's objects.

    They hold a span by their context. The body is one that the application can no longer change.
    """
    log = record.log_record
    number, body = log.severity_number, log.body
    attributes, dropped = attribute_fields(log.attributes)
    return (
        record.resource,
        record.instrumentation_scope,
        log.timestamp,
        log.observed_timestamp,
        0 if number is None else number._value_,  # what `value` gives, without a call
        log.severity_text,
        body if type(body) is str else snapshot(body),
        attributes,
        dropped,
        log.event_name,
        log.trace_id,
        log.span_id,
        log.trace_flags,
        getattr(log, ORIGIN, _NO_ORIGIN),
    )


def batch(records: Sequence[Any]) -> Batch:
    """The columns of log records, or of what was `taken` of them, which all have one resource."""
    rows = [record if type(record) is tuple else taken(record) for record in records]
    _, scopes, stamps, observed, severities, words, *content, origins = zip(*rows, strict=True)
    bodies, attributes, dropped, names, trace_ids, span_ids, flags = content
    times = stamps if all(stamps) else [stamp or seen or 0 for stamp, seen in zip(stamps, observed, strict=True)]
    base = min(times)
    columns: dict[str, Any] = {"t0": str(base), "body": bodies, "attributes": attributes}
    pack("time", [time - base for time in times], 0, columns)
    pack("observed", list(map(sub, _numbers(observed), times)), 0, columns)
    if times is not stamps:
        pack("timeless", [0 if stamp else 1 for stamp in stamps], 0, columns)
    pack("severity", severities, 0, columns)
    _pack_texts("severity_text", words, columns)
    _pack_texts("event_name", names, columns)
    pack_ids("span_id", _numbers(span_ids), columns)
    pack("flags", _numbers(flags), 0, columns)
    pack("dropped", dropped, 0, columns)
    traces = trace_columns(_numbers(trace_ids), columns)
    table, origin = dictionary(origins)
    columns["origins"] = [list(each) for each in table]
    pack("origin", origin, 0, columns)
    scope_columns(scopes, columns)
    errors = sum(severity >= SEVERITIES["ERROR"] for severity in severities)
    return Batch("logs", len(rows), columns, base, max(times), max(severities), errors, traces)


def _numbers(column: Sequence[int | None]) -> Sequence[int]:
    return column if all(column) else [value or 0 for value in column]  # type: ignore[return-value]


def _pack_texts(name: str, column: Sequence[Any], columns: dict[str, Any]) -> None:
    if any(column):
        pack(name, texts(column if all(column) else [value or "" for value in column]), "", columns)

"""SDK log records to columns."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from tidegate.otel import attribute_dict, dropped_count
from tidegate.record.spans import scope_columns, texts
from tidegate.records import SEVERITIES
from tidegate.store.block import Batch, pack
from tidegate.store.values import snapshot


class Origin(NamedTuple):
    """What the OpenTelemetry log record has no field for: the message before its arguments were
    filled in, and where the call stands."""

    template: str = ""
    path: str = ""
    line: int = 0
    function: str = ""


#: Name under which a capture leaves the `Origin` on the API's log record; it is never exported.
ORIGIN = "_tidegate_origin"

NO_ORIGIN = Origin()


def batch(records: Sequence[Any]) -> Batch:
    """The columns of `ReadWriteLogRecord` or `ReadableLogRecord` objects, which all have one resource."""
    logs = [record.log_record for record in records]
    times = [log.timestamp or log.observed_timestamp or 0 for log in logs]
    base = min(times)
    severities = [_severity(log.severity_number) for log in logs]
    origins = [log.__dict__.get(ORIGIN, NO_ORIGIN) for log in logs]
    columns: dict[str, Any] = {
        "t0": str(base),
        "body": [log.body for log in logs],
        "attributes": [attribute_dict(log.attributes) for log in logs],
    }
    pack("time", [time - base for time in times], 0, columns)
    observed = [(log.observed_timestamp or 0) - time for log, time in zip(logs, times, strict=True)]
    pack("observed", observed, 0, columns)
    pack("timeless", [0 if log.timestamp else 1 for log in logs], 0, columns)
    pack("severity", severities, 0, columns)
    pack("severity_text", texts([log.severity_text or "" for log in logs]), "", columns)
    pack("event_name", texts([log.event_name or "" for log in logs]), "", columns)
    pack("span_id", ["%016x" % log.span_id if log.span_id else "" for log in logs], "", columns)
    pack("flags", [int(log.trace_flags or 0) for log in logs], 0, columns)
    pack("dropped", [dropped_count(log.attributes) for log in logs], 0, columns)
    traces = _table("traces", "trace", ["%032x" % log.trace_id if log.trace_id else "" for log in logs], columns)
    _table("templates", "template", [origin.template for origin in origins], columns)
    _table("sites", "site", [origin[1:] if origin.path else () for origin in origins], columns)
    scope_columns([record.instrumentation_scope for record in records], columns)
    errors = sum(severity >= SEVERITIES["ERROR"] for severity in severities)
    return Batch("logs", len(logs), columns, base, max(times), max(severities), errors, traces)


def held(record: Any) -> Any:
    """The record, or a copy of it whose body the application can no longer change."""
    log = record.log_record
    if log.body is None or type(log.body) is str:
        return record
    copied = copy.copy(log)
    copied.body = snapshot(log.body)
    return SimpleNamespace(
        log_record=copied, resource=record.resource, instrumentation_scope=record.instrumentation_scope
    )


def _severity(number: Any) -> int:
    return number.value if number is not None else 0


def _table(table: str, column: str, values: Sequence[Any], columns: dict[str, Any]) -> list[Any]:
    """Distinct values as a table and each record's row in it, -1 for those that are empty."""
    rows: dict[Any, int] = {}
    places = [rows.setdefault(value, len(rows)) if value else -1 for value in values]
    if rows:
        columns[table] = list(rows)
    pack(column, places, -1, columns)
    return list(rows)

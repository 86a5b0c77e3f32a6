"""SDK log records to columns."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from tidegate.otel import attribute_dicts, dropped_counts
from tidegate.record.spans import dictionary, scope_columns, texts, trace_columns
from tidegate.records import ORIGIN, SEVERITIES, Origin
from tidegate.store.block import Batch, pack, pack_ids
from tidegate.store.values import snapshot

_NO_ORIGIN = Origin()

_fields = attrgetter(
    *("timestamp", "observed_timestamp", "severity_number", "severity_text", "body", "attributes"),
    *("event_name", "trace_id", "span_id", "trace_flags"),
)


def batch(records: Sequence[Any]) -> Batch:
    """The columns of `ReadWriteLogRecord` or `ReadableLogRecord` objects, which all have one resource."""
    logs = [record.log_record for record in records]
    stamps, observed, numbers, words, bodies, attributes, names, trace_ids, span_ids, flags = zip(
        *map(_fields, logs), strict=True
    )
    times = [stamp or seen or 0 for stamp, seen in zip(stamps, observed, strict=True)]
    base = min(times)
    # an enum's _value_ is what `value` gives, without a call
    severities = [0 if number is None else number._value_ for number in numbers]
    columns: dict[str, Any] = {"t0": str(base), "body": bodies, "attributes": attribute_dicts(attributes)}
    pack("time", [time - base for time in times], 0, columns)
    pack("observed", [(seen or 0) - time for seen, time in zip(observed, times, strict=True)], 0, columns)
    pack("timeless", [0 if stamp else 1 for stamp in stamps], 0, columns)
    pack("severity", severities, 0, columns)
    pack("severity_text", texts([word or "" for word in words]), "", columns)
    pack("event_name", texts([name or "" for name in names]), "", columns)
    pack_ids("span_id", [span_id or 0 for span_id in span_ids], columns)
    pack("flags", [flag or 0 for flag in flags], 0, columns)
    pack("dropped", dropped_counts(attributes), 0, columns)
    traces = trace_columns([trace_id or 0 for trace_id in trace_ids], columns)
    origins, origin = dictionary([getattr(log, ORIGIN, _NO_ORIGIN) for log in logs])
    columns["origins"] = [list(each) for each in origins]
    pack("origin", origin, 0, columns)
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

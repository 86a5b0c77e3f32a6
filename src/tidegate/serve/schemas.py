"""JSON Schemas of what endpoints answer, in the words of `tidegate.records`."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_INTEGER: Schema = {"type": "integer"}
_FLAG: Schema = {"type": "boolean"}
_ATTRIBUTES: Schema = {"type": "object", "additionalProperties": True}

#: Fields whose names do not tell their type: all others are strings, unless they end as numbers do.
_TYPES: dict[str, Schema] = {
    "attributes": _ATTRIBUTES,
    "body": {"description": "Any value: text, a number, a list, an object, or null."},
    "flags": _INTEGER,
    "severity_number": {**_INTEGER, "minimum": 0, "maximum": 24},
    "is_monotonic": _FLAG,
    "exemplars": {"type": "array", "items": {"type": "object"}},
    "services": {"type": "array", "items": _STRING},
    "resource": {"$ref": "#/components/schemas/Resource"},
    "scope": {"$ref": "#/components/schemas/Scope"},
    "status": {"$ref": "#/components/schemas/Status"},
    "events": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
    "links": {"type": "array", "items": {"$ref": "#/components/schemas/Link"}},
    **dict.fromkeys(("logs", "points", "errors", "processes"), _INTEGER),
}
_NUMBERS = ("_nano", "_count")


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def array(name: str) -> Schema:
    return {"type": "array", "items": ref(name)}


def _field(name: str) -> Schema:
    return _TYPES.get(name) or (_INTEGER if name.endswith(_NUMBERS) else _STRING)


def _object(required: str, optional: str = "", **others: Schema) -> Schema:
    """An object with these fields; ``others`` are required too, and have types of their own."""
    return {
        "type": "object",
        "properties": {**{name: _field(name) for name in f"{required} {optional}".split()}, **others},
        "required": [*required.split(), *others],
    }


_SUMMARY = "trace_id name service services start_time_unix_nano end_time_unix_nano span_count error_count status cursor"
_STATUSES: Schema = {"type": "string", "enum": ["healthy", "degraded", "unhealthy", "unknown"]}

_NUMBER: Schema = {"type": "number"}
_COUNTS: Schema = {"type": "array", "items": _INTEGER}
_IF_SENT: Schema = {"type": ["integer", "null"]}

SCHEMAS: dict[str, Schema] = {
    "Resource": _object("attributes", "schema_url"),
    "Scope": _object("name", "version schema_url attributes"),
    "Status": _object("", "message", code={"type": "string", "enum": ["UNSET", "OK", "ERROR"]}),
    "Event": _object("name time_unix_nano attributes dropped_attributes_count"),
    "Link": _object("trace_id span_id trace_state flags attributes dropped_attributes_count"),
    "Log": _object(
        "time_unix_nano observed_time_unix_nano severity_number severity_text body event_name attributes trace_id"
        " span_id flags template dropped_attributes_count resource scope cursor"
    ),
    "Span": _object(
        "trace_id span_id parent_span_id name kind start_time_unix_nano end_time_unix_nano attributes status events"
        " links flags trace_state dropped_attributes_count dropped_events_count dropped_links_count resource scope"
        " cursor"
    ),
    "TraceSummary": _object(_SUMMARY, spans={"type": "array", "items": {"$ref": "#/components/schemas/Span"}})
    | {"required": _SUMMARY.split()},
    "Trace": _object(_SUMMARY, spans=array("Span"), logs=array("Log")),
    "Point": _object(
        "name unit description aggregation_temporality is_monotonic start_time_unix_nano time_unix_nano attributes"
        " exemplars flags resource scope",
        "cursor",
        type={"type": "string", "enum": ["sum", "gauge", "histogram", "exponential_histogram"]},
    ),
    "Service": _object("name logs points errors processes first_time_unix_nano last_time_unix_nano", spans=_INTEGER),
    "Pattern": _object(
        "id service template kind severity first_time_unix_nano last_time_unix_nano",
        severities={"type": "object", "additionalProperties": _INTEGER},
        count=_INTEGER,
        counts=_COUNTS,
        rate=_NUMBER,
        former_rate=_NUMBER,
        is_new=_FLAG,
        is_spiking=_FLAG,
        bytes=_IF_SENT,
        kept=_IF_SENT,
        sent=_IF_SENT,
        saved=_IF_SENT,
    )
    | {
        "description": "`kept`, `sent` and `saved` (bytes) are null for a service that sends nothing. With a `price`,"
        " `savings` is what was saved in money."
    },
    "PatternDetail": _object(
        "",
        since=_INTEGER,
        until=_INTEGER,
        start=_INTEGER,
        interval=_INTEGER,
        sites={"type": "array", "items": _STRING},
        rows=array("Pattern"),
        examples=array("Log"),
    ),
    "Health": _object("", status=_STATUSES)
    | {
        "description": "`components` by name, for those who may see them.",
    },
    "Index": _object("", endpoints={"type": "object", "additionalProperties": _STRING}),
    "Problem": {
        **_object("title detail", "parameter value rule", status={"type": "integer", "minimum": 400, "maximum": 599}),
        "description": "RFC 9457; `parameter`, `value` and `rule` tell what a parameter must be.",
    },
}

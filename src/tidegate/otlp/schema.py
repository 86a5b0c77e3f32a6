"""OTLP's messages as tables: which fields there are, by their names in the protocol, and of what kind.

Source: opentelemetry/proto/{trace,logs,metrics,common,resource}/v1 of OTLP 1.x. A field's kind is the
name of a scalar (which each dialect writes in its own way), an `Enum`, another table, or `Many` of
one of them. `Optional` fields are written though they are zero: zero is not the same as absent, or not as minus zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.records import SEVERITIES, SPAN_KINDS, STATUS_CODES


@dataclass(frozen=True)
class Enum:
    """Values of a record's field and their numbers; ``names`` are what the protocol calls them."""

    numbers: Mapping[Any, int]
    names: Mapping[str, Any]


def _enum(prefix: str, values: Mapping[str, Any], numbers: Mapping[Any, int]) -> Enum:
    return Enum(numbers, {prefix + name: value for name, value in values.items()})


@dataclass(frozen=True)
class Many:
    """A list of such values."""

    of: Any


@dataclass(frozen=True)
class Optional:
    """A value that is written unless it is None."""

    of: Any


Table = Mapping[str, Any]

#: An unspecified kind is taken for an internal one, as the protocol allows.
KIND = _enum(
    "SPAN_KIND_",
    {"UNSPECIFIED": "INTERNAL", **{name: name for name in SPAN_KINDS}},
    {name: number for number, name in enumerate(SPAN_KINDS, 1)},
)

STATUS_CODE = _enum(
    "STATUS_CODE_", {name: name for name in STATUS_CODES}, {name: number for number, name in enumerate(STATUS_CODES)}
)

TEMPORALITY = _enum(
    "AGGREGATION_TEMPORALITY_",
    {"UNSPECIFIED": "", "DELTA": "delta", "CUMULATIVE": "cumulative"},
    {"": 0, "delta": 1, "cumulative": 2},
)

_SEVERITY_NAMES = {
    f"{name}{step or ''}": number + max(step - 1, 0) for name, number in SEVERITIES.items() for step in (0, 2, 3, 4)
}

SEVERITY = _enum("SEVERITY_NUMBER_", {"UNSPECIFIED": 0, **_SEVERITY_NAMES}, {number: number for number in range(25)})

RESOURCE: Table = {"attributes": "attributes"}

SCOPE: Table = {"name": "text", "version": "text", "attributes": "attributes"}

EVENT: Table = {
    "time_unix_nano": "u64",
    "name": "text",
    "attributes": "attributes",
    "dropped_attributes_count": "u32",
}

LINK: Table = {
    "trace_id": "trace_id",
    "span_id": "span_id",
    "trace_state": "text",
    "attributes": "attributes",
    "dropped_attributes_count": "u32",
    "flags": "u32",
}

STATUS: Table = {"message": "text", "code": STATUS_CODE}

SPAN: Table = {
    "trace_id": "trace_id",
    "span_id": "span_id",
    "trace_state": "text",
    "parent_span_id": "span_id",
    "flags": "u32",
    "name": "text",
    "kind": KIND,
    "start_time_unix_nano": "u64",
    "end_time_unix_nano": "u64",
    "attributes": "attributes",
    "dropped_attributes_count": "u32",
    "events": Many(EVENT),
    "dropped_events_count": "u32",
    "links": Many(LINK),
    "dropped_links_count": "u32",
    "status": STATUS,
}

LOG: Table = {
    "time_unix_nano": "u64",
    "observed_time_unix_nano": "u64",
    "severity_number": SEVERITY,
    "severity_text": "text",
    "body": Optional("any"),
    "attributes": "attributes",
    "dropped_attributes_count": "u32",
    "flags": "u32",
    "trace_id": "trace_id",
    "span_id": "span_id",
    "event_name": "text",
}

_NUMBER: Table = {"as_int": Optional("s64"), "as_double": Optional("double")}

EXEMPLAR: Table = {
    "filtered_attributes": "attributes",
    "time_unix_nano": "u64",
    **_NUMBER,
    "trace_id": "trace_id",
    "span_id": "span_id",
}

_POINT: Table = {
    "attributes": "attributes",
    "start_time_unix_nano": "u64",
    "time_unix_nano": "u64",
    "flags": "u32",
}

_SAMPLED: Table = {**_POINT, "exemplars": Many(EXEMPLAR)}

_SUMS: Table = {
    "count": "u64",
    "sum": Optional("double"),
    "min": Optional("double"),
    "max": Optional("double"),
}

_BUCKETS: Table = {"offset": "s32", "bucket_counts": Many("u64")}

_QUANTILE: Table = {"quantile": Optional("double"), "value": Optional("double")}

NUMBER_POINT: Table = {**_SAMPLED, **_NUMBER}

HISTOGRAM_POINT: Table = {**_SAMPLED, **_SUMS, "bucket_counts": Many("u64"), "explicit_bounds": Many("double")}

EXPONENTIAL_POINT: Table = {
    **_SAMPLED,
    **_SUMS,
    "scale": "scale",
    "zero_count": "u64",
    "zero_threshold": Optional("double"),
    "positive": _BUCKETS,
    "negative": _BUCKETS,
}

SUMMARY_POINT: Table = {**_POINT, "count": "u64", "sum": Optional("double"), "quantile_values": Many(_QUANTILE)}

_AGGREGATED: Table = {"aggregation_temporality": TEMPORALITY}

#: What a metric's data may be, each under the name that records have for its type.
DATA: Table = {
    "gauge": {"data_points": Many(NUMBER_POINT)},
    "sum": {"data_points": Many(NUMBER_POINT), **_AGGREGATED, "is_monotonic": "bool"},
    "histogram": {"data_points": Many(HISTOGRAM_POINT), **_AGGREGATED},
    "exponential_histogram": {"data_points": Many(EXPONENTIAL_POINT), **_AGGREGATED},
    "summary": {"data_points": Many(SUMMARY_POINT)},
}

METRIC: Table = {
    "name": "text",
    "description": "text",
    "unit": "text",
    **{name: Optional(table) for name, table in DATA.items()},
}


def _message(signal: str, records: str, table: Table) -> Table:
    within: Table = {"scope": SCOPE, records: Many(table), "schema_url": "text"}
    of_resource: Table = {"resource": RESOURCE, f"scope_{signal}": Many(within), "schema_url": "text"}
    return {f"resource_{signal}": Many(of_resource)}


#: The whole message of each signal: TracesData, LogsData and MetricsData, or the requests of the same shape.
MESSAGES: dict[str, Table] = {
    "spans": _message("spans", "spans", SPAN),
    "logs": _message("logs", "log_records", LOG),
    "metrics": _message("metrics", "metrics", METRIC),
}

#: The name of the list of records in each signal's message.
RECORDS = {"spans": "spans", "logs": "log_records", "metrics": "metrics"}

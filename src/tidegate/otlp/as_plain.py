"""The form of ``to_dict`` as a dialect to be read: what programs wrote down as lines of JSON is checked too.

Such lines may have come through JSON without tags, in which a number that is none is null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tidegate.otlp import schema, tree
from tidegate.otlp.as_json import JSON
from tidegate.otlp.dialect import Dialect, Malformed
from tidegate.otlp.messages import reader
from tidegate.otlp.schema import Table
from tidegate.otlp.tree import Record
from tidegate.records import Resource, Scope


def _attributes(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    raise Malformed(value, "an object")


PLAIN = Dialect(
    lambda name: (name,),
    dict.items,
    write={},
    read={**JSON.read, "any": None, "attributes": _attributes},
    enums_by_name=True,
)

_OF: Table = {
    "resource": {**schema.RESOURCE, "schema_url": "text"},
    "scope": {**schema.SCOPE, "schema_url": "text"},
}

_POINT: Table = {name: kind for table in schema.DATA.values() for name, kind in table["data_points"].of.items()}

_METRIC: Table = {
    **dict.fromkeys(("name", "type", "unit", "description"), "text"),
    "aggregation_temporality": schema.TEMPORALITY,
    "is_monotonic": "bool",
}

_READ = {
    "spans": reader({**schema.SPAN, **_OF}, PLAIN),
    "logs": reader({**schema.LOG, "template": "text", **_OF}, PLAIN),
    "metrics": reader({**_POINT, **_METRIC, **_OF}, PLAIN),
}


def signal_of(data: Mapping[str, Any]) -> str:
    """Of which signal the record with this ``to_dict`` is; "" when it is none."""
    if "type" in data and "aggregation_temporality" in data:
        return "metrics"
    if "severity_number" in data:
        return "logs"
    return "spans" if "span_id" in data and "start_time_unix_nano" in data else ""


def record(signal: str, data: Mapping[str, Any]) -> Record:
    """The record of this ``to_dict``; raises `Malformed`."""
    found = _READ[signal](data)
    resource, scope = Resource(**found.pop("resource", {})), Scope(**found.pop("scope", {}))
    if signal == "spans":
        return tree.span(found, resource, scope)
    if signal == "logs":
        return tree.log(found, resource, scope)
    metric = {name: found.pop(name) for name in _METRIC if name in found}
    if metric.get("type") not in schema.DATA:
        raise Malformed(metric.get("type"), f"one of {', '.join(schema.DATA)}", ["type"])
    if "as_double" in data:  # null: a NaN or infinity of which plain JSON kept nothing else
        found.setdefault("as_double", math.nan)
    return tree.point(tree.metric_of(metric["type"], metric), found, resource, scope)

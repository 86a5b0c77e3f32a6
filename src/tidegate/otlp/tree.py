"""Records to the tree of a message, by resource and scope (and metric), and back.

The tree's dicts have the names of `schema`; a dialect makes the message of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tidegate.otlp.dialect import S64_MAX, S64_MIN, as_real
from tidegate.otlp.schema import DATA, RECORDS
from tidegate.records import Event, Link, Log, Metric, Point, Resource, Scope, Span

Record = Span | Log | Point
Fields = dict[str, Any]

#: The attribute in which a log record's template travels.
TEMPLATE = "log.record.template"

#: Bits of the flags of spans and links, by the protocol's SpanFlags.
TRACE_FLAGS, HAS_IS_REMOTE, IS_REMOTE = 0xFF, 0x100, 0x200


def build(signal: str, records: Sequence[Record]) -> Fields:
    """The tree of records of one signal, in the order in which they come."""
    resources: dict[str, tuple[Fields, dict[str, Fields]]] = {}
    keys = _Keys()
    fields = FIELDS[signal]
    for record in records:
        resource, scope = keys.of(record.resource), keys.of(record.scope)
        if resource not in resources:
            resources[resource] = _of_resource(record.resource), {}
        scopes = resources[resource][1]
        if scope not in scopes:
            scopes[scope] = {**_of_scope(record.scope), RECORDS[signal]: []}
        scopes[scope][RECORDS[signal]].append(fields(record))
    if signal == "metrics":
        for _, scopes in resources.values():
            for scope_metrics in scopes.values():
                scope_metrics["metrics"] = _metrics(scope_metrics["metrics"])
    found = [{**top, f"scope_{signal}": list(scopes.values())} for top, scopes in resources.values()]
    return {f"resource_{signal}": found}


class _Keys:
    """What resources and scopes are told apart by: equal ones of several objects are the same."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def of(self, owner: Resource | Scope) -> str:
        key = self._known.get(id(owner))
        if key is None:
            key = self._known[id(owner)] = key_of(owner)
        return key


def key_of(owner: Resource | Scope) -> str:
    """The same for equal ones and no others; the types of values count, which ``==`` does not see."""
    return repr(owner.to_dict())


def _of_resource(resource: Resource) -> Fields:
    return {"resource": {"attributes": resource.attributes}, "schema_url": resource.schema_url}


def _of_scope(scope: Scope) -> Fields:
    return {"scope": scope.to_dict(), "schema_url": scope.schema_url}


def _span(span: Span) -> Fields:
    data = span.to_dict()
    data["flags"] |= HAS_IS_REMOTE
    for link in data["links"]:
        link["flags"] |= HAS_IS_REMOTE
    return data


def _log(log: Log) -> Fields:
    data = log.to_dict()
    if log.template:
        data["attributes"] = {**log.attributes, TEMPLATE: log.template}
    return data


def _point(point: Point) -> Fields:
    data = _number(point.to_dict())
    data["exemplars"] = [_number(dict(exemplar)) for exemplar in point.exemplars]
    return data


FIELDS: dict[str, Callable[[Any], Fields]] = {"spans": _span, "logs": _log, "metrics": _point}


def _number(data: Fields) -> Fields:
    """With a value that is no integer of 64 bits as a double."""
    value = data.get("as_int")
    if value is not None and not (type(value) is int and S64_MIN <= value <= S64_MAX):
        data["as_double"] = as_real(data.pop("as_int"))
    return data


_METRIC = ("name", "type", "unit", "description", "aggregation_temporality", "is_monotonic")


def _metrics(points: list[Fields]) -> list[Fields]:
    """The points under the metrics that they are of."""
    found: dict[tuple[Any, ...], Fields] = {}
    for point in points:
        key = tuple(point[name] for name in _METRIC)
        metric = found.get(key)
        if metric is None:
            data = {name: point[name] for name in ("aggregation_temporality", "is_monotonic")}
            kind = point["type"] if point["type"] in DATA else "gauge"
            metric = found[key] = {**{name: point[name] for name in ("name", "unit", "description")}, kind: data}
            data["data_points"] = []
        next(metric[kind] for kind in DATA if kind in metric)["data_points"].append(point)
    return list(found.values())


def records(signal: str, tree: Fields) -> Iterator[Record]:
    """What `build` was given."""
    for top in tree.get(f"resource_{signal}", ()):
        resource = Resource(top.get("resource", {}).get("attributes", {}), top.get("schema_url", ""))
        for part in top.get(f"scope_{signal}", ()):
            scope = Scope(**part.get("scope", {}), schema_url=part.get("schema_url", ""))
            for data in part.get(RECORDS[signal], ()):
                if signal == "metrics":
                    yield from _points(data, resource, scope)
                else:
                    yield (span if signal == "spans" else log)(data, resource, scope)


def span(data: Fields, resource: Resource, scope: Scope) -> Span:
    """A span of its fields; ``data`` is used up."""
    flags, status = data.pop("flags", 0), data.pop("status", {})
    data["events"] = [Event(**{"name": "", "time_unix_nano": 0, **event}) for event in data.get("events", ())]
    data["links"] = [_link(link) for link in data.get("links", ())]
    return Span(
        resource=resource,
        scope=scope,
        flags=flags & TRACE_FLAGS,
        parent_is_remote=bool(flags & IS_REMOTE),
        status_code=status.get("code", "UNSET"),
        status_message=status.get("message", ""),
        **{**_SPAN, **data},
    )


_SPAN = {"trace_id": "", "span_id": "", "name": "", "start_time_unix_nano": 0, "end_time_unix_nano": 0}


def _link(data: Fields) -> Link:
    flags = data.pop("flags", 0)
    link = {"trace_id": "", "span_id": "", **data}
    return Link(flags=flags & TRACE_FLAGS, is_remote=bool(flags & IS_REMOTE), **link)


def log(data: Fields, resource: Resource, scope: Scope) -> Log:
    """A log record of its fields, with the template that they or the attributes have."""
    attributes = data.get("attributes", {})
    if isinstance(attributes.get(TEMPLATE), str) and not data.get("template"):
        data["template"] = attributes[TEMPLATE]
        data["attributes"] = {key: value for key, value in attributes.items() if key != TEMPLATE}
    return Log(resource=resource, scope=scope, **{**_LOG, **data})


_LOG = {"time_unix_nano": 0, "observed_time_unix_nano": 0}


def _points(data: Fields, resource: Resource, scope: Scope) -> Iterator[Point]:
    for kind in DATA:
        if kind in data:
            metric = metric_of(kind, {**data, **data[kind]})
            for found in data[kind].get("data_points", ()):
                yield point(metric, found, resource, scope)


def metric_of(kind: str, data: Fields) -> Metric:
    return Metric(
        data.get("name", ""),
        kind,
        data.get("unit", ""),
        data.get("description", ""),
        data.get("aggregation_temporality", ""),
        data.get("is_monotonic", False),
    )


#: What a point's value always has, by its metric's type: absent in a message is zero, empty, or not known.
_SUMS: Fields = {"count": 0, "sum": None, "min": None, "max": None}
_EMPTY: Fields = {"offset": 0, "bucket_counts": []}
_VALUES: dict[str, Fields] = {
    "histogram": {**_SUMS, "bucket_counts": [], "explicit_bounds": []},
    "exponential_histogram": {**_SUMS, "scale": 0, "zero_count": 0, "positive": _EMPTY, "negative": _EMPTY},
    "summary": {"count": 0, "sum": 0.0, "quantile_values": []},
}

_QUANTILE = {"quantile": 0.0, "value": 0.0}


def point(metric: Metric, data: Fields, resource: Resource, scope: Scope) -> Point:
    """A point of its fields; ``data`` is used up."""
    common = {name: data.pop(name) for name in _COMMON if name in data}
    value = {**_VALUES.get(metric.type, {}), **data}
    for name in ("positive", "negative"):
        if name in value:
            value[name] = {**_EMPTY, **value[name]}
    if "quantile_values" in value:
        value["quantile_values"] = [{**_QUANTILE, **each} for each in value["quantile_values"]]
    common["exemplars"] = [_exemplar(each) for each in common.get("exemplars", ())]
    times = {"time_unix_nano": 0, "start_time_unix_nano": 0}
    return Point(metric, resource=resource, scope=scope, value=value, **{**times, **common})


_COMMON = ("attributes", "start_time_unix_nano", "time_unix_nano", "flags", "exemplars")


def _exemplar(data: Fields) -> Fields:
    made = {"filtered_attributes": {}, "time_unix_nano": 0, **data}
    if made.get("trace_id"):
        made["span_id"] = made.get("span_id") or "0" * 16
    else:
        made.pop("trace_id", None)
        made.pop("span_id", None)
    return made

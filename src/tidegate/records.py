"""Plain records: what a reader hands out, in the words of the OpenTelemetry data model.

They know nothing of the SDK or of storage. Identifiers are lower-case hexadecimal (32 digits a
trace, 16 a span), times are integer nanoseconds since the Unix epoch, and ``to_dict`` gives the
snake_case field names of OTLP, ready for JSON. ``from_dict`` is the inverse, for data from elsewhere;
it raises ValueError when a field is missing or not of its type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tidegate import fields
from tidegate.fields import FromDict

AttributeMap = Mapping[str, Any]

SPAN_KINDS = ("INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUS_CODES = ("UNSET", "OK", "ERROR")

#: Lowest severity number of each name, from the OpenTelemetry log data model (severity fields).
SEVERITIES = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}


class Origin(NamedTuple):
    """What the OpenTelemetry log record has no field for: the message before its arguments were
    filled in, and where the call stands."""

    template: str = ""
    path: str = ""
    line: int = 0
    function: str = ""


#: Name under which a capture leaves the `Origin` on the API's log record; it is never exported.
ORIGIN = "_tidegate_origin"

#: Flags of OTLP's spans and links: bits 8 and 9 say whether the parent, or what is linked, is in another process.
_TRACE_FLAGS, _HAS_IS_REMOTE, _IS_REMOTE = 0xFF, 0x100, 0x200


def _flags(flags: int, is_remote: bool) -> int:
    return flags | _HAS_IS_REMOTE | _IS_REMOTE if is_remote else flags


@dataclass(frozen=True, slots=True)
class Resource(FromDict):
    """The entity that produced a record; ``service`` is its ``service.name``."""

    attributes: AttributeMap = field(default_factory=dict)
    schema_url: str = ""

    @property
    def service(self) -> str:
        return str(self.attributes.get("service.name", ""))

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"attributes": self.attributes}
        if self.schema_url:
            out["schema_url"] = self.schema_url
        return out


@dataclass(frozen=True, slots=True)
class Scope(FromDict):
    """The instrumentation scope: for a stdlib log record, the name of its logger."""

    name: str = ""
    version: str = ""
    schema_url: str = ""
    attributes: AttributeMap = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"name": self.name}
        if self.version:
            out["version"] = self.version
        if self.schema_url:
            out["schema_url"] = self.schema_url
        if self.attributes:
            out["attributes"] = self.attributes
        return out


@dataclass(frozen=True, slots=True)
class Event(FromDict):
    """A timed annotation of a span."""

    name: str
    time_unix_nano: int
    attributes: AttributeMap = field(default_factory=dict)
    dropped_attributes_count: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "time_unix_nano": self.time_unix_nano,
            "attributes": self.attributes,
            "dropped_attributes_count": self.dropped_attributes_count,
        }


@dataclass(frozen=True, slots=True)
class Link(FromDict):
    """A reference from a span to another span; ``is_remote`` says that it came from another process."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    flags: int = 0
    attributes: AttributeMap = field(default_factory=dict)
    dropped_attributes_count: int = 0
    is_remote: bool = False

    @classmethod
    def from_dict(cls, data: AttributeMap) -> Link:
        flags = fields.typed(data, "flags", int)
        return fields.read(cls, data, flags=flags & _TRACE_FLAGS, is_remote=bool(flags & _IS_REMOTE))

    def to_dict(self) -> dict[str, Any]:
        return {
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "trace_state": self.trace_state,
            "flags": _flags(self.flags, self.is_remote),
            "attributes": self.attributes,
            "dropped_attributes_count": self.dropped_attributes_count,
        }


@dataclass(slots=True)
class Span(FromDict):
    """A finished span. ``kind`` is one of `SPAN_KINDS`, ``status_code`` one of `STATUS_CODES`.

    ``parent_span_id`` is empty for a root; ``parent_is_remote`` says that the parent lives in
    another process. ``cursor`` names the record's place in a query, for the next page.
    """

    trace_id: str
    span_id: str
    name: str
    start_time_unix_nano: int
    end_time_unix_nano: int
    resource: Resource
    scope: Scope
    parent_span_id: str = ""
    parent_is_remote: bool = False
    kind: str = "INTERNAL"
    flags: int = 0
    trace_state: str = ""
    status_code: str = "UNSET"
    status_message: str = ""
    attributes: AttributeMap = field(default_factory=dict)
    events: Sequence[Event] = ()
    links: Sequence[Link] = ()
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0
    cursor: str = ""

    @property
    def service(self) -> str:
        return self.resource.service

    @property
    def duration_ns(self) -> int:
        return self.end_time_unix_nano - self.start_time_unix_nano

    @property
    def is_error(self) -> bool:
        return self.status_code == "ERROR"

    @classmethod
    def from_dict(cls, data: AttributeMap) -> Span:
        flags, status = fields.typed(data, "flags", int), fields.typed(data, "status", dict)
        return fields.read(
            cls,
            data,
            flags=flags & _TRACE_FLAGS,
            parent_is_remote=bool(flags & _IS_REMOTE),
            status_code=fields.typed(status, "code", str) or "UNSET",
            status_message=fields.typed(status, "message", str),
            events=fields.each(data, "events", Event.from_dict),
            links=fields.each(data, "links", Link.from_dict),
        )

    def to_dict(self) -> dict[str, Any]:
        status = {"code": self.status_code}
        if self.status_message:
            status["message"] = self.status_message
        return {
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "parent_span_id": self.parent_span_id,
            "name": self.name,
            "kind": self.kind,
            "start_time_unix_nano": self.start_time_unix_nano,
            "end_time_unix_nano": self.end_time_unix_nano,
            "attributes": self.attributes,
            "status": status,
            "events": [event.to_dict() for event in self.events],
            "links": [link.to_dict() for link in self.links],
            "flags": _flags(self.flags, self.parent_is_remote),
            "trace_state": self.trace_state,
            "dropped_attributes_count": self.dropped_attributes_count,
            "dropped_events_count": self.dropped_events_count,
            "dropped_links_count": self.dropped_links_count,
            "resource": self.resource.to_dict(),
            "scope": self.scope.to_dict(),
        }


@dataclass(slots=True)
class Log(FromDict):
    """A log record. ``template`` is the message before its arguments were filled in, if known.

    The call site and an exception, if any, are among the attributes under their semantic
    convention names (``code.*``, ``exception.*``).
    """

    time_unix_nano: int
    observed_time_unix_nano: int
    resource: Resource
    scope: Scope
    severity_number: int = 0
    severity_text: str = ""
    body: Any = None
    event_name: str = ""
    attributes: AttributeMap = field(default_factory=dict)
    trace_id: str = ""
    span_id: str = ""
    flags: int = 0
    template: str = ""
    dropped_attributes_count: int = 0
    cursor: str = ""

    @property
    def service(self) -> str:
        return self.resource.service

    @property
    def is_error(self) -> bool:
        return self.severity_number >= SEVERITIES["ERROR"]

    def to_dict(self) -> dict[str, Any]:
        return {
            "time_unix_nano": self.time_unix_nano,
            "observed_time_unix_nano": self.observed_time_unix_nano,
            "severity_number": self.severity_number,
            "severity_text": self.severity_text,
            "body": self.body,
            "event_name": self.event_name,
            "attributes": self.attributes,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "flags": self.flags,
            "template": self.template,
            "dropped_attributes_count": self.dropped_attributes_count,
            "resource": self.resource.to_dict(),
            "scope": self.scope.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Metric(FromDict):
    """What the points of one series share.

    ``type`` is ``sum``, ``gauge``, ``histogram`` or ``exponential_histogram``; ``temporality``
    is ``cumulative``, ``delta`` or empty (gauges).
    """

    name: str
    type: str
    unit: str = ""
    description: str = ""
    temporality: str = ""
    is_monotonic: bool = False


@dataclass(slots=True)
class Point(FromDict):
    """One metric data point.

    ``value`` holds what its type carries, by OTLP field name: ``as_int`` or ``as_double`` for sums
    and gauges; ``count``, ``sum``, ``min``, ``max``, ``bucket_counts``, ``explicit_bounds`` for
    histograms; ``scale``, ``zero_count``, ``positive``, ``negative`` for exponential ones.
    """

    metric: Metric
    time_unix_nano: int
    start_time_unix_nano: int
    resource: Resource
    scope: Scope
    value: Mapping[str, Any] = field(default_factory=dict)
    attributes: AttributeMap = field(default_factory=dict)
    exemplars: Sequence[Mapping[str, Any]] = ()
    flags: int = 0
    cursor: str = ""

    @property
    def service(self) -> str:
        return self.resource.service

    @classmethod
    def from_dict(cls, data: AttributeMap) -> Point:
        metric = fields.read(Metric, data, temporality=fields.typed(data, "aggregation_temporality", str))
        value = {name: item for name, item in data.items() if name not in _NOT_VALUE}
        return fields.read(cls, data, metric=metric, value=value, exemplars=fields.each(data, "exemplars", dict))

    def to_dict(self) -> dict[str, Any]:
        metric = self.metric
        return {
            "name": metric.name,
            "type": metric.type,
            "unit": metric.unit,
            "description": metric.description,
            "aggregation_temporality": metric.temporality,
            "is_monotonic": metric.is_monotonic,
            "start_time_unix_nano": self.start_time_unix_nano,
            "time_unix_nano": self.time_unix_nano,
            "attributes": self.attributes,
            **self.value,
            "exemplars": list(self.exemplars),
            "flags": self.flags,
            "resource": self.resource.to_dict(),
            "scope": self.scope.to_dict(),
        }


#: What of a point's JSON is not its value.
_NOT_VALUE = {
    *("name", "type", "unit", "description", "aggregation_temporality", "is_monotonic"),
    *("start_time_unix_nano", "time_unix_nano", "attributes", "exemplars", "flags", "resource", "scope", "cursor"),
}


@dataclass(slots=True)
class Trace(FromDict):
    """All that is stored of one trace: its spans by start time, and its log records by time."""

    trace_id: str
    spans: Sequence[Span]
    logs: Sequence[Log] = ()
    cursor: str = ""

    @property
    def root(self) -> Span:
        """The span without a stored parent that started first (there are several if parts are missing)."""
        known = {span.span_id for span in self.spans}
        return next((span for span in self.spans if span.parent_span_id not in known), self.spans[0])

    @property
    def name(self) -> str:
        """The root's name."""
        return self.root.name

    @property
    def service(self) -> str:
        """The root's service."""
        return self.root.service

    @property
    def start_time_unix_nano(self) -> int:
        return min(span.start_time_unix_nano for span in self.spans)

    @property
    def end_time_unix_nano(self) -> int:
        return max(span.end_time_unix_nano for span in self.spans)

    @property
    def duration_ns(self) -> int:
        return self.end_time_unix_nano - self.start_time_unix_nano

    @property
    def services(self) -> list[str]:
        return sorted({span.service for span in self.spans})

    @property
    def error_count(self) -> int:
        return sum(span.is_error for span in self.spans)

    @classmethod
    def from_dict(cls, data: AttributeMap) -> Trace:
        """From `to_dict` with lists of ``spans``, one at least, and ``logs``."""
        spans = fields.each(data, "spans", Span.from_dict)
        if not spans:
            raise ValueError("there are no spans")
        return fields.read(cls, data, spans=spans, logs=fields.each(data, "logs", Log.from_dict))

    def to_dict(self) -> dict[str, Any]:
        """A summary without the spans; they are records of their own."""
        root = self.root
        return {
            "trace_id": self.trace_id,
            "name": root.name,
            "service": root.service,
            "services": self.services,
            "start_time_unix_nano": self.start_time_unix_nano,
            "end_time_unix_nano": self.end_time_unix_nano,
            "span_count": len(self.spans),
            "error_count": self.error_count,
            "status": {"code": "ERROR" if self.error_count else root.status_code},
        }


@dataclass(slots=True)
class Service(FromDict):
    """What a store holds of one service: counts of records, and its first and last record's time."""

    name: str
    spans: int = 0
    logs: int = 0
    points: int = 0
    errors: int = 0
    processes: int = 0
    first_time_unix_nano: int = 0
    last_time_unix_nano: int = 0

    def to_dict(self) -> dict[str, Any]:
        return fields.plain(self)

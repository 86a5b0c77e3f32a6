"""Columns of a block to records, one at a time: a row becomes an object only when it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tidegate.records import SPAN_KINDS, STATUS_CODES, Event, Link, Log, Metric, Point, Resource, Scope, Span
from tidegate.store.block import unpack, unpack_ids

Record = Span | Log | Point


class Rows:
    """The records of one block. ``times`` are ns (a span's start), ``trace_ids`` hexadecimal."""

    def __init__(self, columns: dict[str, Any], count: int, resource: Resource) -> None:
        self.count = count
        self.resource = resource
        self._columns = columns
        self.base = int(columns["t0"])
        self.times = [self.base + delta for delta in self._column("time", 0)]
        self.scopes = [Scope(**scope) for scope in columns.get("scopes", [])] or [Scope()]
        self.scope = self._column("scope", 0)
        self.attributes = self._column("attributes", {})
        traces: Sequence[str] = columns.get("traces", [""])
        self.trace_ids = [traces[place] for place in self._column("trace", 0)]

    def _column(self, name: str, default: Any) -> Sequence[Any]:
        return unpack(self._columns, name, self.count, default)


class SpanRows(Rows):
    def __init__(self, columns: dict[str, Any], count: int, resource: Resource) -> None:
        super().__init__(columns, count, resource)
        self.names = self._column("name", "")
        self.status = self._column("status", 0)
        self._span_id = unpack_ids(columns, "span_id", count)
        self._parent = self._column("parent", "")
        self._remote = self._column("parent_is_remote", 0)
        self._duration = self._column("duration", 0)
        self._kind = self._column("kind", 0)
        self._flags = self._column("flags", 0)
        self._trace_state = self._column("trace_state", "")
        self._message = self._column("status_message", "")
        self._events = self._column("events", ())
        self._links = self._column("links", ())
        self._dropped_attributes = self._column("dropped_attributes", 0)
        self._dropped_events = self._column("dropped_events", 0)
        self._dropped_links = self._column("dropped_links", 0)

    def is_error(self, row: int) -> bool:
        return bool(self.status[row] == 2)

    def fields(self, row: int) -> dict[str, Any]:
        """What ``record(row).to_dict()`` gives; resource and scope may be missing."""
        return self.record(row).to_dict()

    def record(self, row: int) -> Span:
        parent = self._parent[row]
        start = self.times[row]
        return Span(
            trace_id=self.trace_ids[row],
            span_id=self._span_id[row],
            name=self.names[row],
            start_time_unix_nano=start,
            end_time_unix_nano=start + self._duration[row],
            resource=self.resource,
            scope=self.scopes[self.scope[row]],
            # a parent in the same block is kept as its row
            parent_span_id=parent if isinstance(parent, str) else self._span_id[parent],
            parent_is_remote=bool(self._remote[row]),
            kind=SPAN_KINDS[self._kind[row]],
            flags=self._flags[row],
            trace_state=self._trace_state[row],
            status_code=STATUS_CODES[self.status[row]],
            status_message=self._message[row],
            attributes=self.attributes[row],
            events=[Event(name, self.base + delta, attrs, lost) for name, delta, attrs, lost in self._events[row]],
            links=[Link(*link) for link in self._links[row]],
            dropped_attributes_count=self._dropped_attributes[row],
            dropped_events_count=self._dropped_events[row],
            dropped_links_count=self._dropped_links[row],
        )


class LogRows(Rows):
    def __init__(self, columns: dict[str, Any], count: int, resource: Resource) -> None:
        super().__init__(columns, count, resource)
        self.severity = self._column("severity", 0)
        self._observed = self._column("observed", 0)
        self._timeless = self._column("timeless", 0)
        self._severity_text = self._column("severity_text", "")
        self._body = self._column("body", None)
        self._event_name = self._column("event_name", "")
        self._span_id = unpack_ids(columns, "span_id", count)
        self._flags = self._column("flags", 0)
        self._origin = self._column("origin", 0)
        self._origins: Sequence[Sequence[Any]] = columns.get("origins", [["", "", 0, ""]])
        self._dropped = self._column("dropped", 0)

    def is_error(self, row: int) -> bool:
        return bool(self.severity[row] >= 17)

    def fields(self, row: int) -> dict[str, Any]:
        """What ``record(row).to_dict()`` gives, without resource and scope, and without making the record."""
        time = self.times[row]
        origin = self._origins[self._origin[row]]
        return {
            # a record without a time of its own is ordered by when it was observed
            "time_unix_nano": 0 if self._timeless[row] else time,
            "observed_time_unix_nano": time + self._observed[row],
            "severity_number": self.severity[row],
            "severity_text": self._severity_text[row],
            "body": self._body[row],
            "event_name": self._event_name[row],
            "attributes": _located(self.attributes[row], origin),
            "trace_id": self.trace_ids[row],
            "span_id": self._span_id[row],
            "flags": self._flags[row],
            "template": origin[0],
            "dropped_attributes_count": self._dropped[row],
        }

    def record(self, row: int) -> Log:
        time = self.times[row]
        origin = self._origins[self._origin[row]]
        return Log(
            time_unix_nano=0 if self._timeless[row] else time,
            observed_time_unix_nano=time + self._observed[row],
            resource=self.resource,
            scope=self.scopes[self.scope[row]],
            severity_number=self.severity[row],
            severity_text=self._severity_text[row],
            body=self._body[row],
            event_name=self._event_name[row],
            attributes=_located(self.attributes[row], origin),
            trace_id=self.trace_ids[row],
            span_id=self._span_id[row],
            flags=self._flags[row],
            template=origin[0],
            dropped_attributes_count=self._dropped[row],
        )


def _located(attributes: dict[str, Any], origin: Sequence[Any]) -> dict[str, Any]:
    """A log record's attributes, and before them where the call stands, if that is known."""
    _, path, line, function = origin
    if not path:
        return attributes
    return {"code.file.path": path, "code.line.number": line, "code.function.name": function, **attributes}


class PointRows(Rows):
    def __init__(self, columns: dict[str, Any], count: int, resource: Resource) -> None:
        super().__init__(columns, count, resource)
        self.metrics = [Metric(**metric) for metric in columns.get("metrics", [])]
        self.metric = self._column("metric", 0)
        self._age = self._column("age", 0)
        self._value = self._column("value", {})
        self._exemplars = self._column("exemplars", ())
        self._flags = self._column("flags", 0)

    def is_error(self, row: int) -> bool:
        return False

    def fields(self, row: int) -> dict[str, Any]:
        """What ``record(row).to_dict()`` gives; resource and scope may be missing."""
        return self.record(row).to_dict()

    def record(self, row: int) -> Point:
        time = self.times[row]
        age = self._age[row]
        return Point(
            metric=self.metrics[self.metric[row]],
            time_unix_nano=time,
            start_time_unix_nano=0 if age is None else time - age,
            resource=self.resource,
            scope=self.scopes[self.scope[row]],
            value=self._value[row],
            attributes=self.attributes[row],
            exemplars=self._exemplars[row],
            flags=self._flags[row],
        )


ROWS: dict[str, type[SpanRows | LogRows | PointRows]] = {
    "spans": SpanRows,
    "logs": LogRows,
    "metrics": PointRows,
}

"""Rows as the SDK's objects again, for exporters that are not OTLP's (console, Zipkin, an application's own).

They are what the exporter would have been given, but for what the store does not have: a span's parent has the
trace flags and state of the span, and what was None may be empty. A log record's call site, where Tidegate's own
capture knows it, is among its attributes. The SDK has no class for the points of a summary, which can only have been
imported: they are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from tidegate import records
from tidegate.ship.wire import Mark, Picked
from tidegate.ship.wire.marks import marked_state

#: Trace states that are remembered as objects; they cannot be changed.
REMEMBERED = 1024

_HIGHEST_SEVERITY = max(SeverityNumber, key=lambda each: each.value).value


def rebuild(signal: str, picked: Sequence[Picked]) -> Any:
    """A list of `ReadableSpan` or of `ReadableLogRecord`, or `MetricsData`, with what the marks say."""
    owners = Owners()
    if signal == "metrics":
        from tidegate.ship.remade_metrics import metrics_data

        return metrics_data((record for record, _ in _records(picked)), owners)
    make: Callable[..., Any] = _span if signal == "spans" else _log
    return [make(record, _marked(record.attributes, mark), mark, owners) for record, mark in _records(picked)]


def _records(picked: Sequence[Picked]) -> Iterator[tuple[Any, Mark]]:
    for each in picked:
        for row, mark in zip(each.picked, each.marks or repeat(Mark()), strict=False):
            yield each.rows.record(row), mark


def _marked(attributes: Mapping[str, Any], mark: Mark) -> Mapping[str, Any]:
    return {**attributes, **dict(mark.attributes)} if mark.attributes else attributes


class Owners:
    """The SDK's resources and scopes, one object for all records that have an equal one."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Any]] = {}
        self._equal: dict[str, Any] = {}

    def resource(self, resource: records.Resource) -> Resource:
        made: Resource = self._of(resource, lambda: Resource(_named(resource.attributes), resource.schema_url))
        return made

    def scope(self, scope: records.Scope) -> InstrumentationScope:
        made: InstrumentationScope = self._of(
            scope, lambda: InstrumentationScope(scope.name, scope.version, scope.schema_url, _named(scope.attributes))
        )
        return made

    def _of(self, owner: Any, make: Callable[[], Any]) -> Any:
        found = self._known.get(id(owner))
        if found is None:
            # kept with what it was made of, so that its identity is not given to another one
            found = self._known[id(owner)] = (owner, self._equal.setdefault(repr(owner), make()))
        return found[1]


def _span(span: records.Span, attributes: Mapping[str, Any], mark: Mark, owners: Owners) -> ReadableSpan:
    text = span.trace_state
    state = _state(marked_state(text, mark.threshold) if mark.threshold is not None or mark.clear else text)
    flags = TraceFlags(span.flags)
    context = SpanContext(_number(span.trace_id), _number(span.span_id), False, flags, state)
    parent = _number(span.parent_span_id)
    is_error = span.status_code == "ERROR"
    return ReadableSpan(
        name=span.name,
        context=context,
        parent=SpanContext(context.trace_id, parent, span.parent_is_remote, flags, state) if parent else None,
        resource=owners.resource(span.resource),
        attributes=_bounded(attributes, span.dropped_attributes_count),
        events=_listed([_event(each) for each in span.events], span.dropped_events_count),
        links=_listed([_link(each) for each in span.links], span.dropped_links_count),
        kind=SpanKind[span.kind],
        # the SDK takes no description of other codes, and says so each time
        status=Status(StatusCode[span.status_code], (span.status_message or None) if is_error else None),
        start_time=span.start_time_unix_nano,
        end_time=span.end_time_unix_nano,
        instrumentation_scope=owners.scope(span.scope),
    )


def _event(event: records.Event) -> Event:
    return Event(event.name, _bounded(event.attributes, event.dropped_attributes_count), event.time_unix_nano)


def _link(link: records.Link) -> Link:
    ids = _number(link.trace_id), _number(link.span_id)
    context = SpanContext(*ids, link.is_remote, TraceFlags(link.flags), _state(link.trace_state))
    return Link(context, _bounded(link.attributes, link.dropped_attributes_count))


def _log(log: records.Log, attributes: Mapping[str, Any], mark: Mark, owners: Owners) -> ReadableLogRecord:
    made = LogRecord(
        timestamp=log.time_unix_nano or None,
        observed_timestamp=log.observed_time_unix_nano,
        severity_text=log.severity_text or None,
        severity_number=SeverityNumber(min(log.severity_number, _HIGHEST_SEVERITY)),
        body=log.body,
        attributes=_bounded(attributes, log.dropped_attributes_count),
        event_name=log.event_name or None,
    )
    # set, not given: what is 0 would be of the span that is current here
    made.trace_id, made.span_id = _number(log.trace_id), _number(log.span_id)
    made.trace_flags = TraceFlags(log.flags)
    return ReadableLogRecord(made, owners.resource(log.resource), owners.scope(log.scope))


def _number(id: str) -> int:
    return int(id, 16) if id else 0


def _named(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Without one whose key is empty, which the SDK takes from nobody and warns of."""
    return {key: value for key, value in attributes.items() if key}


def _bounded(attributes: Mapping[str, Any], dropped: int) -> BoundedAttributes:
    """Attributes as the SDK has them, which know how many there are no more; lists are tuples there."""
    made = BoundedAttributes(attributes=_named(attributes))
    made.dropped = dropped
    return made


def _listed(items: list[Any], dropped: int) -> Sequence[Any]:
    if not dropped:
        return items
    made = BoundedList.from_seq(len(items), items)
    made.dropped = dropped
    return made


@lru_cache(maxsize=REMEMBERED)
def _state(header: str) -> TraceState:
    return TraceState.from_header([header])

"""Records made by hand from the SDK's own classes, and their way into a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource as SDKResource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from tidegate.record import logs, spans
from tidegate.records import Resource
from tidegate.store.sinks import Sink

SCOPE = InstrumentationScope("made")
#: A moment that all times are counted from, in ns.
T0 = 1_700_000_000 * 10**9


def resource(service: str = "shop", **attributes: Any) -> Resource:
    return Resource({"service.name": service, **attributes})


def log(
    body: Any = "hello",
    at: int = 0,
    *,
    severity: int = 9,
    attributes: Mapping[str, Any] | None = None,
    trace: int = 0,
    event_name: str | None = None,
) -> ReadableLogRecord:
    """A log record ``at`` ns after `T0`."""
    record = LogRecord(
        timestamp=T0 + at,
        observed_timestamp=T0 + at,
        severity_number=SeverityNumber(severity),
        severity_text=SeverityNumber(severity).name,
        body=body,
        attributes=attributes,
        event_name=event_name,
    )
    record.trace_id, record.span_id, record.trace_flags = trace, 1 if trace else 0, TraceFlags(1)
    return ReadableLogRecord(record, SDKResource.get_empty(), SCOPE)


def span(
    name: str = "work",
    at: int = 0,
    *,
    trace: int = 1,
    id: int = 1,
    parent: int = 0,
    remote: bool = False,
    duration: int = 1000,
    error: bool = False,
    attributes: Mapping[str, Any] | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    sampled: bool = True,
    state: str = "",
) -> ReadableSpan:
    """A span that starts ``at`` ns after `T0`; ``state`` is its trace state as it is sent."""
    states = TraceState.from_header([state]) if state else None
    return ReadableSpan(
        name=name,
        context=SpanContext(trace, id, is_remote=False, trace_flags=TraceFlags(sampled), trace_state=states),
        parent=SpanContext(trace, parent, is_remote=remote) if parent else None,
        attributes=attributes,
        kind=kind,
        status=Status(StatusCode.ERROR, "failed") if error else Status(),
        start_time=T0 + at,
        end_time=T0 + at + duration,
        instrumentation_scope=SCOPE,
    )


def put(sink: Sink, records: Sequence[Any], of: Resource | None = None) -> None:
    """Commit one block of records of one signal."""
    made = spans.batch(records) if isinstance(records[0], ReadableSpan) else logs.batch(records)
    sink.append(of or SHOP, made)


SHOP = resource()

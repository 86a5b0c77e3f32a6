"""What a line of a log says: `Entry`, of a record of the stdlib's, of one of OpenTelemetry's, or of a span."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, StatusCode, get_current_span

from tidegate.api.attributes.gathering import ambient_attributes
from tidegate.format import duration, value_text
from tidegate.otel import attribute_dict, current_context
from tidegate.record import capture
from tidegate.record.plain import current_exc_info, exception_attributes, plain, text
from tidegate.record.raised import context_around
from tidegate.records import SEVERITIES

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

#: Python's names of levels where OpenTelemetry has others.
_LEVELS = {"WARN": "WARNING", "FATAL": "CRITICAL"}

_EXCEPTION = "exception."


@dataclass(slots=True)
class Entry:
    """One record. ``level`` is Python's name, ``exception`` has ``type``, ``message`` and ``stacktrace`` if any."""

    time_unix_nano: int
    level: str
    severity_number: int
    logger: str
    message: str
    attributes: Mapping[str, Any]
    exception: Mapping[str, str]
    trace_id: str = ""
    span_id: str = ""


def of_stdlib(record: logging.LogRecord) -> Entry:
    """What a record of the stdlib's says, where it was logged: with the trace and the attributes of here and now."""
    exc_info, number = current_exc_info(record.exc_info), vars(record).get("levelno")
    context = (context_around(exc_info[1]) if exc_info else None) or current_context()
    exception = exception_attributes(exc_info) if exc_info else {}
    if record.exc_text and not exception:  # of a record that came through a queue
        exception = {"exception.stacktrace": record.exc_text}
    found = capture.attributes_of(record)
    values = {text(name): plain(found[name]) for name in dict.fromkeys((*vars(record), *found)) if name in found}
    return Entry(
        round(record.created * 1e6) * 1000,
        text(record.levelname),
        capture.severity(number).value if isinstance(number, int) else 0,
        text(record.name),
        value_text(plain(capture.body_of(record))),
        {**ambient_attributes(Context(context)), **values},
        _exception(exception),
        *_ids_of(record, get_current_span(Context(context)).get_span_context()),
    )


def of_opentelemetry(record: LogRecord, logger: str) -> Entry:
    """What a record of OpenTelemetry's says, that ``logger`` has emitted."""
    attributes = attribute_dict(record.attributes)
    number = record.severity_number.value if record.severity_number is not None else 0
    named = {"event.name": record.event_name} if record.event_name else {}
    others = {name: value for name, value in attributes.items() if not name.startswith(_EXCEPTION)}
    return Entry(
        record.timestamp or record.observed_timestamp or 0,
        _level(number, record.severity_text or ""),
        number,
        logger,
        value_text(record.body if record.body is not None else record.event_name),
        {**named, **others},
        _exception(attributes),
        f"{record.trace_id:032x}" if record.trace_id else "",
        f"{record.span_id:016x}" if record.span_id else "",
    )


def _level(number: int, word: str) -> str:
    names = [name for name, lowest in SEVERITIES.items() if lowest <= number]
    name = names[-1] if names else word or "INFO"
    return _LEVELS.get(name, name)


def _exception(attributes: Mapping[str, Any]) -> dict[str, str]:
    found = {name: attributes.get(_EXCEPTION + name) for name in ("type", "message", "stacktrace")}
    return {name: text(value) for name, value in found.items() if value is not None}


def _ids_of(record: logging.LogRecord, span: SpanContext) -> tuple[str, str]:
    """The trace of here; in the thread of a queue, the one that the logging instrumentation has noted."""
    noted = vars(record).get("otelTraceID"), vars(record).get("otelSpanID")
    if span.is_valid or noted in _NOT_NOTED:
        return _ids(span)
    return text(noted[0]), text(noted[1])


#: What records have that nobody notes anything on, and outside of traces.
_NOT_NOTED = ((None, None), ("0", "0"))


def _ids(span: SpanContext | None) -> tuple[str, str]:
    return (f"{span.trace_id:032x}", f"{span.span_id:016x}") if span and span.is_valid else ("", "")


def of_span(span: ReadableSpan) -> Entry:
    """What a line says of a finished span: its name, how it ended, how long it took, its trace."""
    start, end = span.start_time or 0, span.end_time or 0
    is_error = span.status.status_code is StatusCode.ERROR
    code = (span.attributes or {}).get("http.response.status_code")
    outcome = f"ERROR: {span.status.description}" if is_error and span.status.description else _OUTCOMES[is_error]
    return Entry(
        end,
        "SPAN",
        SEVERITIES["ERROR"] if is_error else 0,
        "",
        "  ".join(text(part) for part in (span.name, code, outcome, duration(end - start)) if part is not None),
        {},
        {},
        *_ids(span.get_span_context()),
    )


_OUTCOMES = ("OK", "ERROR")

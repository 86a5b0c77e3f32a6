"""Log records of events and errors on their way to the global LoggerProvider."""

from __future__ import annotations

from time import time_ns
from typing import Any

from opentelemetry._logs import Logger, LogRecord, SeverityNumber

from tidegate.api.complaints import complain
from tidegate.api.functions import Place
from tidegate.api.providers import logger
from tidegate.otel.current import SUPPRESS_KEY, current_context
from tidegate.record.plain import text
from tidegate.records import ORIGIN

#: A number and its name, which an enumeration takes long to tell.
Severity = tuple[SeverityNumber, str]
INFO: Severity = SeverityNumber.INFO, "INFO"
ERROR: Severity = SeverityNumber.ERROR, "ERROR"


def taker(place: Place) -> Logger | None:
    """What takes log records of this place; None where nothing does, and in an exporter's own work. Never raises."""
    try:
        return None if current_context().get(SUPPRESS_KEY) else logger(place.module)
    except Exception as error:
        _complain(place, error)
        return None


def emit(
    takes: Logger,
    place: Place,
    severity: Severity,
    attributes: dict[str, Any],
    *,
    body: Any = None,
    event_name: str | None = None,
) -> None:
    """Emit a log record of the current trace. Never raises.

    ``attributes`` and ``body`` must be plain already, and become the record's.
    """
    try:
        now = time_ns()
        record = LogRecord(
            timestamp=now,
            observed_timestamp=now,
            severity_number=severity[0],
            severity_text=severity[1],
            body=body,
            attributes=attributes,
            event_name=event_name,
        )
        setattr(record, ORIGIN, place.origin)
        takes.emit(record)
    except Exception as error:
        _complain(place, error)


def _complain(place: Place, error: Exception) -> None:
    kind = type(error).__qualname__
    complain("emit", place.module, "a log record of %s was not emitted: %s: %s", place.module, kind, text(error))

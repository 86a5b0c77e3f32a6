"""Metrics and events of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def meter_provider(given: Any = None) -> Any:
    """``given``, or the global MeterProvider; what the API has before there is one is good for later, too."""
    from opentelemetry import metrics

    return given if given is not None else metrics.get_meter_provider()


def observable_counter(
    provider: Any,
    name: str,
    description: str,
    observe: Callable[[], Sequence[tuple[int, Mapping[str, str]]]],
    unit: str = "{record}",
    kind: str = "counter",
) -> None:
    """A counter, by default of records, whose points ``observe`` tells; or a ``gauge``."""
    from opentelemetry import metrics

    def observations(options: Any) -> list[metrics.Observation]:
        return [metrics.Observation(value, attributes) for value, attributes in observe()]

    create = getattr(provider.get_meter("tidegate"), f"create_observable_{kind}")
    create(name, callbacks=[observations], unit=unit, description=description)


def event(
    name: str, time_ns: int, severity: str, severity_number: int, body: str, attributes: Mapping[str, Any]
) -> Any:
    """The log record of an event."""
    from opentelemetry._logs import LogRecord, SeverityNumber

    return LogRecord(
        timestamp=time_ns,
        severity_text=severity,
        severity_number=SeverityNumber(severity_number),
        body=body,
        attributes=dict(attributes),
        event_name=name,
    )


def emit_event(record: Any) -> None:
    """Emit an `event` through the global LoggerProvider. Never raises."""
    from opentelemetry._logs import get_logger_provider

    try:
        get_logger_provider().get_logger("tidegate").emit(record)
    except Exception:  # a processor's failure is neither the application's nor its health
        pass

"""Tidegate: keep everything near, send what matters. An OpenTelemetry distribution for Python.

     application ──OpenTelemetry API──▶ SDK providers   api: what an application calls beside it
                                          │ a span ends, a record is logged, metrics are collected
                                     1 RECORD   record: one queue and one writer thread per process
                                          │ blocks of columns
                                     2 KEEP     store: segments of every process on the host
                                          │                        │
                                     3 DECIDE   gate             5 READ   store.open(), the command ``tidegate``, serve
                                          │ one process of a host
                                     4 SEND     ship ──▶ any exporter

`configure_observability` wires it, `distro` lets ``opentelemetry-instrument`` do so without code, `settings` is
every option in one table, and `health` says how the application and all this are.

    >>> import tidegate
    >>> from tidegate.testing import capture
    >>> @tidegate.traced("place order", arguments=["cart"])
    ... def place(cart):
    ...     tidegate.track_event("order.placed", cents=1290)
    >>> with capture() as telemetry:
    ...     place("ann")
    >>> telemetry.span("place order").attributes["cart"]
    'ann'
    >>> telemetry.event("order.placed").attributes["cents"]
    1290
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate._version import __version__

if TYPE_CHECKING:
    from tidegate.api.console.formatting import StructuredFormatter
    from tidegate.api.console.handlers import configure_logging
    from tidegate.api.context import (
        ContextProvider,
        clear_log_context,
        get_log_context,
        log_context,
        set_log_context,
        update_log_context,
    )
    from tidegate.api.decorators import instrument, traced
    from tidegate.api.errors import track_error
    from tidegate.api.events import track_event
    from tidegate.api.logs import debug, error, get_logger, info, log, log_exception, timed_log, warn
    from tidegate.api.masking import mask_secret
    from tidegate.api.metrics import DEFAULT_HISTOGRAM_BUCKETS, counter, gauge, histogram
    from tidegate.api.requests import RequestContext, extract_session_id, extract_user_id, get_request_context
    from tidegate.api.timing import timer
    from tidegate.configure import Handle, configure_observability
    from tidegate.errors import ConfigurationError, QueryError, StoreError, TidegateError
    from tidegate.frameworks.applications import instrument_app
    from tidegate.gate import AdaptiveSampler, PatternLogRecordProcessor
    from tidegate.options import Options
    from tidegate.record.redaction import Match
    from tidegate.record.redaction.exporting import RedactingLogRecordExporter, RedactingSpanExporter
    from tidegate.ship import CircuitBreaker, CircuitBreakerOpen, exponential_backoff, should_retry
    from tidegate.watch import health

__all__ = [  # noqa: RUF022  # in the order of sorted()
    "AdaptiveSampler",
    "CircuitBreaker",
    "CircuitBreakerOpen",
    "ConfigurationError",
    "ContextProvider",
    "DEFAULT_HISTOGRAM_BUCKETS",
    "Handle",
    "Match",
    "Options",
    "PatternLogRecordProcessor",
    "QueryError",
    "RedactingLogRecordExporter",
    "RedactingSpanExporter",
    "RequestContext",
    "StoreError",
    "StructuredFormatter",
    "TidegateError",
    "__version__",
    "clear_log_context",
    "configure_logging",
    "configure_observability",
    "counter",
    "debug",
    "error",
    "exponential_backoff",
    "extract_session_id",
    "extract_user_id",
    "gauge",
    "get_log_context",
    "get_logger",
    "get_request_context",
    "health",
    "histogram",
    "info",
    "instrument",
    "instrument_app",
    "log",
    "log_context",
    "log_exception",
    "mask_secret",
    "set_log_context",
    "should_retry",
    "timed_log",
    "timer",
    "traced",
    "track_error",
    "track_event",
    "update_log_context",
    "warn",
]

_HOMES = {
    "Match": "tidegate.record.redaction",
    "RedactingLogRecordExporter": "tidegate.record.redaction.exporting",
    "RedactingSpanExporter": "tidegate.record.redaction.exporting",
    "mask_secret": "tidegate.api.masking",
    "AdaptiveSampler": "tidegate.gate",
    "CircuitBreaker": "tidegate.ship",
    "CircuitBreakerOpen": "tidegate.ship",
    "PatternLogRecordProcessor": "tidegate.gate",
    "ConfigurationError": "tidegate.errors",
    "Handle": "tidegate.configure",
    "Options": "tidegate.options",
    "QueryError": "tidegate.errors",
    "StoreError": "tidegate.errors",
    "TidegateError": "tidegate.errors",
    "configure_observability": "tidegate.configure",
    "exponential_backoff": "tidegate.ship",
    "health": "tidegate.watch.health",
    "should_retry": "tidegate.ship",
    "ContextProvider": "tidegate.api.context",
    "clear_log_context": "tidegate.api.context",
    "get_log_context": "tidegate.api.context",
    "log_context": "tidegate.api.context",
    "set_log_context": "tidegate.api.context",
    "update_log_context": "tidegate.api.context",
    "instrument": "tidegate.api.decorators",
    "traced": "tidegate.api.decorators",
    "track_error": "tidegate.api.errors",
    "track_event": "tidegate.api.events",
    "RequestContext": "tidegate.api.requests",
    "extract_session_id": "tidegate.api.requests",
    "extract_user_id": "tidegate.api.requests",
    "get_request_context": "tidegate.api.requests",
    "instrument_app": "tidegate.frameworks.applications",
    "configure_logging": "tidegate.api.console.handlers",
    "StructuredFormatter": "tidegate.api.console.formatting",
    "DEFAULT_HISTOGRAM_BUCKETS": "tidegate.api.metrics",
    "counter": "tidegate.api.metrics",
    "gauge": "tidegate.api.metrics",
    "histogram": "tidegate.api.metrics",
    "debug": "tidegate.api.logs",
    "error": "tidegate.api.logs",
    "get_logger": "tidegate.api.logs",
    "info": "tidegate.api.logs",
    "log": "tidegate.api.logs",
    "log_exception": "tidegate.api.logs",
    "timed_log": "tidegate.api.logs",
    "warn": "tidegate.api.logs",
    "timer": "tidegate.api.timing",
}


def __getattr__(name: str) -> Any:
    # loaded on demand: the command line must not wait for the SDK
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate' has no attribute {name!r}")
    from importlib import import_module

    home = import_module(_HOMES[name])
    # kept, since this is asked for every name that is not there
    value = globals()[name] = home if _HOMES[name].endswith(f".{name}") else getattr(home, name)
    return value

"""What shows log records: the setting ``console``, and the redaction of lines that are written here."""

from __future__ import annotations

import logging

from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_tracer_provider

from tidegate.api.console.secrets import redact_by
from tidegate.settings import Settings


def show(settings: Settings) -> None:
    """Add what the settings ask for: nothing, unless they do."""
    redact_by(settings)
    style = settings.console
    if settings.dev:
        _show_our_own()
        style = style if settings.sources["console"] != "default" else "text"
    if style == "off":
        return
    # not for a process that shows nothing
    from tidegate.api.console.handlers import LineHandler
    from tidegate.api.console.processors import ConsoleLogRecordProcessor, ConsoleSpanProcessor, replace_last_resort

    handler = LineHandler(style, redact=settings.redact)
    replace_last_resort(handler)
    logs, traces = get_logger_provider(), get_tracer_provider()
    if isinstance(logs, LoggerProvider):
        logs.add_log_record_processor(ConsoleLogRecordProcessor(handler))
    if isinstance(traces, TracerProvider) and style == "text":
        traces.add_span_processor(ConsoleSpanProcessor(handler))


def _show_our_own() -> None:
    """Let our own logger say more, unless it was told how much."""
    own = logging.getLogger("tidegate")
    if own.level == logging.NOTSET:
        own.setLevel(logging.DEBUG)

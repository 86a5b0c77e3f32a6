"""What adds the attributes of here and now to spans and log records, before anything sees them."""

from __future__ import annotations

from opentelemetry._logs import get_logger_provider
from opentelemetry.trace import get_tracer_provider

from tidegate.api.attributes import baggage, gathering
from tidegate.api.attributes.processors import ContextLogRecordProcessor, ContextSpanProcessor
from tidegate.otel import put_first
from tidegate.settings import Settings


def put_attributes(settings: Settings) -> None:
    """Put the processors in front of all others of the global providers."""
    gathering.provide(settings.context_provider)
    baggage.opt_in(settings.baggage)
    put_first(get_tracer_provider(), ContextSpanProcessor())
    put_first(get_logger_provider(), ContextLogRecordProcessor())

"""What puts the attributes of here and now on spans that start and on log records.

What a span or record has itself stays as it is, and is the last to go when there are too many.
"""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Span, SpanProcessor

from tidegate.api.attributes.gathering import ambient_attributes, is_empty
from tidegate.api.calls.complaints import complain
from tidegate.otel import attribute_dict, current_context, put_under


class ContextSpanProcessor(SpanProcessor):
    """For a TracerProvider: adds what is set where a span starts. Never raises."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        context = current_context() if parent_context is None else parent_context
        try:
            if is_empty(context):
                return
            more = ambient_attributes(context)
            if more and not put_under(getattr(span, "_attributes", None), more):
                own = span.attributes or {}
                span.set_attributes({name: value for name, value in more.items() if name not in own})
        except Exception as error:
            complain("context", type(error), "attributes of the context are left out of a span: %r", error)


class ContextLogRecordProcessor(LogRecordProcessor):
    """For a LoggerProvider, before all that store or export: adds what is set where a record is made. Never raises."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        log = log_record.log_record
        try:
            if is_empty(log.context):
                return
            more = ambient_attributes(log.context)
            if more and not put_under(log.attributes, more):
                log.attributes = {**more, **attribute_dict(log.attributes)}
        except Exception as error:
            complain("context", type(error), "attributes of the context are left out of a log record: %r", error)

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True

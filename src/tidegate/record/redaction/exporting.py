"""Exporters in front of others, for providers that somebody else has built and that send by themselves."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Status

from tidegate.otel import attribute_dict
from tidegate.otel.copies import copied_attributes, copied_span
from tidegate.record.redaction.cleaning import Callback
from tidegate.record.redaction.redactor import Redactor
from tidegate.record.redaction.shared import SharedRedactor
from tidegate.settings import load
from tidegate.store.block import Batch

_logger = logging.getLogger("tidegate")

#: Resources and scopes that are remembered with their secrets replaced; a process has few.
MAX_OWNERS = 256


class _Redacting:
    """What both have: the redactor, and the resources and scopes that are cleaned already."""

    def __init__(
        self,
        exporter: Any,
        *,
        keys: Iterable[str] = (),
        patterns: Sequence[str] = (),
        callback: Callback | None = None,
    ) -> None:
        self._exporter = exporter
        self.failed = 0
        given = {"redact_keys": tuple(keys), "redact_patterns": tuple(patterns), "redact_callback": callback}
        settings = load(given, environ={})
        self._redactor = SharedRedactor(lambda: Redactor.of(settings))
        self._owners: dict[int, tuple[Any, Any]] = {}

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return bool(self._exporter.force_flush(timeout_millis))

    def _lose(self, count: int, error: Exception) -> None:
        """The SDK's processors say nothing of an export that fails."""
        if not self.failed:  # its own text might show what must not be seen
            _logger.warning("%d records could not be redacted (%s) and are not exported.", count, type(error).__name__)
        self.failed += count

    def _columns(self, **columns: Any) -> Mapping[str, Any]:
        batch = Batch("", len(columns["attributes"]), columns, 0, 0)
        self._redactor.redact(batch)
        return batch.columns

    def _owner(self, owner: Any) -> Any:
        """A resource or a scope without secrets; the same object for the same one."""
        if owner is None:
            return None
        known = self._owners.get(id(owner))
        if known is None:
            if len(self._owners) >= MAX_OWNERS:
                self._owners.clear()
            known = self._owners[id(owner)] = (owner, self._cleaned(owner))
        return known[1]

    def _cleaned(self, owner: Any) -> Any:
        before = attribute_dict(owner.attributes)
        after = self._columns(attributes=[before])["attributes"][0]
        if after is before:
            return owner
        if isinstance(owner, Resource):
            return Resource(after, owner.schema_url)
        return InstrumentationScope(owner.name, owner.version, owner.schema_url, after)


class RedactingSpanExporter(_Redacting, SpanExporter):
    """Hands spans to ``exporter`` with ``[redacted]`` in place of secrets, as they are in the store.

    ``keys``, ``patterns`` and ``callback`` are those of the settings ``redact_keys``, ``redact_patterns`` and
    ``redact_callback``; raises `ConfigurationError` for what those refuse. The application's own spans
    are not changed.

    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    >>> sent = InMemorySpanExporter()
    >>> provider = TracerProvider(shutdown_on_exit=False)
    >>> provider.add_span_processor(SimpleSpanProcessor(RedactingSpanExporter(sent)))
    >>> with provider.get_tracer("shop").start_as_current_span("pay", attributes={"card.cvv": 123}):
    ...     pass
    >>> dict(sent.get_finished_spans()[0].attributes)
    {'card.cvv': '[redacted]'}
    """

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            redacted = self._redacted(spans)
        except Exception as error:  # nothing is sent of which it is not known what it holds
            self._lose(len(spans), error)
            return SpanExportResult.FAILURE
        result: SpanExportResult = self._exporter.export(redacted)
        return result

    def _redacted(self, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
        if not spans:
            return []
        columns = self._columns(
            attributes=[attribute_dict(span.attributes) for span in spans],
            name=[span.name for span in spans],
            status_message=[span.status.description or "" for span in spans],
            events=[[[event.name, attribute_dict(event.attributes)] for event in span.events] for span in spans],
            links=[[attribute_dict(link.attributes) for link in span.links] for span in spans],
        )
        rows = zip(
            *(columns[name] for name in ("attributes", "name", "status_message", "events", "links")), strict=True
        )
        return [self._made(span, *row) for span, row in zip(spans, rows, strict=True)]

    def _made(
        self, span: ReadableSpan, attributes: Any, name: str, message: str, events: Any, links: Any
    ) -> ReadableSpan:
        resource, scope, status = self._owner(span.resource), self._owner(span.instrumentation_scope), span.status
        made: ReadableSpan = copied_span(
            span,
            attributes,
            [self._event(*each) for each in zip(span.events, events, strict=True)],
            [self._link(*each) for each in zip(span.links, links, strict=True)],
            name=name,
            resource=resource,
            instrumentation_scope=scope,
            status=status if message == (status.description or "") else Status(status.status_code, message),
        )
        return made

    @staticmethod
    def _event(event: Event, fields: Any) -> Event:
        return Event(fields[0], copied_attributes(event.attributes, fields[1]), event.timestamp)

    @staticmethod
    def _link(link: Link, attributes: Any) -> Link:
        return Link(link.context, copied_attributes(link.attributes, attributes))


class RedactingLogRecordExporter(_Redacting, LogRecordExporter):
    """Hands log records to ``exporter`` with ``[redacted]`` in place of secrets; see `RedactingSpanExporter`.

    >>> from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter
    >>> RedactingLogRecordExporter(ConsoleLogRecordExporter(), patterns=["shop-[0-9]{8}"]).force_flush()
    True
    """

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        try:
            redacted = self._redacted(batch)
        except Exception as error:  # as for spans
            self._lose(len(batch), error)
            return LogRecordExportResult.FAILURE
        result: LogRecordExportResult = self._exporter.export(redacted)
        return result

    def _redacted(self, batch: Sequence[ReadableLogRecord]) -> list[ReadableLogRecord]:
        if not batch:
            return []
        logs = [record.log_record for record in batch]
        columns = self._columns(
            attributes=[attribute_dict(log.attributes) for log in logs],
            body=[log.body for log in logs],
            event_name=[log.event_name or "" for log in logs],
        )
        rows = zip(batch, *(columns[name] for name in ("attributes", "body", "event_name")), strict=True)
        return [self._made(*row) for row in rows]

    def _made(self, record: ReadableLogRecord, attributes: Any, body: Any, event_name: str) -> ReadableLogRecord:
        log = copy.copy(record.log_record)
        log.attributes, log.body, log.event_name = (
            copied_attributes(log.attributes, attributes),
            body,
            event_name or None,
        )
        return ReadableLogRecord(
            log, self._owner(record.resource), self._owner(record.instrumentation_scope), record.limits
        )

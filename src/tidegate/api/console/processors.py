"""What the setting ``console`` shows on standard error: log records that nothing else shows, and requests as they end.

Records of the stdlib's that no handler of the application takes are shown in place of the stdlib's
last resort, so `logging.basicConfig` works as before and what the application prints stays the same.
Records that go to OpenTelemetry alone (our log calls, events, errors) pass a processor. What is
captured from a library is shown by that library, or by the last resort, and not again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from tidegate.api.calls.complaints import complain
from tidegate.api.console.entries import Entry, of_opentelemetry, of_span
from tidegate.api.console.handlers import LineHandler
from tidegate.otel import is_left_out, is_suppressed
from tidegate.record.capture import is_capturing


def replace_last_resort(handler: LineHandler) -> None:
    """Show what has no handler; unless the application has chosen something else for it, or nothing."""
    if logging.lastResort is getattr(logging, "_defaultLastResort", None):
        logging.lastResort = handler


def put_back_last_resort() -> None:
    """Let the stdlib show again what has no handler."""
    if isinstance(logging.lastResort, LineHandler):
        logging.lastResort = getattr(logging, "_defaultLastResort", None)


def _show(handler: LineHandler, entry: Callable[[], Entry]) -> None:
    try:
        handler.write(handler.lines.lines(entry()))
    except Exception as error:
        complain("console", type(error), "a record cannot be shown on the console: %r", error)


class ConsoleLogRecordProcessor(LogRecordProcessor):
    """Shows what was logged to OpenTelemetry alone; our own reports, and what exporters do, are nobody's news."""

    def __init__(self, handler: LineHandler) -> None:
        self._handler = handler

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        scope = log_record.instrumentation_scope
        name = scope.name if scope is not None else ""
        is_own = name == "tidegate" or name.startswith("tidegate.")
        if not is_own and not is_capturing() and not is_suppressed():
            _show(self._handler, lambda: of_opentelemetry(log_record.log_record, name))

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class ConsoleSpanProcessor(SpanProcessor):
    """Shows a span that ends here and has no parent here: a request, a job."""

    def __init__(self, handler: LineHandler) -> None:
        self._handler = handler

    def on_end(self, span: ReadableSpan) -> None:
        if (span.parent is None or span.parent.is_remote) and not is_left_out(span):
            _show(self._handler, lambda: of_span(span))

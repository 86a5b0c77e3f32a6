"""Log capture: every stdlib log record goes through the LoggerProvider, whatever the configuration.

Every record passes `logging.Logger.callHandlers`, also those of loggers that do not propagate, and
before any handler: so nothing of the application's logging changes, and no configuration switches
recording off. structlog and loguru have ways of their own in (`record.structlog`, `record.loguru`);
`logging_through` sees to it that a record which passes two of them is captured once.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from opentelemetry._logs import LoggerProvider, LogRecord, NoOpLoggerProvider, SeverityNumber
from opentelemetry.instrumentation.log_utils import std_to_otel

from tidegate.otel import is_suppressed
from tidegate.record.logs import NO_ORIGIN, ORIGIN, Origin

#: Loggers known by name; a program that makes names up must not fill the memory.
MAX_LOGGERS = 4096

#: Nesting of a value beyond which its text is kept.
MAX_DEPTH = 16

_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

#: Put on records by the logging instrumentation's record factory; the record has them already.
_CORRELATION = frozenset({"otelSpanID", "otelTraceID", "otelTraceSampled", "otelServiceName"})

_EVENT_NAMES = ("otel.event.name", "event.name")

_SEVERITY_TEXT = {"WARNING": "WARN", "CRITICAL": "FATAL"}

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

#: The library whose record this thread is handling ("" for none), and the guard against recursion.
_thread = threading.local()

_provider: LoggerProvider = NoOpLoggerProvider()
_loggers: dict[str, Any] = {}

#: Records that could not be captured, which is never the application's business.
failures = 0


def install(provider: LoggerProvider) -> None:
    """Send every stdlib log record to ``provider``; a second call only changes the provider."""
    global _provider
    _provider = provider
    _loggers.clear()
    if not hasattr(logging.Logger.callHandlers, "__wrapped__"):
        _wrap_call_handlers()


def _wrap_call_handlers() -> None:
    original = logging.Logger.callHandlers

    @functools.wraps(original)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        former = library()
        if former in ("", "stdlib"):
            capture_record(record)
            _thread.library = "stdlib"
        try:
            original(self, record)
        finally:
            _thread.library = former

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def library() -> str:
    """The logging library whose record this thread is handling, so that another one does not capture it again."""
    return getattr(_thread, "library", "")


@contextmanager
def logging_through(name: str) -> Iterator[None]:
    """While a record that ``name`` captures is on its way through handlers."""
    former = library()
    _thread.library = name
    try:
        yield
    finally:
        _thread.library = former


def capture_record(record: logging.LogRecord) -> None:
    """Emit one stdlib record. Never raises."""
    emit(
        record.name,
        time_ns=int(record.created * 1e9),
        level=record.levelno,
        level_name=record.levelname,
        body=lambda: _body(record),
        attributes=lambda: _extra(record),
        exc_info=record.exc_info if isinstance(record.exc_info, tuple) else None,
        origin=Origin(str(record.msg) if record.args else "", record.pathname, record.lineno, record.funcName or ""),
    )


def emit(
    logger_name: str,
    *,
    time_ns: int,
    level: int,
    level_name: str,
    body: Any,
    attributes: Any = None,
    exc_info: ExcInfo | None = None,
    origin: Origin = NO_ORIGIN,
) -> None:
    """Emit one log record through the provider, with the trace context of the caller. Never raises.

    ``level`` is a stdlib level; ``body`` and ``attributes`` may be functions, called only for a
    record that is captured. Our own records and those of exporters at work are left out: telemetry
    must not feed on itself.
    """
    global failures
    if _is_own(logger_name) or getattr(_thread, "busy", False) or is_suppressed():
        return
    _thread.busy = True
    try:
        values = dict(attributes() if callable(attributes) else attributes or {})
        event_name = next((str(values.pop(name)) for name in _EVENT_NAMES if name in values), None)
        if exc_info is not None:
            values.update(exception_attributes(exc_info))
        log = LogRecord(
            timestamp=time_ns,
            observed_timestamp=time.time_ns(),
            severity_number=severity(level),
            severity_text=_SEVERITY_TEXT.get(level_name, level_name),
            body=plain(body() if callable(body) else body),
            attributes={str(name): plain(value) for name, value in values.items() if name},
            event_name=event_name,
        )
        setattr(log, ORIGIN, origin)
        _logger(logger_name).emit(log)
    except Exception:
        failures += 1
    finally:
        _thread.busy = False


def _is_own(name: str) -> bool:
    return name == "tidegate" or name.startswith("tidegate.")


def _logger(name: str) -> Any:
    logger = _loggers.get(name)
    if logger is None:
        if len(_loggers) >= MAX_LOGGERS:
            _loggers.clear()
        logger = _loggers[name] = _provider.get_logger(name)
    return logger


def severity(level: int) -> SeverityNumber:
    """The severity number of a stdlib level; below DEBUG it is TRACE, as in loguru."""
    return SeverityNumber.TRACE if 0 < level < logging.DEBUG else std_to_otel(level)


def _body(record: logging.LogRecord) -> Any:
    if isinstance(record.msg, Mapping) and not record.args:
        return record.msg
    try:
        return record.getMessage()
    except Exception:  # wrong arguments: the handlers complain, the record is kept
        return f"{record.msg!s} {record.args!r}"


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    fields = record.__dict__
    extra = {name: fields[name] for name in fields if name not in _RESERVED and name not in _CORRELATION}
    if record.stack_info:
        extra["code.stacktrace"] = record.stack_info
    return extra


def exception_attributes(exc_info: ExcInfo) -> dict[str, Any]:
    """``exception.*`` by the semantic conventions, nothing for an empty ``exc_info``."""
    kind, value, trace = exc_info
    if kind is None:
        return {}
    module = "" if kind.__module__ in ("builtins", "__main__") else kind.__module__ + "."
    return {
        "exception.type": module + kind.__qualname__,
        "exception.message": str(value),
        "exception.stacktrace": "".join(traceback.format_exception(kind, value, trace)),
    }


def plain(value: Any, depth: int = 0) -> Any:
    """``value`` as OpenTelemetry's AnyValue, text in place of any other object.

    The SDK would do the same with a warning for each, on the application's console.
    """
    kind = type(value)
    if value is None or kind in (str, bool, int, float, bytes):
        return value
    if depth < MAX_DEPTH:
        if isinstance(value, Mapping):
            return {str(name): plain(item, depth + 1) for name, item in value.items() if str(name)}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [plain(item, depth + 1) for item in value]
    for base in (bool, int, float, str):
        if isinstance(value, base):
            return base(value)
    return str(value)


def current_exc_info(value: Any) -> ExcInfo | None:
    """What libraries allow for ``exc_info``: an exception, a triple, or true for the one being handled."""
    if isinstance(value, BaseException):
        return (type(value), value, value.__traceback__)
    if isinstance(value, tuple) and len(value) == 3:
        return value
    if not value:
        return None
    current = sys.exc_info()
    return current if current[0] is not None else None

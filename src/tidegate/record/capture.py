"""Log capture: every stdlib log record goes through the LoggerProvider, whatever the configuration.

Every record passes `logging.Logger.callHandlers`, also those of loggers that do not propagate, and
before any handler: so nothing of the application's logging changes, and no configuration switches
recording off. structlog and loguru have ways of their own in (`record.structlog`, `record.loguru`),
which are opened when the application imports them. A message that one library hands to another is
captured once, where it came from.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import FrameType, FunctionType, ModuleType
from typing import Any, NamedTuple, TypeVar

from opentelemetry._logs import LoggerProvider, LogRecord, NoOpLoggerProvider, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.instrumentation.log_utils import std_to_otel

from tidegate.imports import when_imported
from tidegate.otel import is_suppressed
from tidegate.record.plain import ExcInfo, current_exc_info, exception_attributes, plain, text
from tidegate.record.raised import context_around, is_logged
from tidegate.records import ORIGIN, Origin

#: Loggers known by name; a program that makes names up must not fill the memory.
MAX_LOGGERS = 4096

_RESERVED = frozenset(vars(logging.makeLogRecord({})))

#: What is never an attribute: the record's own fields, what formatters leave on it, what the logging
#: instrumentation puts there, which the log record has fields for, and uvicorn's second message, with colours.
_NO_EXTRA = _RESERVED | {
    *("message", "asctime", "taskName", "color_message"),
    *("otelSpanID", "otelTraceID", "otelTraceSampled", "otelServiceName"),
}

_EVENT_NAMES = ("otel.event.name", "event.name")

#: OpenTelemetry's names; by number, since applications colour the standard library's.
_SEVERITY_TEXT = {10: "DEBUG", 20: "INFO", 30: "WARN", 40: "ERROR", 50: "FATAL"}

#: Who reports an error that an application did not handle; Flask does so by the application's own logger.
_REPORTERS = frozenset(
    {"uvicorn.error", "hypercorn.error", "gunicorn.error", "daphne.server", "django.request", "asyncio"}
)
_FLASK_REPORT = ("log_exception", "Exception on ")

#: Where a request of Django's has the context of its span, for what is logged about it when that has ended.
CONTEXT = "_tidegate_context"

#: States of `Doing`. Handlers have a record that was captured, and may hand it to another library;
#: what was captured is passed on to the stdlib; values are asked for their text; the provider has it.
HANDLING, PASSING_ON, RENDERING, EMITTING = "handling", "passing on", "rendering", "emitting"

Function = TypeVar("Function", bound=Callable[..., Any])
Render = Callable[..., LogRecord]
Waiting = list[Callable[[], object]]


class Doing:
    """What happens to a log record while this is entered; ``state`` is empty when it is over.

    A context variable holds it and not a thread, for the sake of greenlets; a task that was started
    meanwhile inherits it, and must see its end.
    """

    __slots__ = ("_former", "state", "waiting")

    def __init__(self, state: str, waiting: Waiting | None = None) -> None:
        self.state = state
        self.waiting = waiting

    def __enter__(self) -> Doing:
        self._former = _doing.get()
        _doing.set(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.state = ""
        _doing.set(self._former)


class Claim(NamedTuple):
    """A message that a library captures and hands to another, which is to emit what ``render``
    makes of the record instead, under ``name``; or nothing when there is no ``render``."""

    message: object
    name: str = ""
    render: Render | None = None


_NOTHING = Doing("")
_doing: ContextVar[Doing] = ContextVar("tidegate_doing", default=_NOTHING)
_claim: ContextVar[Claim | None] = ContextVar("tidegate_claim", default=None)

#: Where nothing is stored, at most one function that is asked before a stdlib record is made an OpenTelemetry
#: one: False drops it. A list, since `in_place_of` gives functions a copy of this module's names.
_early: list[Callable[[logging.LogRecord], bool]] = []

#: Libraries at work here that hand messages to the stdlib's logging, or get them from its handlers.
_libraries: list[str] = []

_NOBODY = NoOpLoggerProvider()

_provider: LoggerProvider = _NOBODY
_loggers: dict[str, Any] = {}
_installed = False

#: Errors that are captured as soon as the record is emitted in the midst of which they were logged.
MAX_PUT_OFF = 100

#: Records that could not be captured, which is never the application's business.
failures = 0


def install(provider: LoggerProvider) -> None:
    """Send every log record to ``provider``; a second call only changes the provider."""
    global _provider, _installed
    _provider = provider
    _loggers.clear()
    if _installed:
        return
    _installed = True
    from opentelemetry.sdk._logs import LogRecordDroppedAttributesWarning

    # the record counts what was dropped; the console is the application's
    warnings.filterwarnings("ignore", category=LogRecordDroppedAttributesWarning)
    logging.getLogger("opentelemetry.attributes").addFilter(lambda record: doing() != EMITTING)
    _wrap_call_handlers()
    when_imported("logging.handlers", _wrap_queue_listener)
    for library in ("structlog", "loguru"):
        when_imported(library, functools.partial(_install_library, library))


def uninstall() -> None:
    """Send log records to nobody, until the next `install`: they pass by what was installed."""
    global _provider
    _provider = _NOBODY
    _loggers.clear()


def provider() -> LoggerProvider | None:
    """Where log records are sent, if they are captured at all."""
    return None if isinstance(_provider, NoOpLoggerProvider) else _provider


def drop_early(keep: Callable[[logging.LogRecord], bool] | None) -> None:
    """Ask ``keep`` about each stdlib record before its message is formatted; None asks nobody any more.

    What it says False to is not captured. It must not raise, and is for processes that store nothing.
    """
    _early[:] = [keep] if keep is not None else []


def _install_library(name: str, module: ModuleType) -> None:
    _libraries.append(name)
    importlib.import_module(f"tidegate.record.{name}").install(module)


def in_place_of(original: Callable[..., Any], like: Callable[..., Any] | None = None) -> Callable[[Function], Function]:
    """A decorator for what takes the place of ``original`` and calls it: frames show it as a function
    of the module that ``like`` (else ``original``) is from.

    Logging libraries find their caller by skipping frames by file or by module name; one of ours
    among them would be taken for the caller, and be printed.
    """
    model = like or original

    def decorate(function: Function) -> Function:
        code = function.__code__.replace(co_filename=model.__code__.co_filename)
        names = {**function.__globals__, "__name__": model.__module__}
        return functools.wraps(original)(  # type: ignore[return-value]
            FunctionType(code, names, function.__name__, function.__defaults__, function.__closure__)
        )

    return decorate


def _wrap_call_handlers() -> None:
    original = logging.Logger.callHandlers

    @in_place_of(original, like=logging.shutdown)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        state = _doing.get().state
        if _early and not state and (not _libraries or _claim.get() is None) and not _early[0](record):
            if not _libraries:
                original(self, record)
                return
            with Doing(HANDLING):
                original(self, record)
        elif state in (PASSING_ON, EMITTING):
            put_off(record)
            original(self, record)
        elif state != RENDERING or not is_said_again():
            waiting: Waiting = []
            try:
                capture_record(record, waiting)
            finally:  # a signal handler may raise SystemExit
                for late in waiting:
                    late()
            if not _libraries:
                original(self, record)
                return
            with Doing(HANDLING):
                original(self, record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def _wrap_queue_listener(handlers: ModuleType) -> None:
    original = handlers.QueueListener.handle

    @in_place_of(original)
    def handle(self: Any, record: logging.LogRecord) -> None:
        if record.process != os.getpid():
            original(self, record)
            return
        with Doing(PASSING_ON):  # it was captured on its way into the queue
            original(self, record)

    handlers.QueueListener.handle = handle


def doing() -> str:
    """What is being done here: one of the states above, or nothing."""
    return _doing.get().state


def is_capturing() -> bool:
    """Whether what is being emitted here was captured: the library that it is from shows it, or does not."""
    now = _doing.get()
    return type(now) is Doing and now.state == EMITTING


def is_said_again() -> bool:
    """Whether what is being logged comes of our asking a value for its text.

    A handler will ask for it too, so that it would appear twice. What the garbage collector or a
    signal causes at that moment is another matter.
    """
    names = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not emit.__code__:
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    return not names.isdisjoint(("__str__", "__repr__", "__format__")) and "__del__" not in names


def claim(message: object, name: str = "", render: Render | None = None) -> None:
    """Make a `Claim` for the very object that the next library gets as its message."""
    _claim.set(Claim(message, name, render))


def claimed(message: object) -> Claim | None:
    """The claim for this message, once."""
    pending = _claim.get()
    if pending is None:
        return None
    _claim.set(None)
    return pending if pending.message is message else None


def put_off(record: logging.LogRecord) -> None:
    """Keep an error that is logged while another record is emitted, as a signal handler's last words are."""
    waiting = _doing.get().waiting
    if record.levelno >= logging.ERROR and waiting is not None and len(waiting) < MAX_PUT_OFF and not is_suppressed():
        waiting.append(functools.partial(capture_record, record))


def capture_record(record: logging.LogRecord, waiting: Waiting | None = None) -> None:
    """Emit one stdlib record, or what a library has claimed it for. Never raises.

    What is to emit the errors logged meanwhile is added to ``waiting``, if there is such a list.
    """
    pending = claimed(record.msg)
    if pending is None:
        if record.exc_info and _is_said(record):
            return
        emit(record.name, _render, record, waiting=waiting)
    elif pending.render is not None:
        emit(pending.name or record.name, pending.render, record, waiting=waiting)


def _is_said(record: logging.LogRecord) -> bool:
    """Whether a framework reports an unhandled error here of which there is a log record already."""
    try:
        function, start = _FLASK_REPORT
        is_report = record.name in _REPORTERS or (record.funcName == function and text(record.msg).startswith(start))
        exc_info = current_exc_info(record.exc_info) if is_report else None
        return exc_info is not None and is_logged(exc_info[1])
    except Exception:  # what the application gave as exc_info
        return False


def emit(logger_name: str, render: Render, *arguments: Any, waiting: Waiting | None = None) -> None:
    """Emit what ``render(*arguments)`` makes through the provider. Never raises.

    Our own records and those of exporters at work are left out: telemetry must not feed on itself.
    """
    global failures
    if _provider is _NOBODY or logger_name == "tidegate" or logger_name.startswith("tidegate.") or is_suppressed():
        return
    try:
        with Doing(RENDERING, waiting) as step:
            log = render(*arguments)
            step.state = EMITTING
            _logger(logger_name).emit(log)
    except Exception:
        failures += 1


def _logger(name: str) -> Any:
    logger = _loggers.get(name)
    if logger is None:
        if len(_loggers) >= MAX_LOGGERS:
            _loggers.clear()
        logger = _loggers[name] = _provider.get_logger(name)
    return logger


def log_record(
    *,
    time_ns: int,
    level: int,
    level_name: str,
    body: Any,
    values: dict[str, Any],
    exc_info: ExcInfo | None = None,
    origin: Origin,
    context: Context | None = None,
) -> LogRecord:
    """A log record of the given context, else of the trace that the caller is in, else of the one that its error comes
    from. ``level`` is a stdlib level; ``values``, attributes as the application gave them, becomes ours."""
    event_name = None
    if values:
        event_name = next((text(values.pop(name)) for name in _EVENT_NAMES if name in values), None)
        values = {text(name): plain(value) for name, value in values.items() if name != ""}
    if exc_info is not None:
        values.update(exception_attributes(exc_info))
        context = context or context_around(exc_info[1])
    log = LogRecord(
        timestamp=time_ns,
        context=context,
        severity_number=severity(level),
        severity_text=_SEVERITY_TEXT.get(level, level_name),
        body=plain(body),
        attributes=values,
        event_name=event_name,
    )
    setattr(log, ORIGIN, origin)
    return log


def severity(level: int) -> SeverityNumber:
    """The severity number of a stdlib level; below DEBUG it is TRACE, as in loguru."""
    return SeverityNumber.TRACE if 0 < level < logging.DEBUG else std_to_otel(level)


def _render(record: logging.LogRecord) -> LogRecord:
    return log_record(
        time_ns=int(record.created * 1e9),
        level=record.levelno,
        level_name=record.levelname,
        body=body_of(record),
        values=attributes_of(record),
        exc_info=current_exc_info(record.exc_info),
        origin=Origin(text(record.msg) if record.args else "", record.pathname, record.lineno, record.funcName or ""),
        context=getattr(getattr(record, "request", None), CONTEXT, None) if record.name == "django.request" else None,
    )


def body_of(record: logging.LogRecord) -> Any:
    """A stdlib record's message with its arguments filled in, or the mapping that was logged."""
    if not record.args and isinstance(record.msg, Mapping):
        return record.msg
    try:
        return record.getMessage()
    except Exception:  # wrong arguments: the handlers complain, the record is kept
        return f"{text(record.msg)} {text(record.args)}"


def attributes_of(record: logging.LogRecord) -> dict[str, Any]:
    """What ``extra``, filters and record factories put on a stdlib record, and its stack."""
    fields = record.__dict__
    if len(fields) == len(_RESERVED) and not record.stack_info:
        return {}
    values = {name: fields[name] for name in fields.keys() - _NO_EXTRA}
    if record.stack_info:
        values["code.stacktrace"] = record.stack_info
    return values

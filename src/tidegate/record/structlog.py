"""structlog's events, each recorded with its values instead of the line that is made of it.

An event is looked at on its way through the processors, before the last one renders it. What a
processor drops is not recorded. When structlog writes into a stdlib logger, that logger decides
whether the event is logged, so it is only claimed, and recorded when the logger emits it.
"""

from __future__ import annotations

import functools
import logging
import sys
import time
from collections.abc import Mapping
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from opentelemetry._logs import LogRecord

from tidegate.record import capture, plain
from tidegate.record.capture import EMITTING, PASSING_ON, RENDERING, doing, in_place_of, is_said_again
from tidegate.record.plain import ExcInfo, current_exc_info
from tidegate.records import Origin

_LEVELS = {
    **dict.fromkeys(("critical", "fatal"), logging.CRITICAL),
    **dict.fromkeys(("error", "exception", "err", "failure"), logging.ERROR),
    **dict.fromkeys(("warning", "warn"), logging.WARNING),
    **dict.fromkeys(("info", "msg"), logging.INFO),
    "debug": logging.DEBUG,
}

#: Where processors leave the event (`EventRenamer` moves it).
_EVENT_KEYS = ("event", "message", "msg")

#: Arguments and internals rather than values of the event.
_NO_VALUES = ("exc_info", "stack_info", "stacklevel", "positional_args", "_record", "_from_structlog")

#: What structlog itself puts on a stdlib record.
_NOT_ADDED = ("_logger", "_name", "timestamp", "level", "level_number", "logger")


class Event(NamedTuple):
    """One event: the values before the last processor, and what was given by the caller."""

    method: str
    level: int
    text: Any
    values: dict[str, Any]
    given: Mapping[str, Any]
    exc_info: ExcInfo | None
    origin: Origin


def install(structlog: ModuleType) -> None:
    """Look at every event from now on, also of loggers that exist already."""
    base = structlog.BoundLoggerBase
    original = base._process_event

    @in_place_of(original)
    def _process_event(self: Any, method_name: str, event: Any, event_kw: dict[str, Any]) -> Any:
        state = doing()
        if state in (PASSING_ON, EMITTING):
            return original(self, method_name, event, event_kw)
        if state == RENDERING and is_said_again():
            raise structlog.DropEvent
        seen: list[dict[str, Any]] = []
        result = original(_watched(self, seen), method_name, event, event_kw)
        _keep(self, method_name, event, event_kw, seen, result)
        return result

    base._process_event = _process_event


def _watched(bound: Any, seen: list[dict[str, Any]]) -> Any:
    """The logger with a step before its last processor, which puts a copy of the values into ``seen``."""
    try:
        watched = object.__new__(type(bound))
        processors = [*bound._processors]
        processors.insert(len(processors) - 1, functools.partial(_look, seen))
        watched.__dict__.update(bound.__dict__)
        watched._processors = processors
    except Exception:  # a logger of the application's own making
        return bound
    return watched


def _look(seen: list[dict[str, Any]], logger: Any, method_name: str, values: Any) -> Any:
    if isinstance(values, dict):
        seen.append(dict(values))
    return values


def _keep(
    bound: Any, method: str, event: Any, event_kw: dict[str, Any], seen: list[dict[str, Any]], result: Any
) -> None:
    try:
        logger = bound._logger
        level = _level(method)
        is_stdlib = isinstance(logger, (logging.Logger, logging.LoggerAdapter))
        if is_stdlib and level and not logger.isEnabledFor(level):
            return
        given = {**bound._context, **event_kw}
        kept, module = _event(method, level, event, given, seen[0] if seen else {**given, "event": event})
        name = kept.values.pop("logger", None)
        name = name if isinstance(name, str) else ""
        if is_stdlib:
            capture.claim(_message(result), name, functools.partial(_render, kept))
            return
        own_name = getattr(logger, "name", None)
        capture.emit(name or (own_name if isinstance(own_name, str) else "") or module, _render, kept)
        if not type(logger).__module__.startswith("structlog."):
            capture.claim(_message(result))  # it may hand the event to a library that we capture too
    except Exception:
        capture.failures += 1


def _level(method: str) -> int:
    level = _LEVELS.get(method) or logging.getLevelName(method.upper())
    return level if isinstance(level, int) else 0


def _message(result: Any) -> object:
    """What the logger gets as the message, from the (args, kwargs) that it is called with."""
    args, kwargs = result
    return args[0] if args else kwargs.get("msg", kwargs.get("event"))


def _event(method: str, level: int, event: Any, given: Mapping[str, Any], values: dict[str, Any]) -> tuple[Event, str]:
    """The event, and the module that logged it."""
    frame, template = _caller()
    text = _take_text(values, event)
    if isinstance(event, str):
        template = template or event
    exc_info = current_exc_info(values.get("exc_info") or given.get("exc_info") or method == "exception")
    _leave_values(values, given, method, level)
    if exc_info is not None and "exception" not in given:
        values.pop("exception", None)  # its text, by a processor
    code = frame.f_code
    origin = Origin(template, code.co_filename, frame.f_lineno, code.co_name)
    return Event(method, level, text, values, given, exc_info, origin), _module(frame)


def _leave_values(values: dict[str, Any], given: Mapping[str, Any], method: str, level: int) -> None:
    """Remove from the values what the record has fields for."""
    for name in _NO_VALUES:
        values.pop(name, None)
    if "timestamp" in values and "timestamp" not in given:
        del values["timestamp"]
    word = values.get("level")
    if isinstance(word, str) and (word == method or _LEVELS.get(word.lower()) == level):
        del values["level"]
    if values.get("level_number") == level:
        del values["level_number"]
    if "stack" in values and "stack" not in given:
        values["code.stacktrace"] = values.pop("stack")


def _take_text(values: dict[str, Any], event: Any) -> Any:
    """Remove the event from the values: the object that was logged, else what a processor made of it."""
    key: str | None = "event"
    if values.get("event") is not event:
        keys = [key for key in _EVENT_KEYS if key in values]
        key = next((key for key in keys if values[key] is event), keys[0] if keys else None)
    if key is None:
        return event
    text = values.pop(key, None)
    arguments = values.get("positional_args")
    return _filled(text, arguments) if arguments and text is event else text


def _filled(text: Any, arguments: Any) -> Any:
    """The event with its arguments, as the stdlib's logging would fill them in after the processors."""
    if len(arguments) == 1 and isinstance(arguments[0], Mapping) and arguments[0]:
        arguments = arguments[0]
    try:
        return text % arguments
    except Exception:  # wrong arguments: the formatter complains, the event is kept
        return f"{plain.text(text)} {plain.text(arguments)}"


def _caller() -> tuple[FrameType, str]:
    """The frame that logged, and the event before a filtering logger filled in its arguments, if it did."""
    contextvars: Any = sys.modules.get("structlog.contextvars")
    stack = getattr(contextvars, "_ASYNC_CALLING_STACK", None)  # of an async method, which uses a thread
    frame = (stack.get(None) if stack is not None else None) or sys._getframe(3)
    template = ""
    while (name := _module(frame)).startswith(("structlog", "tidegate.record")) and frame.f_back is not None:
        if name == "structlog._native" and frame.f_code.co_name in ("meth", "log") and frame.f_locals.get("args"):
            template = str(frame.f_locals["event"])
        frame = frame.f_back
    return frame, template


def _module(frame: FrameType) -> str:
    return frame.f_globals.get("__name__") or "?"


def _render(event: Event, record: logging.LogRecord | None = None) -> LogRecord:
    if record is None:
        time_ns, level, level_name = time.time_ns(), event.level, event.method.upper()
    else:
        time_ns, level, level_name = int(record.created * 1e9), record.levelno, record.levelname
        event.values.update(_added(event, record))
    return capture.log_record(
        time_ns=time_ns,
        level=level,
        level_name=level_name,
        body=event.text,
        values=event.values,
        exc_info=event.exc_info,
        origin=event.origin,
    )


def _added(event: Event, record: logging.LogRecord) -> dict[str, Any]:
    """What filters and record factories of the stdlib's logging added to the event."""
    added = capture.attributes_of(record)
    if added:
        for name in (*event.given, *event.values, *_NOT_ADDED):
            added.pop(name, None)
    return added

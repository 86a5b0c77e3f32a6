"""loguru's messages, each recorded once, from DEBUG on, whatever sinks the application has.

A handler of ours among loguru's has the level of what is recorded and a filter that records and
lets nothing through: no text is formatted, nothing is written. loguru's levels belong to sinks, so
the application's own sinks get what they got before, and the ids of handlers stay the same.
"""

from __future__ import annotations

import itertools
import logging
import sys
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from opentelemetry._logs import LogRecord

from tidegate.record import capture
from tidegate.record.capture import PASSING_ON, RENDERING, Doing, doing, in_place_of, is_said_again
from tidegate.record.plain import current_exc_info
from tidegate.records import Origin

_logger = logging.getLogger("tidegate")

#: Our handler's id; loguru's own begin with 0.
_OURS = -1

_PARAMETERS = ("options", "message", "args", "kwargs")

#: The message being logged before its arguments were filled in, if it has any.
_template: ContextVar[str] = ContextVar("tidegate_template", default="")


def install(loguru: ModuleType) -> None:
    """Record what is logged from now on; a version of loguru that is built otherwise is said to be left out."""
    logger_class = type(loguru.logger)
    code = logger_class._log.__code__
    if code.co_varnames[: code.co_argcount][-4:] != _PARAMETERS:
        _logger.warning("loguru %s is built otherwise than known: its messages are not recorded.", loguru.__version__)
        return
    _listen(loguru.logger)
    _wrap_log(logger_class)
    _wrap_remove(logger_class)
    _wrap_repr(logger_class)
    sinks = sys.modules["loguru._simple_sinks"]
    for name in ("StreamSink", "StandardSink", "CallableSink"):
        _wrap_write(getattr(sinks, name))


def _listen(logger: Any) -> None:
    """Put our handler before all others, whose functions may change the record."""
    core = logger._core
    if _OURS in core.handlers:
        return
    added = logger.add(_discard, level="DEBUG", format=_no_text, filter=_record, backtrace=False, diagnose=False)
    with core.lock:
        handlers = core.handlers.copy()
        if max(handlers) == added:  # the next one gets this id, as it would without us
            core.handlers_count = added if isinstance(core.handlers_count, int) else itertools.count(added)
        core.handlers = {_OURS: handlers.pop(added), **handlers}


def _discard(message: str) -> None:
    pass


def _no_text(record: Any) -> str:
    return ""


def _wrap_log(logger_class: Any) -> None:
    original = logger_class._log

    @in_place_of(original)
    def _log(self: Any, *arguments: Any) -> None:
        *level, from_decorator, options, message, args, kwargs = arguments
        exception, depth, record, lazy, *others = options
        for_us_alone = _is_for_us_alone(self._core, *level)
        if (for_us_alone and lazy) or (doing() == RENDERING and is_said_again()):
            return  # lazy arguments are not to be made unless a sink of the application wants them
        former = _template.get()
        _template.set(message if args or kwargs or record else "")
        try:
            deeper = (exception, depth + 1, record, lazy, *others)
            original(self, *level, from_decorator, deeper, message, args, kwargs)
        except Exception:
            if not for_us_alone:
                raise
        finally:
            _template.set(former)

    logger_class._log = _log


def _is_for_us_alone(core: Any, *level: Any) -> bool:
    """Whether no sink of the application takes this level: then nothing that goes wrong is its business.

    ``level`` is a name or a number; before loguru 0.7 a name or None, and the number that None stands for.
    """
    levels = [handler.levelno for key, handler in core.handlers.items() if key != _OURS]
    name = level[0] if level[0] is not None else level[-1]
    number = name if isinstance(name, int) else getattr(core.levels.get(name), "no", None)
    return not levels or (number is not None and number < min(levels))


def _wrap_remove(logger_class: Any) -> None:
    original = logger_class.remove

    @in_place_of(original)
    def remove(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        finally:
            listen_again(self)

    logger_class.remove = remove


def listen_again(logger: Any) -> None:
    """Put our handler back. Never raises."""
    try:
        _listen(logger)
    except Exception:
        capture.failures += 1


def _wrap_repr(logger_class: Any) -> None:
    """A logger is printed among the variables of a traceback, without ours."""
    original = logger_class.__repr__

    @in_place_of(original)
    def show(self: Any) -> str:
        ours = repr(self._core.handlers.get(_OURS))
        return str(original(self)).replace(f"{ours}, ", "").replace(ours, "")

    logger_class.__repr__ = show


def _wrap_write(sink_class: Any) -> None:
    original = sink_class.write

    @in_place_of(original)
    def write(self: Any, message: str) -> None:
        with Doing(PASSING_ON):  # the sink may be the application's way into the stdlib's logging
            original(self, message)

    sink_class.write = write


def _record(record: dict[str, Any]) -> bool:
    """The filter of our handler: emits the message, unless it was captured where it came from."""
    if doing() in ("", RENDERING) and capture.claimed(record["message"]) is None:
        capture.emit(record["name"] or "loguru", _render, record)
    return False


def _render(record: dict[str, Any]) -> LogRecord:
    level = record["level"]
    exception = record["exception"]
    return capture.log_record(
        time_ns=round(record["time"].timestamp() * 1_000_000) * 1000,  # loguru keeps microseconds
        level=level.no,
        level_name=level.name,
        body=record["message"],
        values=dict(record["extra"]),
        exc_info=current_exc_info(tuple(exception)) if exception else None,
        origin=Origin(_template.get(), record["file"].path, record["line"], record["function"]),
    )

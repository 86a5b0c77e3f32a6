"""Exceptions that nobody catches: what ends the program, or a thread, is a log record like any error that is logged.

The hooks that were there go on to print as they do.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Any

from opentelemetry._logs import LogRecord

from tidegate.record import capture
from tidegate.record.plain import exception_attributes
from tidegate.record.raised import is_logged
from tidegate.records import Origin

#: Names of the loggers, and stdlib levels: the first kind ends the program.
_PROGRAM, _THREAD = ("sys.excepthook", 50, "CRITICAL"), ("threading.excepthook", 40, "ERROR")

_installed = False


def install() -> None:
    """Log what nobody catches through `tidegate.record.capture`, as long as that sends to somebody."""
    global _installed
    if _installed:
        return
    _installed = True
    of_program, of_thread = sys.excepthook, threading.excepthook

    def end_program(kind: type[BaseException], error: BaseException, trace: TracebackType | None, /) -> None:
        _log(_PROGRAM, error, trace)
        of_program(kind, error, trace)

    def end_thread(args: threading.ExceptHookArgs, /) -> None:
        if args.exc_value is not None:
            _log(_THREAD, args.exc_value, args.exc_traceback, args.thread)
        of_thread(args)

    sys.excepthook, threading.excepthook = end_program, end_thread


def _log(
    how: tuple[str, int, str], error: BaseException, trace: TracebackType | None, thread: threading.Thread | None = None
) -> None:
    """Ctrl-C and exits are wanted; what was logged as an error already is known."""
    if isinstance(error, Exception) and not is_logged(error):
        values = {} if thread is None else {"thread.name": thread.name}
        capture.emit(how[0], _render, how, error, trace, values)


def _render(
    how: tuple[str, int, str], error: Exception, trace: TracebackType | None, values: dict[str, Any]
) -> LogRecord:
    _, level, level_name = how
    exc_info = (type(error), error, trace)
    told = exception_attributes(exc_info)
    return capture.log_record(
        time_ns=time.time_ns(),
        level=level,
        level_name=level_name,
        body=f"{told['exception.type']}: {told['exception.message']}",
        values=values,
        exc_info=exc_info,
        origin=_origin(trace),
    )


def _origin(trace: TracebackType | None) -> Origin:
    """Where it was raised."""
    if trace is None:
        return Origin()
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return Origin("", code.co_filename, trace.tb_lineno, code.co_name)

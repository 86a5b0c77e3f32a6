"""Log records by one call each, on the global LoggerProvider.

The standard library's logging has no part in them: its levels, handlers and filters do not apply, and nothing is
printed. Each record has the trace of where it is logged, and the path, line and function of the call.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from tidegate.api.calls.arguments import joined
from tidegate.api.calls.emitting import DEBUG, ERROR, INFO, WARN, emit, severity
from tidegate.api.calls.functions import Place, place_of_caller
from tidegate.api.timing import TimedLog
from tidegate.record.plain import text


def log(level: str | int, message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
    """Log ``message`` with attributes. Never raises.

    ``level`` is a name (debug, info, warn, error, fatal, in any case), a member or number of OpenTelemetry's
    SeverityNumber (1 to 24), or a level of Python's logging (10, 20, and all above 24). The message is the record's
    body as it is: nothing is filled into it, so that records of one kind have one message. Attributes may have values
    of any type; of those that OpenTelemetry does not know the text is taken. They are given by name, or in mappings;
    anything else given by position is kept as the attribute ``arguments``. As elsewhere in Python, ``exc_info=True``
    adds the exception being handled.

        >>> import logging, tidegate
        >>> tidegate.log("info", "order placed", order_id=17, total=12.5)
        >>> tidegate.log(logging.WARNING, "stock is low", {"product.id": "A1"})
    """
    emit(severity(level), message, joined(mappings, attributes), place_of_caller())


def debug(message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
    """`log` at the level debug.

    It is recorded whatever the level of Python's loggers.

        >>> import tidegate
        >>> tidegate.debug("cache asked", key="basket:17", hit=True)
    """
    emit(DEBUG, message, joined(mappings, attributes), place_of_caller())


def info(message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
    """`log` at the level info.

    The scope of the record is the calling module; `get_logger` gives another one.

        >>> import tidegate
        >>> tidegate.info("order placed", order_id=17)
    """
    emit(INFO, message, joined(mappings, attributes), place_of_caller())


def warn(message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
    """`log` at the level warn.

    A logger of `get_logger` has it as ``warning``, too.

        >>> import tidegate
        >>> tidegate.warn("stock is low", product="A1", left=2)
    """
    emit(WARN, message, joined(mappings, attributes), place_of_caller())


def error(message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
    """`log` at the level error.

    Of an exception, `log_exception` records type, message and stack trace.

        >>> import tidegate
        >>> tidegate.error("payment declined", reason="expired card")
    """
    emit(ERROR, message, joined(mappings, attributes), place_of_caller())


def log_exception(
    message: Any = "", /, exc: BaseException | None = None, *mappings: Mapping[str, Any], **attributes: Any
) -> None:
    """Log ``exc``, by default the exception being handled, at the level error with ``exception.type``,
    ``exception.message`` and ``exception.stacktrace``.

    The message is by default its type and message. Where no exception is being handled the record has none. What is
    logged so is logged each time; `track_error` logs an exception once and records it on the span.

        >>> import tidegate
        >>> try:
        ...     1 / 0
        ... except ZeroDivisionError:
        ...     tidegate.log_exception("the price is not known", product="A1")
    """
    _log_exception(message, exc, joined(mappings, attributes), place_of_caller())


def _log_exception(
    message: Any, exc: object, attributes: dict[str, Any], place: Place, scope: str | None = None
) -> None:
    if exc is not None and not isinstance(exc, BaseException):
        exc, attributes = None, joined((exc,), attributes)
    found = exc if exc is not None else sys.exc_info()[1]
    attributes["exc_info"] = found
    if type(message) is str and not message:
        message = "no exception" if found is None else f"{type(found).__qualname__}: {text(found)}"
    emit(ERROR, message, attributes, place, scope)


def timed_log(message: str, /, level: str | int = "info", *mappings: Mapping[str, Any], **attributes: Any) -> TimedLog:
    """Log that something begins and that it ends, and how long it took: a context manager and a decorator.

    The records are ``"<message> started"`` and ``"<message> finished"`` at ``level``, the latter with ``duration`` in
    seconds. When an exception leaves the block it is ``"<message> failed"`` at the level error, with ``exception.*``;
    ``"<message> cancelled"`` when it was cancelled. The exception goes on its way.

        >>> import tidegate
        >>> with tidegate.timed_log("import of prices", file="prices.csv"):
        ...     pass
        >>> @tidegate.timed_log("sum")
        ... def add(a, b):
        ...     return a + b
        >>> add(1, 2)
        3
    """
    return TimedLog(message, level, joined(mappings, attributes), place_of_caller())


class Logger:
    """What `get_logger` returns: the functions of this module, in the scope ``name``."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Logger({self.name!r})"

    def log(self, level: str | int, message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
        """As `log`."""
        emit(severity(level), message, joined(mappings, attributes), place_of_caller(), self.name)

    def debug(self, message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
        """As `debug`."""
        emit(DEBUG, message, joined(mappings, attributes), place_of_caller(), self.name)

    def info(self, message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
        """As `info`."""
        emit(INFO, message, joined(mappings, attributes), place_of_caller(), self.name)

    def warning(self, message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
        """As `warn`."""
        emit(WARN, message, joined(mappings, attributes), place_of_caller(), self.name)

    warn = warning

    def error(self, message: Any, /, *mappings: Mapping[str, Any], **attributes: Any) -> None:
        """As `error`."""
        emit(ERROR, message, joined(mappings, attributes), place_of_caller(), self.name)

    def exception(
        self, message: Any = "", /, exc: BaseException | None = None, *mappings: Mapping[str, Any], **attributes: Any
    ) -> None:
        """As `log_exception`."""
        _log_exception(message, exc, joined(mappings, attributes), place_of_caller(), self.name)

    log_exception = exception

    def timed_log(
        self, message: str, /, level: str | int = "info", *mappings: Mapping[str, Any], **attributes: Any
    ) -> TimedLog:
        """As `timed_log`."""
        return TimedLog(message, level, joined(mappings, attributes), place_of_caller(), self.name)


def get_logger(name: str | None = None) -> Logger:
    """A logger whose records have ``name``, by default the calling module's, as their instrumentation scope.

    It is none of ``logging.getLogger``, and takes attributes in place of arguments.

        >>> import tidegate
        >>> logger = tidegate.get_logger("shop.orders")
        >>> logger.info("order placed", order_id=17)
        >>> logger.name
        'shop.orders'
    """
    return Logger(text(name) if name else place_of_caller().module)

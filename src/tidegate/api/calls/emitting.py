"""A log call on its way to the global LoggerProvider: its severity, its values, and its place in the code.

Nothing here raises. What is logged by an exporter at work, by a processor that has the record, or by a value that is
asked for its text, is left out: telemetry must not feed on itself. Errors are put off until that record is emitted, as
`record.capture` does it: they may be a signal handler's last words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

from opentelemetry._logs import SeverityNumber

from tidegate.api.calls.complaints import complain, counts
from tidegate.api.calls.functions import Place
from tidegate.api.calls.providers import logger as logger_of
from tidegate.otel.current import SUPPRESS_KEY, current_context
from tidegate.otel.log_records import log_record
from tidegate.record.plain import current_exc_info, exception_attributes, plain, text

#: The number and the text of a severity.
Severity = tuple[SeverityNumber, str]

DEBUG: Severity = (SeverityNumber.DEBUG, "DEBUG")
INFO: Severity = (SeverityNumber.INFO, "INFO")
WARN: Severity = (SeverityNumber.WARN, "WARN")
ERROR: Severity = (SeverityNumber.ERROR, "ERROR")
_FATAL: Severity = (SeverityNumber.FATAL, "FATAL")

#: What stands for a severity: OpenTelemetry's members, names and numbers; Python's names and levels, which go before
#: the numbers 10 and 20, since ``logging.INFO`` must not be an error.
_SEVERITIES: dict[Any, Severity] = {
    **{key: (each, each.name) for each in SeverityNumber for key in (each, each.value, each.name.lower())},
    "warning": WARN,
    "exception": ERROR,
    "critical": _FATAL,
    **dict(zip((10, 20, 30, 40, 50), (DEBUG, INFO, WARN, ERROR, _FATAL), strict=True)),
}

#: OpenTelemetry's highest number; what is above is a level of Python's.
_HIGHEST = 24

_SCALARS = frozenset({type(None), str, bool, int, float, bytes})

#: What no attribute can be called, and what a log record has other fields for.
_SPECIAL = frozenset({"", "event.name", "exc_info"})

# states of `record.capture`
_LEFT_OUT = _RENDERING, _EMITTING = "rendering", "emitting"

#: Where `record.capture` has what happens to log records. It loads the SDK: without one it is not needed.
_doing: ContextVar[Any] | None = None


class _Step:
    """What `record.capture` has a `Doing` for, at a third of its price."""

    state = _EMITTING
    late: list[Callable[[], object]] | None = None

    @property
    def waiting(self) -> list[Callable[[], object]] | None:
        """What emits the errors that are logged in the midst of it, as a signal handler does."""
        self.late = self.late or []
        return self.late


class _LateStep(_Step):
    """Of a record that was put off. In the midst of it none is: a processor that logs would go on for ever."""

    waiting = None


def severity(level: Any) -> Severity:
    """The severity that ``level`` stands for; what stands for none is INFO under its own name. Never raises."""
    try:
        return _SEVERITIES[level]
    except (KeyError, TypeError):
        pass
    if isinstance(level, int) and level > _HIGHEST:  # one of Python's, between those that have names
        tens, above = divmod(min(int(level), 53), 10)
        return SeverityNumber(4 * tens + 1 + min(above, 3)), logging.getLevelName(level)
    name = text(level).strip()
    if name.lower() not in _SEVERITIES:
        complain("level", name, "the level %r is none of debug, info, warn, error and fatal: info is taken.", name)
    return _SEVERITIES.get(name.lower(), (INFO[0], name))


def emit(
    severity: Severity,
    message: Any,
    attributes: dict[str, Any],
    place: Place,
    scope: str | None = None,
    event_name: str | None = None,
    *,
    make_step: Callable[[], _Step] = _Step,
) -> bool:
    """Log what was called for at a place, by default in the scope of its module; False if it is left out.

    ``attributes`` become ours, and are plain already if there is the name of an event. It is one function since each
    call in it costs a twentieth of the SDK's part.
    """
    try:
        module, _, origin = place
        logger = logger_of(scope or module)
        if logger is None:
            return False
        doing = _doing or _load()
        former = doing.get()
        if (former.state and former.state in _LEFT_OUT) or current_context().get(SUPPRESS_KEY):
            return _put_off(former, severity, message, attributes, place, scope, event_name)
        step = make_step()
        doing.set(step)
        try:
            if event_name is None and (
                type(message) is not str
                or (
                    attributes
                    and not (_SCALARS.issuperset(map(type, attributes.values())) and _SPECIAL.isdisjoint(attributes))
                )
            ):
                step.state = _RENDERING
                message, attributes, event_name = _rendered(message, attributes)
                step.state = _EMITTING
            record = log_record(severity, message, attributes, event_name)
            record._tidegate_origin = origin  # under `records.ORIGIN`
            logger.emit(record)
            return True
        finally:
            step.state = ""
            doing.set(former)
            if step.late:
                _catch_up(step.late)
    except Exception as error:
        complain("failed", "log", "a log record could not be emitted: %s", text(error))
    return False


def _rendered(message: Any, attributes: dict[str, Any]) -> tuple[Any, dict[str, Any], str | None]:
    """A body and attributes as OpenTelemetry takes them, and the name of an event if one is among them."""
    attributes.pop("", None)
    name, exc_info = attributes.pop("event.name", None), current_exc_info(attributes.pop("exc_info", None))
    values = {key: plain(value) for key, value in attributes.items()}
    if exc_info is not None:
        values |= exception_attributes(exc_info)
    return plain(message), values, None if name is None else text(name)


def _put_off(doing: Any, severity: Severity, *call: Any) -> bool:
    """Keep an error for when the record is emitted in the midst of which it is logged; whether it is kept.

    Not what a value logs that is asked for its text: it would do so again.
    """
    from tidegate.record.capture import MAX_PUT_OFF, is_said_again

    if current_context().get(SUPPRESS_KEY):
        return False
    waiting = doing.waiting if severity[0].value >= ERROR[0].value else None
    if waiting is None or len(waiting) >= MAX_PUT_OFF or (doing.state == _RENDERING and is_said_again()):
        counts["reentrant"] += 1  # not said: whoever does it may be a logging handler
        return False
    waiting.append(partial(copy_context().run, partial(emit, severity, *call, make_step=_LateStep)))
    return True


def _catch_up(waiting: list[Callable[[], object]]) -> None:
    while waiting:
        waiting.pop(0)()


def _load() -> ContextVar[Any]:
    global _doing
    from tidegate.record import capture

    _doing = capture._doing
    return _doing

"""Log records that were kept, handed on to any `logging.Handler` as records of the standard library.

The handler gets what the gate kept and nothing else: when it also hangs on a logger, what it would
get from there is left out, or it would have the kept records twice and the dropped ones once. A
handler that emits through OpenTelemetry leads back to the gate, which knows such a record by the
mark that it is `handing` one on.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from tidegate import otel
from tidegate.records import Origin


class Handing:
    """``owner`` hands ``record`` on, in the midst of ``former`` maybe, until it ``is_over``.

    A task that is started meanwhile inherits it, and must see its end.
    """

    __slots__ = ("former", "is_over", "owner", "record")

    def __init__(self, owner: object, record: object, former: Handing | None) -> None:
        self.owner, self.record, self.former = owner, record, former
        self.is_over = False


#: What is being handed on here. What reaches its owner meanwhile is an echo of it, or the pipeline's own.
handing: ContextVar[Handing | None] = ContextVar("tidegate_handing", default=None)


def is_handing(owner: object = None) -> bool:
    """Whether ``owner``, or anybody, is handing something on here."""
    now = handing.get()
    while now is not None:
        if not now.is_over and (owner is None or now.owner is owner):
            return True
        now = now.former
    return False


def begin(owner: object, record: object) -> Handing:
    """``owner`` begins to hand ``record`` on, until the `end` of what is returned."""
    now = Handing(owner, record, handing.get())
    handing.set(now)
    return now


def end(now: Handing) -> None:
    now.is_over = True
    handing.set(now.former)


#: Severity numbers of the OpenTelemetry log data model, in fours, to levels of the standard library.
_LEVELS = (5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)

_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Bridge:
    """Hands kept records of ``owner`` to ``handler``, from construction until `close`."""

    def __init__(self, handler: logging.Handler, owner: object) -> None:
        self.handler, self.owner = handler, owner
        handler.addFilter(self._is_handed)

    def close(self) -> None:
        """Leave the handler as it was found."""
        self.handler.removeFilter(self._is_handed)

    def _is_handed(self, record: logging.LogRecord) -> bool:
        now = handing.get()
        return now is not None and now.record is record and not now.is_over

    def hand(self, record: logging.LogRecord) -> None:
        """Let the handler have ``record``, if it is of its level. Never raises."""
        if record.levelno < self.handler.level:
            return
        now = begin(self.owner, record)
        try:
            with otel.handing_to(self.handler):  # in no context nothing is looked at closely, for speed
                self.handler.handle(record)
        except Exception:  # a handler that has no handleError of its own; the application does not know of it
            pass
        finally:
            end(now)


def with_attributes(record: logging.LogRecord, attributes: Mapping[str, Any]) -> logging.LogRecord:
    """A copy of ``record`` with more of what ``extra`` gives."""
    copied = copy.copy(record)
    copied.__dict__.update(attributes)
    return copied


def stdlib_record(
    name: str,
    severity: int,
    body: object,
    time_ns: int,
    origin: Origin,
    attributes: Mapping[str, Any],
) -> logging.LogRecord:
    """What the standard library would have made of a record that is known in OpenTelemetry's words only.

    The message is finished: the arguments are not known any more.
    """
    level = _LEVELS[min(max(severity - 1, 0) // 4, len(_LEVELS) - 1)] if severity else logging.NOTSET
    record = logging.LogRecord(name, level, origin.path, origin.line, body, (), None, origin.function or None)
    record.relativeCreated -= record.created * 1000 - time_ns / 1e6
    record.created, record.msecs = time_ns / 1e9, float(time_ns // 1_000_000 % 1000)
    if trace := attributes.get("exception.stacktrace"):
        record.exc_text = str(trace).rstrip("\n")
    record.__dict__.update((key, value) for key, value in attributes.items() if key not in _RESERVED)
    return record

"""Log lines: one JSON object each, or readable ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from time import time_ns
from typing import Any

import orjson

from tidegate.api.calls.complaints import complain
from tidegate.api.console.entries import Entry, of_stdlib
from tidegate.api.console.secrets import without_secrets
from tidegate.format import HIDDEN, SHORT_ID, clock, level, level_style, pairs
from tidegate.ndjson import dumps
from tidegate.record.plain import text
from tidegate.record.redaction import clean
from tidegate.records import SEVERITIES
from tidegate.safe import safe, safe_json, safe_lines

#: What sets further lines off, so that no message can pass for a record of its own.
_CONTINUED = "    | "

#: What terminals call the words that styles are made of.
_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36, "white": 37}

#: Names that a line of JSON has for itself; an attribute of the same name is called ``extra.…``.
_OWN = frozenset({"timestamp", "level", "logger", "message", "trace_id", "span_id", "exception"})


class Lines(logging.Formatter):
    """A formatter that makes lines of entries, of stdlib records and others. It never raises."""

    def __init__(self, *ignored: Any, redact: bool = True) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The lines of one record, without a newline at the end."""
        try:
            return self.lines(of_stdlib(record))
        except Exception as error:
            complain("formatting", type(error), "a log record cannot be shown: %r", error)
            message = clean(text(record.msg)) if self._redact else text(record.msg)
            return self.render(Entry(time_ns(), text(record.levelname), 0, text(record.name), message, {}, {}))

    def lines(self, entry: Entry) -> str:
        """The lines of an entry, without secrets if so wished."""
        if self._redact:
            parts = without_secrets(entry.message, entry.attributes, entry.exception)
            entry.message, entry.attributes, entry.exception = parts
        return self.render(entry)

    def render(self, entry: Entry) -> str:
        raise NotImplementedError


class StructuredFormatter(Lines):
    """A `logging.Formatter` that makes one JSON object of each record, on one line.

    ``timestamp`` (ISO 8601, UTC, microseconds), ``level``, ``logger``, ``message``; ``trace_id`` and
    ``span_id`` inside of a trace; then the attributes of here and now (`log_context`, ``request.id``)
    and those of the record (``extra``), by their names; and ``exception`` with ``type``, ``message``
    and ``stacktrace``. Secrets are replaced unless ``redact`` is false; ``indent`` spreads an object
    over several lines. Never raises. What else `logging.Formatter` takes has no effect.

    >>> import json, logging, tidegate
    >>> record = logging.makeLogRecord({"name": "shop", "levelname": "INFO", "msg": "paid", "order": 7})
    >>> line = json.loads(tidegate.StructuredFormatter().format(record))
    >>> line["level"], line["logger"], line["message"], line["order"]
    ('INFO', 'shop', 'paid', 7)
    """

    def __init__(self, *ignored: Any, indent: bool = False, redact: bool = True) -> None:
        super().__init__(redact=redact)
        self._indent = indent

    def render(self, entry: Entry) -> str:
        """The entry as JSON."""
        line = dumps(_fields(entry)).rstrip(b"\n")
        if self._indent:
            line = orjson.dumps(orjson.loads(line), option=orjson.OPT_INDENT_2)
        return safe_json(line).decode()


def _fields(entry: Entry) -> dict[str, Any]:
    fields = {"timestamp": _timestamp(entry.time_unix_nano), "level": entry.level}
    fields.update(logger=entry.logger, message=entry.message)
    if entry.trace_id:
        fields.update(trace_id=entry.trace_id, span_id=entry.span_id)
    values = {f"extra.{name}" if name in _OWN else name: value for name, value in entry.attributes.items()}
    return {**fields, **values, **({"exception": entry.exception} if entry.exception else {})}


def _timestamp(nanoseconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000, timezone.utc)
    except (ValueError, OverflowError, OSError):  # a clock that is out of its mind
        moment = datetime.fromtimestamp(0, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000 % 1_000_000:06}Z"


class TextFormatter(Lines):
    """A `logging.Formatter` that makes readable lines: time, level, logger, message, attributes, trace, stack trace.

    ``is_coloured`` says whether they go to a terminal that shows colours.
    """

    def __init__(self, *, is_coloured: Callable[[], bool] = bool, redact: bool = True) -> None:
        super().__init__(redact=redact)
        self._is_coloured = is_coloured

    def render(self, entry: Entry) -> str:
        """The entry as a line, with further lines for those of its message and of stack traces."""
        first, *more = safe_lines(entry.message)
        stack = entry.attributes.get("code.stacktrace")
        more += [*(safe_lines(stack) if stack else ()), *_exception_lines(entry.exception)]
        parts = [
            (clock(entry.time_unix_nano), "dim"),
            (f"{safe(entry.level):8}", level_style(level(entry.severity_number))),
            (safe(entry.logger), "cyan"),
            (first, "red" if entry.severity_number >= SEVERITIES["ERROR"] else ""),
            (pairs(entry.attributes, hide=(*HIDDEN, "event.name") if _is_named(entry) else HIDDEN), "dim"),
            (f"trace={entry.trace_id[:SHORT_ID]}" if entry.trace_id else "", "dim"),
        ]
        style = _styled if self._is_coloured() else _plain
        line = "  ".join(style(part, words) for part, words in parts if part)
        return "\n".join([line, *(style(_CONTINUED + each, "dim") for each in more)])


def _is_named(entry: Entry) -> bool:
    """Whether the message is the name of an event, which has none of its own."""
    return entry.attributes.get("event.name") == entry.message


def _exception_lines(exception: Mapping[str, str]) -> list[str]:
    if stack := exception.get("stacktrace"):
        return safe_lines(stack)
    summary = ": ".join(filter(None, (exception.get("type"), exception.get("message"))))
    return safe_lines(summary) if summary else []


def _plain(part: str, words: str) -> str:
    return part


def _styled(part: str, words: str) -> str:
    """``part`` with what makes a terminal show it so; ``words`` are such as ``bold white on red``."""
    front, _, back = words.partition("on ")
    codes = [_CODES[word] for word in front.split()] + [_CODES[word] + 10 for word in back.split()]
    return f"\x1b[{';'.join(map(str, codes))}m{part}\x1b[0m" if codes else part

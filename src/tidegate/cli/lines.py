"""Log records as lines for people."""

from __future__ import annotations

from rich.text import Text

from tidegate.cli.output import Terminal
from tidegate.format import HIDDEN, SHORT_ID, clock, level, level_style, pairs, service_style, value_text
from tidegate.records import AttributeMap, Log
from tidegate.safe import safe, safe_lines

#: What sets further lines of a message off, so that no message can pass for a record of its own.
_CONTINUED = "    │ "


def show(terminal: Terminal, log: Log) -> None:
    for line in log_lines(terminal, log):
        terminal.show(line)


def log_lines(terminal: Terminal, log: Log) -> list[Text]:
    """The record's line, then further lines of its message and its exception's stack trace."""
    first, *more = message_lines(log)
    name = level(log.severity_number, log.severity_text)
    line = Text()
    line.append(clock(log.time_unix_nano or log.observed_time_unix_nano), "dim")
    line.append(f"  {name:5}", level_style(name))
    line.append(f"  {safe(log.service)}", service_style(log.service))
    line.append(f"  {first}", "red" if log.is_error else "")
    attributes = pairs(log.attributes, hide=HIDDEN)
    line.append(f"  {attributes}" if attributes else "", "dim")
    if log.trace_id:
        identifier = log.trace_id[:SHORT_ID] if terminal.is_terminal else log.trace_id
        line.append(f"  trace={safe(identifier)}", "dim")
    return [line, *(Text(_CONTINUED + text, "dim") for text in [*more, *_exception(log)])]


def message_lines(log: Log) -> list[str]:
    """The body, or the event's name where there is none, as safe lines; at least one."""
    return safe_lines(value_text(log.body) or log.event_name)


def _exception(log: Log) -> list[str]:
    attributes = log.attributes
    if stack := attributes.get("exception.stacktrace"):
        return safe_lines(stack)
    summary = exception_summary(attributes)
    return [summary] if summary else []


def exception_summary(attributes: AttributeMap) -> str:
    """``ValueError: what happened`` from the attributes of an exception, or nothing."""
    parts = (attributes.get("exception.type"), attributes.get("exception.message"))
    return ": ".join(safe(part) for part in parts if part)

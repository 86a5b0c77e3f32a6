"""Records as tables for people. Every cell is a `Text` of safe characters, never markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from tidegate.cli.grid import Column
from tidegate.cli.output import Terminal
from tidegate.format import SHORT_ID, clock, duration, number, service_style
from tidegate.records import Service, Span, Trace
from tidegate.safe import safe

_TIME = Column("TIME")
_DURATION = Column("DURATION", right=True)
_SERVICE = Column("SERVICE")
_NAME = Column("NAME", elastic=16)
_TRACE = Column("TRACE")

_SERVICES = (
    _SERVICE,
    Column("SPANS", right=True),
    Column("LOGS", right=True),
    Column("POINTS", right=True),
    Column("ERRORS", right=True),
    Column("PROCESSES", right=True, optional=1),
    Column("FIRST", optional=2),
    Column("LAST"),
)
_TRACES = (
    _TIME,
    _DURATION,
    Column("SPANS", right=True, optional=1),
    Column("ERRORS", right=True),
    _SERVICE,
    _NAME,
    _TRACE,
)
_SPANS = (_TIME, _DURATION, _SERVICE, Column("KIND", optional=1), Column("STATUS"), _NAME, _TRACE)
_SETTINGS = (
    Column("SETTING"),
    Column("VALUE", elastic=6),
    Column("SOURCE", optional=1),
    Column("ENVIRONMENT VARIABLE"),
)


def services(terminal: Terminal, found: Iterable[Service]) -> None:
    terminal.table(_SERVICES, [_service(row) for row in found])


def _service(row: Service) -> list[Text]:
    return [
        service(row.name or "(no name)"),
        count(row.spans),
        count(row.logs),
        count(row.points),
        count(row.errors, "bold red"),
        count(row.processes),
        when(row.first_time_unix_nano),
        when(row.last_time_unix_nano),
    ]


def traces(terminal: Terminal, found: Iterable[Trace]) -> None:
    # the newest span decides which traces are on the page; people read it by when the traces began
    page = sorted(found, key=lambda trace: trace.start_time_unix_nano, reverse=True)
    terminal.table(_TRACES, [_trace(terminal, trace) for trace in page])


def _trace(terminal: Terminal, trace: Trace) -> list[Text]:
    root = trace.root
    others = len(trace.services) - 1
    return [
        when(trace.start_time_unix_nano),
        Text(duration(trace.duration_ns)),
        count(len(trace.spans)),
        count(trace.error_count, "bold red"),
        service(root.service).append(f" +{others}" if others else "", "dim"),
        named(root.name, error=bool(trace.error_count)),
        trace_id(terminal, trace.trace_id),
    ]


def spans(terminal: Terminal, found: Iterable[Span]) -> None:
    terminal.table(_SPANS, [_span(terminal, span) for span in found])


def _span(terminal: Terminal, span: Span) -> list[Text]:
    name = named(span.name, error=span.is_error)
    if span.status_message:
        name.append(f"  {safe(span.status_message)}", "red")
    return [
        when(span.start_time_unix_nano),
        Text(duration(span.duration_ns)),
        service(span.service),
        Text(safe(span.kind).lower(), "dim"),
        _status(span),
        name,
        trace_id(terminal, span.trace_id),
    ]


def _status(span: Span) -> Text:
    word = "" if span.status_code == "UNSET" else safe(span.status_code).lower()
    return Text(word, "bold red" if span.is_error else "green")


def settings(terminal: Terminal, rows: Iterable[Mapping[str, Any]]) -> None:
    terminal.table(_SETTINGS, [_setting(row) for row in rows])


def _setting(row: Mapping[str, Any]) -> list[Text]:
    given = row["source"] != "default"
    return [
        Text(row["name"], "bold" if given else ""),
        Text(safe(setting_value(row["value"])), "cyan" if given else "dim"),
        Text(row["source"], "" if given else "dim"),
        Text(row["environment_variable"], "dim"),
    ]


def setting_value(value: object) -> str:
    """A value as one would write it into the environment variable."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return "" if value is None else str(value)


def service(name: str) -> Text:
    return Text(safe(name), service_style(name))


def named(name: str, *, error: bool) -> Text:
    return Text(safe(name), "red" if error else "bold")


def count(value: int, style: str = "") -> Text:
    """A number; nought is dim, for it says that there is nothing to see."""
    return Text(number(value), style if value else "dim")


def when(nanoseconds: int) -> Text:
    return Text(clock(nanoseconds), "dim")


def trace_id(terminal: Terminal, identifier: str) -> Text:
    """The whole id, but on a narrow terminal its beginning, which `tidegate trace` takes as well."""
    return Text(safe(identifier[:SHORT_ID] if terminal.is_narrow else identifier), "dim")

"""Records as tables for people. Every cell is a `Text` of safe characters, never markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from tidegate.cli.format import SHORT_ID, clock, duration, number, pairs, service_style
from tidegate.cli.histogram import mean, quantile
from tidegate.cli.output import Terminal
from tidegate.cli.safe import safe
from tidegate.records import Point, Service, Span, Trace

#: Cells that a column keeps on a narrow terminal, as far as its contents need them.
_KEPT = 24


def table(columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    """A table without lines. A column ``>so`` is right-aligned; a column ``~so`` gives way where room is short."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, column in enumerate(columns):
        name = column.lstrip("~>")
        widest = max([len(name), *(row[index].cell_len for row in rows)])
        drawn.add_column(
            name,
            justify="right" if column.startswith(">") else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=min(widest, len(name) if column.startswith("~") else _KEPT),
        )
    for row in rows:
        drawn.add_row(*row)
    return drawn


def services(found: Iterable[Service]) -> Table:
    columns = ("SERVICE", ">SPANS", ">LOGS", ">POINTS", ">ERRORS", ">PROCESSES", "FIRST", "LAST")
    return table(
        columns,
        [
            [
                service(row.name or "(no name)"),
                count(row.spans),
                count(row.logs),
                count(row.points),
                count(row.errors, "bold red"),
                count(row.processes),
                when(row.first_time_unix_nano),
                when(row.last_time_unix_nano),
            ]
            for row in found
        ],
    )


def traces(terminal: Terminal, found: Iterable[Trace]) -> Table:
    columns = ("TIME", ">DURATION", ">SPANS", ">ERRORS", "SERVICE", "~NAME", "TRACE")
    return table(columns, [_trace(terminal, trace) for trace in found])


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


def spans(terminal: Terminal, found: Iterable[Span]) -> Table:
    columns = ("TIME", ">DURATION", "SERVICE", "KIND", "STATUS", "~NAME", "TRACE")
    return table(columns, [_span(terminal, span) for span in found])


def _span(terminal: Terminal, span: Span) -> list[Text]:
    name = named(span.name, error=span.is_error)
    if span.status_message:
        name.append(f"  {safe(span.status_message)}", "red")
    return [
        when(span.start_time_unix_nano),
        Text(duration(span.duration_ns)),
        service(span.service),
        Text(safe(span.kind).lower(), "dim"),
        Text("error" if span.is_error else safe(span.status_code).lower(), "bold red" if span.is_error else "dim"),
        name,
        trace_id(terminal, span.trace_id),
    ]


def metrics(found: Iterable[Point]) -> Table:
    columns = ("TIME", "SERVICE", "METRIC", "TYPE", ">VALUE", "~ATTRIBUTES")
    return table(columns, [_point(point) for point in found])


def _point(point: Point) -> list[Text]:
    metric = point.metric
    attributes = pairs(point.attributes)
    if process := point.resource.attributes.get("process.pid"):
        attributes += f" pid={number(process)}"
    return [
        when(point.time_unix_nano),
        service(point.service),
        Text(safe(metric.name), "bold"),
        Text(safe(metric.type).replace("_", " "), "dim"),
        Text(point_value(point)),
        Text(attributes.strip(), "dim"),
    ]


def point_value(point: Point) -> str:
    """The number and its unit; of a histogram how many, their mean, median and 95th percentile."""
    value, unit = point.value, safe(point.metric.unit)
    unit = "" if unit == "1" or unit.startswith("{") else f" {unit}"
    if "count" not in value:
        return number(value.get("as_int", value.get("as_double"))) + unit
    figures = {"mean": mean(value), "p50": quantile(value, 0.5), "p95": quantile(value, 0.95)}
    words = [f"{name} {number(figure)}{unit}" for name, figure in figures.items() if figure is not None]
    return "  ".join([f"{number(value['count'])} ×", *words])


def settings(rows: Iterable[Mapping[str, Any]]) -> Table:
    columns = ("SETTING", "~VALUE", "SOURCE", "ENVIRONMENT VARIABLE")
    return table(columns, [_setting(row) for row in rows])


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
    return str(value)


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

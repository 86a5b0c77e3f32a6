"""Metric series for people: a heading for each metric, a row for each series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.text import Text

from tidegate.cli.grid import Column, lay_out
from tidegate.cli.output import Terminal
from tidegate.format import clock, measured, number, pairs, service_style
from tidegate.records import Point
from tidegate.safe import safe
from tidegate.store.questions.estimate import mean, quantile

_COLUMNS = (
    Column("VALUE", right=True),
    Column("MEAN", right=True, optional=1),
    Column("P50", right=True, optional=2),
    Column("P95", right=True, optional=3),
    Column("PROCESS", optional=4),
    Column("ATTRIBUTES", elastic=16, optional=5),
)
_INDENT = "  "

#: What tells two processes of one service apart, the first that there is, and how much of it is shown.
_INSTANCE = ("process.pid", "service.instance.id")
_INSTANCE_DIGITS = 8

Group = list[Point]


def show(terminal: Terminal, found: Iterable[Point]) -> None:
    """Print the points of each metric under its name, with the attributes that they have in common."""
    groups = [list(points) for _, points in groupby(sorted(found, key=_metric), key=_metric)]
    rows = [row for group in groups for row in _rows(group)]
    headings, *lines = lay_out(_COLUMNS, rows, terminal.width - len(_INDENT))
    terminal.show(Text(_INDENT) + headings)
    following = iter(lines)
    for group in groups:
        terminal.cut(_heading(group))
        for _ in group:
            terminal.show(Text(_INDENT) + next(following))


def _metric(point: Point) -> tuple[str, str]:
    return point.service, point.metric.name


def _heading(group: Group) -> Text:
    point = group[0]
    line = Text().append(safe(point.metric.name), "bold").append(f"  {safe(point.metric.type)}".replace("_", " "))
    line.append(f"  {safe(point.service)}", service_style(point.service))
    common = pairs({key: point.attributes[key] for key in sorted(_common(group))})
    return line.append(f"  {clock(point.time_unix_nano)}  {common}".rstrip(), "dim")


def _common(group: Group) -> set[str]:
    """Keys of the attributes that all these points have with the same value; none if there is but one point."""
    first, *others = (point.attributes for point in group)
    return {key for key, value in first.items() if others and all(other.get(key) == value for other in others)}


def _rows(group: Group) -> Iterator[Sequence[Text]]:
    common = _common(group)
    several = len({_instance(point) for point in group}) > 1
    for point in group:
        own = {key: point.attributes[key] for key in sorted(point.attributes) if key not in common}
        process = safe(_instance(point)) if several else ""
        yield *map(Text, figures(point)), Text(process, "dim"), Text(pairs(own))


def _instance(point: Point) -> str:
    found = [str(point.resource.attributes[key]) for key in _INSTANCE if key in point.resource.attributes]
    return found[0][:_INSTANCE_DIGITS] if found else ""


def figures(point: Point) -> list[str]:
    """The value; of a histogram how many measurements, their mean, median and 95th percentile."""
    value, unit = point.value, point.metric.unit
    if "count" not in value:
        return [measured(value.get("as_int", value.get("as_double")), unit), "", "", ""]
    found = (mean(value), quantile(value, 0.5), quantile(value, 0.95))
    shown = ("" if figure is None else measured(figure, unit, digits=3) for figure in found)
    return [f"{number(value['count'])} ×", *shown]

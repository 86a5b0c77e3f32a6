"""``tidegate metrics``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nlargest
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.answer import answer, page
from tidegate.cli.options import open_reader, options

if TYPE_CHECKING:
    from tidegate.cli.output import Terminal
    from tidegate.records import Point


@click.command("metrics")
@options("store", "since", "until", "service", "name", "text", "where", "limit", "as_json")
@click.option("--points", is_flag=True, help="The recorded points themselves, newest first, as lines of JSON.")
def command(store: str | None, as_json: bool, points: bool, **query: Any) -> None:
    """Show what each metric series amounts to now.

    Counters and histograms are added over all processes of a service, those that ended included, and
    up-down counters over those that live; a gauge is shown for each process that lives. --since leaves
    out series that have not been recorded since.
    """
    if query["until"] is not None and not points:
        raise click.UsageError("--until is for recorded points; add --points, or leave it out to see what is now.")
    query = page(query, 50, as_json=as_json or points)
    with open_reader(store) as reader:
        if points:
            answer(reader, reader.metrics(**query), "metric points", as_json=True, show=_show)
            return
        limit = query.pop("limit")
        del query["until"]
        found = newest(reader.current_metrics(**query), limit)
        answer(reader, found, "metric series", as_json=as_json, show=_show, limit=limit)


def newest(points: Sequence[Point], limit: int | None) -> Sequence[Point]:
    """The points of the latest times, at most so many, in the order in which they came."""
    if limit is None or len(points) <= limit:
        return points
    chosen = nlargest(limit, range(len(points)), key=lambda place: points[place].time_unix_nano)
    return [points[place] for place in sorted(chosen)]


def _show(terminal: Terminal, points: Iterator[Point]) -> None:
    from tidegate.cli import series

    series.show(terminal, points)

"""``tidegate metrics``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.answer import answer, page
from tidegate.cli.options import open_reader, options

if TYPE_CHECKING:
    from tidegate.cli.output import Terminal
    from tidegate.records import Point

#: How far before the newest point a series may have its last one, unless --since says.
_WINDOW = 3600 * 10**9


@click.command("metrics")
@options("store", "since", "until", "service", "name", "text", "where", "limit", "as_json")
def command(store: str | None, as_json: bool, **query: Any) -> None:
    """Show the newest value of each metric series.

    Looks back an hour from the newest point there is, unless --since is given. With --json
    come the points themselves, newest first.
    """
    query = page(query, 50, as_json=as_json)
    with open_reader(store) as reader:
        if as_json:
            answer(reader, reader.metrics(**query), "metric points", as_json=True, show=_show)
            return
        limit = query.pop("limit")
        points = newest(reader.metrics(**query), window=None if query["since"] is not None else _WINDOW)
        answer(reader, islice(points, limit), "metric series", as_json=False, show=_show, limit=limit)


def newest(points: Iterable[Point], window: int | None) -> Iterator[Point]:
    """Of points that come newest first the first of each series, within ``window`` ns of the newest of all."""
    seen = set()
    latest = None
    for point in points:
        latest = point.time_unix_nano if latest is None else latest
        if window is not None and point.time_unix_nano < latest - window:
            return
        series = (point.metric.name, point.scope.name, repr(point.attributes), repr(point.resource.attributes))
        if series not in seen:
            seen.add(series)
            yield point


def _show(terminal: Terminal, points: Iterator[Point]) -> None:
    from tidegate.cli import series

    series.show(terminal, points)

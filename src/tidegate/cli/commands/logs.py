"""``tidegate logs``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.answer import answer, page
from tidegate.cli.options import open_reader, options

if TYPE_CHECKING:
    from tidegate.cli.output import Terminal
    from tidegate.records import Log


@click.command("logs")
@options(
    *("store", "since", "until", "service", "trace_id", "level", "min_level", "event_name", "text", "where"),
    *("limit", "order", "as_json"),
)
def command(store: str | None, as_json: bool, **query: Any) -> None:
    """List log records, the newest first unless --order says otherwise.

    STORE is a directory or the URL of a served one.
    """
    query = page(query, 50, as_json=as_json)
    with open_reader(store) as reader:
        answer(reader, reader.logs(**query), "log records", as_json=as_json, show=_show, limit=query["limit"])


def _show(terminal: Terminal, logs: Iterator[Log]) -> None:
    from tidegate.cli import lines

    for log in logs:
        lines.show(terminal, log)

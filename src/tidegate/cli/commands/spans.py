"""``tidegate spans``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.answer import answer, page
from tidegate.cli.options import open_reader, options

if TYPE_CHECKING:
    from tidegate.cli.output import Terminal
    from tidegate.records import Span


@click.command("spans")
@options(
    "store", "since", "until", "service", "name", "trace_id", "errors", "text", "where", "limit", "order", "as_json"
)
def command(store: str | None, as_json: bool, **query: Any) -> None:
    """List spans, the newest first unless --order says otherwise.

    STORE is a directory or the URL of a served one.
    """
    query = page(query, 20, as_json=as_json)
    with open_reader(store) as reader:
        answer(reader, reader.spans(**query), "spans", as_json=as_json, show=_show, limit=query["limit"])


def _show(terminal: Terminal, spans: Iterator[Span]) -> None:
    from tidegate.cli import tables

    tables.spans(terminal, spans)

"""``tidegate trace``."""

from __future__ import annotations

import click

from tidegate.cli.answer import place, warn_of_damage
from tidegate.cli.ndjson import write_json
from tidegate.cli.options import open_reader, options
from tidegate.errors import QueryError


@click.command("trace")
@click.argument("identifier", metavar="ID")
@click.option("-a", "--attributes", is_flag=True, help="Show the attributes of every span.")
@options("store", "as_json")
def command(identifier: str, attributes: bool, store: str | None, as_json: bool) -> None:
    """Show one trace as a tree with time bars and log records.

    ID is the trace's id, or a beginning of it of four digits or more that no other trace has.
    STORE is a directory or the URL of a served one. With --json come its spans, then its log records, each by time.
    """
    with open_reader(store) as reader:
        trace = reader.trace(identifier)
        warn_of_damage(reader)
        if trace is None:
            raise QueryError(f"no trace {place(reader)} begins with {identifier!r}; `tidegate traces` lists them.")
    if as_json:
        for span in trace.spans:
            write_json(span.to_dict())
        for log in trace.logs:
            write_json(log.to_dict())
        return
    from tidegate.cli import tree
    from tidegate.cli.output import Terminal

    tree.show(Terminal(), trace, attributes=attributes)

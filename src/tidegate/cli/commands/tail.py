"""``tidegate tail``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import click

from tidegate.cli.answer import nothing, warn_of_damage
from tidegate.cli.ndjson import write_json
from tidegate.cli.options import open_reader, options
from tidegate.cli.streams import say, stdout_is_closed

if TYPE_CHECKING:
    from tidegate.records import Log
    from tidegate.store import Reader

_LINES = 20


@click.command("tail")
@click.option("-f", "--follow", is_flag=True, help="Go on with new log records as they are written, until Ctrl-C.")
@options("store", "service", "trace_id", "level", "min_level", "text", "where", "limit", "as_json")
def command(store: str | None, follow: bool, limit: int | None, as_json: bool, **query: Any) -> None:
    """Show the newest log records, oldest first, and follow.

    The newest 20, unless -n says otherwise; with -f, new ones as they are written. STORE is a
    directory or the URL of a served one.
    """
    with open_reader(store, missing_ok=follow) as reader:
        show = _printer(as_json=as_json)
        shown = 0
        for log in _records(reader, query, limit or _LINES, follow=follow):
            show(log)
            shown += 1
        if not shown and not follow:
            say(nothing(reader, "log records"))
        warn_of_damage(reader)


def _records(reader: Reader, query: dict[str, Any], limit: int, *, follow: bool) -> Iterator[Log]:
    # Following begins before looking back, so that nothing falls between; what both see comes once.
    coming = cast("Iterator[Log]", reader.follow("logs", stop=stdout_is_closed, **query)) if follow else ()
    newest = list(reader.logs(limit=limit, **query))
    yield from reversed(newest)
    past = {log.cursor for log in newest}
    for log in coming:
        if log.cursor not in past:
            yield log


def _printer(*, as_json: bool) -> Callable[[Log], None]:
    """What shows one record at once, whether a terminal or a pipe is waiting for it."""
    if as_json:

        def write(log: Log) -> None:
            write_json(log.to_dict())
            sys.stdout.flush()

        return write
    from tidegate.cli import lines
    from tidegate.cli.output import Terminal

    terminal = Terminal()

    def show(log: Log) -> None:
        lines.show(terminal, log)
        sys.stdout.flush()

    return show

"""``tidegate stats``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.answer import nothing, warn_of_damage
from tidegate.cli.ndjson import write_json
from tidegate.cli.options import open_reader, options
from tidegate.cli.streams import say

if TYPE_CHECKING:
    from tidegate.store.questions.asking import Signal

#: Groups on a screen.
SCREEN = 20


@click.command("stats")
@click.option("--logs", "of_logs", is_flag=True, help="Of log records, not of spans.")
@click.option("--by", metavar="KEY", help="An attribute or field to group by. Default: name; of log records, severity.")
@options("directory", "since", "until", "service", "name", "errors", "text", "where", "limit", "as_json")
def command(store: str | None, of_logs: bool, by: str | None, limit: int | None, as_json: bool, **query: Any) -> None:
    """Show how many spans or log records there are, when, and how spans fare.

    For each of the most frequent values of a key: counts over time, of spans also the median and the 95th and 99th
    percentile of their durations and how many failed. STORE is a directory; a served store is asked where it is. With
    --json the line whose "answer" is "histogram" has the counts, the one of "quantiles" how spans fare.
    """
    signal: Signal = "logs" if of_logs else "spans"
    if of_logs:
        _refuse_of_logs(query)
    with open_reader(store) as reader:
        key = by or ("severity" if of_logs else "name")
        histogram = reader.histogram(signal, by=key, **query)
        fares = None if of_logs else reader.quantiles(by=key, **query)
        if not histogram.groups:
            say(nothing(reader, "log records" if of_logs else "spans"))
        elif as_json:
            write_json({"answer": "histogram", **histogram.to_dict()})
            if fares is not None:
                write_json({"answer": "quantiles", **fares.to_dict()})
        else:
            from tidegate.cli import stats
            from tidegate.cli.output import Terminal

            stats.show(Terminal(), key, histogram, fares, limit or SCREEN)
            for sentence in stats.left_out(histogram, limit or SCREEN):
                say(sentence)
        warn_of_damage(reader)


def _refuse_of_logs(query: dict[str, Any]) -> None:
    for name in ("name", "errors"):
        if query.pop(name):
            raise click.UsageError(f"--{name} is for spans; leave out --logs, or use --where.")

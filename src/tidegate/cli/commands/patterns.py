"""``tidegate patterns``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.answer import place, warn_of_damage
from tidegate.cli.ndjson import write_json
from tidegate.cli.options import open_reader, options
from tidegate.cli.streams import say
from tidegate.errors import QueryError

if TYPE_CHECKING:
    from tidegate.store import Reader

#: Patterns on a screen, and records of one.
SCREEN, EXAMPLES = 20, 5

#: What a gigabyte of log records costs where nobody says; vendors' list prices begin here.
PRICE = 0.5

_SORTS = ("count", "bytes", "rate", "change", "new", "saved")


def _id(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch("[0-9a-fA-F]{4,32}", value):
        raise click.BadParameter(
            f"received {value!r}; it must be the first 4 digits or more of a pattern's id, which `tidegate patterns`"
            " lists. A store is named with --store."
        )
    return value.lower() if value is not None else None


@click.command("patterns")
@click.argument("identifier", metavar="[ID]", required=False, callback=_id)
@click.option(
    "--sort",
    type=click.Choice(_SORTS),
    default="count",
    help="What comes first: the most frequent, the largest, the most frequent now, what has changed most, the newest,"
    " or what saves most. Default: count.",
)
@click.option(
    "--price",
    type=click.FloatRange(min=0),
    default=PRICE,
    metavar="AMOUNT",
    help=f"What a GB (10⁹ bytes) of log records costs where they are sent. Default: {PRICE}.",
)
@options("since", "until", "service", "limit", "as_json")
@click.option(
    "--store",
    metavar="STORE",
    help="The store, a directory. Default: $OTEL_PYTHON_TIDEGATE_STORE, else this user's own.",
)
def command(identifier: str | None, store: str | None, as_json: bool, **query: Any) -> None:
    """Show the patterns of log messages: how many came, are new or spike, were kept and sent, and what that saves.

    Of the last hour, unless --since says otherwise; "now" is the last tenth of that time. With the ID of a pattern, or
    its first digits: how it came over time, where the call stands that writes it, and its newest records.
    """
    with open_reader(store) as reader:
        if identifier is not None:
            _one(reader, identifier, as_json=as_json, **query)
        else:
            _all(reader, as_json=as_json, **query)
        warn_of_damage(reader)


def _all(reader: Reader, *, as_json: bool, price: float, limit: int | None, **query: Any) -> None:
    from tidegate.ship.pattern_view import patterns

    found = patterns(reader, **query)
    if not found.rows:
        say(
            f"No log records {place(reader)} in this time, the last hour unless told otherwise; --since looks back"
            " further."
        )
    elif as_json:
        for row in found.rows[:limit]:
            write_json(row.to_dict(price))
    else:
        from tidegate.cli import patterns as tables
        from tidegate.cli.output import Terminal

        tables.show(Terminal(), found, price, limit or SCREEN)
        if len(found.rows) > (limit or SCREEN):
            say(f"These are {limit or SCREEN} of {len(found.rows):,} patterns; -n N shows more.")


def _one(
    reader: Reader, identifier: str, *, as_json: bool, price: float, limit: int | None, sort: str, **query: Any
) -> None:
    from tidegate.ship.pattern_view import pattern

    found = pattern(reader, identifier, examples=limit or EXAMPLES, **query)
    if found is None:
        raise QueryError(
            f"no pattern {place(reader)} begins with {identifier!r} in this time; `tidegate patterns` lists them, and"
            " --since looks back further."
        )
    if as_json:
        write_json(found.to_dict(price))
    else:
        from tidegate.cli import patterns as tables
        from tidegate.cli.output import Terminal

        tables.show_one(Terminal(), found, price)

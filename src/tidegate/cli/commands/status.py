"""``tidegate status``."""

from __future__ import annotations

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import open_reader, options
from tidegate.cli.streams import say


@click.command("status")
@options("directory", "as_json")
def command(store: str | None, as_json: bool) -> None:
    """Show what is sent from a store: where to, by whom, how far it is, and what was kept and dropped.

    STORE is a directory. All of it is read from files, so it can be asked when no program runs. WAITING is what was
    decided and is not sent yet, REFUSED what a receiver did not take, LOST what retention removed before it was sent.
    What a program sends out of its memory, while nothing can be written, is not counted here.
    """
    from tidegate.cli.checking import directory_of
    from tidegate.ship.status import status

    directory = directory_of(store)
    with open_reader(directory):
        found = status(directory)
    if not found:
        say(
            f"Nothing is known of sending from {directory} yet: a program that records there and has an exporter or an"
            " endpoint is known within a second or two."
        )
    elif as_json:
        for each in found:
            write_json(each.to_dict())
    else:
        from tidegate.cli import routes
        from tidegate.cli.output import Terminal

        routes.show(Terminal(), found)

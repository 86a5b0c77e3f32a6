"""``tidegate services``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tidegate.cli.answer import answer
from tidegate.cli.options import open_reader, options

if TYPE_CHECKING:
    from tidegate.cli.output import Terminal
    from tidegate.records import Service


@click.command("services")
@options("store", "as_json")
def command(store: str | None, as_json: bool) -> None:
    """List services and what is stored of each.

    STORE is a directory or the URL of a served one.
    """
    with open_reader(store) as reader:
        answer(reader, reader.services(), "services", as_json=as_json, show=_show)


def _show(terminal: Terminal, services: Iterator[Service]) -> None:
    from tidegate.cli import tables

    tables.services(terminal, services)

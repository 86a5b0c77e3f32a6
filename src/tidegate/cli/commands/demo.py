"""``tidegate demo``."""

from __future__ import annotations

import click


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the shop running until Ctrl-C.")
@click.option("--store", metavar="DIR", help="Record into this directory instead of one beside this user's own store.")
def command(keep: bool, store: str | None) -> None:
    """Watch a small shop being recorded: it is started, visited, and looked at."""
    from tidegate.cli.output import Terminal
    from tidegate.demo import run

    click.get_current_context().exit(run(keep=keep, store=store, console=Terminal()))

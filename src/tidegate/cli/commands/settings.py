"""``tidegate settings``."""

from __future__ import annotations

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import options
from tidegate.cli.safe import hide_password
from tidegate.settings import OPTIONS, Option, Settings, load

_MASK = "********"


@click.command("settings")
@options("as_json")
def command(as_json: bool) -> None:
    """Show every setting, its value and where that comes from."""
    settings = load()
    rows = [_row(option, settings) for option in OPTIONS]
    if as_json:
        for row in rows:
            write_json(row)
        return
    from tidegate.cli import tables
    from tidegate.cli.output import Terminal

    tables.settings(Terminal(), rows)


def _row(option: Option, settings: Settings) -> dict[str, object]:
    value = settings.values[option.name]
    if option.secret and value:
        value = _MASK
    elif isinstance(value, str):
        value = hide_password(value)
    return {
        "name": option.name,
        "value": value,
        "source": settings.sources[option.name],
        "environment_variable": option.env,
        "rule": option.kind.rule,
        "help": option.help,
    }

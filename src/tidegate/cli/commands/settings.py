"""``tidegate settings``."""

from __future__ import annotations

from typing import Any

import click

from tidegate.cli.force import settings_in_force
from tidegate.cli.ndjson import write_json
from tidegate.cli.options import options
from tidegate.safe import hide_password
from tidegate.settings import OPTIONS, Option, Settings

_MASK = "********"


@click.command("settings")
@options("as_json")
def command(as_json: bool) -> None:
    """Show every setting, its value and where that comes from."""
    settings = settings_in_force()
    rows = [_row(option, settings) for option in OPTIONS]
    if as_json:
        for row in rows:
            write_json(row)
        return
    from tidegate.cli import tables
    from tidegate.cli.output import Terminal

    tables.settings(Terminal(), rows)


def _row(option: Option, settings: Settings) -> dict[str, object]:
    return {
        "name": option.name,
        "value": _value(option, settings.values[option.name]),
        "source": settings.sources[option.name],
        "environment_variable": option.env,
        "rule": option.kind.rule,
        "help": option.help,
    }


def _value(option: Option, value: Any) -> Any:
    if option.name == "store" and not value:
        from tidegate.store import default_location

        return default_location()
    if option.secret and value:
        return _MASK
    return hide_password(value) if isinstance(value, str) else value

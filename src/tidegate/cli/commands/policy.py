"""``tidegate policy``."""

from __future__ import annotations

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import options
from tidegate.safe import safe


@click.group("policy")
def command() -> None:
    """Policies: what of traces and log records is sent."""


@command.command("check")
@click.argument("location", metavar="[POLICY]", required=False)
@click.option("--service", metavar="NAME", help="The service that Jaeger is asked about. Default: $OTEL_SERVICE_NAME.")
@options("as_json")
def check(location: str | None, service: str | None, as_json: bool) -> None:
    """Say in plain words what a policy means, or what is wrong with it and on which line.

    POLICY is a file, a URL, jaeger+http://HOST:PORT, or NAME:... of an installed policy source. By default it is the
    one that OTEL_PYTHON_TIDEGATE_POLICY names.

    Also a telemetry policy of OTEP 4738 and Jaeger's sampling strategies are understood. The exit status is 2 when the
    policy is refused or cannot be had.
    """
    from tidegate.cli import policy as words
    from tidegate.cli.force import settings_in_force

    policy, shown = words.fetched(settings_in_force(), location or "", service or "")
    if as_json:
        write_json(words.as_json(policy))
        return
    for line in words.lines(policy, shown):
        click.echo(safe(line))

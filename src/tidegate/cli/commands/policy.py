"""``tidegate policy``."""

from __future__ import annotations

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import options
from tidegate.cli.safe import hide_password, safe
from tidegate.errors import ConfigurationError


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
    from tidegate.gate.policies.document import parse
    from tidegate.gate.policies.sources import source
    from tidegate.gate.policy import Policy

    settings = settings_in_force()
    location = location or settings.values["policy"]
    if not location:
        raise ConfigurationError("no policy is named; give a file or URL, or set OTEL_PYTHON_TIDEGATE_POLICY.")
    one = source(location, token=settings.values["policy_token"], service=service or settings.service_name)
    found = one.fetch()
    if found is None:
        raise ConfigurationError(f"{hide_password(one.location)} has no policy to give now.")
    policy = found if isinstance(found, Policy) else parse(found, one.location)
    if as_json:
        write_json(words.as_json(policy))
        return
    for line in words.lines(policy, one.location):
        click.echo(safe(line))

"""``tidegate doctor``."""

from __future__ import annotations

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import options


@click.command("doctor")
@options("as_json")
def command(as_json: bool) -> None:
    """Check that recording will work, and say what to do where not.

    Looks at the installed packages, which distro and configurator win, the instrumentations, the
    settings, the store, the sampler, the exporters and the endpoint.

    Every check ends in ok, warn or fail; the exit status is 1 when one failed.
    """
    from tidegate.cli.doctor import FAIL, examine

    checks = []
    for check in examine():
        checks.append(check)
        if as_json:
            write_json(check.to_dict())
    if not as_json:
        from tidegate.cli import report
        from tidegate.cli.output import Terminal

        report.show(Terminal(), checks)
    click.get_current_context().exit(int(any(check.status == FAIL for check in checks)))

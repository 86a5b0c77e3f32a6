"""``tidegate prune``."""

from __future__ import annotations

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import options


@click.command("prune")
@options("directory")
@click.option("--retention", metavar="POLICY", help="What to keep, instead of $OTEL_PYTHON_TIDEGATE_RETENTION.")
@click.option("--size", metavar="BYTES", help="Bytes to keep, instead of $OTEL_PYTHON_TIDEGATE_STORE_SIZE: 100MiB.")
@options("before")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@options("as_json")
def command(
    store: str | None, retention: str | None, size: str | None, before: int | None, dry_run: bool, as_json: bool
) -> None:
    """Seal what has ended, and remove what is not to be kept.

    STORE is a directory. A policy is written as in the setting: error=30d 25%, debug=1d, default=7d. Processes may
    record meanwhile; what living ones are writing stays. With --before, what is older is deleted whatever the policy:
    readers no longer show it, and its bytes go.

    The exit status is 1 when something could not be done, for want of room above all.
    """
    from tidegate.cli import pruning

    settings = pruning.settings_of(store, retention, size)
    directory = pruning.directory_of(settings)
    with pruning.in_our_words(directory):
        report = pruning.prune(directory, pruning.policy_of(settings), before, dry_run=dry_run)
    rows = pruning.rows(report)
    if as_json:
        for row in rows:
            write_json({**row, "dry_run": dry_run})
    else:
        from tidegate.cli.output import Terminal

        pruning.show(Terminal(), directory, rows, dry_run=dry_run)
    click.get_current_context().exit(pruning.say_problems(directory, report.problems))

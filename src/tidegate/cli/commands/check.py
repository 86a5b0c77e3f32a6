"""``tidegate check``."""

from __future__ import annotations

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import options


@click.command("check")
@options("directory")
@click.option("--repair", is_flag=True, help="Make anew what can be made anew, and set aside what cannot.")
@options("as_json")
def command(store: str | None, repair: bool, as_json: bool) -> None:
    """Verify every file of a store: checksums, counts, order, indexes and filters against the content.

    STORE is a directory. Processes may record meanwhile; what living ones have written is not repaired, and what a
    newer version has written is left alone. A damaged file is never deleted: --repair keeps it as NAME.damaged.

    The exit status is 0 when the store is sound, or is so after the repair, and 1 when there is damage.
    """
    from tidegate.cli import checking
    from tidegate.cli.output import Terminal
    from tidegate.store.check import check
    from tidegate.store.check import repair as repaired

    directory = checking.directory_of(store)
    with checking.progress() as step:
        found = []
        for finding in (repaired if repair else check)(directory, step):
            found.append(finding)
            if as_json:
                write_json(finding.to_dict())
    if not as_json:
        checking.show(Terminal(), directory, found)
    click.get_current_context().exit(int(any(finding.is_damage for finding in found)))

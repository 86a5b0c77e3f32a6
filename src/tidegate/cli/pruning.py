"""What `tidegate prune` is told, and what it says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.text import Text

from tidegate.cli.force import settings_in_force
from tidegate.cli.format import number
from tidegate.cli.grid import Column
from tidegate.cli.options import is_url
from tidegate.cli.output import Terminal
from tidegate.cli.safe import safe
from tidegate.errors import StoreError, StoreNotFound
from tidegate.kinds import CLASSES
from tidegate.settings import BY_NAME, load
from tidegate.store.location import MEMORY, OFF, default_location
from tidegate.store.retention import ACTIVE, DAMAGED, ENDED, File, Policy
from tidegate.store.upkeep.once import Report
from tidegate.store.upkeep.pruning import prune

__all__ = ["directory_of", "in_our_words", "policy_of", "prune", "rows", "show"]

_COLUMNS = (
    Column("CLASS"),
    Column("REMOVED FILES", right=True),
    Column("REMOVED BYTES", right=True),
    Column("FILES", right=True),
    Column("BYTES", right=True),
    Column("WHAT IT IS", elastic=16, optional=1),
)

#: What files are that are of no class.
_OTHERS = {
    ENDED: "of processes that have ended, not sealed yet",
    ACTIVE: "of living processes",
    DAMAGED: "set aside, since they are damaged",
}


def directory_of(store: str | None) -> str:
    """The directory that is meant; raises `StoreError` for a store that is none, `StoreNotFound`."""
    place = (settings_in_force().store if store is None else store) or default_location()
    if is_url(place) or place in (MEMORY, OFF):
        raise StoreError(f"the store is {place!r}; a directory is pruned, on the machine where it is.")
    directory = os.path.abspath(str(BY_NAME["store"].kind.parse(place)))
    if not os.path.isdir(directory):
        raise StoreNotFound(f"there is no store at {directory!r}; name another directory with --store.")
    return directory


def policy_of(retention: str | None, size: str | None) -> Policy:
    """The policy in force here, or what is given in its place; raises `ConfigurationError`."""
    given = load({"retention": retention, "store_size": size}, environ={})
    force = settings_in_force() if None in (retention, size) else given
    return Policy.of((force if retention is None else given).retention, (force if size is None else given).store_size)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Let what the directory does not allow be a `StoreError`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{error.filename or 'the store'!r} cannot be pruned: {error.strerror or error}; do it as the user whose"
            " programs record there, with room on the disk."
        ) from None


def rows(report: Report) -> list[dict[str, Any]]:
    """For each class, and each kind of file that is of none, what went and what is there."""
    removed = [file for file, _ in report.removed]
    present = {file.kind for file in (*removed, *report.left)}
    order = [*(name for name in CLASSES), *sorted(present - {*CLASSES, *_OTHERS}), *(kind for kind in _OTHERS)]
    return [_row(kind, removed, report.left) for kind in order if kind in present or kind in CLASSES]


def _row(kind: str, removed: Iterable[File], left: Iterable[File]) -> dict[str, Any]:
    gone, here = ([file for file in files if file.kind == kind] for files in (removed, left))
    return {
        "class": kind,
        "removed_files": len(gone),
        "removed_bytes": sum(file.size for file in gone),
        "files": len(here),
        "bytes": sum(file.size for file in here),
    }


def show(terminal: Terminal, directory: str, found: Sequence[dict[str, Any]], *, dry_run: bool) -> None:
    """A row for each class, and a line with the sums."""
    terminal.table(_COLUMNS, [_cells(row) for row in found])
    files, size = (sum(row[name] for row in found) for name in ("removed_files", "removed_bytes"))
    left = sum(row["bytes"] for row in found)
    verb = "Would remove" if dry_run else "Removed"
    what = f"{number(files)} file{'' if files == 1 else 's'} of {number(size)} bytes"
    terminal.show(
        Text(f"{verb} {what}; {number(left)} bytes {'would be' if dry_run else 'are'} left in {safe(directory)}.")
    )


def _cells(row: dict[str, Any]) -> list[Text]:
    counts = [row[name] for name in ("removed_files", "removed_bytes", "files", "bytes")]
    return [
        Text(safe(row["class"]), "bold"),
        *(Text(number(count), "" if count else "dim") for count in counts),
        Text(_OTHERS.get(row["class"], ""), "dim"),
    ]

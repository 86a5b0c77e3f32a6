"""What `tidegate prune` is told, and what it says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.text import Text

from tidegate.cli.force import settings_in_force
from tidegate.cli.grid import Column
from tidegate.cli.options import is_url
from tidegate.cli.output import Terminal
from tidegate.errors import StoreError, StoreNotFound
from tidegate.format import number
from tidegate.kinds import CLASSES
from tidegate.safe import safe
from tidegate.settings import Settings, load
from tidegate.store.location import MEMORY, OFF, default_location
from tidegate.store.names import is_store
from tidegate.store.retention import ACTIVE, DAMAGED, ENDED, File, Policy
from tidegate.store.upkeep.once import Report
from tidegate.store.upkeep.pruning import prune

__all__ = ["directory_of", "in_our_words", "policy_of", "prune", "rows", "say_problems", "settings_of", "show"]

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


def settings_of(store: str | None, retention: str | None, size: str | None) -> Settings:
    """The settings in force here, but for what is given; raises `ConfigurationError`, `StoreError` for a URL."""
    if store is not None and is_url(store):
        raise _no_directory(store)
    given = {"store": store, "retention": retention, "store_size": size}
    return load(given, environ={}) if all(given.values()) else settings_in_force(given)


def directory_of(settings: Settings) -> str:
    """The directory that is meant; raises `StoreError` for a store that is none, `StoreNotFound`."""
    directory = settings.store or default_location()
    if directory in (MEMORY, OFF):
        raise _no_directory(directory)
    if not os.path.isdir(directory):
        raise StoreNotFound(f"there is no store at {directory!r}; name another directory with --store.")
    with in_our_words(directory):
        names = os.listdir(directory)
    if not is_store(names):
        raise StoreNotFound(f"there is no store at {directory!r}: nothing has recorded there; name another directory.")
    return directory


def _no_directory(place: str) -> StoreError:
    return StoreError(f"the store is {place!r}; a directory is pruned, on the machine where it is.")


def policy_of(settings: Settings) -> Policy:
    """What these settings keep."""
    return Policy.of(settings.retention, settings.store_size)


@contextmanager
def in_our_words(directory: str) -> Iterator[None]:
    """Let what the directory does not allow be a `StoreError`."""
    try:
        yield
    except OSError as error:
        raise StoreError(_cannot(error.filename or directory, error.strerror or str(error))) from None


def say_problems(directory: str, problems: Iterable[str]) -> int:
    """What could not be done, to standard error; returns the exit status."""
    said = [_cannot(directory, problem) for problem in problems]
    for message in said:
        click.echo(f"Error: {safe(message)}", err=True)
    return int(bool(said))


def _cannot(path: str, problem: str) -> str:
    return (
        f"{path!r} cannot be pruned: {problem}; do it as the user whose programs record there, with room on the disk."
    )


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
    waiting = sum(row["bytes"] for row in found if row["class"] == ENDED) if dry_run else 0
    verb = ("Would remove at least" if waiting else "Would remove") if dry_run else "Removed"
    what = f"{number(files)} file{'' if files == 1 else 's'} of {number(size)} bytes"
    terminal.show(
        Text(f"{verb} {what}; {number(left)} bytes {'would be' if dry_run else 'are'} left in {safe(directory)}.")
    )
    if waiting:
        terminal.show(Text(f"Not sealed yet: {number(waiting)} bytes; what goes of them for want of room shows then."))


def _cells(row: dict[str, Any]) -> list[Text]:
    counts = [row[name] for name in ("removed_files", "removed_bytes", "files", "bytes")]
    return [
        Text(safe(row["class"]), "bold"),
        *(Text(number(count), "" if count else "dim") for count in counts),
        Text(_OTHERS.get(row["class"], ""), "dim"),
    ]

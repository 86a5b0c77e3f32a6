"""What a check has found, for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from tidegate.cli.force import settings_in_force
from tidegate.cli.grid import Column
from tidegate.cli.options import is_url
from tidegate.cli.output import Terminal
from tidegate.errors import StoreError
from tidegate.safe import safe
from tidegate.settings import BY_NAME
from tidegate.store.check import Finding
from tidegate.store.location import MEMORY, OFF, default_location

_COLUMNS = (
    Column("WHAT IT IS"),
    Column("FILE", elastic=24),
    Column("WHERE", right=True, optional=2),
    Column("WHAT IS WRONG", elastic=40),
    Column("REPAIR", elastic=16, optional=1),
)

_STYLES = {"damage": "bold red", "repaired": "green", "newer": "yellow", "note": "dim"}


def directory_of(store: str | None) -> str:
    """The directory that is meant; raises `StoreError` for a store that is none."""
    place = (settings_in_force().store if store is None else store) or default_location()
    if is_url(place) or place in (MEMORY, OFF):
        raise StoreError(f"the store is {place!r}; this is about a directory, on the machine where it is.")
    return os.path.abspath(str(BY_NAME["store"].kind.parse(place)))


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar on standard error while files are checked; none where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, number, total: bar.update(task, completed=number - 1, total=total, description=safe(name))


def show(terminal: Terminal, directory: str, found: Sequence[Finding]) -> None:
    """A row for each finding, and a line that says how the store is."""
    if found:
        terminal.table(_COLUMNS, [_row(finding) for finding in found])
    terminal.show(_verdict(directory, found))


def _row(finding: Finding) -> list[Text]:
    is_what = "repaired" if finding.repaired else finding.severity
    where = "" if finding.offset is None else f"byte {finding.offset:,}"
    where = where if finding.block is None else f"block {finding.block}"
    cells = (finding.file, where, finding.what, "" if finding.repaired else finding.repair)
    return [Text(is_what, _STYLES[is_what]), *(Text(safe(cell)) for cell in cells)]


def _verdict(directory: str, found: Sequence[Finding]) -> Text:
    damaged = sum(finding.is_damage for finding in found)
    if not damaged:
        return Text(f"{safe(directory)} is sound.", "green")
    can = sum(finding.is_damage and bool(finding.repair) for finding in found)
    advice = f"; `tidegate check --repair` can do something about {can}" if can else ""
    places = "1 damaged place" if damaged == 1 else f"{damaged:,} damaged places"
    return Text(f"{places} in {safe(directory)}{advice}.", "bold red")

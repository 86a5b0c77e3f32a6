"""How far a long command has got, on standard error, if that is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from tidegate.safe import safe


class Steps:
    """A bar that goes away when it is done; without a terminal, nothing at all."""

    def __init__(self, label: str, *columns: ProgressColumn) -> None:
        console = Console(stderr=True, markup=False, emoji=False, highlight=False)
        self.is_shown = console.is_terminal
        text = TextColumn("{task.description}", markup=False)
        self.progress = Progress(
            text, BarColumn(), *columns, Elapsed(), console=console, transient=True, disable=not self.is_shown
        )
        self._task = self.progress.add_task(safe(label), total=None)

    def expect(self, total: int | None) -> None:
        """What there is to do; None if nobody knows."""
        self.progress.update(self._task, total=total)

    def advance(self, count: int) -> None:
        self.progress.advance(self._task, count)

    def reach(self, done: int) -> None:
        self.progress.update(self._task, completed=done)


@contextmanager
def records_done() -> Iterator[Steps]:
    """Progress in records."""
    steps = Steps("records", MofNCompleteColumn())
    with steps.progress:
        yield steps


@contextmanager
def bytes_done(name: str, size: int) -> Iterator[Steps]:
    """Progress in the bytes of a file; of a pipe, whose size nobody knows, only that it goes on."""
    steps = Steps(name, DownloadColumn())
    steps.expect(size or None)
    with steps.progress:
        yield steps

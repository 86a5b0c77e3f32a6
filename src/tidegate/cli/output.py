"""The terminal that a command prints to, or the pipe that stands in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from tidegate.cli.grid import Column, lay_out

#: Where no terminal is, nothing is cut to a width.
_ENDLESS = 100_000


class Terminal(Console):
    """A console that takes no text for markup and leaves a closed pipe to whoever runs the command."""

    def __init__(self) -> None:
        super().__init__(markup=False, emoji=False, highlight=False)
        if not self.is_terminal:
            self.width = _ENDLESS

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError

    @property
    def is_narrow(self) -> bool:
        """Whether whole trace ids would leave too little room for everything else."""
        return self.width < 120

    def show(self, text: Text) -> None:
        """Print one line whole: a terminal wraps it, a pipe gets it as it is."""
        self.print(text, soft_wrap=True)

    def cut(self, text: Text) -> None:
        """Print one line; on a terminal no more of it than fits."""
        if self.is_terminal:
            text.truncate(self.width, overflow="ellipsis")
        self.show(text)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
        """Print a table as wide as it needs to be, on a terminal no wider than that."""
        for line in lay_out(columns, rows, self.width):
            self.show(line)

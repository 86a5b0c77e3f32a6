"""Columns of text that fit the terminal: some give way, some go, and none that matters is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

_GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """An ``elastic`` column may be cut to so many cells where room is short. An ``optional`` one is left
    out before another is cut, the lowest number first, and also when it has nothing to show."""

    name: str
    right: bool = False
    elastic: int = 0
    optional: int = 0


def lay_out(columns: Sequence[Column], rows: Sequence[Sequence[Text]], room: int) -> Iterator[Text]:
    """A line of headings and one for each row, with ``room`` cells for each if that can be."""
    contents = [max((row[i].cell_len for row in rows), default=0) for i in range(len(columns))]
    natural = [max(len(column.name), width) for column, width in zip(columns, contents, strict=True)]
    shown = [i for i, column in enumerate(columns) if contents[i] or not column.optional]
    least = [min(width, column.elastic or width) for column, width in zip(columns, natural, strict=True)]
    for i in sorted(shown, key=lambda i: columns[i].optional):
        if columns[i].optional and _excess(least, shown, room) > 0:
            shown.remove(i)
    widths = _fit(natural, least, shown, room)
    headings = [Text(column.name, "dim") for column in columns]
    for row in (headings, *rows):
        line = Text(" " * _GAP).join(_cell(row[i], columns[i], widths[i]) for i in shown)
        line.rstrip()
        yield line


def _excess(widths: Sequence[int], shown: Sequence[int], room: int) -> int:
    return sum(widths[i] + _GAP for i in shown) - _GAP - room


def _fit(natural: Sequence[int], least: Sequence[int], shown: Sequence[int], room: int) -> list[int]:
    """Widths that take no more than ``room``, if the elastic columns can give so much; the widest gives."""
    widths = list(natural)
    giving = [i for i in shown if natural[i] > least[i]]
    while giving and _excess(widths, shown, room) > 0:
        widest = max(giving, key=lambda i: widths[i])
        widths[widest] -= 1
        giving = [i for i in giving if widths[i] > least[i]]
    return widths


def _cell(text: Text, column: Column, width: int) -> Text:
    text = text.copy()
    text.truncate(width, overflow="ellipsis")
    blank = " " * (width - text.cell_len)
    return Text(blank).append_text(text) if column.right else text.append(blank)

"""What is the same for many rows, once: scopes, resources, metrics, origins, trace ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tidegate.store import values
from tidegate.store.block import pack


class Table:
    """Distinct entries in order of appearance, and each row's place among them."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.rows: list[int] = []
        self._places: dict[Any, int] = {}

    def add(self, entries: Sequence[Any], rows: Iterable[int]) -> None:
        """Rows of a block by their places in a table of that block."""
        rows = list(rows)
        place = {row: self._place(entries[row]) for row in dict.fromkeys(rows)}
        self.rows.extend(map(place.__getitem__, rows))

    def _place(self, entry: Any) -> int:
        # JSON keeps 1, 1.0 and True apart
        key = entry if type(entry) is str else values.dumps({"": entry}, values.AS_READ)
        place = self._places.setdefault(key, len(self.entries))
        if place == len(self.entries):
            self.entries.append(entry)
        return place

    def pack(self, entries: str, rows: str, columns: dict[str, Any]) -> None:
        """Put the table and the column of places into ``columns``."""
        columns[entries] = self.entries
        pack(rows, self.rows, 0, columns)

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
        used = list(dict.fromkeys(rows))
        place = dict(zip(used, self._placed([entries[row] for row in used]), strict=True))
        self.rows.extend(map(place.__getitem__, rows))

    def _placed(self, entries: list[Any]) -> Iterable[int]:
        """The places of entries that differ."""
        if set(map(type, entries)) != {str}:
            return map(self._place, entries)
        fresh = [entry for entry in entries if entry not in self._places]
        self._places.update(zip(fresh, range(len(self.entries), len(self.entries) + len(fresh)), strict=True))
        self.entries += fresh
        return map(self._places.__getitem__, entries)

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

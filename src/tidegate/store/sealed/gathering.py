"""Rows of many blocks to one large block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from operator import itemgetter
from typing import Any

from tidegate.records import SEVERITIES
from tidegate.store import block, codec
from tidegate.store.block import ID_DIGITS, NO_ID, Index
from tidegate.store.rows import AnyRows, PointRows, SpanRows
from tidegate.store.sealed import lines, pairs, words
from tidegate.store.sealed.columns import packed
from tidegate.store.sealed.places import GatheredPlaces, Pick
from tidegate.store.sealed.schema import COLUMNS, REMADE, TABLES, TEXTS
from tidegate.store.sealed.shapes import GatheredShapes
from tidegate.store.sealed.tables import Table

#: Level of compression of sealed blocks, which are written once and kept for days.
LEVEL = 2


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block on its way into a file: what `tidegate.store.sealed.writing.Writer` stores of it."""

    index: Index
    frame: bytes
    words: bytes | None
    pairs: bytes | None
    traces: list[str]


class Gathered:
    """Rows of one signal, class and service that wait to become a block, in the order in which they are added."""

    def __init__(self, signal: str) -> None:
        self.signal = signal
        self._clear()

    def _clear(self) -> None:
        self.count = 0
        self._times: list[int] = []
        self._places = GatheredPlaces()
        self._attributes = GatheredShapes()
        self._columns: dict[str, list[Any]] = {}
        self._tables = {name: Table() for name in (*TABLES[self.signal], "resources")}
        self._digits: list[str] = []
        self._parents: list[Any] = []

    def add(self, rows: AnyRows, picked: Sequence[int] | None = None) -> None:
        """All rows of a block, or those with these numbers, in order."""
        if picked is not None and not picked:
            return
        pick = _picker(picked)
        self._times.extend(pick(rows.times))
        self._places.add(rows.places, pick)
        self._attributes.add(pick(rows.attributes))
        self._add_tables(rows, pick)
        if isinstance(rows, SpanRows):
            self._parents.extend(rows.parent_steps if picked is None else _parents_of(rows, picked))
            if "events" in rows.columns or "span_events" in rows.columns:
                self._column("span_events", ()).extend(pick(rows.span_events))
        if not isinstance(rows, PointRows):
            self._digits.append(rows.digits if picked is None else _digits_of(rows.digits, picked))
        self._add_columns(rows, pick, len(self._times) - self.count)
        self.count = len(self._times)
        for name, column in self._columns.items():
            column.extend(repeat(COLUMNS[self.signal][name], self.count - len(column)))

    def _add_columns(self, rows: AnyRows, pick: Pick, count: int) -> None:
        for name, default in COLUMNS[self.signal].items():
            if name not in rows.columns or name in REMADE:
                continue
            column = {name: rows.columns[name]}
            if isinstance(column[name], dict):
                self._column(name, default).extend(repeat(column[name]["all"], count))
            else:
                self._column(name, default).extend(pick(block.unpack(column, name, rows.count, default)))

    def _column(self, name: str, default: Any) -> list[Any]:
        """The column as far as the block before; what had it by default has it now in full."""
        if name not in self._columns:
            self._columns[name] = [default] * self.count
        return self._columns[name]

    def _add_tables(self, rows: AnyRows, pick: Pick) -> None:
        resources = [{"attributes": each.attributes, "schema_url": each.schema_url} for each in rows.resources]
        self._tables["resources"].add(resources, pick(rows.resource))
        for name, (column, default) in TABLES[self.signal].items():
            entries = rows.columns.get(name) or [default]
            places = block.unpack(rows.columns, column, rows.count, 0)
            self._tables[name].add(entries, pick(places))

    def encode(self) -> Block:
        """The block of all rows that were added, at least one; then there are none."""
        columns = self._all_columns()
        base = min(self._times)
        head = {"signal": self.signal, "count": self.count, "t0": str(base)}
        raw, written = lines.dump(head, columns.items())
        frame = codec.compress(raw, LEVEL, codec.MAX_SEALED_BYTES)
        traces = [trace for trace in self._tables["traces"].entries if trace] if "traces" in self._tables else []
        out = Block(self._index(columns, len(frame)), frame, *self._filters(columns, written), traces)
        self._clear()
        return out

    def _all_columns(self) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        block.pack(
            "time_step", [after - before for before, after in pairwise([min(self._times), *self._times])], 0, columns
        )
        self._places.pack(columns)
        self._tables["resources"].pack("resources", "resource", columns)
        for name, (column, _) in TABLES[self.signal].items():
            self._tables[name].pack(name, column, columns)
        if (digits := "".join(self._digits)).strip("0"):
            columns["span_id"] = digits
        if self._parents:
            block.pack("parent_step", self._parent_steps(), "", columns)
        for name, values in self._columns.items():
            column = packed(values)
            if column != {"all": COLUMNS[self.signal][name]}:
                columns[name] = column
        self._attributes.pack(columns)
        return columns

    def _parent_steps(self) -> list[Any]:
        """A parent in the block by how many rows further it is, which costs a byte instead of eight; else its id."""
        named = [row for row, parent in enumerate(self._parents) if type(parent) is str and parent]
        if named:
            digits = "".join(self._digits)
            ids = [digits[at : at + ID_DIGITS] for at in range(0, len(digits), ID_DIGITS)]
            rows = dict(zip(ids, range(self.count), strict=True))
            rows.pop(NO_ID, None)
            for row in named:
                if (found := rows.get(self._parents[row])) is not None:
                    self._parents[row] = found - row
        return self._parents

    def _filters(self, columns: dict[str, Any], written: dict[str, bytes]) -> tuple[bytes | None, bytes | None]:
        texts = [line for name, line in written.items() if name in TEXTS[self.signal] or name.startswith("attributes")]
        return words.make(texts, self.count), pairs.make(columns, self.count)

    def _index(self, columns: dict[str, Any], size: int) -> Index:
        severities: Sequence[int] = block.unpack(columns, "severity", self.count, 0)
        status: Sequence[int] = block.unpack(columns, "status", self.count, 0)
        errors = status.count(2) + sum(severity >= SEVERITIES["ERROR"] for severity in severities)
        return Index(self.signal, self.count, min(self._times), max(self._times), max(severities), errors, 0, size)


def _picker(picked: Sequence[int] | None) -> Pick:
    """Takes all rows of a column, or those with these numbers."""
    if picked is None:
        return lambda column: column
    return itemgetter(*picked) if len(picked) > 1 else lambda column: [column[picked[0]]]


def _digits_of(digits: str, picked: Sequence[int]) -> str:
    return "".join([digits[row * ID_DIGITS : (row + 1) * ID_DIGITS] for row in picked])


def _parents_of(rows: SpanRows, picked: Sequence[int]) -> list[str | int]:
    """The parents of some rows: by how many rows further they are, where they are among these; else their ids."""
    places = {row: place for place, row in enumerate(picked)}
    steps = rows.parent_steps
    out: list[str | int] = []
    for place, row in enumerate(picked):
        parent = steps[row]
        if not isinstance(parent, str):
            found = places.get(row + parent)
            parent = rows.span_id(row + parent) if found is None else found - place
        out.append(parent)
    return out

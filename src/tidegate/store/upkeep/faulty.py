"""Traces of which a span has failed: they are kept longer than others, and whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from tidegate.errors import FormatError
from tidegate.store import codec
from tidegate.store.rows import AnyRows, SpanRows, open_block
from tidegate.store.sealed.file import SealedFile, SealedRef

#: Traces with errors that are known at a time; those of others are not kept together.
MAX_FAULTY = 100_000

#: Traces that are looked up one by one; then it is cheaper to read all that are filed.
LOOK_UPS = 500

_FAILED = 2

#: What a sealed block raises that cannot be read.
_BROKEN = (AttributeError, FormatError, LookupError, OSError, TypeError, ValueError)


class Faulty:
    """Ids of traces with errors: of what is sealed now, and of the sealed files that are given. To be closed."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._ids: set[str] = set()
        self._files: list[SealedFile] = []
        self._read: set[tuple[str, int]] = set()
        self._looked_up = 0
        for path in paths:
            with contextlib.suppress(FormatError, OSError):
                self._files.append(SealedFile(path))

    def close(self) -> None:
        while self._files:
            self._files.pop().close()

    def learn(self, rows: AnyRows) -> None:
        """The traces of spans that have failed."""
        if isinstance(rows, SpanRows):
            self._add({rows.trace_ids[row] for row, status in enumerate(rows.status) if status == _FAILED})

    def _add(self, ids: set[str]) -> None:
        if len(self._ids) + len(ids) <= MAX_FAULTY:
            self._ids |= ids

    def __contains__(self, trace: object) -> bool:
        if trace not in self._ids and self._files and isinstance(trace, str) and trace:
            self._look_up(trace)
        return trace in self._ids

    def _look_up(self, trace: str) -> None:
        self._looked_up += 1
        for file in self._files:
            is_last = self._looked_up > LOOK_UPS
            blocks = {ref.id for ref in file.refs} if is_last else _blocks_of(file, trace)
            for ref in file.refs:
                if ref.id in blocks:
                    self._learn_all(ref)
        if self._looked_up > LOOK_UPS:
            self.close()

    def _learn_all(self, ref: SealedRef) -> None:
        """All traces of a block that has only such with errors."""
        if ref.key in self._read or ref.index.signal != "spans":
            return
        self._read.add(ref.key)
        with contextlib.suppress(*_BROKEN):
            self._add(set(open_block(codec.decompress(ref.file.frame(ref.id)), ref).columns["traces"]))


def _blocks_of(file: SealedFile, trace: str) -> set[int]:
    try:
        return file.blocks_of_trace(trace)
    except _BROKEN:
        return set()

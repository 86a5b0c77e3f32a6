"""Files into a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.errors import FormatError, StoreError
from tidegate.move.files import Source
from tidegate.move.reading import Read, read
from tidegate.move.writing import Writer


class Import:
    """Puts files into ``writer``'s store, whole messages only. ``skipped`` counts those that could not be read,
    ``problem`` is the first one's.

    Without ``skip_bad`` the first one ends it with `FormatError`; what came before it is in the store then, which
    every error says that is raised in `saying_what_was_imported`.
    """

    def __init__(self, writer: Writer, *, form: str = "auto", skip_bad: bool = False) -> None:
        self.skipped = 0
        self.problem = ""
        self._writer = writer
        self._form = form
        self._skip_bad = skip_bad

    def run(self, source: Source) -> Iterator[None]:
        """Import one file; yields after each message. Raises `FormatError` or `StoreError`."""
        try:
            for found in read(source, self._form):
                if found.problem:
                    self._skip(found)
                for signal, records in found.records:
                    self._writer.add(signal, records, found.size)
                yield
        except FormatError:
            self._writer.flush()
            raise
        self._writer.flush()

    @contextmanager
    def saying_what_was_imported(self) -> Iterator[None]:
        """Let a `StoreError` end with how much is in the store all the same."""
        try:
            yield
        except StoreError as error:
            raise type(error)(f"{error} {said(self._writer.written)}") from None

    def _skip(self, found: Read) -> None:
        if not self._skip_bad:
            raise FormatError(f"{found.problem} Mend it, or pass such messages by with --skip-bad.")
        self.skipped += 1
        self.problem = self.problem or found.problem


def said(written: Counter[str]) -> str:
    """What was imported, in a sentence."""
    nouns = {"spans": "spans", "logs": "log records", "metrics": "metric points"}
    parts = [f"{written[signal]} {noun}" for signal, noun in nouns.items() if written[signal]]
    if not parts:
        return "Nothing was imported."
    *most, last = parts
    return f"Imported {', '.join(most)}{' and ' if most else ''}{last}."

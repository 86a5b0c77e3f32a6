"""The search for lines that hold secrets, over many texts at once: most hold none that could be one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from tidegate.record.redaction.cleaning import applicable, cleaned, encoded, normal
from tidegate.record.redaction.formats import Format

T = TypeVar("T")

#: Names and lines that held no secret and are not searched again, and how long these may be in the mean of a batch.
MAX_REMEMBERED = 4096
MAX_LINE_BYTES = 256


def remember(new: set[T], known: set[T]) -> None:
    """Add to a bounded set, which begins anew when it is full."""
    if len(known) + len(new) > MAX_REMEMBERED:
        known.clear()
    known.update(islice(new, MAX_REMEMBERED))


class Lines:
    """Remembers lines that held no secret. Those that differ in digits only are one: see `formats`."""

    def __init__(self) -> None:
        self._clean: set[bytes] = set()

    def dirty(self, texts: Iterable[str]) -> list[str]:
        """The lines with a secret."""
        raw = encoded("\n".join(texts))
        lines = normal(raw).split(b"\n")
        new = set(lines)
        new -= self._clean
        if not new:
            return []
        formats = applicable(b"\n".join(new))
        suspects = _suspects(new, formats) if formats else {}
        dirty = []
        for line, text in zip(lines, raw.split(b"\n"), strict=True) if suspects else ():
            if line in suspects:
                decoded = text.decode("utf-8", "surrogatepass")
                if cleaned(decoded, suspects[line]) != decoded:
                    dirty.append(decoded)
                    new.discard(line)
                elif any(form.check for form in suspects[line]):
                    new.discard(line)
        if sum(map(len, new)) <= MAX_LINE_BYTES * len(new):
            remember(new, self._clean)
        return dirty


def _suspects(lines: Iterable[bytes], formats: list[Format]) -> dict[bytes, list[Format]]:
    found = ((line, applicable(line, formats)) for line in lines)
    return {line: here for line, here in found if here}

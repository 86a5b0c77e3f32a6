"""The search for lines that hold secrets, over many texts at once: most hold none that could be one.

Lines that differ in digits only are alike, as no format tells digits apart but those with a check. Of new lines only
words that are new are searched for marks, and ids are no new words. The few lines with a mark are looked at closely.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from tidegate.record.redaction.cleaning import cleaned
from tidegate.record.redaction.formats import Format
from tidegate.record.redaction.marks import CHECKED, EXACT, FOLDED, alike, applicable, digits_alike, encoded, found

T = TypeVar("T")

#: Names, lines and words that held no secret and are not searched again, and how long these may be in the mean.
MAX_REMEMBERED = 4096
MAX_LINE_BYTES = 256


def remember(new: set[T], known: set[T]) -> None:
    """Add to a bounded set, which begins anew when it is full."""
    if len(known) + len(new) > MAX_REMEMBERED:
        known.clear()
    known.update(islice(new, MAX_REMEMBERED))


class Lines:
    """Remembers lines that held no secret, and words without a mark."""

    def __init__(self) -> None:
        self._clean: set[bytes] = set()
        self._words: set[bytes] = set()

    def dirty(self, texts: Iterable[str]) -> list[str]:
        """The lines with a secret."""
        raw = encoded("\n".join(texts))
        lines = digits_alike(raw).split(b"\n")
        new = set(lines)
        new -= self._clean
        if not new:
            return []
        suspects = self._suspects(new)
        dirty = []
        for line, text in zip(lines, raw.split(b"\n"), strict=True) if suspects else ():
            if line in suspects:
                forms = suspects[line]
                decoded = text.decode("utf-8", "surrogatepass")
                if cleaned(decoded, forms) != decoded:
                    dirty.append(decoded)
                elif all(form.check is None for form in forms):
                    del suspects[line]  # it is clean, and so are all that are alike
        _remember_short(new - suspects.keys(), self._clean)
        return dirty

    def _suspects(self, new: set[bytes]) -> dict[bytes, list[Format]]:
        """The lines with a mark, and the formats that have it."""
        joined = b"\n".join(new)
        words = set(alike(joined).split())
        words -= self._words
        searched = b" ".join(words)
        exact = found(EXACT, searched)
        folded = found(FOLDED, alike(searched.lower()))
        checked = found(CHECKED, joined)
        if not exact and not folded:
            _remember_short(words, self._words)
            near = [line for line in new for mark in checked if mark in line]
            return {line: applicable(line, {}, {}, checked) for line in near}
        suspects = {line: forms for line in new if (forms := applicable(line, exact, folded, checked))}
        clean = set().union(*(alike(line).split() for line in new if line not in suspects))
        _remember_short(clean - self._words, self._words)
        return suspects


def _remember_short(new: set[bytes], known: set[bytes]) -> None:
    if sum(map(len, new)) <= MAX_LINE_BYTES * len(new):
        remember(new, known)

"""The search for lines that hold secrets, over many texts at once: most hold none that could be one.

Lines that differ in digits only are alike, as no format tells digits apart but those with a check. New lines that
differ in hexadecimal letters, too, as ids do, have the same marks, and of others only the words that are new are
searched for marks. The few lines with a mark are looked at closely.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from tidegate.record.redaction.cleaning import cleaned
from tidegate.record.redaction.formats import Format
from tidegate.record.redaction.marks import (
    CHECKED,
    EXACT,
    FOLDED,
    Marks,
    alike,
    applicable,
    digits_alike,
    encoded,
    found,
)

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
    """Remembers lines that held no secret, and lines and words without a mark."""

    def __init__(self) -> None:
        self._clean: set[bytes] = set()
        self._unmarked: set[bytes] = set()
        self._words: set[bytes] = set()

    def dirty(self, texts: Iterable[str]) -> list[str]:
        """The lines with a secret."""
        raw = encoded("\n".join(texts))
        lines = digits_alike(raw).split(b"\n")
        new = set(lines)
        new -= self._clean
        if not new:
            return []
        joined = b"\n".join(new)
        checked = found(CHECKED, joined)
        searched = set(alike(joined).split(b"\n"))
        searched -= self._unmarked
        if not searched and not checked:  # lines with other ids are not worth being remembered
            return []
        suspects = self._suspects(new, searched, checked)
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

    def _suspects(self, new: set[bytes], lines: set[bytes], checked: Marks) -> dict[bytes, list[Format]]:
        """The new lines with a mark, and the formats that have it; ``lines`` as they are searched."""
        words = set(b" ".join(lines).split())
        words -= self._words
        searched = b" ".join(words)
        exact = found(EXACT, searched)
        folded = found(FOLDED, alike(searched.lower()))
        if not exact and not folded:
            _remember_short(words, self._words)
            _remember_short(lines, self._unmarked)
            near = [line for line in new for mark in checked if mark in line]
            return {line: applicable(line, {}, {}, checked) for line in near}
        suspects = {line: forms for line in new if (forms := applicable(line, exact, folded, checked))}
        clean = set().union(*(alike(line).split() for line in new if line not in suspects))
        _remember_short(clean - self._words, self._words)
        return suspects


def _remember_short(new: set[bytes], known: set[bytes]) -> None:
    if sum(map(len, new)) <= MAX_LINE_BYTES * len(new):
        remember(new, known)

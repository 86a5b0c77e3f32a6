"""A masked line taken apart into words and what separates them."""

from __future__ import annotations

import re

from tidegate.patterns.mask import NAMES

#: Words of a line that are looked at.
WORDS = 64
#: What stands for any variable where types do not matter.
ANY = "<*>"

_SPLIT = re.compile(r"((?:[ =:,;()\[\]{}\"'|]|\.+(?= |$))+)")
_LETTERS = re.compile("[A-Za-z]{2}")
_VARIABLE = re.compile(f"<(?:{NAMES})>")


class Line:
    """Words and separators in turn; ``terms`` are the words' shares of the line's sum, ``form`` that of the rest."""

    __slots__ = ("_plain", "form", "parts", "sum", "terms")

    def __init__(self, masked: str) -> None:
        self.parts = split(masked)
        self.terms = [hash(pair) for pair in enumerate(self.parts[::2])]
        self.form = hash(tuple(self.parts[1::2]))
        self.sum = sum(self.terms) + self.form
        self._plain: list[str] | None = None

    @property
    def words(self) -> list[str]:
        """The words alone."""
        return self.parts[::2]

    @property
    def plain(self) -> list[str]:
        """The parts, every word with a variable in it being just one."""
        if self._plain is None:
            self._plain = [ANY if "<" in part and _VARIABLE.search(part) else part for part in self.parts]
        return self._plain


def split(masked: str) -> list[str]:
    """Words and separators in turn, beginning and ending with a word."""
    return _SPLIT.split(masked, WORDS)


def is_constant(word: str) -> bool:
    """Whether a word is surely part of the statement."""
    return "<" not in word and _LETTERS.search(word) is not None


def constants(words: list[str]) -> int:
    """How many of the words are."""
    return sum(map(is_constant, words))


def is_typed(word: str) -> bool:
    """Whether a word has a variable in it."""
    return "<" in word and _VARIABLE.search(word) is not None

"""A masked line taken apart into words and what separates them."""

from __future__ import annotations

import re
from math import log2

from tidegate.patterns.spans import UNSPACED
from tidegate.patterns.tokens import NAMES

#: Messages for each different line after which one that differs is less likely to be of the same statement.
PATIENCE = 2.0
#: The same where all that differs looks like values.
PATIENCE_VALUES = 4.0
SLOPE = 1.25
#: Words of a line that are looked at.
WORDS = 96
#: What stands for any variable where types do not matter.
ANY = "<*>"

#: ``[=:,;|]+ ?``, blanks, a bracket or the like, or a stop at a word's end; the set at the beginning makes it fast.
_SPLIT = re.compile(
    r"([ =:,;|()\[\]{}\"'@#.](?:(?<= ) *|(?<=[=:,;|])[=:,;|]* ?|(?<=[()\[\]{}\"'@#])|(?<=\.)(?=[ .]|$)))"
)
_LETTERS = re.compile("[A-Za-z]{2}")
_TYPED = re.compile(f"[<>~+$-]?<(?:{NAMES})>[%+]?")
_NOTHING = frozenset(("None", "null", "nil", "-"))
_VARIABLE = re.compile(f"<(?:{NAMES})>")

#: What a word looks like that is a value rather than a part of a statement.
VALUE = re.compile(r"[_./\\@-]|[a-z][A-Z]")
#: States and other constants of programs: seldom values of which there are many.
NAMED = re.compile(r"[A-Z][A-Z_]+")


def enough(table: tuple[int, ...], common: int, seen: int, fillers: int, patience: float = 0) -> float:
    """How many different lines make a variable: fewer, the more words they share; more, the more often they came."""
    few = table[min(common, len(table) - 1)]
    often = seen / ((patience or PATIENCE) * fillers)
    return few + SLOPE * (log2(often) + 1) if often > 0.5 else few


class Line:
    """Words and separators in turn; ``terms`` are the words' shares of the line's sum, ``form`` that of the rest."""

    __slots__ = ("_plain", "form", "parts", "sum", "terms", "words")

    def __init__(self, masked: str) -> None:
        self.parts = split(masked)
        self.words = self.parts[::2]
        self.terms = list(map(hash, enumerate(self.words)))
        self.form = hash(tuple(self.parts[1::2]))
        self.sum = sum(self.terms) + self.form
        self._plain: list[str] | None = None

    @property
    def plain(self) -> list[str]:
        """The parts, every word with a variable in it being just one."""
        if self._plain is None:
            parts = self.parts
            if "<" in "".join(parts):
                parts = [ANY if "<" in part and _VARIABLE.search(part) else part for part in parts]
            self._plain = parts
        return self._plain


def split(masked: str) -> list[str]:
    """Words and separators in turn, beginning and ending with a word."""
    return _SPLIT.split(masked, WORDS)


def is_constant(word: str) -> bool:
    """Whether a word is surely part of the statement."""
    return (
        (word.isalpha() and len(word) > 1)
        or is_unspaced(word)
        or ("<" not in word and _LETTERS.search(word) is not None)
    )


def is_unspaced(word: str) -> bool:
    """Whether a word is a run of writing without blanks, of two characters or more."""
    return len(word) > 1 and not word.isascii() and UNSPACED.fullmatch(word) is not None


def constants(words: list[str]) -> int:
    """How many of the words are; writing without blanks counts for one word by every two characters."""
    count = sum(map(is_constant, words))
    return count if "".join(words).isascii() else count + sum(len(word) // 2 - 1 for word in words if is_unspaced(word))


def is_typed(word: str) -> bool:
    """Whether a word is a variable, or what stands where there is no value."""
    return word in _NOTHING or ("<" in word and _TYPED.fullmatch(word) is not None)

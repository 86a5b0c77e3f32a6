"""Call sites: a statement that writes its own text (an f-string) has a pattern without anything being mined.

When texts differ, the program's source says what the statement is, if it can be had. Else texts are looked at now and
then, often in the beginning: a place where one wrapper logs for everyone shows texts that share no words, and from the
moment a place is known for a wrapper, its texts are mined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tidegate.patterns.pattern import Pattern

#: A text is looked at for each of the first messages, then for every so many.
FIRST, EVERY = 64, 256
#: Characters at their beginnings or ends that texts of one statement share when they share no word.
SHARED = 3

#: A count that is not reached: the source has said what the statement is.
NEVER = 1 << 62

#: What a wrapper puts before everybody's text.
_PREFIX = re.compile(r"(?:\[[^\[\]]*\]:?\s+)+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_INSTALLED = (re.compile(r"(?:.*/)?(?:site|dist)-packages/(.*)"), re.compile(r"(?:.*/)?lib/python\d[\w.]*/(.*)"))

#: Attributes that tell where a call stands, now and in former semantic conventions.
PLACES = (
    ("code.file.path", "code.line.number", "code.function.name"),
    ("code.filepath", "code.lineno", "code.function"),
)


def place_in(attributes: Mapping[str, Any]) -> tuple[str, int, str]:
    """Path, line and function of a call that a record's attributes tell of; empty where they do not."""
    for path, line, function in PLACES:
        if path in attributes:
            number = attributes.get(line)
            return str(attributes[path]), number if isinstance(number, int) else 0, str(attributes.get(function, ""))
    return "", 0, ""


def location(path: str, line: int, function: str) -> str:
    """What names a place in a program wherever its environment lies: the path within the packages, or its end."""
    path = path.replace("\\", "/")
    found = _INSTALLED[0].match(path) or _INSTALLED[1].match(path)
    within = found[1] if found else "/".join(path.split("/")[-3:])
    return f"{within}:{line}:{function}"


class Site:
    """One place; ``pattern`` None: a wrapper. ``varies``: texts of more than one form have come from it."""

    __slots__ = ("line", "looked", "path", "pattern", "shared", "varies", "words")

    def __init__(self, pattern: Pattern | None, path: str = "", line: int = 0) -> None:
        self.pattern = pattern
        self.path, self.line = path, line
        self.words: list[str] | None = None
        self.shared = ["", ""]
        self.looked = 0
        self.varies = False

    def look(self, text: str, masked: str) -> bool:
        """Whether the place still shows the text of one statement, now that this text has come from it."""
        pattern = self.pattern
        if pattern is None:
            return False
        self.looked += 1
        pattern.due = pattern.count + (1 if self.looked < FIRST else EVERY)
        said = text[found.end() :] if (found := _PREFIX.match(text)) else text
        if self.words is None:
            self.words, self.shared, pattern.template = _WORD.findall(said), [said, said], masked
            return True
        if masked == pattern.template:
            return True
        if self.path and (template := self._source(text)):
            pattern.template, pattern.due, self.varies = template, NEVER, True
            return True
        if not self._shares(said):
            self.pattern, pattern.due = None, 0
            return False
        pattern.template, self.varies = common(pattern.template, masked), True
        return True

    def _shares(self, text: str) -> bool:
        """Whether all texts so far, this one included, have a word, a beginning or an end in common."""
        have = set(_WORD.findall(text))
        self.words = [word for word in self.words or () if word in have]
        first, last = self.shared
        self.shared = [_begin(first, text), _begin(last[::-1], text[::-1])[::-1]]
        return bool(self.words) or max(map(len, self.shared)) >= SHARED

    def _source(self, text: str) -> str:
        """The template that the source gives; asked once."""
        from tidegate.patterns.source import template_at

        path, self.path = self.path, ""
        return template_at(path, self.line, text)


def _begin(one: str, other: str) -> str:
    size = min(len(one), len(other))
    return one[: next((at for at in range(size) if one[at] != other[at]), size)]


def common(one: str, other: str) -> str:
    """A template that both texts fit."""
    a, b = one.split(" "), other.split(" ")
    if len(a) == len(b):
        return " ".join(x if x == y else "<*>" for x, y in zip(a, b, strict=True))
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return " ".join([*a[:start], "<*>", *a[len(a) - end :]])

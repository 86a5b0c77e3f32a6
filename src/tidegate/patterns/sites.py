"""Call sites: a statement that writes its own text (an f-string) has a pattern without anything being mined.

When texts differ, the program's source says what the statement is, if it can be had. Else texts are looked at now and
then, often in the beginning: a place where one wrapper logs for everyone shows texts that share no words, and from the
moment a place is known for a wrapper, its texts are mined.
"""

from __future__ import annotations

import re

from tidegate.patterns.pattern import Pattern

#: A text is looked at for each of the first messages, then for every so many.
FIRST, EVERY = 32, 64
#: Of the words of a text, the part that all texts of one statement share at least.
SHARED = 4

#: A count that is not reached: the source has said what the statement is.
NEVER = 1 << 62

_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_INSTALLED = (re.compile(r"(?:.*/)?(?:site|dist)-packages/(.*)"), re.compile(r"(?:.*/)?lib/python\d[\w.]*/(.*)"))


def location(path: str, line: int, function: str) -> str:
    """What names a place in a program wherever its environment lies: the path within the packages, or its end."""
    path = path.replace("\\", "/")
    found = _INSTALLED[0].match(path) or _INSTALLED[1].match(path)
    within = found[1] if found else "/".join(path.split("/")[-3:])
    return f"{within}:{line}:{function}"


class Site:
    """One place; ``pattern`` None: a wrapper."""

    __slots__ = ("line", "looked", "path", "pattern", "words")

    def __init__(self, pattern: Pattern | None, path: str = "", line: int = 0) -> None:
        self.pattern = pattern
        self.path, self.line = path, line
        self.words: list[str] | None = None
        self.looked = 0

    def look(self, text: str, masked: str) -> bool:
        """Whether the place still shows the text of one statement, now that this text has come from it."""
        pattern = self.pattern
        if pattern is None:
            return False
        self.looked += 1
        pattern.due = pattern.count + (1 if self.looked < FIRST else EVERY)
        if self.words is None:
            self.words, pattern.template = _words(masked), masked
            return True
        if masked == pattern.template:
            return True
        if self.path and (template := self._source(text)):
            pattern.template, pattern.due = template, NEVER
            return True
        words = _words(masked)
        have = set(words)
        self.words = [word for word in self.words if word in have]
        if len(self.words) * SHARED < len(words) or not self.words:
            self.pattern, pattern.due = None, 0
            return False
        pattern.template = common(pattern.template, masked)
        return True

    def _source(self, text: str) -> str:
        """The template that the source gives; asked once."""
        from tidegate.patterns.source import template_at

        path, self.path = self.path, ""
        return template_at(path, self.line, text)


def _words(masked: str) -> list[str]:
    return _WORD.findall(re.sub(r"<[^<>]*>", " ", masked))


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

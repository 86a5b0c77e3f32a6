"""Merging of masked lines that differ in one stretch of any number of words: an exception's text, a sentence, a list.

A new line is compared with the latest ones that begin or end with the same word. What two lines have in common before
and after the stretch is a key; when enough lines have come with one key, the stretch is a variable. How many are enough
falls with the words in common, and where the stretch stands where values do: after a colon, in brackets, in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidegate.patterns.line import ANY, Line, constants
from tidegate.patterns.pattern import Pattern, living

#: Lines compared with; first and last words, and keys, remembered; patterns tried for one first or last word.
LATEST, BUCKETS, KEYS, TRIED = 16, 2048, 8192, 32
#: Different lines that make a stretch a variable, by words in common (the last: this many and more).
ENOUGH = (99, 99, 99, 5, 4, 3)
#: The same where the stretch begins or ends the line, and nothing says that a value stands there.
ENOUGH_OUTER = (99, 99, 99, 99, 8, 5)
#: The same where values stand.
ENOUGH_VALUES = (99, 99, 8, 4, 3, 2)
#: The same where something went wrong, and the text of an exception follows.
ENOUGH_ERRORS = (99, 6, 3, 2, 2, 2)

_OPENS = re.compile(r"[:=({\[\"'`>|-] ?$")
_FAILS = re.compile(
    r"fail|error|exception|could ?n[o']t|can ?not|can't|unable|invalid|unexpected|problem", re.IGNORECASE
)

Key = tuple[str, str]


class Gaps:
    """Patterns with a stretch of words as variable, and the lines of which more may be made."""

    __slots__ = ("_keys", "_known", "_latest")

    def __init__(self) -> None:
        self._latest: dict[str, list[tuple[Pattern, list[str]]]] = {}
        self._known: dict[str, list[tuple[str, str, Pattern]]] = {}
        self._keys: dict[Key, list[Pattern]] = {}

    def find(self, line: Line) -> Pattern | None:
        """The pattern with a stretch that a line fits."""
        if not self._known:
            return None
        parts = line.plain
        text = "".join(parts)
        for word in (parts[0], "\0" + parts[-1]):
            for prefix, suffix, pattern in self._known.get(word, ()):
                if fits(text, prefix, suffix) and pattern.kind == "mined":
                    return pattern
        return None

    def add(self, line: Line, pattern: Pattern) -> tuple[list[Pattern], Key] | None:
        """Learns a line; the patterns that it shows to be one, with what they have in common, if any."""
        parts = line.plain
        found = None
        for word in (parts[0], "\0" + parts[-1]):
            if len(self._latest) >= BUCKETS and word not in self._latest:
                self._latest.clear()
            latest = self._latest.setdefault(word, [])
            found = found or self._compared(parts, pattern, latest)
            latest.append((pattern, parts))
            del latest[:-LATEST]
        return found

    def _compared(
        self, parts: list[str], pattern: Pattern, latest: list[tuple[Pattern, list[str]]]
    ) -> tuple[list[Pattern], Key] | None:
        for other, others in reversed(latest):
            other = living(other)
            if other is pattern or other.kind != "mined":
                continue
            for key, enough in _keys(parts, others):
                members = self._keys.get(key)
                if members is None:
                    if len(self._keys) >= KEYS:
                        self._keys.clear()
                    members = self._keys[key] = []
                members += [other, pattern]
                members[:] = [m for m in dict.fromkeys(map(living, members)) if m.kind == "mined"]
                if len(members) >= enough:
                    return members, key
        return None

    def learn(self, key: Key, pattern: Pattern) -> None:
        """From now on, what has this in common is the pattern."""
        prefix, suffix = key
        known = self._known.setdefault(
            Line(prefix + ANY).plain[0] if prefix else "\0" + Line(suffix).plain[-1], []
        )
        known.append((prefix, suffix, pattern))
        known.sort(key=lambda one: -len(one[0]) - len(one[1]))
        del known[TRIED:]


def fits(text: str, prefix: str, suffix: str) -> bool:
    """Whether a text has these two, and between them something, or nothing at its end."""
    if text.startswith(prefix) and text.endswith(suffix):
        return len(text) > len(prefix) + len(suffix)
    return not suffix and text == prefix.rstrip()


def _keys(one: list[str], other: list[str]) -> Iterator[tuple[Key, int]]:
    """What two lines have in common, in the ways that may matter, and how many lines are enough."""
    size = min(len(one), len(other))
    start = 0
    while start < size and one[start] == other[start]:
        start += 1
    start -= start % 2  # a separator alone is nothing
    end = 0
    while end < size - start and one[-1 - end] == other[-1 - end]:
        end += 1
    end -= end % 2
    if start + end < 2 or start + end >= size + 1:
        return
    prefix, suffix = one[:start], one[len(one) - end :] if end else []
    yield from _key(prefix, suffix)
    opening = next((i for i in range(start, 0, -2) if ": " in one[i - 1]), 0)
    if opening and (end or opening < start):
        yield from _key(one[:opening], [])


def _key(prefix: list[str], suffix: list[str]) -> Iterator[tuple[Key, int]]:
    common = constants(prefix[::2]) + constants(suffix[1::2])
    before = "".join(prefix)
    table = ENOUGH if prefix and suffix else ENOUGH_OUTER
    if not prefix and ":" in suffix[0]:
        return
    if _OPENS.search(before):
        table = ENOUGH_ERRORS if _FAILS.search(before) else ENOUGH_VALUES
    enough = table[min(common, len(table) - 1)]
    if enough < 99:
        yield (before, "".join(suffix)), enough

"""Merging of masked lines that differ in one stretch of any number of words: an exception's text, a sentence, a list.

A new line is compared with the latest ones that begin or end with the same word. What two lines have in common before
and after the stretch is a key; when enough lines have come with one key, the stretch is a variable. How many are enough
falls with the words in common, and where the stretch stands where values do: after a colon, in brackets, in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tidegate.patterns.line import ANY, VALUE, Line, constants, enough, split
from tidegate.patterns.pattern import Pattern, living

#: Lines compared with; first and last words, and keys, remembered; patterns tried for one first or last word.
LATEST, KEPT, BUCKETS, KEYS, TRIED = 16, 48, 2048, 8192, 32
NEVER = 99
#: Different lines that make a stretch a variable, by words in common (the last: this many and more).
ENOUGH = (NEVER,) * 6
#: The same where the stretch begins or ends the line, and nothing says that a value stands there.
ENOUGH_OUTER = (NEVER, NEVER, NEVER, NEVER, 5, 4)
ENOUGH_FIRST = (NEVER, NEVER, NEVER, 5, 4, 3)
#: The same where values stand.
ENOUGH_VALUES = (NEVER, NEVER, 8, 4, 3, 2)
#: The same where something went wrong, and the text of an exception follows.
ENOUGH_ERRORS = (NEVER, 6, 3, 2, 2, 2)

_OPENS = re.compile(r"[:=({\[\"'`>|-] ?$")
_FAILS = re.compile(
    r"fail|error|exception|could ?n[o']t|can ?not|can't|unable|invalid|unexpected|problem", re.IGNORECASE
)

#: What lines have in common before and after a stretch; or, without a stretch, the line with its variables.
Key = tuple[str, str | None]
#: Different lines with several different words that make those variables, by words in common; and where values differ.
ENOUGH_WORDS = (NEVER, NEVER, NEVER, 6, 4, 3)
ENOUGH_WORD_VALUES = (NEVER, NEVER, NEVER, 3, 2, 2)

#: A pattern, and the line that made it.
Recent = tuple[Pattern, list[str]]
Compare = Callable[[list[str], list[str]], Iterable[tuple[Key, int, tuple[int, ...]]]]


class Gaps:
    """Patterns with a stretch of words as variable, and the lines of which more may be made."""

    __slots__ = ("_forms", "_keys", "_known", "_latest")

    def __init__(self) -> None:
        self._latest: dict[str, list[Recent]] = {}
        self._forms: dict[int, list[Recent]] = {}
        self._known: dict[str, list[tuple[list[str], list[str], Pattern]]] = {}
        self._keys: dict[Key, list[Pattern]] = {}

    def find(self, line: Line) -> Pattern | None:
        """The pattern with a stretch that a line fits."""
        if not self._known:
            return None
        parts = line.plain
        for word in (parts[0], "\0" + parts[-1], ANY):
            for prefix, suffix, pattern in self._known.get(word, ()):
                if fits(parts, prefix, suffix) and pattern.kind == "mined":
                    return pattern
        return None

    def add(self, line: Line, pattern: Pattern) -> tuple[list[Pattern], Key] | None:
        """Learns a line; the patterns that it shows to be one, with what they have in common, if any."""
        parts = line.plain
        first, last = parts[0], parts[-1]
        alike = [
            one for one in _remembered(self._forms, line.form, pattern, parts) if one[1][0] == first or one[1][-1] == last
        ]
        found = self._compared(parts, pattern, alike, _words) if alike else None
        for word in _ends(parts):
            latest = _remembered(self._latest, word, pattern, parts)
            if latest and found is None:
                found = self._compared(parts, pattern, latest, _keys)
        return found

    def covered(self, line: Line, pattern: Pattern) -> list[Pattern]:
        """Other patterns of late whose lines a line with variables covers."""
        parts, size = line.plain, len(line.parts)
        found = [
            living(other)
            for other, others in self._forms.get(line.form, ())
            if len(others) == size and all(mine in (theirs, ANY) for mine, theirs in zip(parts, others, strict=True))
        ]
        return [other for other in dict.fromkeys(found) if other is not pattern and other.kind == "mined"]

    def within(self, key: Key, line: Line) -> list[Pattern]:
        """Patterns of late whose lines have this in common with a line, however much lies between."""
        prefix, suffix = split(key[0] + ANY)[:-1], split(ANY + (key[1] or ""))[1:]
        found = [
            living(other)
            for word in _ends(line.plain)
            for other, others in self._latest.get(word, ())
            if fits(others, prefix, suffix)
        ]
        return [other for other in dict.fromkeys(found) if other.kind == "mined"]

    def _compared(
        self, parts: list[str], pattern: Pattern, latest: list[Recent], compare: Compare
    ) -> tuple[list[Pattern], Key] | None:
        for before, others in reversed(latest):
            other = living(before)
            if other is pattern or other.kind != "mined":
                continue
            for key, common, table in compare(parts, others):
                members = self._keys.get(key)
                if members is None:
                    if len(self._keys) >= KEYS:
                        self._keys.clear()
                    members = self._keys[key] = []
                members += [other, pattern]
                members[:] = [m for m in dict.fromkeys(map(living, members)) if m.kind == "mined"]
                if len(members) >= enough(table, common, sum(m.count for m in members), len(members)):
                    return members, key
        return None

    def learn(self, key: Key, pattern: Pattern) -> None:
        """From now on, what has this in common is the pattern."""
        if key[1] is None:
            return
        prefix, suffix = split(key[0] + ANY)[:-1], split(ANY + key[1])[1:]
        known = self._known.setdefault(prefix[0] if prefix else "\0" + suffix[-1], [])
        known.append((prefix, suffix, pattern))
        known.sort(key=lambda one: -len(one[0]) - len(one[1]))
        del known[TRIED:]


def _remembered(table: dict[Any, list[Recent]], key: object, pattern: Pattern, parts: list[str]) -> list[Recent]:
    """The latest lines under a key, of which this is one from now on."""
    if len(table) >= BUCKETS:
        table.clear()
    latest = table.get(key)
    if latest is None:
        table[key] = [(pattern, parts)]
        return []
    table[key] = [*latest[1 - KEPT :], (pattern, parts)]
    return latest[-LATEST:]


def _ends(parts: list[str]) -> tuple[str, str]:
    return " ".join(parts[:3:2]), "\0" + " ".join(parts[:-4:-2])


def fits(parts: list[str], prefix: list[str], suffix: list[str]) -> bool:
    """Whether a line begins and ends so; what is between may be nothing at its end."""
    if len(parts) <= len(prefix) + len(suffix):
        return False
    for mine, theirs in zip(prefix, parts, strict=False):
        if mine not in (theirs, ANY) and not (parts[-1] == "" and mine == theirs + " "):
            return False
    for mine, theirs in zip(reversed(suffix), reversed(parts), strict=False):
        if mine not in (theirs, ANY):
            return False
    return True


def _keys(one: list[str], other: list[str]) -> Iterator[tuple[Key, int, tuple[int, ...]]]:
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


def _key(prefix: list[str], suffix: list[str]) -> Iterator[tuple[Key, int, tuple[int, ...]]]:
    first = constants(prefix[::2])
    common = first + constants(suffix[1::2])
    if common < 1:
        return
    before = "".join(prefix)
    table = ENOUGH if suffix else ENOUGH_OUTER
    if not first:  # what tells statements apart mostly comes first
        table = ENOUGH_FIRST
        if not suffix or ":" in suffix[0]:
            return
    elif _OPENS.search(before):
        table = ENOUGH_ERRORS if _FAILS.search(before) else ENOUGH_VALUES
    if table[min(common, len(table) - 1)] < NEVER:
        yield (before, "".join(suffix)), common, table


def _words(one: list[str], other: list[str]) -> Iterator[tuple[Key, int, tuple[int, ...]]]:
    """Lines of one form that differ in several words."""
    if len(one) != len(other):
        return
    same = [mine if mine == theirs else ANY for mine, theirs in zip(one, other, strict=True)]
    differ = [(mine, theirs) for mine, theirs in zip(one, other, strict=True) if mine != theirs]
    if 1 <= len(differ) <= 3:
        table = ENOUGH_WORD_VALUES if any(ANY in pair or VALUE.search(" ".join(pair)) for pair in differ) else ENOUGH_WORDS
        common = constants(same[::2])
        if table[min(common, len(table) - 1)] < NEVER:
            yield ("".join(same), None), common, table

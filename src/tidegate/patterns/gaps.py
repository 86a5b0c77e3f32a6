"""Merging of masked lines that differ in one stretch of any number of words: an exception's text, a sentence, a list.

A new line is compared with the latest ones that begin or end with the same word. What two lines have in common before
and after the stretch is a key; when enough lines have come with one key, the stretch is a variable.
"""

from __future__ import annotations

from typing import Any

from tidegate.patterns.alike import Found, Key, Recent, stretches, words
from tidegate.patterns.line import ANY, Line, enough, split
from tidegate.patterns.pattern import Pattern, living

#: Lines compared with, and kept, for one first or last word; patterns tried for one.
LATEST, KEPT, TRIED = 16, 48, 32
#: What a part of a line that is remembered takes in bytes, measured, and ways of having something in common remembered.
PART_BYTES, KEYS = 60, 4096


class Gaps:
    """Patterns with a stretch of words as variable, and the lines of which more may be made."""

    __slots__ = ("_bytes", "_forms", "_keys", "_known", "_latest", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._latest: dict[str, list[Recent]] = {}
        self._forms: dict[int, list[Recent]] = {}
        self._known: dict[str, list[tuple[list[str], list[str], Pattern]]] = {}
        self._keys: dict[Key, list[Pattern]] = {}
        self._bytes = 0
        self._max_bytes = max_bytes

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
        self._bytes += PART_BYTES * (len(parts) + 4)
        if self._bytes > self._max_bytes:
            self._latest.clear()
            self._forms.clear()
            self._bytes = 0
        first, last = parts[0], parts[-1]
        alike = [
            one
            for one in _remembered(self._forms, line.form, pattern, parts)
            if one[1][0] == first or one[1][-1] == last
        ]
        found = self._enough(words(parts, alike, pattern), pattern) if alike else None
        for word in _ends(parts):
            latest = _remembered(self._latest, word, pattern, parts)
            if latest and found is None:
                found = self._enough(stretches(parts, latest, pattern), pattern)
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

    def _enough(self, alike: dict[Found, list[Pattern]], pattern: Pattern) -> tuple[list[Pattern], Key] | None:
        """The first patterns that are enough by what they have in common."""
        for (key, common, table), others in alike.items():
            members = self._members(key, others, pattern)
            if len(members) >= enough(table, common, sum(m.count for m in members), len(members)):
                return members, key
        return None

    def _members(self, key: Key, others: list[Pattern], pattern: Pattern) -> list[Pattern]:
        """Every living pattern that came with this in common, these included."""
        if len(self._keys) >= KEYS:
            self._keys.clear()
        members = dict.fromkeys([*map(living, self._keys.get(key, ())), *others, pattern])
        found = self._keys[key] = [member for member in members if member.kind == "mined"]
        return found

    def learn(self, key: Key, pattern: Pattern) -> None:
        """From now on, what has this in common is the pattern."""
        if key[1] is None:
            return
        prefix, suffix = split(key[0] + ANY)[:-1], split(ANY + key[1])[1:]
        known = self._known.setdefault(prefix[0] if prefix else "\0" + suffix[-1], [])
        known.append((prefix, suffix, pattern))
        known.sort(key=lambda one: -len(one[0]) - len(one[1]))
        del known[TRIED:]

    def stretches(self) -> list[tuple[str, str, str]]:
        """What the lines of patterns with a stretch begin and end with, and the patterns' ids."""
        known = [one for some in self._known.values() for one in some if not one[2].gone]
        return [("".join(prefix), "".join(suffix), living(pattern).id) for prefix, suffix, pattern in known]

    def stretch(self, pattern: Pattern) -> int:
        """Where in a pattern's template a stretch begins; less than 0 where none does."""
        parts = split(pattern.template)
        for word in (parts[0], "\0" + parts[-1], ANY):
            for prefix, suffix, other in self._known.get(word, ()):
                before = "".join(prefix)
                if other is pattern and before + ANY + "".join(suffix) == pattern.template:
                    return len(before)
        return -1

    def forget(self) -> None:
        """Rids itself of patterns that went."""
        known = {word: [one for one in some if not one[2].gone] for word, some in self._known.items()}
        self._known = {word: some for word, some in known.items() if some}


def _remembered(table: dict[Any, list[Recent]], key: object, pattern: Pattern, parts: list[str]) -> list[Recent]:
    """The latest lines under a key, of which this is one from now on."""
    latest = table.get(key)
    if latest is None:
        table[key] = [(pattern, parts)]
        return []
    table[key] = [*latest[1 - KEPT :], (pattern, parts)]
    return latest[-LATEST:]


def _ends(parts: list[str]) -> tuple[str, str]:
    words = [word for word in parts[::2] if word]
    first = words[:1] if ":" in "".join(parts[1:2]) else words[:2]
    return " ".join(first), "\0" + "".join(words[-1:])


def fits(parts: list[str], prefix: list[str], suffix: list[str]) -> bool:
    """Whether a line begins and ends so; what is between may be nothing at its end."""
    if len(parts) <= len(prefix) + len(suffix):
        return False
    for mine, theirs in zip(prefix, parts, strict=False):
        if mine not in (theirs, ANY) and not (parts[-1] == "" and mine == theirs + " "):
            return False
    return all(mine in (theirs, ANY) for mine, theirs in zip(reversed(suffix), reversed(parts), strict=False))

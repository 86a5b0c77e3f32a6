"""Merging of masked lines that differ in one stretch of any number of words: an exception's text, a sentence, a list.

A new line is compared with the latest ones that begin or end with the same word. What two lines have in common before
and after the stretch is a key; when enough lines have come with one key, the stretch is a variable. How many are enough
falls with the words in common, and where the stretch stands where values do: after a colon, in brackets, in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import ne
from typing import Any

from tidegate.patterns.line import ANY, NAMED, VALUE, Line, constants, enough, is_constant, split
from tidegate.patterns.pattern import Pattern, living
from tidegate.patterns.tokens import compiled

#: Lines compared with, and kept, for one first or last word; patterns tried for one.
LATEST, KEPT, TRIED = 16, 48, 32
#: What a part of a line that is remembered takes in bytes, measured, and ways of having something in common remembered.
PART_BYTES, KEYS = 60, 4096
NEVER = 99
#: Different lines that make a stretch at a line's end a variable, by words in common (the last: this many and more).
ENOUGH_OUTER = (NEVER, NEVER, NEVER, NEVER, 5, 4)
#: The same at a line's beginning.
ENOUGH_FIRST = (NEVER, NEVER, NEVER, 5, 4, 3)
#: The same where values stand.
ENOUGH_VALUES = (NEVER, NEVER, 8, 4, 3, 2)
#: The same where something went wrong, and the text of an exception follows.
ENOUGH_ERRORS = (NEVER, 6, 3, 2, 2, 2)

#: By these, parts that lines share at least: before a stretch after which nothing is shared, and after one that begins.
HEAD, TAIL = 8, 6

_OPENING = frozenset(":=({[\"'`>|")
_OPENS = re.compile(r"[:=({\[\"'`>|] ?$")
_FAILS = r"(?i:fail|error|exception|could ?n[o']t|can ?not|can't|unable|invalid|unexpected|problem)"

#: What lines have in common before and after a stretch; or, without a stretch, the line with its variables.
Key = tuple[str, str | None]
#: Words at most in which lines of one form may differ, and words at least that they then have in common.
WORDS, FEWEST = 3, 3
#: Different lines with several different words that make those variables, by words in common; and where values differ.
ENOUGH_WORDS = (NEVER, NEVER, NEVER, 6, 4, 3)
ENOUGH_NAMED = (NEVER, NEVER, NEVER, NEVER, 9, 7)
ENOUGH_WORD_VALUES = (NEVER, NEVER, NEVER, 3, 2, 2)

#: A pattern, and the line that made it.
Recent = tuple[Pattern, list[str]]
#: What lines have in common, how many words that are, and how many lines are enough by them.
Found = tuple[Key, int, tuple[int, ...]]


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
        found = self._enough(_words(parts, alike, pattern), pattern) if alike else None
        for word in _ends(parts):
            latest = _remembered(self._latest, word, pattern, parts)
            if latest and found is None:
                found = self._enough(_stretches(parts, latest, pattern), pattern)
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


def _others(latest: list[Recent], pattern: Pattern) -> Iterator[tuple[Pattern, list[str]]]:
    """The living patterns besides this one, and their lines, the latest first."""
    for before, parts in reversed(latest):
        other = before if before.into is None else living(before)
        if other is not pattern and other.kind == "mined":
            yield other, parts


def _stretches(parts: list[str], latest: list[Recent], pattern: Pattern) -> dict[Found, list[Pattern]]:
    """Other patterns by what their lines have in common with a line before and after a stretch."""
    places: dict[tuple[int, int], list[Pattern]] = {}
    last, head, tail = parts[-1], parts[: _least(parts)], parts[-TAIL:]
    size = len(head)
    for other, others in _others(latest, pattern):
        if others[:size] != head and others[-TAIL:] != tail:
            continue
        start = 0
        for mine, theirs in zip(parts, others, strict=False):
            if mine != theirs:
                break
            start += 1
        start &= ~1  # a separator alone is nothing
        end = _shared_end(parts, others, start) if others[-1] == last else 0
        if start + end >= 2:
            places.setdefault((start, end), []).append(other)
    alike: dict[Found, list[Pattern]] = {}
    for (start, end), members in places.items():
        found = _around(parts[:start], parts[len(parts) - end :] if end else [])
        opening = next((i for i in range(start, 0, -2) if ": " in parts[i - 1]), 0)
        if opening and (end or opening < start):
            found += _around(parts[:opening], [])
        for one in found:
            alike.setdefault(one, []).extend(members)
    return alike


def _least(parts: list[str]) -> int:
    """How many first parts lines share at least that have something in common before a stretch that matters."""
    if not is_constant(parts[0]):
        return 0
    return next((at for at in range(2, HEAD, 2) if not _OPENING.isdisjoint("".join(parts[at - 2 : at]))), HEAD)


def _shared_end(one: list[str], other: list[str], start: int) -> int:
    """How many parts after the beginning two lines have in common at their ends."""
    end, rest = 0, min(len(one), len(other)) - start
    while end < rest and one[-1 - end] == other[-1 - end]:
        end += 1
    return end & ~1


def _around(prefix: list[str], suffix: list[str]) -> list[Found]:
    first = constants(prefix[::2])
    common = first + constants(suffix[1::2])
    if not common:
        return []
    before = "".join(prefix)
    table = ENOUGH_OUTER
    if not first:  # what tells statements apart mostly comes first
        if not suffix or ":" in suffix[0]:
            return []
        table = ENOUGH_FIRST
    elif _OPENS.search(before):
        table = ENOUGH_ERRORS if compiled(_FAILS).search(before) else ENOUGH_VALUES
    elif suffix:
        return []
    return [((before, "".join(suffix)), common, table)] if table[min(common, len(table) - 1)] < NEVER else []


def _words(parts: list[str], latest: list[Recent], pattern: Pattern) -> dict[Found, list[Pattern]]:
    """Other patterns by what their lines of the same form have in common with one, where few words differ."""
    alike: dict[Found, list[Pattern]] = {}
    most = min(WORDS, (len(parts) + 1) // 2 - FEWEST)
    for other, others in _others(latest, pattern):
        if len(parts) == len(others) and 1 <= sum(map(ne, parts, others)) <= most:
            key, common, table = _same(parts, others)
            if table[min(common, len(table) - 1)] < NEVER:
                alike.setdefault((key, common, table), []).append(other)
    return alike


def _same(one: list[str], other: list[str]) -> Found:
    differ = [(mine, theirs) for mine, theirs in zip(one, other, strict=True) if mine != theirs]
    if any(NAMED.fullmatch(mine) and NAMED.fullmatch(theirs) for mine, theirs in differ):
        table = ENOUGH_NAMED
    elif any(ANY in pair or VALUE.search(" ".join(pair)) for pair in differ):
        table = ENOUGH_WORD_VALUES
    else:
        table = ENOUGH_WORDS
    same = [mine if mine == theirs else ANY for mine, theirs in zip(one, other, strict=True)]
    return ("".join(same), None), constants(same[::2]), table

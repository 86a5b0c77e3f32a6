"""Merging of masked lines that differ in one place: online, and once for each new shape.

A masked line is words and what separates them. Each word's place is a hole: the line without that word is a key under
which the words that filled it are gathered. When enough different ones have come, the place is a variable and their
patterns become one. How many are enough falls with the words that the lines still have in common. A line's end after a
colon is such a place too, of any number of words.
"""

from __future__ import annotations

import re

from tidegate.patterns.mask import NAMES
from tidegate.patterns.pattern import Pattern, living

#: Places of a line that can become variables, and words that are looked at.
PLACES, WORDS = 24, 64
#: Fillers that make a place a variable, by the number of words in common (the last: this many and more).
ENOUGH = (0, 20, 7, 4, 3)
#: The same when every filler looks like a value (digits, underscores, dots, capitals inside).
ENOUGH_VALUES = (0, 5, 3, 2, 2)
#: The same for a line's end after a colon.
ENOUGH_ENDS = (0, 20, 7, 4, 3)
#: Sets of variable places that are tried for lines of one form.
SETS = 12

_SPLIT = re.compile(r"((?:[ =:,;()\[\]{}\"'|]|\.+(?= |$))+)")
_VARIABLE = re.compile(f"<(?:{NAMES})>")
_LETTERS = re.compile("[A-Za-z]{2}")
_VALUE = re.compile(rf"<(?:{NAMES})>|[_./\\@-]|[a-z][A-Z]")
_NEVER = frozenset(("true", "false", "True", "False"))


class Line:
    """A masked line taken apart; ``terms`` are the words' shares of its sum."""

    __slots__ = ("form", "parts", "sum", "terms")

    def __init__(self, masked: str) -> None:
        self.parts = _SPLIT.split(masked, WORDS)
        self.terms = [hash(pair) for pair in enumerate(self.parts[::2])]
        self.form = hash(tuple(self.parts[1::2]))
        self.sum = sum(self.terms) + self.form

    def words(self) -> list[str]:
        return self.parts[::2]


def constants(words: list[str]) -> int:
    """How many of the words are surely part of the statement."""
    return sum(1 for word in words if "<" not in word and _LETTERS.search(word))


class Holes:
    """Finds the pattern that a new line belongs to, and makes patterns one; bounded by ``limit`` holes."""

    __slots__ = ("_ends", "_general", "_holes", "_limit", "_old", "_sets", "merges")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._holes: dict[int, Pattern | list[Pattern]] = {}
        self._old: dict[int, Pattern | list[Pattern]] = {}
        self._general: dict[int, Pattern] = {}
        self._sets: dict[int, list[tuple[int, ...]]] = {}
        self._ends: dict[int, Pattern] = {}
        self.merges = 0

    def find(self, line: Line) -> Pattern | None:
        """The pattern with variables that the line fits."""
        terms = line.terms
        for places in self._sets.get(line.form, ()):
            if places[-1] < len(terms):
                found = self._general.get(hash((line.sum - sum([terms[i] for i in places]), places)))
                if found is not None:
                    return found
        if self._ends:
            for key in self._end_keys(line):
                if key in self._ends:
                    return self._ends[key]
        return None

    def _end_keys(self, line: Line) -> list[int]:
        keys = []
        parts = line.parts
        for i in range(1, len(parts) - 1, 2):
            if ": " in parts[i] and i > 1:
                keys.append(hash(tuple(parts[: i + 1])))
        return keys

    def add(self, line: Line, pattern: Pattern) -> Pattern:
        """Learns a line that fits nothing known, and returns what counts it now: ``pattern``, or what it became."""
        for _ in range(8):
            merged = self._learn(line, pattern)
            if merged is None:
                break
            pattern, line = merged, Line(merged.template)
            self._generalise(line, pattern)
        return pattern

    def restore(self, pattern: Pattern) -> None:
        """Knows a pattern from elsewhere."""
        line = Line(pattern.template)
        self._generalise(line, pattern)
        self._learn(line, pattern)
        if pattern.template.endswith(": <*>"):
            self._ends[hash(tuple(line.parts[:-1]))] = pattern

    def _learn(self, line: Line, pattern: Pattern) -> Pattern | None:
        words = line.words()
        total = constants(words)
        for i, word in enumerate(words[:PLACES]):
            if word == "<*>" or not word:
                continue
            common = total - (1 if "<" not in word and _LETTERS.search(word) else 0)
            if common == 0:
                continue
            members = self._gather(hash((line.sum - line.terms[i], i)), pattern)
            if members is not None and self._is_variable(members, i, common, len(line.parts)):
                return self._merge(members, len(line.parts))
        if ": " in "".join(line.parts[1::2]):
            for i in range(3, len(line.parts) - 1, 2):
                if ": " in line.parts[i] and line.parts[i + 1 :] != ["<*>"]:
                    common = constants(line.parts[:i:2])
                    members = self._gather(hash(tuple(line.parts[: i + 1])), pattern) if common else None
                    if members is not None and len(members) >= ENOUGH_ENDS[min(common, len(ENOUGH_ENDS) - 1)]:
                        return self._merge_ends(members, "".join(line.parts[: i + 1]))
        return None

    def _gather(self, key: int, pattern: Pattern) -> list[Pattern] | None:
        """The living patterns with this hole, when there are several."""
        found = self._holes.get(key)
        if found is None:
            found = self._old.get(key)
            if len(self._holes) >= self._limit:
                self._old, self._holes = self._holes, {}
            self._holes[key] = pattern if found is None else found
            if found is None:
                return None
        if isinstance(found, Pattern):
            found = [found]
        members = list(dict.fromkeys([living(member) for member in found] + [pattern]))
        members = [member for member in members if member.kind == "mined"]
        self._holes[key] = members if len(members) > 1 else members[0]
        return members if len(members) > 1 else None

    def _is_variable(self, members: list[Pattern], place: int, common: int, length: int) -> bool:
        fillers = set()
        for member in members:
            parts = _SPLIT.split(member.template, WORDS)
            if len(parts) == length:
                fillers.add(parts[2 * place])
        if len(fillers) < 2 or fillers <= _NEVER:
            return False
        level = min(common, len(ENOUGH) - 1)
        typed = sum(1 for filler in fillers if _VARIABLE.search(filler))
        if typed:
            return True
        if all(_VALUE.search(filler) for filler in fillers):
            return len(fillers) >= ENOUGH_VALUES[level]
        return len(fillers) >= ENOUGH[level]

    def _merge(self, members: list[Pattern], length: int) -> Pattern | None:
        split = [_SPLIT.split(member.template, WORDS) for member in members]
        chosen = [(member, parts) for member, parts in zip(members, split, strict=True) if len(parts) == length]
        columns = zip(*(parts for _, parts in chosen), strict=True)
        template = "".join(column[0] if len(set(column)) == 1 else "<*>" for column in columns)
        return self._join([member for member, _ in chosen], template)

    def _merge_ends(self, members: list[Pattern], prefix: str) -> Pattern | None:
        merged = self._join([member for member in members if member.template.startswith(prefix)], prefix + "<*>")
        self._ends[hash(tuple(_SPLIT.split(prefix + "<*>", WORDS)[:-1]))] = merged
        return merged

    def _join(self, members: list[Pattern], template: str) -> Pattern:
        """Makes the patterns one, which keeps the id of the one that counted most."""
        survivor = max(members, key=lambda member: member.count)
        survivor.template = template
        for member in members:
            if member is not survivor:
                survivor.count += member.count
                survivor.seen += member.seen
                member.into = survivor
                self.merges += 1
        return survivor

    def _generalise(self, line: Line, pattern: Pattern) -> None:
        places = tuple(i for i, word in enumerate(line.words()) if word == "<*>")
        if not places:
            return
        self._general[hash((line.sum - sum([line.terms[i] for i in places]), places))] = pattern
        sets = self._sets.setdefault(line.form, [])
        if places not in sets:
            sets.insert(0, places)
            del sets[SETS:]

"""Merging of masked lines that differ in one word: online, and once for each new shape.

Each word's place is a hole: the line without that word is a key under which the patterns with that hole are gathered.
When enough different words have come, the place is a variable and the patterns are one. How many are enough falls with
the words that the lines still have in common.
"""

from __future__ import annotations

from tidegate.patterns.line import ANY, NAMED, PATIENCE_VALUES, VALUE, Line, constants, enough, is_typed, split
from tidegate.patterns.pattern import Pattern, living

#: Places of a line that can become variables, and sets of places that are tried for lines of one form.
PLACES, SETS = 24, 12
#: Variables that tell as much of a statement as a word does.
TYPED = 3
#: Fillers that make a place a variable, by the number of words in common (the last: this many and more).
ENOUGH = (0, 20, 7, 5, 3)
#: The same when some filler looks like a value (digits, underscores, dots, capitals inside).
ENOUGH_VALUES = (0, 5, 3, 2, 2)
#: The same when all are in capitals, as requests' methods and states are.
ENOUGH_NAMED = (0, 20, 7, 5, 4)

_NEVER = frozenset(("true", "false"))


#: The patterns that came with a hole; alone while there is one.
Hole = Pattern | list[Pattern]


class Holes:
    """Patterns with single words as variables, and the holes of which more may be made, at most ``limit`` twice."""

    __slots__ = ("_general", "_holes", "_limit", "_old", "_sets")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._holes: dict[int, Hole] = {}
        self._old: dict[int, Hole] = {}
        self._general: dict[int, Pattern] = {}
        self._sets: dict[int, list[tuple[int, ...]]] = {}

    def find(self, line: Line) -> Pattern | None:
        """The pattern with variables that a line fits."""
        terms = line.terms
        for places in self._sets.get(line.form, ()):
            if places[-1] < len(terms):
                found = self._general.get(hash((line.sum - sum([terms[i] for i in places]), places)))
                if found is not None:
                    return found
        return None

    def learn(self, line: Line, pattern: Pattern) -> None:
        """From now on, lines that differ from this one in its ``<*>`` only are the pattern."""
        places = tuple(i for i, word in enumerate(line.words) if word == "<*>")
        if not places:
            return
        self._general[hash((line.sum - sum([line.terms[i] for i in places]), places))] = pattern
        sets = self._sets.setdefault(line.form, [])
        if places not in sets:
            sets.insert(0, places)
            del sets[SETS:]

    def add(self, line: Line, pattern: Pattern) -> list[Pattern] | None:
        """Learns a line that fits nothing known; the patterns that it shows to be one, if any."""
        if len(self._holes) + PLACES > self._limit:
            self._old, self._holes = self._holes, {}
        holes, old, whole = self._holes, self._old, line.sum
        known = []
        for i, (word, term) in enumerate(zip(line.words[:PLACES], line.terms, strict=False)):
            if word and word != ANY:
                key = whole - term
                found = holes.get(key) or old.get(key)
                if found is None:
                    holes[key] = pattern
                else:
                    known.append((i, key, found))
        return self._shown(line, pattern, known) if known else None

    def _shown(self, line: Line, pattern: Pattern, known: list[tuple[int, int, Hole]]) -> list[Pattern] | None:
        """The patterns of the first known hole that is a variable."""
        words = line.words
        total = constants(words) + sum(map(is_typed, words)) // TYPED
        for i, key, found in known:
            common = total - constants([words[i]])
            if (
                common
                and (members := self._gather(key, found, pattern))
                and _shows(members, i, common, len(line.parts))
            ):
                return members
        return None

    def forget(self) -> None:
        """Rids itself of patterns that went."""
        self._general = {key: pattern for key, pattern in self._general.items() if not pattern.gone}
        if len(self._sets) > self._limit:
            self._sets.clear()

    def _gather(self, key: int, found: Hole, pattern: Pattern) -> list[Pattern]:
        """The living patterns with this hole, when there are several."""
        known = [found] if isinstance(found, Pattern) else found
        members = [m for m in dict.fromkeys([*map(living, known), pattern]) if m.kind == "mined"]
        self._holes[key] = members if len(members) > 1 else pattern
        return members if len(members) > 1 else []


def _shows(members: list[Pattern], place: int, common: int, size: int) -> bool:
    """Whether what these patterns have at a place shows that it is a variable; those of another form are left out."""
    lines = {member: split(member.template) for member in members}
    members[:] = [member for member in members if len(lines[member]) == size]
    fillers = {lines[member][2 * place] for member in members}
    return is_variable(fillers, common, sum(member.count for member in members))


def is_variable(fillers: set[str], common: int, seen: int) -> bool:
    """Whether a place with these words is a variable, on lines with so many words in common, seen so often."""
    if len(fillers) < 2 or fillers <= _NEVER:
        return False
    if any(map(is_typed, fillers)):
        return True
    values = sum(1 for filler in fillers if VALUE.search(filler))
    table = ENOUGH_VALUES if values else ENOUGH
    patience = PATIENCE_VALUES if values == len(fillers) else 0
    if all(map(NAMED.fullmatch, fillers)):
        table = ENOUGH_NAMED
    return len(fillers) >= enough(table, common, seen, len(fillers), patience)

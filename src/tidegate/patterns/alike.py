"""What a masked line has in common with others: before and after a stretch of words, or around a few words.

How many different lines make that a variable falls with the words in common, and where values stand: after a colon, in
brackets, in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import ne

from tidegate.patterns.line import ANY, NAMED, VALUE, constants, is_constant
from tidegate.patterns.pattern import Pattern, living
from tidegate.patterns.tokens import compiled

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


def _others(latest: list[Recent], pattern: Pattern) -> Iterator[tuple[Pattern, list[str]]]:
    """The living patterns besides this one, and their lines, the latest first."""
    for before, parts in reversed(latest):
        other = before if before.into is None else living(before)
        if other is not pattern and other.kind == "mined":
            yield other, parts


def stretches(parts: list[str], latest: list[Recent], pattern: Pattern) -> dict[Found, list[Pattern]]:
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


def words(parts: list[str], latest: list[Recent], pattern: Pattern) -> dict[Found, list[Pattern]]:
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

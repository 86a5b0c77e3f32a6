"""The pattern of a masked line that was never seen: one that it fits, or a new one, or what both become."""

from __future__ import annotations

import re

from tidegate.patterns.alike import Key
from tidegate.patterns.gaps import Gaps
from tidegate.patterns.holes import Holes
from tidegate.patterns.line import ANY, Line, split
from tidegate.patterns.pattern import Pattern, living

_LIST = re.compile(r"<\*>(?:, ?<\*>)+")
#: What a hole takes in bytes, by the share that holes have in all of them.
HOLE_BYTES = 512
#: Merges that one new line can bring about.
MERGES = 8
#: Messages of a pattern that goes with others which became one, though it was not among those that showed it.
RARE = 2


class Merger:
    """Holes and gaps, and the joining of what they find, within a share of ``max_bytes``."""

    __slots__ = ("gaps", "holes")

    def __init__(self, max_bytes: int) -> None:
        self.holes = Holes(max_bytes // HOLE_BYTES)
        self.gaps = Gaps(max_bytes // 8)

    def find(self, line: Line) -> Pattern | None:
        """The pattern with variables that a line fits."""
        return self.holes.find(line) or self.gaps.find(line)

    def add(self, line: Line, pattern: Pattern) -> Pattern:
        """Learns a line that fits nothing known, and returns what counts it now: ``pattern``, or what it became."""
        for _ in range(MERGES):
            if members := self.holes.add(line, pattern):
                pattern = join(members, _common([split(member.template) for member in members]))
            elif gap := self.gaps.add(line, pattern):
                members, key = gap
                pattern = self._stretch(members, key)
            else:
                break
            pattern = self._with_lists(pattern)
            line = Line(pattern.template)
            self.holes.learn(line, pattern)
            if ANY in line.parts and (covered := self.gaps.covered(line, pattern)):
                pattern = join([pattern, *dict.fromkeys(covered)], pattern.template)
                self.holes.learn(line, pattern)
        return pattern

    def _with_lists(self, pattern: Pattern) -> Pattern:
        """The pattern with variables that follow each other as one: a list of any length."""
        found = _LIST.search(pattern.template)
        if found is None:
            return pattern
        before, after = pattern.template[: found.start()], pattern.template[found.end() :]
        line = Line(before + ANY + after)
        others = [living(other) for other in (self.holes.find(line), self.gaps.find(line)) if other is not None]
        key = "".join(Line(before + ANY).plain[:-1]), "".join(Line(ANY + after).plain[1:])
        members = [other for other in dict.fromkeys([pattern, *others]) if other.kind == "mined"]
        pattern = join([*members, *self._rare(key, line, members)], before + ANY + after)
        self.gaps.learn(key, pattern)
        return pattern

    def _stretch(self, members: list[Pattern], key: Key) -> Pattern:
        prefix, suffix = key
        if suffix is None:
            lines = [split(member.template) for member in members]
            size = len(lines[-1])
            same = [(m, parts) for m, parts in zip(members, lines, strict=True) if len(parts) == size]
            return join([m for m, _ in same], _common([parts for _, parts in same]))
        line = Line(members[-1].template)
        pattern = join([*members, *self._rare(key, line, members)], prefix + ANY + suffix)
        self.gaps.learn(key, pattern)
        return pattern

    def forget(self) -> None:
        """Rids holes and gaps of patterns that went."""
        self.holes.forget()
        self.gaps.forget()

    def _rare(self, key: Key, line: Line, members: list[Pattern]) -> list[Pattern]:
        """Patterns that few messages had, and that go with others which became one."""
        return [other for other in self.gaps.within(key, line) if other.count <= RARE and other not in members]

    def restore(self, pattern: Pattern) -> None:
        """Knows a pattern from elsewhere, and merges nothing by it."""
        line = Line(pattern.template)
        self.holes.learn(line, pattern)
        self.holes.add(line, pattern)
        self.gaps.add(line, pattern)


def _common(lines: list[list[str]]) -> str:
    return "".join(column[0] if len(set(column)) == 1 else ANY for column in zip(*lines, strict=True))


def join(members: list[Pattern], template: str) -> Pattern:
    """Makes patterns one, which keeps the id of the one that counted most."""
    survivor = max(members, key=lambda member: member.count)
    survivor.template = template
    for member in members:
        if member is not survivor:
            survivor.count += member.count
            survivor.seen += member.seen
            member.into = survivor
    return survivor

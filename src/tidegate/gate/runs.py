"""Drops of the log gate drawn in advance: how many records of a kind go before one is kept.

By a rate p that number is geometric, so drawing it once is drawing for each record, and costs a record
no more than counting down. A run that is given up early has lost nothing: what is left of it has the
same distribution as what would be drawn anew.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import repeat
from math import log, log1p

from tidegate.gate.log_known import Lane
from tidegate.gate.logs import LogGate
from tidegate.patterns import Pattern
from tidegate.patterns.pattern import living

#: Most drops of one run; what is left of a run is counted by making a list of it.
LONGEST = 1000


class Run:
    """The next records of one kind: each step of ``left`` drops one.

    It is an iterator of the interpreter's own, so that threads step without a lock and none is counted
    twice or not at all. ``seconds`` is for how long it holds. The rest is for whoever holds it: by
    which times of its own clock it holds, and for which records.
    """

    __slots__ = (
        *("kept", "lane", "left", "length", "pattern", "seconds"),
        *("level", "line", "logger", "path", "since", "until"),
    )

    def __init__(self, pattern: Pattern, lane: Lane, length: int, seconds: float) -> None:
        self.pattern = pattern
        self.lane = lane
        self.length = length
        self.left = repeat(None, length)
        self.kept = lane.kept if length < LONGEST else None
        self.seconds = seconds
        self.since = self.until = 0.0
        self.path = self.logger = ""
        self.line = self.level = 0


def begin(gate: LogGate, key: Hashable, pattern: Pattern, now: float) -> Run | None:
    """A run for the records of ``key``, which were judged under it; None where each has to be judged."""
    lane = gate.by_chance(key, now)
    if lane is None:
        return None
    length = LONGEST
    if lane.p > 0:  # 1 - random() is never 0
        length = min(int(log(1.0 - gate.random()) / log1p(-lane.p)), LONGEST)
    return Run(pattern, lane, length, lane.until - now)


def end(run: Run, *, is_used: bool = False) -> None:
    """Count what the run dropped. ``is_used``: the record that it keeps is judged next."""
    rest = len(list(run.left))  # takes the rest, so that no other thread does
    dropped = run.length - rest
    run.lane.cell.lower(dropped)
    living(run.pattern).count += dropped
    if is_used and not rest:
        run.lane.drawn = run.kept

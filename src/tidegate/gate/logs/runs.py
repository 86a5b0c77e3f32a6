"""Drops of the log gate drawn in advance: how many records of a kind go before one is kept.

By a rate p that number is geometric, so drawing it once is drawing for each record, and costs a record
no more than counting down. A run that is given up early has lost nothing: what is left of it has the
same distribution as what would be drawn anew. By a budget p moves all the time, so that a run holds for
the moment only that the budget's outlook does.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import repeat
from math import log, log1p

from tidegate.gate.budget import HOLD
from tidegate.gate.logs.gate import LogGate
from tidegate.gate.logs.known import Lane, Verdict
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
        *("kept", "lane", "left", "length", "p", "pattern", "seconds"),
        *("level", "line", "logger", "path", "since", "until"),
    )

    def __init__(self, pattern: Pattern, lane: Lane, p: float, length: int, seconds: float) -> None:
        self.pattern = pattern
        self.lane = lane
        self.p = p
        self.length = length
        self.left = repeat(None, length)
        self.kept = _kept(lane, p) if length < LONGEST else None
        self.seconds = seconds
        self.since = self.until = 0.0
        self.path = self.logger = ""
        self.line = self.level = 0


def begin(gate: LogGate, key: Hashable, pattern: Pattern, now: float) -> Run | None:
    """A run for the records of ``key``, which were judged under it; None where each has to be judged."""
    lane = gate.by_chance(key, now)
    if lane is None:
        return None
    p, seconds = lane.p, lane.until - now
    if lane.budget is not None and p > 0:
        p *= lane.budget.outlook(lane.known.id, now)
        seconds = min(seconds, HOLD)
    if p >= 1:
        return None
    length = LONGEST
    if p > 0:  # 1 - random() is never 0
        length = int(min(log(1.0 - gate.random()) / log1p(-p), LONGEST))
    return Run(pattern, lane, p, length, seconds)


def _kept(lane: Lane, p: float) -> Verdict:
    return lane.kept if p == lane.p else Verdict(keep=True, adjusted_count=1 / p, reason="rate")


def end(run: Run, *, is_used: bool = False) -> int:
    """How many records the run dropped, which are counted. ``is_used``: the one that it keeps is judged next."""
    rest = len(list(run.left))  # takes the rest, so that no other thread does
    dropped = run.length - rest
    lane, budget = run.lane, run.lane.budget
    lane.cell.lower(dropped, beyond=run.p < lane.p)
    living(run.pattern).count += dropped
    keeps = is_used and not rest and run.kept is not None
    if keeps:
        lane.drawn = run.kept
    if budget is not None:
        budget.count(lane.known.id, dropped + keeps, lane.p)
    return dropped

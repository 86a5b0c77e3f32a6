"""Drops of the log gate drawn in advance: how many records of a kind go before one is kept.

By a rate p that number is geometric, so drawing it once is drawing for each record, and costs a record
no more than counting down. A run that is given up early has lost nothing: what is left of it has the
same distribution as what would be drawn anew.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import repeat
from math import log, log1p

from tidegate.gate.counts import Cell
from tidegate.gate.log_known import Lane
from tidegate.gate.logs import LogGate
from tidegate.patterns import Pattern
from tidegate.patterns.pattern import living

#: Most drops of one run; what is left of a run is counted by making a list of it.
LONGEST = 1000

#: What ``next(run.left, OVER)`` gives when the run is over.
OVER = object()


class Run:
    """The next records of one kind: each ``next(left, OVER)`` that is not `OVER` drops one.

    ``left`` is an iterator of the interpreter's own, so that threads take from it without a lock and
    none is counted twice or not at all. ``seconds`` is for how long it holds.
    """

    __slots__ = ("kept", "lane", "left", "length", "path", "pattern", "seconds", "since", "until")

    def __init__(self, pattern: Pattern, lane: Lane, length: int, seconds: float) -> None:
        self.pattern = pattern
        self.lane = lane
        self.length = length
        self.left = repeat(None, length)
        self.kept = lane.kept if length < LONGEST else None
        self.seconds = seconds
        # for whoever holds the run: by which times of its own clock it holds, and for records of which file
        self.since = self.until = 0.0
        self.path = ""


def begin(gate: LogGate, key: Hashable, pattern: Pattern, now: float) -> Run | None:
    """A run for the records of ``key``, which were judged under it; None where each has to be judged."""
    lane = gate._early.get(key)
    if lane is None or lane.budget is not None or lane.p >= 1 or not lane.since <= now < lane.until:
        return None
    length = LONGEST
    if lane.p > 0:  # 1 - random() is never 0
        length = min(int(log(1.0 - gate._random()) / log1p(-lane.p)), LONGEST)
    return Run(pattern, lane, length, lane.until - now) if length else None


def end(gate: LogGate, run: Run, *, is_used: bool = False) -> None:
    """Count what the run dropped. ``is_used``: the record that it keeps is judged next."""
    rest = len(list(run.left))  # takes the rest, so that no other thread does
    dropped = run.length - rest
    _cell(gate, run.lane).lowered += dropped
    living(run.pattern).count += dropped
    if is_used and not rest:
        run.lane.drawn = run.kept


def _cell(gate: LogGate, lane: Lane) -> Cell:
    known = lane.known
    if gate._known.get(known.id) is known:
        return lane.cell
    severity = next(number for number, cell in known.cells.items() if cell is lane.cell)
    return gate._memory._other.setdefault(severity, Cell())

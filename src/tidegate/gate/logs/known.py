"""What the log gate remembers: of each pattern, and of each way in which its records come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from math import inf
from typing import NamedTuple

from tidegate.gate.budget import SharedBudget
from tidegate.gate.logs.anomaly import Watch
from tidegate.gate.logs.counts import OTHER, Cell, Named, Row
from tidegate.gate.logs.rates import Rate, Tests
from tidegate.gate.threshold import MAX


class Verdict(NamedTuple):
    """``adjusted_count`` is the number of records that a kept one stands for, 0 for a dropped one.

    ``reason`` of a kept record: ``rate`` (chance, also a chance of 1), ``error``, ``first_sight``,
    ``periodic``, or what the caller was certain of. Of a dropped one: ``rate`` or ``budget``.
    """

    keep: bool
    adjusted_count: float
    reason: str


#: Loggers and severities of one pattern that are remembered; beyond that this memory starts over.
LANES = 64

#: A record that is kept whatever is drawn, but not for a reason of its own.
WHOLE = Verdict(keep=True, adjusted_count=1.0, reason="rate")


@lru_cache(maxsize=1000)
def _outcome(p: float) -> tuple[float, Verdict]:
    """Threshold and verdict of a rate; most patterns share a few rates."""
    return (1 - p) * MAX, Verdict(keep=True, adjusted_count=1 / p, reason="rate") if p > 0 else WHOLE


class Sight:
    """What was seen of a pattern in one logger: ``kept`` when a record was; ``due`` when one is certain again.

    Some templates are not one statement's (``%s``); loggers tell their statements apart.
    """

    __slots__ = ("due", "kept")

    def __init__(self) -> None:
        self.due = -inf
        self.kept = False


class Lane:
    """Records of one pattern, severity and logger, to which one rate applies.

    ``p`` is the chance by rate, ``threshold`` the same as what randomness has to reach, and ``kept`` the
    verdict of a record that it keeps; they hold from ``since`` to ``until``. ``drawn`` is a verdict that
    was drawn already, for the record which `LogGate.judge` is about to see. ``others`` are tried first on
    each record. ``is_alone``: nothing else is tried. ``is_closed``: its rate may be another one by now.
    """

    __slots__ = (
        "budget",
        "cell",
        "drawn",
        "is_alone",
        "is_closed",
        "kept",
        "known",
        "others",
        "p",
        "rate",
        "sight",
        "since",
        "threshold",
        "turn",
        "until",
    )

    def __init__(self, known: Known, sight: Sight, cell: Cell, rate: Rate, budget: SharedBudget | None) -> None:
        self.known = known
        self.sight = sight
        self.cell = cell
        self.rate = rate
        self.budget = budget
        self.others: list[tuple[Tests, Lane]] = []
        self.turn = -1
        self.since, self.until = inf, -inf
        self.drawn: Verdict | None = None
        self.is_closed = self.is_alone = False
        self.p, self.threshold, self.kept = 1.0, 0.0, WHOLE

    def settle(self, boost: float) -> None:
        """Take over what the pattern has learnt since the last turn."""
        known, (value, explicit, _) = self.known, self.rate
        # of what was never kept a budget lets more through than a rate, and bounds it as well
        whole = known.rare if known.kept else self.budget is not None
        if value > 0 and whole and not explicit:
            value = 1.0
        elif known.watch.jumping:
            value = min(1.0, value * boost)
        if value != self.p:
            self.p = value
            self.threshold, self.kept = _outcome(value)
        self.turn = known.turn
        # what is never kept has nothing due
        self.since, self.until = known.since, min(known.until, self.sight.due) if value > 0 else known.until


class Known:
    """One pattern. What was learnt of it holds from ``since`` to ``until`` and for ``room`` more records.

    ``rare``: comes so seldom that rates do not apply. ``kept``: a record of it was.
    ``sights``: by logger. ``active``: it came again since it was last considered for eviction.
    """

    __slots__ = (
        "active",
        "cells",
        "counted",
        "id",
        "kept",
        "kind",
        "lanes",
        "rare",
        "room",
        "sights",
        "since",
        "template",
        "turn",
        "until",
        "watch",
    )

    def __init__(self, pattern: Named, now: float) -> None:
        self.id, self.template, self.kind = pattern.id, pattern.template, pattern.kind
        self.cells: dict[int, Cell] = {}
        self.lanes: dict[tuple[int, str], Lane] = {}
        self.watch = Watch(now)
        self.counted = self.turn = 0
        self.since, self.until = inf, -inf
        self.room = 0.0
        self.rare = self.kept = self.active = False
        self.sights: dict[str, Sight] = {}

    def fresh(self) -> int:
        """How many records came that the watch has not counted yet."""
        return sum([cell.total() for cell in list(self.cells.values())]) - self.counted

    def count(self, now: float, awake: float) -> bool:
        """Let the watch count what is fresh; whether the frequency jumps with it."""
        fresh = self.fresh()
        self.counted += fresh
        return self.watch.add(fresh, now, awake)

    def close(self) -> None:
        """Let nobody who has a lane go on with it."""
        for lane in list(self.lanes.values()):
            lane.turn, lane.until, lane.is_closed = -1, -inf, True

    def make_room(self) -> None:
        """Have no more than `LANES` lanes when one is added."""
        if len(self.lanes) >= LANES:
            self.close()
            self.lanes = {}

    def sight(self, logger: str) -> Sight:
        """The sight of this logger; of those that are too many, of all of them together."""
        if logger not in self.sights and len(self.sights) >= LANES:
            logger = OTHER
        return self.sights.setdefault(logger, Sight())


class Memory:
    """At most ``limit`` patterns. Those that did not come lately make room, and leave their counts behind."""

    def __init__(self, limit: int) -> None:
        self.known: OrderedDict[str, Known] = OrderedDict()
        self.evicted = 0
        self._limit = limit
        self._other: dict[int, Cell] = {}

    def meet(self, pattern: Named, now: float) -> Known:
        """Begin with a pattern that is not known."""
        if len(self.known) >= self._limit:
            self._evict()
        known = self.known[pattern.id] = Known(pattern, now)
        return known

    def _evict(self) -> None:
        """The one that is here longest goes, unless it came since it was considered last (second chance)."""
        for _ in range(8):
            _, known = self.known.popitem(last=False)
            if not known.active:
                break
            known.active = False
            self.known[known.id] = known
        else:
            _, known = self.known.popitem(last=False)
        self.evicted += 1
        known.close()
        known.lanes = {}  # they know it, too: nothing should wait for the garbage collector
        for severity, cell in list(known.cells.items()):
            cell.into = self._other.setdefault(severity, Cell())
            cell.into.absorb(cell)

    def rows(self) -> Iterator[Row]:
        """Everything that was counted, the evicted under `OTHER`."""
        # a signal handler may log meanwhile: what is evicted then is in the list, and not in the other row as well
        patterns = list(self.known.values())
        yield OTHER, OTHER, {severity: cell.plus(Cell()) for severity, cell in list(self._other.items())}
        for known in patterns:
            yield known.id, known.template, known.cells

    def reset(self) -> None:
        """Count from zero."""
        cells = [cell for known in list(self.known.values()) for cell in known.cells.values()]
        for cell in [*cells, *self._other.values()]:
            cell.reset()
        for known in list(self.known.values()):
            known.counted = 0
            known.close()

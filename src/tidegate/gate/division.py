"""How one budget is divided among the workers of a host, by what arrives at each.

Pure: times are seconds of the caller's own clock. A worker is alive for another as long as its beat keeps changing, by
the other's clock; what time its beat tells counts only once, when it is first seen. So containers whose clocks differ,
and what is left of the time before a restart of the host, can mislead for a moment at most; and a process that is
stopped or idle is the same as one that has died.

Whoever divides the same demands by the same budget comes to the same shares, which add up to the budget.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

from tidegate.gate.shares import allot

#: Seconds between two looks at what others say.
LOOK = 0.1
#: Demands are averaged over so many seconds.
MEMORY = 2.0
#: What arrived lately is a change, and the only thing that counts, when it is off by so many standard deviations;
#: "lately" is one look, or so many seconds.
SURPRISE = 3.5
LATELY = 0.3
#: A worker has stopped when it did not beat for so many seconds, and the time of so many of its arrivals, but
AWAY = 0.5
AWAY_ARRIVALS = 5.0
#: never longer than this.
LONGEST_AWAY = 1.5
#: Seconds within which what is amiss comes back, more for budgets of which this is less than so many records; and
#: the bounds of the factor by which it does.
RETURN = 1.0
RETURN_RECORDS = 20.0
LEAST, MOST = -0.5, 0.2
#: Seconds that count at most between two looks, less than `AWAY`.
UNSEEN = 0.4
#: The part of a budget that is divided equally whatever arrives, so that a rising demand is never worth nothing.
FLOOR = 0.02


class Demand:
    """Arrivals per second of one budget at one worker."""

    __slots__ = ("_count", "_late_count", "_late_span", "_span")

    def __init__(self) -> None:
        self._count = self._span = self._late_count = self._late_span = 0.0

    def update(self, arrived: float, passed: float) -> float:
        """So much ``arrived`` in the ``passed`` seconds; the rate now."""
        if passed <= 0:
            self._late_count += arrived
            return self.rate
        forget = math.exp(-passed / LATELY)
        self._late_count = self._late_count * forget + arrived
        self._late_span = self._late_span * forget + passed
        decay = math.exp(-passed / MEMORY)
        expected = self.rate
        self._count = self._count * decay + arrived
        self._span = self._span * decay + passed
        if _is_surprise(arrived, passed, expected):
            self._count, self._span, self._late_count, self._late_span = arrived, passed, arrived, passed
        elif _is_surprise(self._late_count, self._late_span, expected):
            self._count, self._span = self._late_count, self._late_span
        return self.rate

    @property
    def rate(self) -> float:
        return self._count / self._span if self._span else 0.0


def _is_surprise(arrived: float, passed: float, expected: float) -> bool:
    mean = expected * passed
    return abs(arrived - mean) > SURPRISE * math.sqrt(mean + 1.0)


class Beats:
    """For how long others have been silent, as one worker sees it.

    Of a time in which it did not look itself, only `UNSEEN` counts: when all have paused together, all come back
    together, and none of them is to take the whole.
    """

    __slots__ = ("_active", "_now", "_seen")

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}
        self._active = 0.0
        self._now: float | None = None

    def look(self, now: float) -> None:
        """A look begins."""
        if self._now is not None:
            self._active += min(max(now - self._now, 0.0), UNSEEN)
        self._now = now

    def silence(self, who: Hashable, beat: Hashable, time: float) -> float:
        """Seconds since the beat of ``who``, of this ``time`` by its clock, was first seen.

        Whose first beat it is, its time has to tell; by a clock that is ahead of ours, it beat just now.
        """
        former = self._seen.get(who)
        if former is None:
            age = 0.0 if self._now is None else max(0.0, self._now - time)
            former = self._seen[who] = beat, self._active - age
        elif former[0] != beat:
            former = self._seen[who] = beat, self._active
        return self._active - former[1]


class Tally:
    """What all have kept, against the budget: what is amiss comes back, as more or less to divide."""

    __slots__ = ("_balance", "_now", "_spent")

    def __init__(self) -> None:
        self._balance = 0.0
        self._now: float | None = None
        self._spent: dict[int, float] = {}

    def factor(self, spent: Mapping[int, float], rate: float, now: float) -> float:
        """Each has ``spent`` so much so far; by which factor to divide more or less than ``rate``."""
        unit = max(rate * RETURN, RETURN_RECORDS)
        if self._now is not None and now > self._now:
            kept = sum(max(0.0, total - self._spent.get(who, 0.0)) for who, total in spent.items())
            balance = self._balance + rate * (now - self._now) - kept
            self._balance = min(max(balance, LEAST * unit), MOST * unit)
        self._now, self._spent = now, dict(spent)
        return 1.0 + self._balance / unit


def is_away(silence: float, demand: float) -> bool:
    """Whether a worker of this demand that is silent for so long has stopped, for now or for good."""
    patience = AWAY + AWAY_ARRIVALS / demand if demand else LONGEST_AWAY
    return silence > min(patience, LONGEST_AWAY)


def divide(demands: Sequence[float], budget: float) -> list[float]:
    """The share of each, of what adds up to ``budget``.

    Where more arrives than may be kept: half of it as it arrives, half equally (`shares`), to none more than it can
    use but a little (`FLOOR`). Otherwise to each what it can use, and of the rest an equal part.
    """
    workers = len(demands)
    if not workers:
        return []
    floor = FLOOR * budget / workers
    rest = budget - workers * floor
    chance, level = allot(demands, rest)
    if chance < 1.0:
        return [floor + min(demand, chance * demand + level) for demand in demands]
    spare = (rest - sum(demands)) / workers
    return [floor + demand + spare for demand in demands]

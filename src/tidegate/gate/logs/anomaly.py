"""When the frequency of something jumps, which is no accident and no start-up.

The short window is compared with what came before it. A jump is `FACTOR` times the usual rate, seen
in enough records that chance does not do it in years: the logarithm of the likelihood ratio of two
rates against one (a two-sample Poisson test), divided by how much arrivals usually cluster (the
variance of what comes within a second over its mean, 1 for Poisson traffic), reaches `EVIDENCE`.
"""

from __future__ import annotations

from collections import deque
from math import exp, inf, log
from typing import NamedTuple

from tidegate.gate.ledger import Reserve
from tidegate.gate.logs.counts import Named
from tidegate.gate.logs.frequency import LONG, SHORT, Frequency

#: How many times the usual rate is a jump, and below how many times it is over.
FACTOR, OVER = 3.0, 1.5

#: Least number of records in the short window, and least logarithm of the likelihood ratio.
LEAST, EVIDENCE = 10.0, 10.0

#: Seconds for which something must have been watched before anything about it is unusual.
WARM_UP = 60.0

#: What jumps again and again is less and less news: by this share of `FACTOR` each time, forgotten within an hour.
HABIT, FORGET_HABIT = 0.25, 3600.0

#: Announcements per second, at once, and waiting to be taken.
ANNOUNCED, ANNOUNCED_BURST, WAITING = 0.1, 10.0, 100


class Announcement(NamedTuple):
    """The frequency of a pattern, or of all errors together, has jumped.

    ``kind`` is ``rate_jump`` or ``error_surge``; for the latter ``pattern_id`` and ``template`` are the
    error's that contributes most. Rates are in records per second, ``time`` is the gate's.
    """

    kind: str
    pattern_id: str
    template: str
    former_rate: float
    rate: float
    time: float


class Watch:
    """Watches one frequency. ``jumping`` during an episode; ``former`` is the rate before it."""

    __slots__ = ("former", "frequency", "habit", "jumping", "told")

    def __init__(self, now: float) -> None:
        self.frequency = Frequency(now)
        self.jumping = False
        self.former = 0.0
        self.habit = 0.0
        self.told = now

    def add(self, count: int, now: float, awake: float = -inf) -> bool:
        """Count what came since the last time; whether an episode begins with it.

        ``awake``: when the whole process last came back after a long pause. It forgets what was before.
        """
        if self.frequency.born < awake:
            self.frequency, self.jumping = Frequency(awake), False
        frequency = self.frequency
        frequency.add(count, now)
        if not self.jumping:
            return frequency.short >= LEAST and now - frequency.born >= WARM_UP and self._begins(now)
        usual = frequency.long / max(frequency.span(now), SHORT)
        self.jumping = frequency.rate() >= OVER * usual
        return False

    def _begins(self, now: float) -> bool:
        habit = self.habit * exp(-max(now - self.told, 0.0) / FORGET_HABIT)
        before, span = _before(self.frequency, now)
        short = self.frequency.short
        if short * span < FACTOR * (1 + HABIT * habit) * before * SHORT:
            return False
        if evidence(short, before, span) < EVIDENCE * _clustering(self.frequency, before, span):
            return False
        self.jumping, self.former = True, before / span
        self.habit, self.told = habit + 1, now
        return True


def evidence(short: float, before: float, span: float) -> float:
    """Logarithm of how much likelier two rates are than one.

    ``short`` records came in the last `SHORT` seconds, ``before`` in the ``span`` seconds before these.
    """
    common = (short + before) / (SHORT + span)
    usual = before * log(before / (span * common)) if before > 0 else 0.0
    return short * log(short / (SHORT * common)) + usual


def _before(frequency: Frequency, now: float) -> tuple[float, float]:
    """What the long window holds beyond the short one, and for how many seconds that stands."""
    return max(frequency.long - frequency.short, 0.0), max(frequency.span(now) - SHORT, LONG / 100)


def _clustering(frequency: Frequency, before: float, span: float) -> float:
    """Variance over mean of what usually comes in a second, at least 1."""
    squares = frequency.long_squares - frequency.short_squares
    return max(1.0, squares / before - before / span) if before > 1 else 1.0


class Announcer:
    """Announcements that wait to be taken; ``missed`` were too many."""

    def __init__(self) -> None:
        self.waiting: deque[Announcement] = deque()
        self.missed = 0
        self._reserve = Reserve(ANNOUNCED, ANNOUNCED_BURST)

    def tell(self, kind: str, pattern: Named, watch: Watch, now: float) -> None:
        if len(self.waiting) >= WAITING or not self._reserve.take(now):
            self.missed += 1
            return
        rate = watch.frequency.rate()
        self.waiting.append(Announcement(kind, pattern.id, pattern.template, watch.former, rate, now))

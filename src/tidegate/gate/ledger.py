"""The account of one budget: what comes in by the second, and what was kept of late.

The law. `rate` records a second come in; what is kept is paid from a *balance*, and the balance decides how generous
chance is, as an integrator in the exponent::

    scale = exp(balance / (rate × SMOOTHING))      probability = min(1, scale × what the record's key is allotted)

(Below zero, the balance counts `STEEP` times.) Whatever the load, what is kept returns to the budget within the same
time; an allotment too high by a factor f costs at most `rate × SMOOTHING × ln f` records, once; and no chance is zero
while there is a budget, so that counts weighted by 1/probability stay true. All depends on what came and was kept
before, never on a record's own randomness.

What the balance cannot hold goes to *savings*, paid back only while load is near the budget: so a load of 1.05 × the
budget spends all of it, and a burst after a quiet time is not let through. What is kept for certain is *owed*.
"""

from __future__ import annotations

import math

#: Seconds within which a deviation is made good; more for budgets of which this is less than some records.
SMOOTHING = 0.08
SMOOTHING_RECORDS = 3.0
#: The exponent is steeper when too much was kept than when too little was, since a burst is quicker than chance.
STEEP = 2.0
#: Bounds of the exponent: full near the budget, full when there is much more to keep, and empty.
FULL = 0.3
FULL_BUSY = 2.5
EMPTY = -8.0
#: Savings are at most so many seconds' worth of the budget, or records.
SAVED = 1.0
SAVED_RECORDS = 30.0
#: Savings raise the income by at most this part of it, or by so many times its standard deviation, whichever is more;
#: not while the balance is below zero by so many roots of what moves the exponent by one: a burst, not chance.
PAYBACK = 0.1
PAYBACK_DEVIATIONS = 3.0
BURST = 2.0
#: What is kept for certain takes at most this part of the income; debts beyond so many seconds' worth are forgotten.
OWED_SHARE = 0.9
OWED = 2.0
#: Seconds between two updates of the scale by time; what is kept counts at once.
STEP = 0.02
#: Allotments are wrong when what is kept has moved the exponent so far since they were made.
WRONG = -1.0
#: A clock that goes back by less, in seconds, is one that threads read in one order and passed on in another.
JITTER = 1.0
#: Longer pauses, in seconds, change nothing.
LONGEST = 1e6


def checked(rate: float) -> float:
    """`rate` as a float; ValueError unless it is a finite number of at least 0."""
    if not 0 <= rate < math.inf:
        raise ValueError(f"budget {rate!r}: records a second are a finite number of at least 0; 0 keeps none by chance")
    return float(rate)


class Ledger:
    """Income, balance, savings and debts of one budget, in records; times are seconds of any clock."""

    __slots__ = (
        "_balance",
        "_made_at",
        "_near",
        "_owed",
        "_rate",
        "_saved",
        "_unit",
        "due",
        "earliest",
        "now",
        "scale",
        "spent",
    )

    def __init__(self, rate: float) -> None:
        self._rate = checked(rate)
        #: Records that change the exponent by one.
        self._unit = max(self._rate * SMOOTHING, SMOOTHING_RECORDS)
        self._balance = self._made_at = self._saved = self._owed = 0.0
        #: What was kept so far; of what was kept for certain, as much as the income has paid.
        self.spent = 0.0
        #: 1 while no more arrives than may be kept, 0 from half as much more on.
        self._near = 1.0
        self.now: float | None = None
        #: `settle` is to be called when the time is not in this interval.
        self.earliest = self.due = -math.inf
        #: By what allotted chances are multiplied.
        self.scale = 1.0 if rate else 0.0

    @property
    def rate(self) -> float:
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = checked(rate)
        before, self._unit = self._unit, max(self._rate * SMOOTHING, SMOOTHING_RECORDS)
        self._balance *= self._unit / before
        self._made_at *= self._unit / before
        self._saved = min(self._saved, self._savings())
        self._owed = min(self._owed, OWED * self._rate)
        self.due = -math.inf
        self._rescale()

    @property
    def income(self) -> float:
        """Records a second that may be kept now, with what savings give."""
        rate = self._rate
        if not self._saved or self._balance < -BURST * math.sqrt(self._unit):
            return rate
        return rate + min(self._saved, max(PAYBACK * rate, PAYBACK_DEVIATIONS * math.sqrt(rate))) * self._near

    @property
    def surprise(self) -> float:
        """By how much the exponent has moved since allotments were made."""
        return (self._balance - self._made_at) / self._unit

    def allotted(self, load: float) -> None:
        """Allotments were made, for so many arrivals a second."""
        self._made_at = self._balance
        self._near = min(1.0, max(0.0, 3.0 - 2.0 * load / self._rate)) if self._rate else 0.0

    def spend(self, amount: float, certain: bool) -> None:
        if certain:
            self._owed = min(self._owed + amount, OWED * self._rate)
            return
        self._balance -= amount
        self.spent += amount
        self._rescale()
        if self.surprise < WRONG:
            self.due = -math.inf

    def settle(self, now: float) -> float:
        """Take in what came since the last time; returns the seconds that count as passed."""
        passed = 0.0 if self.now is None else min(now - self.now, LONGEST)
        if -JITTER < passed < 0:
            return 0.0
        self.now, self.due, self.earliest = now, now + STEP, now - JITTER
        if passed <= 0:
            return 0.0
        self._earn(passed)
        self._rescale()
        return passed

    def _earn(self, passed: float) -> None:
        earned = self._rate * passed
        if self._owed:
            paid = min(self._owed, OWED_SHARE * earned)
            self._owed -= paid
            self.spent += paid
            earned -= paid
        if self._saved:
            back = min(self._saved, (self.income - self._rate) * passed)
            self._saved -= back
            earned += back
        self._balance += earned
        busy = 1.0 - self._near
        full = (FULL + (FULL_BUSY - FULL) * busy * busy) * self._unit
        if self._balance > full:
            self._saved = min(self._saved + self._balance - full, self._savings())
            self._balance = full

    def _savings(self) -> float:
        return max(SAVED * self._rate, SAVED_RECORDS) if self._rate else 0.0

    def _rescale(self) -> None:
        exponent = self._balance / self._unit
        if exponent < 0.0:
            if exponent < EMPTY:
                self._balance = EMPTY * self._unit
            exponent = max(STEEP * exponent, EMPTY)
        self.scale = math.exp(exponent) if self._rate else 0.0


class Reserve:
    """What is set apart and spent record by record: `rate` a second, and at most `burst` at once.

    By default that is a second's worth, or one record if that is more. It begins full. A clock that jumps back fills
    nothing.
    """

    __slots__ = ("_burst", "_level", "_now", "_rate")

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self._level = math.inf
        self._now = 0.0
        self.set(rate, burst)

    def set(self, rate: float, burst: float | None = None) -> None:
        """Another rate from now on. What is left stays, so that changing it often gives nothing."""
        self._rate = rate
        self._burst = burst if burst is not None else max(rate, 1.0) if rate else 0.0
        self._level = min(self._level, self._burst)

    def take(self, now: float) -> bool:
        """Whether there is one left; takes it."""
        if now > self._now:
            self._level = min(self._level + (now - self._now) * self._rate, self._burst)
        self._now = now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True

    def put_back(self) -> None:
        """What was taken was not needed."""
        self._level += 1.0

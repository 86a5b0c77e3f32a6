"""The account of one budget: what comes in by the second, and what was kept of late.

The law. Records come in at `rate` a second; whatever is kept is paid from a *balance*, whose size relative to what
`SMOOTHING` seconds bring decides how generous chance is::

    scale = exp(balance / (rate × SMOOTHING))        probability = min(1, scale × what the key is allotted)

An integrator in the exponent: at any load the kept rate returns to the budget with the same time constant, a wrong
allotment by a factor f costs `rate × SMOOTHING × ln f` records once, and the chance is small but never zero, so that
counts weighted by 1/probability stay true. It depends on what was kept before and never on a record's own randomness.

What arrives when the balance is full goes to *savings* (at most `SAVED` seconds' worth), paid back slowly and only
when load is near the budget; so a load of 1.05 × spends all of its budget, and a burst after a quiet time does not
get what was saved at once. Certain keeps are *owed* and paid from at most nine tenths of the income.
"""

from __future__ import annotations

import math

#: Seconds in which a deviation is made good; longer for budgets so small that this would be less than a few records.
SMOOTHING = 0.25
SMOOTHING_RECORDS = 4.0
#: Seconds' worth of budget that is saved while there is less to keep than may be kept.
SAVED = 0.5
#: Share of the income by which savings may raise it.
PAYBACK = 0.1
#: Share of the income that certain keeps may take; the rest is left to chance.
OWED_SHARE = 0.9
#: Seconds' worth of budget that certain keeps may be in debt; what is beyond is forgotten.
OWED = 2.0
#: Bounds of the exponent.
FULL = 0.2
FULL_BUSY = 1.0
EMPTY = -8.0
#: Seconds between two updates of the scale (what is kept counts at once).
STEP = 0.02
#: Seconds that a clock may seem to go back (threads that read it in one order and arrive in another).
JITTER = 1.0


def checked(rate: float) -> float:
    """`rate` as a float; ValueError if it is not a finite number of at least 0."""
    if not 0 <= rate < math.inf:
        raise ValueError(f"budget {rate!r}: records a second are a finite number of at least 0; 0 keeps none by chance")
    return float(rate)


class Ledger:
    """Income, balance, savings and debts of one budget, in records. Pure: every time is an argument, in seconds."""

    __slots__ = ("_alarm", "_balance", "_owed", "_per_scale", "_rate", "_saved", "_then", "due", "load", "scale")

    def __init__(self, rate: float) -> None:
        self._rate = checked(rate)
        self._per_scale = max(self._rate * SMOOTHING, SMOOTHING_RECORDS)
        self._balance = self._saved = self._owed = 0.0
        self._then: float | None = None
        self._alarm = -self._per_scale
        #: When to call `settle` next; also as soon as the clock was set back.
        self.due = -math.inf
        #: Arrivals a second, told by the owner.
        self.load = 0.0
        #: By what allotted chances are multiplied.
        self.scale = 1.0 if rate else 0.0

    @property
    def rate(self) -> float:
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        rate = checked(rate)
        before, self._per_scale = self._per_scale, max(rate * SMOOTHING, SMOOTHING_RECORDS)
        self._balance *= self._per_scale / before
        self._rate = rate
        self._saved = min(self._saved, SAVED * rate)
        self._owed = min(self._owed, OWED * rate)
        self.due = -math.inf
        self._rescale()

    @property
    def alarmed(self) -> bool:
        """Whether so much more was kept than allotted since `calm` that the allotment must be wrong."""
        return self._balance < self._alarm

    def calm(self) -> None:
        self._alarm = self._balance - self._per_scale

    def spend(self, amount: float, certain: bool) -> None:
        if certain:
            self._owed = min(self._owed + amount, max(OWED * self._rate, 1.0))
        else:
            self._balance -= amount
            self._rescale()
            if self._balance < self._alarm:
                self.due = -math.inf

    def settle(self, now: float) -> float:
        """Take in what came since the last time; returns the seconds that have passed, 0 when the clock went back."""
        then = self._then
        passed = 0.0 if then is None else now - then
        if passed < 0:
            if passed > -JITTER:
                return 0.0
            passed = 0.0
        self._then = now
        self.due = now + STEP
        self._earn(passed)
        self._rescale()
        return passed

    def _earn(self, passed: float) -> None:
        income = self._rate * passed
        paid = min(self._owed, OWED_SHARE * income)
        self._owed -= paid
        near = min(1.0, self._rate / self.load) ** 2 if self.load else 1.0
        back = min(self._saved * min(passed, 1.0), PAYBACK * income) * near
        self._saved -= back
        self._balance += income - paid + back
        full = (FULL * near + FULL_BUSY * (1 - near)) * self._per_scale
        if self._balance > full:
            self._saved = min(self._saved + self._balance - full, SAVED * self._rate)
            self._balance = full

    def _rescale(self) -> None:
        if not self._rate:
            self.scale = 0.0
            return
        exponent = self._balance / self._per_scale
        if exponent < EMPTY:
            exponent = EMPTY
            self._balance = EMPTY * self._per_scale
        self.scale = math.exp(exponent)

"""What is left to chance: the budget without what is kept by other decisions, corrected until all of it holds."""

from __future__ import annotations

import math

#: What is kept is smoothed over so many seconds; sizes of traces over so many.
SMOOTHING = 2.0
SIZES = 30.0
#: What was spent too much is saved within so many seconds again. It counts up to so many seconds' worth of the budget,
#: and what was left over up to so many.
REPAY = 8.0
DEBT, CREDIT = 10.0, 2.0
#: At least this part of a budget is left to chance, whatever else is kept.
CHANCE = 0.1
#: Traces of unknown size count as so many of the mean size of all.
PRIOR = 10.0
#: Seconds between two settlements, at least.
STEP = 0.05


class Account:
    """One budget: ``rate`` units a second, of which some go to ``extras`` and what is left to chance."""

    __slots__ = ("_all", "_debt", "_extras", "available", "extras", "rate", "spent")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._debt = self._extras = self._all = 0.0
        #: Units a second kept of late, without chance and in all.
        self.extras = self.spent = 0.0
        self.available = rate

    def keep(self, amount: float, extra: bool) -> None:
        self._all += amount
        if extra:
            self._extras += amount

    def settle(self, passed: float) -> None:
        weight = 1.0 - math.exp(-passed / SMOOTHING)
        self.extras += (self._extras / passed - self.extras) * weight
        self.spent += (self._all / passed - self.spent) * weight
        rate = self.rate
        self._debt = min(max(self._debt + self._all - rate * passed, -CREDIT * rate), DEBT * rate)
        self._extras = self._all = 0.0
        self.available = min(max(rate - self.extras - self._debt / REPAY, CHANCE * rate), rate)


class Sizes:
    """The mean number of spans of the traces that chance keeps, of late; guessed from all while there are few."""

    __slots__ = ("_all", "_kept")

    def __init__(self) -> None:
        self._all = [1.0, 1.0]
        self._kept = [0.0, 0.0]

    def add(self, spans: int, by_chance: bool) -> None:
        for sums in (self._all, self._kept) if by_chance else (self._all,):
            sums[0] += spans
            sums[1] += 1.0

    def fade(self, passed: float) -> None:
        left = math.exp(-passed / SIZES)
        for sums in (self._all, self._kept):
            sums[:] = sums[0] * left, sums[1] * left

    @property
    def mean(self) -> float:
        of_all = self._all[0] / self._all[1] if self._all[1] > 1e-6 else 1.0
        return max((self._kept[0] + PRIOR * of_all) / (self._kept[1] + PRIOR), 1.0)


class Charging:
    """The budgets of traces and, if there is one, of spans a second."""

    def __init__(self, budget: float, span_budget: float | None) -> None:
        self.traces = Account(budget)
        self.spans = None if span_budget is None else Account(span_budget)
        self._sizes = Sizes()
        self._now: float | None = None
        #: Traces a second kept of late that nothing could refuse.
        self.unasked = 0.0
        self._unasked = 0.0

    def set(self, budget: float, span_budget: float | None) -> None:
        """Other budgets from now on."""
        self.traces.rate = budget
        if self.spans is None or span_budget is None:
            self.spans = None if span_budget is None else Account(span_budget)
        else:
            self.spans.rate = span_budget

    def size(self, spans: int, by_chance: bool) -> None:
        """A trace had so many spans."""
        if self.spans is None:
            return
        self._sizes.add(spans, by_chance)

    def keep(self, traces: int, spans: int, *, extra: bool, unasked: bool = False) -> None:
        """So much was kept; ``extra`` is what no sampler has paid for, ``unasked`` what no reserve limits."""
        self.traces.keep(traces, extra)
        if self.spans is not None:
            self.spans.keep(spans, extra)
        if unasked:
            self._unasked += traces

    def settle(self, now: float) -> bool:
        """Bring all up to date; whether something may have changed."""
        passed = STEP if self._now is None else now - self._now
        if passed < STEP:
            return False
        self._now = now
        self.traces.settle(passed)
        self.unasked += (self._unasked / passed - self.unasked) * (1.0 - math.exp(-passed / SMOOTHING))
        self._unasked = 0.0
        if self.spans is not None:
            self.spans.settle(passed)
            self._sizes.fade(passed)
        return True

    @property
    def available(self) -> float:
        """Traces a second left to chance."""
        if self.spans is None:
            return self.traces.available
        return min(self.traces.available, self.spans.available / self._sizes.mean)

    @property
    def reserved(self) -> float:
        """Traces a second of which reserves are parts: the budget without what cannot be refused."""
        rate = self.traces.rate
        if self.spans is not None:
            rate = min(rate, self.spans.rate / self._sizes.mean)
        return max(rate - self.unasked, CHANCE * rate)

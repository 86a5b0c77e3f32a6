"""Other laws for so many records a second, written anew from what their sources and documents say they do.

The defaults are theirs, the goal is an argument. Only what a rate limit needs is here: no goroutines, no clocks.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Hashable


class EmaThroughput:
    """dynsampler-go's EMAThroughput: every 15 s, integer rates from a moving average of counts, shared by logarithm."""

    INTERVAL = 15.0
    WEIGHT = 0.5
    INITIAL_RATE = 10
    BURST = 2.0
    BURST_DELAY = 3

    def __init__(self, goal: float) -> None:
        self.goal = goal * self.INTERVAL
        self.counts: Counter[Hashable] = Counter()
        self.average: dict[Hashable, float] = {}
        self.rates: dict[Hashable, int] | None = None
        self.threshold = math.inf
        self.sum = self.intervals = 0
        self.due = self.INTERVAL

    def offer(self, key: Hashable, now: float) -> float:
        while now >= self.due:
            self.due += self.INTERVAL
            self.update()
            self.intervals += 1
        self.counts[key] += 1
        self.sum += 1
        if self.sum >= self.threshold and self.intervals >= self.BURST_DELAY:
            self.due = now + self.INTERVAL
            self.update()
        return 1 / (self.INITIAL_RATE if self.rates is None else self.rates.get(key, 1))

    def charge(self, now: float, amount: float = 1.0, key: Hashable = None) -> None:
        """It does not look at what was kept."""

    def update(self) -> None:
        if not self.counts:
            return
        keys = self.average.keys() | self.counts.keys()
        averages = {key: self.counts[key] * self.WEIGHT + self.average.get(key, 0.0) * self.WEIGHT for key in keys}
        self.average = {key: value for key, value in averages.items() if value >= self.WEIGHT}
        self.counts.clear()
        self.sum = 0
        self.threshold = self.BURST * sum(max(1.0, value) for value in self.average.values())
        self.rates = self.shares()

    def shares(self) -> dict[Hashable, int]:
        logs = sum(math.log10(max(1.0, value)) for value in self.average.values())
        ratio = self.goal / logs if logs else math.inf
        rates, extra = {}, 0.0
        for left, key in zip(range(len(self.average), 0, -1), sorted(self.average, key=str), strict=True):
            count = max(1.0, self.average[key])
            share = extra / left
            extra -= share
            goal = max(1.0, math.log10(count) * ratio if count > 1 else 0.0) + share
            rates[key] = max(1, math.ceil(count / goal))
            extra += goal - count / rates[key]
        return rates


class WindowedThroughput:
    """dynsampler-go's WindowedThroughput: every second, integer rates from the last 30, equal for all keys."""

    STEP = 1.0
    WINDOW = 30

    def __init__(self, goal: float) -> None:
        self.goal = goal * self.WINDOW
        self.blocks: deque[Counter[Hashable]] = deque([Counter()], maxlen=self.WINDOW)
        self.rates: dict[Hashable, int] = {}
        self.due = self.STEP

    def offer(self, key: Hashable, now: float) -> float:
        while now >= self.due:
            self.due += self.STEP
            self.update()
        self.blocks[-1][key] += 1
        return 1 / self.rates.get(key, 1)  # 0 for an unknown key, which its callers take for 1

    def charge(self, now: float, amount: float = 1.0, key: Hashable = None) -> None:
        """It does not look at what was kept."""

    def update(self) -> None:
        total: Counter[Hashable] = Counter()
        for block in self.blocks:
            total.update(block)
        each = max(1.0, self.goal / max(1, len(total)))
        self.rates = {key: int(max(1.0, count / each)) for key, count in total.items()}
        self.blocks.append(Counter())


class RateLimited:
    """Azure Monitor's rate-limited sampler: window over count, forgotten in 0.1 s, rounded down to one in so many."""

    ADAPTATION = 0.1

    def __init__(self, goal: float) -> None:
        self.goal = goal
        self.count = self.window = self.then = 0.0

    def offer(self, key: Hashable, now: float) -> float:
        passed = max(0.0, now - self.then)
        keep = math.exp(-passed / self.ADAPTATION)
        self.count, self.window, self.then = self.count * keep + 1.0, self.window * keep + passed, now
        chance = min(1.0, self.window * self.goal / self.count)
        return 1 / math.ceil(1 / chance) if chance > 0 else 0.0

    def charge(self, now: float, amount: float = 1.0, key: Hashable = None) -> None:
        """It does not look at what was kept."""


class TokenBucket:
    """One second's worth of tokens; what comes when there is none is dropped, and no weight says so."""

    def __init__(self, goal: float) -> None:
        self.goal = self.tokens = goal
        self.then = 0.0

    def offer(self, key: Hashable, now: float) -> float:
        self.tokens = min(self.goal, self.tokens + self.goal * max(0.0, now - self.then))
        self.then = now
        return 1.0 if self.tokens >= 1.0 else 0.0

    def charge(self, now: float, amount: float = 1.0, key: Hashable = None) -> None:
        self.tokens -= amount

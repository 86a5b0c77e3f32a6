"""Errors and what is slow: certain while a reserve lasts, beyond it by chance, so that counts stay true."""

from __future__ import annotations

from tidegate.gate.budget import SharedBudget
from tidegate.gate.threshold import probability_to_threshold

#: The reserve holds so many seconds' worth, or traces.
BURST, LEAST = 5.0, 5.0
#: Once spent, it is used again when it is full to this part.
FILLED = 0.5


class Reserve:
    """``rate`` traces a second that are certain, with a burst; all else of its kind is left to chance.

    What chance keeps is paid from the reserve too, so that it fills only while all could be kept. Chance is the law of
    `SharedBudget` per key. All depends on what came before, never on a trace's own randomness.
    """

    __slots__ = ("_budget", "_level", "_now", "_spent", "rate")

    def __init__(self, rate: float, max_keys: int = 1000) -> None:
        self.rate = rate
        self._budget = SharedBudget(rate, max_keys=max_keys)
        self._level = self._most()
        self._now: float | None = None
        self._spent = False

    def set(self, rate: float) -> None:
        """Another rate from now on. What is left stays."""
        if rate != self.rate:
            self.rate = self._budget.rate = rate
            self._level = min(self._level, self._most())

    def _most(self) -> float:
        return max(BURST * self.rate, LEAST) if self.rate else 0.0

    def take(self, now: float) -> bool:
        """Whether it lasts for one more. `charge` says that it was used."""
        self._fill(now)
        if self._level < 1.0:
            self._spent = True
        elif self._spent and self._level >= FILLED * self._most():
            self._spent = False
        return not self._spent

    def _fill(self, now: float) -> None:
        if self._now is not None and now > self._now:
            self._level = min(self._level + (now - self._now) * self.rate, self._most())
        self._now = now

    def threshold(self, key: str, now: float) -> int:
        """By which one of ``key`` is kept: 0 while the reserve lasts. Counts it."""
        chance = self._budget.offer(key, now)
        return 0 if self.take(now) else probability_to_threshold(chance)

    def charge(self, key: str, now: float) -> None:
        """One was kept that nobody else pays for."""
        self._level = max(self._level - 1.0, 0.0)
        if self._spent:
            self._budget.charge(now, 1.0, key)

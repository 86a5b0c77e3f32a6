"""Part of what may be kept, set apart for patterns that are seen for the first time or again after long."""

from __future__ import annotations


class Reserve:
    """A token bucket: ``rate`` a second, and at most ``burst`` at once. A clock that jumps back fills nothing."""

    __slots__ = ("burst", "last", "rate", "tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = self.tokens = burst
        self.last: float | None = None

    def set(self, rate: float, burst: float) -> None:
        """Another rate from now on. What is left stays, so that changing it often gives nothing."""
        self.rate, self.burst, self.tokens = rate, burst, min(self.tokens, burst)

    def take(self, now: float) -> bool:
        """Whether there is room for one more, which is then taken."""
        if self.last is not None and now > self.last:
            self.tokens = min(self.burst, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

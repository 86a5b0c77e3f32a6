"""How often something comes, from its past only: two counts that forget exponentially.

A count that is multiplied by exp(-Δ/τ) over each gap Δ is about what came in the last τ seconds,
whether records come singly or a thousand at once, and a silence needs no timer to be seen.
"""

from __future__ import annotations

from math import exp

#: Time constants in seconds of what is now, and of what is usual.
SHORT, LONG = 10.0, 300.0


class Frequency:
    """Arrivals of one thing. A clock that jumps backwards is taken for one that stood still.

    ``short`` and ``long`` are the forgetful counts, as of ``last``; ``born`` is when counting began. The
    squares of what came at once are forgotten alike; they tell how much arrivals cluster.
    """

    __slots__ = ("born", "last", "long", "long_squares", "short", "short_squares")

    def __init__(self, now: float) -> None:
        self.born = self.last = now
        self.short = self.long = self.short_squares = self.long_squares = 0.0

    def add(self, count: int, now: float) -> None:
        """Forget what time has taken, then count what came since."""
        gap = now - self.last
        if gap > 0:
            short, long = exp(-gap / SHORT), exp(-gap / LONG)
            self.short *= short
            self.long *= long
            self.short_squares *= short
            self.long_squares *= long
        elif gap < 0:
            self.born += gap
        self.last = now
        self.short += count
        self.long += count
        square = count * count
        self.short_squares += square
        self.long_squares += square

    def rate(self) -> float:
        """Arrivals per second over about the last ten seconds; before these were none."""
        return self.short / SHORT

    def span(self, now: float) -> float:
        """How many seconds ``long`` stands for: less than `LONG` while counting is young."""
        return LONG * -(exp(-max(now - self.born, 0.0) / LONG) - 1.0)

"""How a budget is shared among keys: half of it as the traffic comes, half equally, and surplus is passed on.

So every record has at least half the chance that it would have without keys (counts over all keys are then at most
√2 times as rough, however unlike the keys are), and every key has at least half of an equal part, whatever others do.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Part of the budget that is given in proportion to traffic.
PROPORTIONAL = 0.5
#: A key below its part is allotted so many times its rate, so that it is kept whole while others burst.
HEADROOM = 3.0
#: A key's rate is averaged over so many seconds, or records if these take longer.
MEMORY = 0.3
MEMORY_RECORDS = 8.0
#: A key has stopped when it was not seen for so many seconds and mean gaps.
SILENT = 1.0
SILENT_GAPS = 5.0
#: A new key's memory begins with so many seconds.
BEGIN = 0.02


class Meter:
    """One key: its rate, and the chance it is allotted."""

    __slots__ = ("chance", "count", "quiet", "renew", "seen", "span")

    def __init__(self, chance: float, renew: float) -> None:
        #: Probability, before the ledger's scale.
        self.chance = chance
        #: When to keep the next one for certain.
        self.renew = renew
        #: Arrivals since the last update; arrivals and seconds in memory; seconds without any.
        self.seen = 0.0
        self.count = 0.0
        self.span = BEGIN
        self.quiet = 0.0

    def update(self, passed: float, silence: float, decay: float) -> float:
        """Arrivals a second, `passed` and then `silence` seconds later; 0 once the key has stopped."""
        seen, count = self.seen, self.count
        if seen:
            if self.quiet > SILENT:
                decay = 0.0
            least = min(MEMORY_RECORDS - seen, count)
            keep = decay if least <= count * decay else least / count
            self.count = count = count * keep + seen
            self.span = self.span * keep + passed or BEGIN  # all of it in one moment, after a pause that ended memory
            self.seen = self.quiet = 0.0
        else:
            silence += passed
        self.quiet += silence
        self.span += silence
        if not count or self.quiet > SILENT + SILENT_GAPS * (self.span - self.quiet) / count:
            return 0.0
        return count / self.span


def allot(rates: Iterable[float], budget: float) -> tuple[float, float]:
    """`(chance, level)`: a key of rate r is allotted the chance `chance + level / r`, and all keys together `budget`.

    `chance` is its part by traffic, `level` records a second its equal part, max-min fair: what a key cannot use is
    shared among the others.
    """
    ordered = sorted(rates)
    total = sum(ordered)
    if total <= budget:
        return 1.0, budget
    chance = PROPORTIONAL * budget / total
    left = (budget - chance * total) / (1.0 - chance)
    keys = len(ordered)
    for rate in ordered:
        if rate * keys >= left:
            break
        left -= rate
        keys -= 1
    return chance, (1.0 - chance) * left / max(keys, 1)

"""How a budget is shared among keys: half of it as the traffic comes, half equally, surplus passed on.

So every record has at least half the chance that it would have without keys (counts over all keys are at most √2
times as rough), and every key gets at least half of an equal share, whatever the others do.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Share of the budget given in proportion to traffic.
PROPORTIONAL = 0.5
#: Keys that could have more than all keep this headroom when others burst.
HEADROOM = 2.0
#: Seconds over which a key's rate is averaged, and at least so many records.
MEMORY = 0.5
MEMORY_RECORDS = 10.0
#: A key is taken to have jumped when a step brings this many records, and this many times what was expected.
JUMP_RECORDS = 12.0
JUMP = 3.0
#: A key is taken to have stopped after this many seconds, or ten mean gaps.
SILENCE = 2.0
#: A new key's first records are not taken for a rate beyond this many seconds' worth.
NEW = 0.02


class Meter:
    """The rate of one key, and its allotted chance."""

    __slots__ = ("chance", "count", "key", "quiet", "renew", "seen", "span")

    def __init__(self, key: object, renew: float) -> None:
        self.key = key
        #: Allotted probability, before the ledger's scale.
        self.chance = HEADROOM
        #: Records since the last update (weighted), in the memory, and the seconds that the memory spans.
        self.seen = 0.0
        self.count = 0.0
        self.span = NEW
        #: Seconds since one was seen.
        self.quiet = 0.0
        #: From when on the next one is kept for certain, if there is reserve.
        self.renew = renew

    def update(self, passed: float, decay: float) -> float:
        """Records a second, after `passed` seconds; 0 once the key has stopped."""
        seen = self.seen
        if not seen:
            self.quiet += passed
            self.span += passed
            return self.count / self.span if self.quiet < SILENCE + 5 * self.span / (self.count or 1.0) else 0.0
        self.seen = self.quiet = 0.0
        if seen > JUMP_RECORDS and seen * self.span > JUMP * self.count * passed:
            self.count, self.span = seen, passed + 1e-6
        else:
            least = min(MEMORY_RECORDS - seen, self.count)
            keep = decay if least <= self.count * decay else least / self.count
            self.count = self.count * keep + seen
            self.span = self.span * keep + passed
        return self.count / self.span


def allot(rates: Iterable[float], budget: float) -> tuple[float, float]:
    """What a record gets because it is one, and what a key gets a second because it is one: `(chance, level)`.

    A key of rate r is allotted the chance `chance + level / r`; max–min fair in its equal part.
    """
    ordered = sorted(rates)
    total = sum(ordered)
    if total <= budget:
        return 1.0, budget
    chance = PROPORTIONAL * budget / total
    left = (1 - PROPORTIONAL) * budget / (1 - chance)
    keys = len(ordered)
    for rate in ordered:
        if rate * keys >= left:
            break
        left -= rate
        keys -= 1
    return chance, (1 - chance) * left / max(keys, 1)

"""So many records a second, shared among keys: the law behind the sampler's and the log gate's budgets.

Pure: time (seconds of any clock, as a float) is an argument, and the caller draws the randomness: `offer` answers with
a probability, `charge` tells what was kept. Not safe for threads by itself: whoever shares a budget holds a lock.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from heapq import nsmallest

from tidegate.gate.ledger import JITTER, Ledger
from tidegate.gate.shares import HEADROOM, MEMORY, Meter, allot

#: Seconds between two sharings, and seconds more for each key, so that their cost stays small.
SHARING = 0.1
SHARING_PER_KEY = 0.0005
#: Seconds after which a key of which nothing was kept may have its next record kept for certain.
RENEWAL = 40.0
#: Share of the budget for that; a new key's first record is paid from `reserve`.
RENEWAL_SHARE = 0.5
#: Seconds until an answer of 1 that was not charged, or for which there was no reserve, is tried again.
RETRY = 1.0
#: Seconds after which a key that was not seen is forgotten; when there are too many keys, the longest unseen part.
FORGOTTEN = 300.0
CROWDED = 0.02


class _Pot:
    """A share of the budget that is spent one by one: a token bucket of one second's worth, at least one."""

    __slots__ = ("_level", "share")

    def __init__(self, share: float, rate: float) -> None:
        self.share = share
        self._level = max(share * rate, 1.0) if share and rate else 0.0

    def fill(self, rate: float, passed: float) -> None:
        income = self.share * rate
        if income:
            self._level = min(self._level + income * passed, max(income, 1.0))

    def take(self) -> bool:
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


class SharedBudget:
    """`rate` records a second, shared among keys so that busy ones cannot starve rare ones.

    `max_keys` are told apart; beyond, keys share one overflow key, and those unseen longest make room. `reserve` is
    the share of the rate spent on first sights of keys. A key that comes at least once a second is kept at least
    once a minute, as far as half of the rate allows.
    """

    __slots__ = ("_earliest", "_first", "_ledger", "_meters", "_overflow", "_renewal", "_shared_at", "max_keys")

    def __init__(self, rate: float, *, max_keys: int = 1000, reserve: float = 0.1) -> None:
        if max_keys < 1:
            raise ValueError(f"max_keys {max_keys!r}: at least 1 key is told apart from the others")
        if not 0 <= reserve <= 1:
            raise ValueError(f"reserve {reserve!r}: a share of the budget is between 0 and 1")
        self._ledger = Ledger(rate)
        self.max_keys = max_keys
        self._first = _Pot(reserve, rate)
        self._renewal = _Pot(RENEWAL_SHARE, rate)
        self._meters: dict[Hashable, Meter] = {}
        self._overflow = Meter(None, math.inf)
        self._shared_at: float | None = None
        self._earliest = -math.inf

    @property
    def rate(self) -> float:
        """Records a second; can be set at any time. 0 keeps nothing by chance."""
        return self._ledger.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._ledger.rate = rate
        self._shared_at = None

    def offer(self, key: Hashable, now: float, weight: float = 1.0) -> float:
        """The probability, in [0, 1], with which to keep one arrival of `key`, from the past only; counts it.

        `weight` is the chance it had anyway (a rule's rate): its chance in the end is weight × the answer.
        The answer is 1 for first sights and renewals, too.
        """
        ledger = self._ledger
        if now >= ledger.due or now < self._earliest:
            self._settle(now)
        meter = self._meters.get(key)
        if meter is None:
            meter = self._admit(key)
        meter.seen += weight
        if now >= meter.renew and self._renew(meter, now):
            return 1.0
        chance = meter.chance * ledger.scale
        return chance if chance < 1.0 else 1.0  # noqa: FURB136 - min() takes three times as long

    def charge(self, now: float, amount: float = 1.0, key: Hashable = None, *, certain: bool = False) -> None:
        """Something was really kept, by whatever decision: it is paid from the budget.

        `key` (if it was offered) puts off its renewal. `certain` is what is kept without being offered (errors, rules):
        it is paid from nine tenths of the budget at most, so that there is always something left for chance.
        """
        self._ledger.spend(amount, certain)
        if key is not None:
            meter = self._meters.get(key)
            if meter is not None:
                meter.renew = now + RENEWAL

    def first_sight(self, key: Hashable, now: float) -> bool:
        """Whether `key` is to be kept for certain because it is new, or was not kept for long, and there is reserve.

        The arrival is counted when the answer is True: do not offer it then, only charge it.
        """
        ledger = self._ledger
        if now >= ledger.due or now < self._earliest:
            self._settle(now)
        meter = self._meters.get(key)
        if meter is None:
            meter = self._admit(key)
        if now < meter.renew or not self._renew(meter, now):
            return False
        meter.seen += 1.0
        return True

    def __len__(self) -> int:
        """Keys that are told apart now."""
        return len(self._meters)

    def _admit(self, key: Hashable) -> Meter:
        if len(self._meters) >= self.max_keys:
            return self._overflow
        meter = self._meters[key] = Meter(key, -math.inf)
        return meter

    def _renew(self, meter: Meter, now: float) -> bool:
        pot = self._first if meter.renew == -math.inf else self._renewal
        meter.renew = now + RETRY
        return pot.take()

    def _settle(self, now: float) -> None:
        back = now < self._earliest
        passed = self._ledger.settle(now)
        self._earliest = max(self._earliest, now - JITTER) if not back else now - JITTER
        rate = self._ledger.rate
        self._first.fill(rate, passed)
        self._renewal.fill(rate, passed)
        if back:
            self._shared_at = None
            for meter in self._meters.values():
                meter.renew = min(meter.renew, now + RENEWAL)
        shared = self._shared_at
        if shared is None:
            self._share(now, 0.0)
        elif now - shared >= SHARING + SHARING_PER_KEY * len(self._meters) or self._ledger.alarmed:
            self._share(now, now - shared)

    def _share(self, now: float, passed: float) -> None:
        """Update the rates of all keys and what they are allotted."""
        self._shared_at = now
        self._ledger.calm()
        meters = [*self._meters.values(), self._overflow]
        decay = math.exp(-passed / MEMORY)
        rates = [meter.update(passed, decay) for meter in meters] if passed > 0 else [m.count / m.span for m in meters]
        self._ledger.load = sum(rates)
        chance, level = allot(rates, self._ledger.rate)
        for meter, rate in zip(meters, rates, strict=True):
            if rate:
                meter.chance = min(chance + level / rate, HEADROOM)
        self._forget()

    def _forget(self) -> None:
        meters = self._meters
        gone = [key for key, meter in meters.items() if meter.quiet > FORGOTTEN]
        if len(meters) - len(gone) >= self.max_keys:
            part = max(1, int(CROWDED * self.max_keys))
            quiet = nsmallest(part, (meter for meter in meters.values() if meter.quiet), key=lambda meter: -meter.quiet)
            gone += [meter.key for meter in quiet]
        for key in gone:
            meters.pop(key, None)

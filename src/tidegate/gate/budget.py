"""So many records a second, shared among keys: what the sampler's and the log gate's budgets are made of.

Pure: time is an argument (seconds of any clock, as a float), and randomness is the caller's: `offer` answers with a
probability, and `charge` is told what was kept. Not safe for threads by itself: whoever shares a budget holds a lock.

    ledger    how generous chance is now, so that the rate holds
    shares    what each key is allotted, so that busy keys cannot starve rare ones
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from heapq import nlargest

from tidegate.gate.ledger import WRONG, Ledger, Reserve
from tidegate.gate.shares import HEADROOM, MEMORY, Meter, allot

#: Seconds between two sharings, and seconds more for each key, so that sharing costs little; while what is kept moves
#: the exponent by less than `CALM`, so many times as long.
PAUSE = 0.1
PAUSE_PER_KEY = 0.0005
CALM = 0.3
CALM_PAUSES = 4.0
#: When the exponent was moved by more, rates have changed: the memory of what came before is only so many seconds.
CHANGED = 0.7
MEMORY_CHANGED = 0.05
#: A rate that changes by less of it does so without another sharing: the balance makes up for that.
ROUGHLY = 0.1
#: A key of which nothing was kept for so many seconds has its next one kept, if there is something left for renewals.
RENEWAL = 40.0
#: Seconds until that is tried again: when there was none left, and when it was granted but not charged.
RETRY = 1.0
UNCHARGED = 10.0
#: A new key that first sights had no room for waits up to so many seconds more, each another time, lest all keys of a
#: cold start are kept in one moment. Steps of the golden ratio spread any number of them.
SPREAD = 19.0
GOLDEN = 0.6180339887498949
#: Seconds for which an outlook holds.
HOLD = 0.02
#: Keys not seen for so many seconds are forgotten; when there is no room for new ones, this part of them: the longest
#: unseen.
FORGOTTEN = 300.0
CROWDED = 0.02


class SharedBudget:
    """`rate` records a second, shared among keys so that busy ones cannot starve rare ones.

    `max_keys` are told apart; the others share one overflow key until there is room, which those unseen for longest
    make. `reserve` is the part of the rate spent on first sights of keys. A key that comes at least once a second is
    kept at least once a minute, as far as `renewal` allows, another part of the rate: where much is certain (errors)
    and keys are many, less of it leaves more to chance.

    ValueError for a rate that is negative, infinite or not a number, for less than one key, and for a reserve or
    renewal that is not between 0 and 1.
    """

    __slots__ = (
        *(
            "_changed",
            "_first",
            "_ledger",
            "_meters",
            "_overflow",
            "_renewals",
            "_shared_at",
            "_shared_rate",
            "_shares",
        ),
        *("is_new", "max_keys", "offered"),
    )

    def __init__(self, rate: float, *, max_keys: int = 1000, reserve: float = 0.1, renewal: float = 0.5) -> None:
        if max_keys < 1:
            raise ValueError(f"max_keys {max_keys!r}: at least 1 key is told apart from the others")
        if not 0 <= reserve <= 1:
            raise ValueError(f"reserve {reserve!r}: the part of a budget for first sights is between 0 and 1")
        if not 0 <= renewal <= 1:
            raise ValueError(f"renewal {renewal!r}: the part of a budget for renewals is between 0 and 1")
        self._ledger = Ledger(rate)
        self.max_keys = max_keys
        #: What else says whether a key that is new here is new, or None as long as it is not known; None when this
        #: budget alone knows.
        self.is_new: Callable[[Hashable], bool | None] | None = None
        #: What came so far, by weight, and what was kept for certain.
        self.offered = 0.0
        self._shares = reserve, renewal
        self._first, self._renewals = Reserve(reserve * rate), Reserve(renewal * rate)
        self._meters: dict[Hashable, Meter] = {}
        self._overflow = Meter(HEADROOM, math.inf)
        self._shared_at: float | None = None
        self._shared_rate = self._ledger.rate
        self._changed = True

    @property
    def rate(self) -> float:
        """Records a second; can be set at any time. 0 keeps nothing by chance."""
        return self._ledger.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._ledger.rate = rate
        if abs(rate - self._shared_rate) > ROUGHLY * self._shared_rate:
            self._changed = True
        for reserve, share in zip((self._first, self._renewals), self._shares, strict=True):
            reserve.set(share * rate)

    @property
    def spent(self) -> float:
        """What was kept so far; of what was kept for certain, as much as the budget has paid."""
        return self._ledger.spent

    @property
    def keys(self) -> int:
        """How many are told apart now."""
        return len(self._meters)

    def outlook(self, key: Hashable, now: float) -> float:
        """The probability with which to keep arrivals of `key` for the next `HOLD` seconds; `count` them later."""
        ledger = self._ledger
        if now >= ledger.due or now < ledger.earliest:
            self._settle(now)
        chance = self._meters.get(key, self._overflow).chance * ledger.scale
        return min(chance, 1.0)

    def count(self, key: Hashable, number: int, weight: float = 1.0) -> None:
        """So many arrivals of `key` were kept or not by an `outlook`, instead of being offered."""
        self._meters.get(key, self._overflow).seen += weight * number
        self.offered += weight * number

    def offer(self, key: Hashable, now: float, weight: float = 1.0) -> float:
        """The probability, in [0, 1], with which to keep one arrival of `key`, from the past only; counts it.

        `weight` is the chance it had anyway (a rule's rate): its chance in the end is weight × the answer.
        The answer is 1 for first sights within the reserve, and for a key of which nothing was kept for long.
        """
        ledger = self._ledger
        if now >= ledger.due or now < ledger.earliest:
            self._settle(now)
        self.offered += weight
        meter = self._meters.get(key)
        if meter is None:
            self._remember(key, now).seen += weight
            if self._is_first(key, now):
                return 1.0
            meter = self._overflow
        else:
            meter.seen += weight
            if now >= meter.renew and self._renew(meter, now):
                return 1.0
        chance = meter.chance * ledger.scale
        return chance if chance < 1.0 else 1.0  # noqa: FURB136 - min() takes three times as long

    def charge(self, now: float, amount: float = 1.0, key: Hashable = None, *, certain: bool = False) -> None:
        """Something was really kept, by whatever decision: it is paid from the budget.

        `key`, if it was offered, puts off its renewal. `certain` is for what is kept without being offered (errors,
        rules): it is paid from nine tenths of the budget at most, so that something is always left to chance.
        """
        self._ledger.spend(amount, certain)
        if certain:
            self.offered += amount
        meter = self._meters.get(key)
        if meter is not None:
            meter.renew = now + RENEWAL

    def _remember(self, key: Hashable, now: float) -> Meter:
        """Tell `key` apart from now on, if there is room.

        Its first arrival counts for the overflow key, so that a flood of keys has no more than the part of one.
        """
        if len(self._meters) < self.max_keys:
            later = SPREAD * (len(self._meters) * GOLDEN % 1.0)
            self._meters[key] = Meter(self._overflow.chance, now + RETRY + later)
        return self._overflow

    def _is_first(self, key: Hashable, now: float) -> bool:
        """Whether this is the first sight of a key, anywhere, and first sights are not used up.

        A key of which that is not known yet is told apart once it is.
        """
        if not self._first.take(now):
            return False
        is_new = True if self.is_new is None else self.is_new(key)
        if is_new:
            return True
        self._first.put_back()
        if is_new is None:
            self._meters.pop(key, None)
        elif key in self._meters:
            self._meters[key].renew = now + RENEWAL
        return False

    def _renew(self, meter: Meter, now: float) -> bool:
        granted = self._renewals.take(now)
        meter.renew = now + (UNCHARGED if granted else RETRY)
        return granted

    def _settle(self, now: float) -> None:
        ledger = self._ledger
        if now < ledger.earliest:
            self._turn_back(now)
        ledger.settle(now)
        pause = PAUSE + PAUSE_PER_KEY * len(self._meters)
        surprise = ledger.surprise
        if -CALM < surprise < CALM:
            pause *= CALM_PAUSES
        time = now if ledger.now is None else ledger.now  # that of a thread that was faster
        passed = 0.0 if self._shared_at is None else time - self._shared_at
        if self._changed or surprise < WRONG or passed >= pause:
            # Had anything arrived in the silence, it would have made us share.
            self._share(time, min(passed, pause), max(0.0, passed - pause))

    def _turn_back(self, now: float) -> None:
        """The clock was set back: nothing waits for a time that may never come."""
        self._shared_at = now
        for meter in self._meters.values():
            meter.renew = min(meter.renew, now + RENEWAL)

    def _share(self, now: float, passed: float, silence: float) -> None:
        """Update the rates of all keys, and what they are allotted."""
        ledger = self._ledger
        self._shared_at, self._shared_rate, self._changed = now, ledger.rate, False
        decay = math.exp(-passed / (MEMORY_CHANGED if abs(ledger.surprise) > CHANGED else MEMORY))
        meters = [*self._meters.values(), self._overflow]
        rates = [meter.update(passed, silence, decay) for meter in meters]
        chance, level = allot(rates, ledger.income)
        ledger.allotted(sum(rates))
        for meter, rate in zip(meters, rates, strict=True):
            if rate:
                meter.chance = min(chance + level / rate, HEADROOM)
        self._forget()

    def _forget(self) -> None:
        meters = self._meters
        for key in [key for key, meter in meters.items() if meter.quiet > FORGOTTEN]:
            del meters[key]
        if len(meters) >= self.max_keys:
            quiet = ((meter.quiet, key) for key, meter in meters.items() if meter.quiet)
            for _, key in nlargest(max(1, int(CROWDED * self.max_keys)), quiet, key=lambda pair: pair[0]):
                del meters[key]

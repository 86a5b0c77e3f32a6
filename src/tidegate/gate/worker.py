"""One process's part in budgets that several share: it says what arrives, and takes its share.

`Worker.look` is all there is to it: read the control page, write one's own slot, set the budgets. Who calls it, and
when, is `steering`'s.
"""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from tidegate.errors import StoreError
from tidegate.gate.budget import SharedBudget
from tidegate.gate.division import LONGEST_AWAY, Beats, Demand, Tally, divide, is_away
from tidegate.gate.page import BUDGETS, ControlPage, Slot

#: Seconds after which a silent gate is taken for gone, and a silent worker's slot is free for others.
GATE_AWAY = 1.5
FREED = 10.0
#: Seconds between two checks whether the page is still where it was.
RENEWED = 1.0

_WORD = (1 << 64) - 1


class Steered(NamedTuple):
    """A budget to be shared: its name, the same in all processes, and its rate if there were no others."""

    name: str
    budget: SharedBudget
    rate: float


def _hash(text: str) -> int:
    """The same in all processes, and not 0."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1


_id = lru_cache(maxsize=64)(_hash)

#: What the budget for what no rule decides is called in a slot.
COMMON = _id("")


class Worker:
    """A process's slot in a control page, and its shares of the budgets that it has in common with others.

    ``lock`` guards the budgets; it is not held while files are read or written.
    """

    def __init__(self, page: ControlPage, lock: AbstractContextManager[Any], service: str) -> None:
        self._page = page
        self._lock = lock
        self._service = service
        self._beats = Beats()
        self._tally = Tally()
        self._demands: dict[int, tuple[Demand, float]] = {}
        #: What the slot is known by, 0 without one, and what was spent before it was taken.
        self._token = 0
        self._spent = 0.0
        self._looked_at: float | None = None
        self._renewed_at: float | None = None
        #: Other workers that lived at the last look, and the policy's revision that the gate spoke of, 0 without any.
        self.others = self.revision = 0
        #: Looks at a page without a free slot, and looks that failed.
        self.crowded = self.failed = 0

    def look(self, budgets: Sequence[Steered], now: float) -> None:
        """Say what arrived since the last look, and set each budget to this process's share of it."""
        demands = self._arrived(budgets, now)
        try:
            shares = self._divide(budgets, demands, now)
        except Exception:  # whatever it is: until it is over, an equal part
            self.failed += 1
            shares = [each.rate / (1 + self.others) for each in budgets]
        with self._lock:
            for each, share in zip(budgets, shares, strict=True):
                each.budget.rate = share

    def is_new(self, key: Hashable) -> bool:
        """Whether no process of the route saw this key of late; True when the page cannot say."""
        try:
            return self._page.is_new(_hash(f"{self._service}\0{key!r}"))
        except (OSError, StoreError):
            return True

    def leave(self) -> None:
        """Give the slot to others; the next look takes one again."""
        try:
            for index, slot in enumerate(self._page.slots()):
                if slot.token and slot.token == self._token:
                    self._page.free(index)
        except (OSError, StoreError):
            self.failed += 1

    def _divide(self, budgets: Sequence[Steered], demands: Mapping[int, float], now: float) -> list[float]:
        """Put one's own demands into the page; the shares of this process by what is in it then."""
        common = budgets[0]
        self._renew(now)
        self._beats.look(now)
        others = self._meet(common.budget, demands, now)
        limit = min(self._limit(), common.rate)
        spent = {slot.token: slot.spent for slot, _ in others} | {self._token: common.budget.spent - self._spent}
        rates = [limit * self._tally.factor(spent, limit, now), *(each.rate for each in budgets[1:])]
        self.others = sum(silence <= LONGEST_AWAY for _, silence in others)
        return [
            _share(demand, rate, id, others) if place < BUDGETS else rate / (1 + self.others)
            for place, ((id, demand), rate) in enumerate(zip(demands.items(), rates, strict=True))
        ]

    def _arrived(self, budgets: Sequence[Steered], now: float) -> dict[int, float]:
        """Arrivals per second by budget; those of budgets that are gone are forgotten."""
        passed = 0.0 if self._looked_at is None else now - self._looked_at
        self._looked_at = now
        before, self._demands = self._demands, {}
        rates = {}
        for each in budgets:
            id = _id(each.name)
            demand, counted = before.get(id) or (Demand(), 0.0)
            offered = each.budget.offered
            self._demands[id] = demand, offered
            rates[id] = demand.update(offered - counted, passed)
        return rates

    def _renew(self, now: float) -> None:
        if self._renewed_at is None or not 0 <= now - self._renewed_at < RENEWED:
            self._renewed_at = now
            self._page.renew()

    def _meet(self, common: SharedBudget, demands: Mapping[int, float], now: float) -> list[tuple[Slot, float]]:
        """Write one's own slot; the slots of others that may live, and for how long each has been silent."""
        place, free, others = None, None, []
        for index, slot in enumerate(self._page.slots()):
            silence = self._beats.silence(index, (slot.token, slot.beat), slot.beat / 1e9)
            if slot.token and slot.token == self._token:
                place = index
            elif not slot.token or silence > FREED:
                free = index if free is None else free
                if slot.token:
                    self._page.free(index)
            else:
                others.append((slot, silence))
        if place is None and free is not None:
            place = free
            self._token, self._spent = int.from_bytes(os.urandom(8), "little") | 1, common.spent
        if place is None:
            self.crowded += 1
        else:
            mine = Slot(self._token, int(now * 1e9) & _WORD, common.spent - self._spent, common.rate, demands)
            self._page.put(place, mine)
        return others

    def _limit(self) -> float:
        """Traces per second that all workers may keep by the common budget, by who knows."""
        said = self._page.published()
        self.revision = said.revision
        if not said.beat:
            return math.inf
        is_there = self._beats.silence("gate", said.beat, said.beat / 1e9) <= GATE_AWAY
        return said.available if is_there else said.budget


def _share(mine: float, rate: float, id: int, others: Sequence[tuple[Slot, float]]) -> float:
    """Of what all may keep by a budget, the part of who has this demand."""
    demands = [(slot.demands.get(id, 0.0), silence) for slot, silence in others]
    return divide([mine, *(demand for demand, silence in demands if not is_away(silence, demand))], rate)[0]

"""A shop of three services on one host, judged on a virtual clock: what comes, what is kept, what it stands for.

The web shop asks the stock, and for half of the requests a payment service, each a process of its own. Samplers of the
web shop keep by chance what the judge leaves to them, as they knew it a while ago.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from judging import SECOND, Process
from making import T0
from tidegate.gate.budget import SharedBudget
from tidegate.gate.tail.traces import TraceTail
from tidegate.gate.tail.verdict import Judged, Place
from tidegate.gate.threshold import MAX, adjusted_count, encode, probability_to_threshold
from tidegate.store.block import Index
from tidegate.store.rows import SpanRows
from tidegate.store.segment import BlockRef

#: Seconds between two commits, and two looks of the judge.
STEP = 0.25

Rate = Callable[[float], float]


class Visit(NamedTuple):
    """A request."""

    trace: int
    route: str
    duration: int
    failed: bool
    sampled: bool
    state: str
    remote: bool


class Samplers:
    """Heads: by the law of the sampler, with a budget that they learn ``lag`` seconds late."""

    def __init__(self, budget: float, lag: float) -> None:
        self.law = SharedBudget(budget)
        self._lag = lag
        self._coming: deque[tuple[float, float]] = deque()

    def learn(self, available: float, now: float) -> None:
        self._coming.append((now + self._lag, available))
        while self._coming and self._coming[0][0] <= now:
            self.law.rate = self._coming.popleft()[1]

    def sample(self, key: str, trace: int, now: float) -> tuple[bool, str]:
        threshold = probability_to_threshold(self.law.offer(key, now))
        if trace % MAX < threshold:
            return False, ""
        self.law.charge(now, 1.0, key)
        return True, f"ot=th:{encode(threshold)}"


@dataclass
class Count:
    """Of requests or errors: how many there were, and how many by what was kept of them."""

    true: int = 0
    kept: int = 0
    estimated: float = 0.0

    def keep(self, count: float) -> None:
        self.kept += 1
        self.estimated += count


@dataclass
class Shop:
    """``load`` and ``failing`` say, at a time in seconds, how many requests come a second and which part fails."""

    tail: TraceTail
    load: Rate
    failing: Rate = lambda now: 0.0
    slow: Rate = lambda now: 0.0
    remote: float = 0.0
    lag: float = 1.0
    seed: int = 1
    routes: int = 20
    requests: Count = field(default_factory=Count)
    errors: Count = field(default_factory=Count)
    slowness: Count = field(default_factory=Count)
    #: Traces and spans kept in each step, and all verdicts.
    kept: list[tuple[int, int]] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    #: Requests, and the places of their spans, by trace.
    visits: dict[str, Visit] = field(default_factory=dict)
    places: dict[str, set[Place]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.samplers = Samplers(self.tail.available, self.lag)
        self.processes = [Process(name, name[0]) for name in ("web", "stock", "payment")]
        self._weights = [sum(1 / rank for rank in range(1, last + 1)) for last in range(1, self.routes + 1)]

    def run(self, seconds: float) -> Shop:
        """Let time pass, and in the end all that is pending be judged."""
        now = 0.0
        while now < seconds:
            visits = list(self._arrivals(now))
            now += STEP
            self._commit(visits, now)
            self._take(self.tail.judge(now), now)
        self._take(self.tail.judge(now, last=True), now)
        return self

    def _arrivals(self, begin: float) -> Iterator[Visit]:
        chance, now = self.chance, begin
        load = self.load(begin)
        while load and (now := now + chance.expovariate(load)) < begin + STEP:
            trace = chance.getrandbits(128)
            route = f"/r{bisect_left(self._weights, chance.random() * self._weights[-1])}"
            failed, is_slow = chance.random() < self.failing(now), chance.random() < self.slow(now)
            is_remote = chance.random() < self.remote
            if is_remote:
                sampled, state = True, ""
            else:
                sampled, state = self.samplers.sample(route, trace, now)
            duration = int(chance.lognormvariate(0, 0.3) * SECOND / 20) * (50 if is_slow else 1)
            yield Visit(trace, route, duration, failed, sampled, state, is_remote)
            self.requests.true += 1
            self.errors.true += failed
            self.slowness.true += duration > SECOND

    def _commit(self, visits: Sequence[Visit], now: float) -> None:
        web, stock, payment = self.processes
        paid = [visit for visit in visits if visit.trace & 1]
        for process, some in ((payment, paid), (stock, visits), (web, visits)):
            if some:
                rows = block_of(process, some, is_root=process is web)
                for visit, place in zip(some, rows.places, strict=True):
                    self.places.setdefault(f"{visit.trace:032x}", set()).add(place)
                self.tail.see(rows, range(rows.count), now)
        self.visits.update((f"{visit.trace:032x}", visit) for visit in visits)

    def _take(self, judged: Sequence[Judged], now: float) -> None:
        self.samplers.learn(self.tail.available, now)
        spans = traces = 0
        for each in judged:
            if not each.keep:
                continue
            spans += len(each.spans)
            traces += 1
            visit = self.visits[each.trace_id]
            count = 1.0 if each.threshold is None else adjusted_count(each.threshold)
            self.requests.keep(count)
            if visit.failed:
                self.errors.keep(count)
            if visit.duration > SECOND:
                self.slowness.keep(count)
        self.kept.append((traces, spans))
        self.judged += judged

    def rate(self, begin: float, end: float) -> float:
        """Traces a second kept in that time."""
        return sum(traces for traces, _ in self.kept[int(begin / STEP) : int(end / STEP)]) / (end - begin)

    def span_rate(self, begin: float, end: float) -> float:
        return sum(spans for _, spans in self.kept[int(begin / STEP) : int(end / STEP)]) / (end - begin)


def block_of(process: Process, visits: Sequence[Visit], *, is_root: bool) -> SpanRows:
    """A process's span of each of them."""
    number, count = ord(process.segment[0]), len(visits)
    columns: dict[str, Any] = {
        "t0": str(T0),
        "traces": [f"{visit.trace:032x}" for visit in visits],
        "trace": list(range(count)),
        "span_id": "".join(f"{number:016x}" for _ in visits),
        "name": [f"GET {visit.route}" if is_root else "ask" for visit in visits],
        "duration": [visit.duration if is_root else visit.duration // 2 for visit in visits],
        "status": [2 if visit.failed and not is_root else 0 for visit in visits],
        "flags": [int(visit.sampled) for visit in visits],
        "trace_state": [visit.state for visit in visits],
        "attributes": {"all": {}},
    }
    calls = [not is_root or visit.remote for visit in visits]
    if any(calls):
        columns["parent"] = ["0" * 15 + "1" if call else "" for call in calls]
        columns["parent_is_remote"] = [int(call) for call in calls]
    process.written += count
    index = Index("spans", count, T0, T0, 0, 0, process.written - count, 0)
    return SpanRows(columns, BlockRef(process.header, index))

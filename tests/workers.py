"""Workers that share a control page, for tests: samplers of one process, on a clock that their arrivals turn."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from opentelemetry.sdk.trace.sampling import Decision, SamplingResult

from sampling import Clock
from tidegate.gate.page import ControlPage
from tidegate.gate.sampler import AdaptiveSampler

BUDGET = 100.0


class Workers:
    """So many samplers of ``BUDGET`` traces/s, all steered by the page at ``path``; None leaves each to itself."""

    def __init__(self, path: Path | None, number: int = 8, *, seed: int = 1, budget: float = BUDGET) -> None:
        self.clock = Clock(0.0)
        self.samplers = [AdaptiveSampler(budget, clock=self.clock) for _ in range(number)]
        if path is not None:
            for sampler in self.samplers:
                sampler.steer(ControlPage(path), in_thread=False)
        self._draw = random.Random(seed)
        #: Time and worker of each trace that was kept.
        self.kept: list[tuple[float, int]] = []

    def decide(self, worker: int, name: str = "GET /") -> SamplingResult:
        """A trace starts."""
        result = self.samplers[worker].should_sample(None, self._draw.getrandbits(128), name)
        if result.decision is Decision.RECORD_AND_SAMPLE:
            self.kept.append((self.clock.now, worker))
        return result

    def run(self, rates: Sequence[float], seconds: float) -> Workers:
        """Poisson arrivals of these rates, of twenty names of which the first is the most frequent."""
        end = self.clock.now + seconds
        streams = [self._arrivals(worker, rate, end) for worker, rate in enumerate(rates) if rate]
        for now, worker in heapq.merge(*streams):
            self.clock.now = now
            self.decide(worker, f"GET /{min(int(self._draw.paretovariate(1)), 20)}")
        self.clock.now = end
        return self

    def _arrivals(self, worker: int, rate: float, end: float) -> Iterator[tuple[float, int]]:
        draw = random.Random(self._draw.random())
        now = self.clock.now
        while (now := now + draw.expovariate(rate)) < end:
            yield now, worker

    def rate(self, begin: float, end: float, workers: Sequence[int] | None = None) -> float:
        """Traces per second that were kept between two times, by some workers or all."""
        kept = sum(begin <= at < end and (workers is None or worker in workers) for at, worker in self.kept)
        return kept / (end - begin)

    @property
    def shares(self) -> list[float]:
        return [sampler.steering()["share"] for sampler in self.samplers]


def skewed(total: float, number: int = 8) -> list[float]:
    """Rates of which the first is ten times each other."""
    each = total / (number + 9)
    return [10 * each, *[each] * (number - 1)]

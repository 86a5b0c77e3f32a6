"""Traffic with a virtual clock, and what a budget's law makes of it. Everything is drawn from a seeded generator."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count
from typing import Protocol

#: Seconds in which a load is taken to be constant.
SLICE = 0.05

Load = Callable[[float], float]
Keys = Callable[[random.Random, float, int], Sequence[Hashable]]


class Law(Protocol):
    def offer(self, key: Hashable, now: float) -> float: ...
    def charge(self, now: float, amount: float = 1.0, key: Hashable = None) -> None: ...


def steady(rate: float) -> Load:
    return lambda now: rate


def step(before: float, at: float, after: float, until: float = math.inf) -> Load:
    return lambda now: after if at <= now < until else before


def on_off(rate: float, period: float, on: float = 0.5, low: float = 0.0) -> Load:
    return lambda now: rate if now % period < on * period else low


def sine(mean: float, swing: float, period: float) -> Load:
    return lambda now: mean * (1 + swing * math.sin(2 * math.pi * now / period))


def zipf(number: int, exponent: float = 1.0) -> Keys:
    return weighted([1 / rank**exponent for rank in range(1, number + 1)])


def weighted(weights: Sequence[float]) -> Keys:
    names, cumulative = range(len(weights)), list(accumulate(weights))
    return lambda draw, now, number: draw.choices(names, cum_weights=cumulative, k=number)


def unique() -> Keys:
    numbers = count()
    return lambda draw, now, number: [next(numbers) for _ in range(number)]


def passing(number: int, life: float) -> Keys:
    """`number` keys at a time, all replaced by others every `life` seconds, one after the other."""

    def draw_keys(draw: random.Random, now: float, size: int) -> Sequence[Hashable]:
        return [(place, int(now / life + place / number)) for place in draw.choices(range(number), k=size)]

    return draw_keys


def mixed(parts: Sequence[tuple[float, Keys]]) -> Keys:
    """Each arrival from one of several kinds of traffic, by weight."""
    cumulative = list(accumulate(weight for weight, _ in parts))

    def draw_keys(draw: random.Random, now: float, size: int) -> Sequence[Hashable]:
        chosen = Counter(draw.choices(range(len(parts)), cum_weights=cumulative, k=size))
        found = [(part, key) for part, number in chosen.items() for key in parts[part][1](draw, now, number)]
        draw.shuffle(found)
        return found

    return draw_keys


def arrivals(load: Load, keys: Keys, seconds: float, draw: random.Random) -> Iterator[tuple[float, Hashable]]:
    """Times and keys of a Poisson process of that load."""
    for number in range(round(seconds / SLICE)):
        begin = number * SLICE
        mean = load(begin) * SLICE
        times: list[float] = []
        at = draw.expovariate(1.0) if mean else math.inf
        while at < mean:
            times.append(begin + SLICE * at / mean)
            at += draw.expovariate(1.0)
        yield from zip(times, keys(draw, begin, len(times)), strict=True)


@dataclass(slots=True)
class Run:
    """What one run kept, and what its weights say about what came."""

    seconds: float
    seen: Counter[Hashable] = field(default_factory=Counter)
    kept: Counter[Hashable] = field(default_factory=Counter)
    counted: defaultdict[Hashable, float] = field(default_factory=lambda: defaultdict(float))
    times: list[float] = field(default_factory=list)
    last: dict[Hashable, float] = field(default_factory=dict)
    longest: dict[Hashable, float] = field(default_factory=dict)
    errors: int = 0
    errors_counted: float = 0.0

    def between(self, begin: float, end: float) -> int:
        return bisect_left(self.times, end) - bisect_left(self.times, begin)

    def worst_second(self, begin: float, end: float) -> int:
        """The most that was kept in any second that lies within."""
        first, last, most = bisect_left(self.times, begin), bisect_left(self.times, end), 0
        for index in range(first, last):
            while self.times[index] - self.times[first] >= 1.0:
                first += 1
            most = max(most, index - first + 1)
        return most

    def error(self) -> float:
        """Relative error of the total that the weights add up to."""
        return sum(self.counted.values()) / max(1, sum(self.seen.values())) - 1

    def served(self, minutes: float) -> tuple[int, int]:
        """Of the keys with at least one arrival a second: those kept at least once in every minute; and how many."""
        busy = [key for key, number in self.seen.items() if number >= 60 * minutes]
        gaps = (max(self.longest.get(key, self.seconds), self.seconds - self.last.get(key, 0.0)) for key in busy)
        return sum(gap <= 60.0 for gap in gaps), len(busy)


def simulate(
    law: Law,
    traffic: Iterable[tuple[float, Hashable]],
    seconds: float,
    draw: random.Random,
    *,
    error_share: float = 0.05,
    since: float = 0.0,
) -> Run:
    """Offer every arrival, keep by chance, charge what was kept. Counts begin at `since`."""
    run = Run(seconds)
    seen, kept, counted, last, longest = run.seen, run.kept, run.counted, run.last, run.longest
    for now, key in traffic:
        chance = law.offer(key, now)
        failed = draw.random() < error_share
        if now >= since:
            seen[key] += 1
            run.errors += failed
        if draw.random() >= chance:
            continue
        law.charge(now, 1.0, key)
        run.times.append(now)
        longest[key] = max(longest.get(key, 0.0), now - last.get(key, 0.0))
        last[key] = now
        if now >= since:
            kept[key] += 1
            counted[key] += 1 / chance
            if failed:
                run.errors_counted += 1 / chance
    return run

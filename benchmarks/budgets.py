"""How well a budget of records a second is kept, shared and weighted, ours beside others, on a virtual clock.

``python -m benchmarks budgets --repeats 72`` is 24 seeds, as the figures in the documents; by default, 3. One scenario:
``python -c "from benchmarks.budgets import scenario; print(scenario('burst', seeds=24))"``.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks.budget_baselines import EmaThroughput, RateLimited, TokenBucket, WindowedThroughput
from benchmarks.budget_traffic import (
    Keys,
    Law,
    Load,
    Run,
    arrivals,
    mixed,
    on_off,
    passing,
    simulate,
    sine,
    steady,
    step,
    unique,
    weighted,
    zipf,
)
from benchmarks.measure import median_of, table
from tidegate.gate import budget, ledger, shares
from tidegate.gate.budget import SharedBudget

GOAL = 100.0
#: Seconds that are not counted: for all laws to start, and for the slowest to have found its rates.
WARM = 10.0
FOUND = 90.0
LAWS: Mapping[str, Callable[[float], Law]] = {
    "tidegate": SharedBudget,
    "EMAThroughput": EmaThroughput,
    "WindowedThroughput": WindowedThroughput,
    "Azure rate-limited": RateLimited,
    "token bucket": TokenBucket,
}
TWENTY = zipf(20)
#: Fifty keys that come 1.2 times a second, beside a busy one.
BESIDE = weighted([140, *[1.2] * 50])


def ran(
    law: Callable[[float], Law], load: Load, keys: Callable[[], Keys], until: float, seeds: int, goal: float = GOAL
) -> list[Run]:
    """One run a seed; what came in the first ten seconds is not counted in weights."""
    return [
        simulate(
            law(goal), arrivals(load, keys(), until, random.Random(seed)), until, random.Random(-1 - seed), since=WARM
        )
        for seed in range(seeds)
    ]


def percent(values: Sequence[float]) -> str:
    """Mean, and the one that is furthest from 0."""
    return f"{100 * statistics.fmean(values):+.2f} ({100 * max(values, key=abs):+.2f}) %"


def off_budget(runs: Sequence[Run], begin: float, end: float, goal: float = GOAL) -> list[float]:
    return [run.between(begin, end) / (goal * (end - begin)) - 1 for run in runs]


def loads(law: Callable[[float], Law], seeds: int) -> list[str]:
    cells = []
    for load in (1.05, 1.5, 3, 10, 50):
        until = FOUND + 60
        runs = ran(law, steady(load * GOAL), lambda: TWENTY, until, seeds if load < 10 else max(1, seeds // 4))
        cells.append(percent(off_budget(runs, FOUND, until)))
    return cells


def settled(run: Run, begin: float, end: float) -> float:
    """Seconds after `begin` from which every half second up to `end`, averaged over one, is within 20 % of the goal."""
    late = [
        at / 2
        for at in range(int(2 * (end - begin)))
        if abs(run.between(begin + at / 2, begin + at / 2 + 1) / GOAL - 1) > 0.2
    ]
    return max(late) + 0.5 if late else 0.0


def burst(law: Callable[[float], Law], seeds: int) -> list[str]:
    runs = ran(law, step(1.5 * GOAL, 60, 15 * GOAL), lambda: TWENTY, 121, seeds)
    quiet = ran(law, step(0.5 * GOAL, 60, 5 * GOAL), lambda: TWENTY, 65, seeds)
    return [
        f"{max(run.worst_second(59, 65) for run in runs) / GOAL:.2f} ×",
        f"{max(run.worst_second(59, 65) for run in quiet) / GOAL:.2f} ×",
        f"{max(settled(run, 60, 119) for run in runs):.1f} s",
        f"{statistics.fmean(run.between(60, 120) / GOAL - 60 for run in runs):+.2f} s",
    ]


def cold(law: Callable[[float], Law], seeds: int) -> list[str]:
    runs = ran(law, steady(50 * GOAL), lambda: TWENTY, 1.5, seeds)
    return [f"{max(run.between(0, 1) for run in runs) / GOAL:.2f} ×"]


def keys(law: Callable[[float], Law], seeds: int) -> list[str]:
    flood = ran(law, steady(10 * GOAL), unique, 60, seeds)
    many = ran(law, steady(50 * GOAL), lambda: zipf(5000), 60, max(1, seeds // 4))
    fair = [run.served(2) for run in ran(law, steady(5 * GOAL), lambda: zipf(300, 0.5), WARM + 120, max(1, seeds // 2))]
    beside = [run.served(4) for run in ran(law, steady(200), lambda: BESIDE, 240, max(1, seeds // 3), 5.0)]
    return [
        f"{statistics.fmean(run.between(0, 60) for run in flood) / (60 * GOAL):.2f} ×",
        percent(off_budget(many, 10, 60)),
        *(f"{100 * sum(one for one, _ in kept) / sum(all_ for _, all_ in kept):.1f} %" for kept in (fair, beside)),
    ]


def weights(law: Callable[[float], Law], seeds: int) -> list[str]:
    """Bias with its standard error, and root mean square, of counts from weights over a minute."""
    cells = []
    for load, names in ((3, weighted([1])), (10, TWENTY), (10, zipf(200, 0.5))):
        runs = ran(law, steady(load * GOAL), lambda names=names: names, WARM + 60, seeds)  # type: ignore[misc]
        errors = [100 * run.error() for run in runs]
        cells.append(f"{statistics.fmean(errors):+.2f} ± {deviation(errors):.2f}; {rms(errors):.2f} %")
        if names is TWENTY:
            failed = [100 * (run.errors_counted / run.errors - 1) for run in runs]
            cells.append(f"{statistics.fmean(failed):+.2f} ± {deviation(failed):.2f}; {rms(failed):.2f} %")
    return cells


def deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def rms(values: Sequence[float]) -> float:
    return math.sqrt(statistics.fmean(value * value for value in values))


HEADS: Mapping[str, tuple[Callable[[Callable[[float], Law], int], list[str]], str, tuple[str, ...]]] = {
    "loads": (
        loads,
        "Budget error over 60 s, 20 Zipf keys: mean (worst seed)",
        ("1.05 ×", "1.5 ×", "3 ×", "10 ×", "50 ×"),
    ),
    "burst": (
        burst,
        "Load × 10",
        ("worst second, from 1.5 ×", "worst second, from 0.5 ×", "within ± 20 % after", "over, first 60 s"),
    ),
    "cold": (cold, "Cold start at 50 ×", ("first second",)),
    "keys": (
        keys,
        "Many keys",
        (
            "flood of unique keys",
            "5,000 Zipf keys",
            "kept once a minute, of keys ≥ 1/s: 300 keys",
            "50 beside one of 140/s, 5/s kept",
        ),
    ),
    "weights": (
        weights,
        "Counts from weights over a minute: bias ± its error; root mean square",
        ("one key, 3 ×", "20 Zipf keys, 10 ×", "their errors (5 %)", "200 keys, 10 ×"),
    ),
}


def scenario(name: str, seeds: int = 3) -> str:
    """One table, of every law."""
    measure, title, heads = HEADS[name]
    rows = [[law_name, *measure(law, seeds)] for law_name, law in LAWS.items()]
    return table(f"{title} ({seeds} seeds)", ("law", *heads), rows)


#: Traffic that is not steady, with what can be kept at most: traffic may be less than the budget for a while.
OTHERS: Mapping[str, tuple[Load, Callable[[], Keys], float]] = {
    "square 10 × / 1.1 ×, 20 s": (on_off(1000, 20, low=110), lambda: TWENTY, GOAL),
    "square 10 × / 1.1 ×, 2 s": (on_off(1000, 2, low=110), lambda: TWENTY, GOAL),
    "square 20 × / 0, 0.2 s": (on_off(2000, 0.2), lambda: TWENTY, GOAL),
    "square 20 × / 0, 10 s": (on_off(2000, 10), lambda: TWENTY, GOAL / 2),
    "sine 5 × ± 75 %, 60 s": (sine(500, 0.75, 60), lambda: TWENTY, GOAL),
    "sine 5 × ± 75 %, 1 s": (sine(500, 0.75, 1), lambda: TWENTY, GOAL),
    "one key of 99.9 %": (steady(1000), lambda: weighted([999, *[0.1] * 10]), GOAL),
    "all keys rare (2,000 at 0.5/s)": (steady(1000), lambda: zipf(2000, 0), GOAL),
    "20 keys, others every 2 s": (steady(1000), lambda: passing(20, 2), GOAL),
    "200 keys, others every second": (steady(1000), lambda: passing(200, 1), GOAL),
    "unique keys and 20 Zipf keys": (steady(2000), lambda: mixed([(1, unique()), (1, TWENTY)]), GOAL),
}


def others(seeds: int) -> str:
    rows = []
    for name, (load, names, most) in OTHERS.items():
        runs = ran(SharedBudget, load, names, WARM + 60, seeds)
        kept = percent(off_budget(runs, WARM, WARM + 60, most))
        worst = max(run.worst_second(WARM, WARM + 60) for run in runs) / GOAL
        rows.append([name, kept, f"{worst:.2f} ×", f"{rms([100 * run.error() for run in runs]):.2f} %"])
    for goal in (1.0, 10.0, 1000.0):
        runs = ran(SharedBudget, steady(5 * goal), lambda: TWENTY, WARM + 60, seeds, goal)
        kept = percent(off_budget(runs, WARM, WARM + 60, goal))
        worst = max(run.worst_second(WARM, WARM + 60) for run in runs) / goal
        rows.append(
            [f"budget {goal:g}/s, 5 ×", kept, f"{worst:.2f} ×", f"{rms([100 * r.error() for r in runs]):.2f} %"]
        )
    heads = ("traffic", "off what can be kept in 60 s", "worst second", "counts, root mean square")
    return table(f"Other traffic, tidegate ({seeds} seeds)", heads, rows)


#: What the law is without one of its parts.
ABLATIONS: Mapping[str, Mapping[str, float]] = {
    "whole": {},
    "without savings": {"SAVED": 0.0, "SAVED_RECORDS": 0.0},
    "without steepness": {"STEEP": 1.0},
    "without a balance for busy times": {"FULL_BUSY": 0.2},
    "slow: 1 s instead of 0.1 s": {"SMOOTHING": 1.0},
    "without a faster memory after changes": {"CHANGED": 1e9},
    "without equal parts": {"PROPORTIONAL": 0.999},
    "equal parts only": {"PROPORTIONAL": 0.0},
    "without headroom for rare keys": {"HEADROOM": 1.0},
    "without renewals": {},
}


@contextmanager
def changed(constants: Mapping[str, float]) -> Iterator[None]:
    """The law with other constants; a name that several modules know is changed in all."""
    places = [(module, name) for name in constants for module in (budget, ledger, shares) if hasattr(module, name)]
    before: list[tuple[Any, str, float]] = [(module, name, getattr(module, name)) for module, name in places]
    for module, name in places:
        setattr(module, name, constants[name])
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def ablations(seeds: int) -> str:
    rows = []
    for name, constants in ABLATIONS.items():
        law = partial(SharedBudget, renewal=0.0) if name == "without renewals" else SharedBudget
        with changed(constants):
            near = off_budget(ran(law, steady(1.05 * GOAL), lambda: TWENTY, WARM + 60, seeds), WARM, WARM + 60)
            square = off_budget(ran(law, on_off(1000, 2, low=110), lambda: TWENTY, 40, seeds), WARM, 40)
            bursts = ran(law, step(1.5 * GOAL, 20, 15 * GOAL), lambda: TWENTY, 24, seeds)
            counts = [100 * run.error() for run in ran(law, steady(1000), lambda: TWENTY, WARM + 60, seeds)]
            fair = [run.served(4) for run in ran(law, steady(200), lambda: BESIDE, 240, 1, 5.0)]
        rows.append(
            [
                name,
                percent(near),
                percent(square),
                f"{statistics.fmean(run.worst_second(19, 24) for run in bursts) / GOAL:.2f} ×",
                f"{rms(counts):.2f} %",
                f"{100 * fair[0][0] / fair[0][1]:.1f} %",
            ]
        )
    heads = (
        "law",
        "1.05 ×",
        "square 10 × / 1.1 ×, 2 s",
        "worst second of a burst",
        "counts, r.m.s.",
        "50 rare keys served",
    )
    return table(f"What each part is for ({seeds} seeds)", heads, rows)


def cost(make: Callable[[], Law], load: Load, names: Keys, seconds: float) -> float:
    """Microseconds for an arrival: offered, drawn, and charged if kept."""
    law, draw = make(), random.Random(7)
    traffic = [(now, key, draw.random()) for now, key in arrivals(load, names, seconds, draw)]
    offer, charge = law.offer, law.charge
    begin = time.process_time()
    for now, key, chance in traffic:
        if chance < offer(key, now):
            charge(now, 1.0, key)
    return 1e6 * (time.process_time() - begin) / len(traffic)


def costs(repeats: int) -> str:
    cases = {"20 keys, 1.05 ×": (105, TWENTY), "20 keys, 10 ×": (1000, TWENTY), "20 keys, 50 ×": (5000, TWENTY)}
    cases |= {"300 keys, 10 ×": (1000, zipf(300)), "5,000 keys, 50 ×": (5000, zipf(5000))}
    times = median_of(
        {
            f"{law}: {name}": lambda make=make, load=load, names=names: cost(  # type: ignore[misc]
                lambda: make(GOAL), steady(load), names, 20_000 / load
            )
            for law, make in LAWS.items()
            for name, (load, names) in cases.items()
        },
        repeats,
    )
    rows = [[law, *(f"{times[f'{law}: {name}']:.2f}" for name in cases)] for law in LAWS]
    return table("Microseconds an arrival, offered and charged", ("law", *cases), rows)


def run(repeats: int) -> str:
    seeds = max(2, repeats // 3)
    return "\n".join(
        [*(scenario(name, seeds) for name in HEADS), others(seeds), ablations(seeds), costs(min(repeats, 5))]
    )

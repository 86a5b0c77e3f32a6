"""How well one budget holds over eight workers that share a control page: on a virtual clock, and as real processes.

``python -c "from benchmarks.workers import real; print(real())"`` is the real run alone: half a minute.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.budget_traffic import Load, arrivals, on_off, steady, step, zipf
from benchmarks.measure import table
from tidegate.gate.page import ControlPage
from tidegate.gate.traces.gate import TraceGate

GOAL = 100.0
WORKERS = 8
WARM, END = 10.0, 70.0
TWENTY = zipf(20)


def skewed(total: float) -> list[Load]:
    """Ten times as much at the first as at each other."""
    each = total / (WORKERS + 9)
    return [steady(10 * each), *[steady(each)] * (WORKERS - 1)]


def moving(total: float, period: float) -> list[Load]:
    """Nine tenths of it at one worker, the next one every `period` seconds."""

    def load(worker: int) -> Load:
        return lambda now: total * (0.9 if int(now / period) % WORKERS == worker else 0.1 / (WORKERS - 1))

    return [load(worker) for worker in range(WORKERS)]


LOADS: Mapping[str, Sequence[Load]] = {
    **{f"10 : 1, {load:g} ×": skewed(load * GOAL) for load in (1.05, 1.5, 3, 10, 50)},
    "equal, 1.05 ×": [steady(1.05 * GOAL / WORKERS)] * WORKERS,
    "one of 0.98 ×, seven of 1/s": [steady(0.98 * GOAL), *[steady(1)] * 7],
    "10 : 1, from 1.5 × to 15 × and back": [step(n * 150 / 17, 30, n * 1500 / 17, 50) for n in (10, *[1] * 7)],
    "a burst of 9 × moves every 2 s": moving(10 * GOAL, 2),
    "a burst of 9 × moves every 0.5 s": moving(10 * GOAL, 0.5),
    "a burst of 1.1 × moves every 5 s": moving(1.2 * GOAL, 5),
    "all of 40 ×, every other 0.4 s": [on_off(500, 0.8)] * WORKERS,
    "four of eight die": [*[step(300, 35, 0)] * 4, *[steady(50)] * 4],
    "cold start, 50 ×": [steady(50 * GOAL / WORKERS)] * WORKERS,
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _stream(worker: int, load: Load, seconds: float, seed: int) -> Iterator[tuple[float, int, object]]:
    return ((now, worker, key) for now, key in arrivals(load, TWENTY, seconds, random.Random(8 * seed + worker)))


def simulate(loads: Sequence[Load], seconds: float, seed: int, path: str | None, rate: float = GOAL) -> list[float]:
    """When traces were kept. With a path the workers share the budget; without, each has `rate`."""
    clock, draw, kept = Clock(), random.Random(-1 - seed), []
    gates = [TraceGate(rate, (), clock=clock) for _ in loads]
    for gate in gates if path is not None else ():
        gate.steer(ControlPage(path), in_thread=False)
    for now, worker, key in heapq.merge(*(_stream(n, load, seconds, seed) for n, load in enumerate(loads))):
        clock.now = now
        if gates[worker].judge(draw.getrandbits(56), 0, f"GET /{key}", None, None) is not None:
            kept.append(now)
    return kept


def off(kept: Sequence[float], begin: float, end: float) -> float:
    return (bisect_left(kept, end) - bisect_left(kept, begin)) / (GOAL * (end - begin)) - 1


def windows(runs: Sequence[Sequence[float]], length: float) -> str:
    """Mean, and the window that is furthest from the budget."""
    begins = [WARM + length * number for number in range(int((END - WARM) / length))]
    errors = [100 * off(kept, begin, begin + length) for kept in runs for begin in begins]
    return f"{statistics.fmean(errors):+.1f} ({max(errors, key=abs):+.1f}) %"


def _ran(loads: Sequence[Load], seeds: int, *, page: bool = True, rate: float = GOAL) -> list[list[float]]:
    runs = []
    for seed in range(seeds):
        with TemporaryDirectory() as directory:
            runs.append(simulate(loads, END, seed, f"{directory}/control.page" if page else None, rate))
    return runs


def virtual(seeds: int) -> str:
    rows = []
    for name, loads in LOADS.items():
        runs = _ran(loads, seeds)
        first = max(off(kept, 0, 1) for kept in runs) + 1
        rows.append([name, windows(runs, 1), windows(runs, 10), windows(runs, 60), f"{first:.2f} ×"])
    heads = ("load", "1 s", "10 s", "60 s", "first second")
    return table(f"One budget over eight workers, off by: mean (worst window), {seeds} seeds", heads, rows)


def compared(seeds: int) -> str:
    ways: Mapping[str, Callable[[Sequence[Load]], list[list[float]]]] = {
        "shared by the page": lambda loads: _ran(loads, seeds),
        "split in eight": lambda loads: _ran(loads, seeds, page=False, rate=GOAL / WORKERS),
        "each the whole": lambda loads: _ran(loads, seeds, page=False),
    }
    names = ("10 : 1, 1.05 ×", "10 : 1, 1.5 ×", "10 : 1, 10 ×", "a burst of 9 × moves every 2 s")
    rows = [[way, *(windows(run(LOADS[name]), 10) for name in names)] for way, run in ways.items()]
    return table(f"Beside other ways, in 10 s: mean (worst), {seeds} seeds", ("way", *names), rows)


#: A worker makes Poisson arrivals in real time, and says every 50 ms how many it kept.
WORKER = """
import random, sys, time
from tidegate.gate.page import ControlPage
from tidegate.gate.sampler import AdaptiveSampler
path, rate, end, seed = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
sampler, draw, kept = AdaptiveSampler(100.0), random.Random(seed), []
sampler.steer(ControlPage(path))
now, said = time.monotonic(), 0.0
while now < end:
    time.sleep(max(0.0, now - time.monotonic()))
    if sampler.should_sample(None, draw.getrandbits(128), f"GET /{draw.randrange(20)}").decision.value == 2:
        kept.append(time.monotonic())
    if now - said > 0.05:
        said = now
        print(*kept, flush=True)
        kept.clear()
    now += draw.expovariate(rate)
"""


def real(seconds: float = 30.0, rates: Sequence[float] = (500.0, *[50.0] * 7)) -> str:
    """Eight processes; after `seconds` the busiest is killed, and we see when the others have the budget."""
    with TemporaryDirectory() as directory:
        path = Path(directory, "control.page")
        begin = time.monotonic() + 3.0
        end = begin + seconds + 10.0
        command = [sys.executable, "-c", WORKER, str(path)]
        workers = [
            subprocess.Popen([*command, str(rate), str(end), str(n)], stdout=subprocess.PIPE, text=True)
            for n, rate in enumerate(rates)
        ]
        time.sleep(begin + seconds - time.monotonic())
        os.kill(workers[0].pid, signal.SIGKILL)
        killed = time.monotonic()
        page, released = ControlPage(path, read_only=True), 0.0
        dead = max(page.slots(), key=lambda slot: max(slot.demands.values(), default=0.0)).token
        while not released and time.monotonic() < killed + 5:
            time.sleep(0.02)
            shares = sum(slot.share for slot in page.slots() if slot.token not in (0, dead))
            released = time.monotonic() - killed if shares > 0.9 * GOAL else 0.0
        page.close()
        kept = sorted(float(text) for worker in workers for text in worker.communicate()[0].split())
    rows = [
        ["30 s, all eight", f"{100 * off(kept, begin, killed):+.1f} %"],
        *(
            [f"{at:g} s to {at + 10:g} s", f"{100 * off(kept, begin + at, begin + at + 10):+.1f} %"]
            for at in range(0, int(seconds) - 9, 10)
        ),
        ["8 s, from 2 s after the busiest was killed", f"{100 * off(kept, killed + 2, killed + 10):+.1f} %"],
        ["until the others have nine tenths of the budget", f"{released:.2f} s"],
    ]
    return table(f"Eight real processes, {json.dumps(rates)} traces/s, budget {GOAL:g}/s", ("when", "off"), rows)


def run(repeats: int) -> str:
    seeds = max(1, repeats // 3)
    return "\n".join([virtual(seeds), compared(seeds), real()])

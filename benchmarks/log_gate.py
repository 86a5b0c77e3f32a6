"""The log gate's decision: what it costs, what it keeps, and how well what it keeps stands for what came.

Traffic is synthetic, seeded and in virtual time: patterns by Zipf's law, severities 40/40/15/5 % DEBUG,
INFO, WARNING and ERROR, Poisson arrivals outside any trace.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from itertools import count
from math import sqrt
from statistics import mean, pstdev
from typing import Any, NamedTuple

from benchmarks.measure import median_of, table
from tidegate.gate.logs import runs
from tidegate.gate.logs.gate import LogGate
from tidegate.gate.policy import LogPolicy
from tidegate.gate.threshold import MAX
from tidegate.patterns import Pattern

SEEDS = 24
SEVERITIES, SHARES = (5, 9, 13, 17), (40, 40, 15, 5)
ERROR = 17
PLAIN = LogPolicy(min_rate=0)
CALLS = 20_000


def run(repeats: int) -> str:
    return "\n".join([cost(repeats), plain_table(), reduction(), budgets(), estimates(), jumps()])


def patterns(number: int) -> list[Pattern]:
    return [Pattern(f"{index:032x}", f"event {index} of <*>", "template") for index in range(number)]


# -- cost


def cost(repeats: int) -> str:
    cases: dict[str, Callable[[], float]] = {
        "a dict that counts, and a random number": _bare,
        "judge: known pattern, plain table": lambda: _judge(PLAIN),
        "judge: the same in a sampled trace": lambda: _judge(PLAIN, randomness=MAX // 3, trace_threshold=MAX // 2),
        "judge: rare pattern, as by default": lambda: _judge(LogPolicy(), rate=0.5),
        "judge: budget of a tenth": lambda: _judge(LogPolicy(budget=100)),
        "judge: an error": lambda: _judge(PLAIN, severity=ERROR),
        "judge: a new pattern each time, memory full": _flood,
        "early: one step of drops drawn in advance": _step,
        "early: INFO at 20 %, kept ones judged": _early,
    }
    medians = median_of(cases, repeats)
    base = medians["a dict that counts, and a random number"]
    rows = [[name, f"{1e6 * value:.2f}", f"{value / base:.1f}"] for name, value in medians.items()]
    return table("Cost of a log record's verdict", ["", "µs of CPU", "over the bare filter"], rows)


def _timed(call: Callable[[float], object], rate: float = 1000.0) -> float:
    begin = time.process_time()
    for index in range(CALLS):
        call(index / rate)
    return (time.process_time() - begin) / CALLS


def _bare() -> float:
    counts: dict[str, int] = {}
    draw = random.Random(1).random

    def judge(now: float) -> bool:
        counts["event %s"] = counts.get("event %s", 0) + 1
        return draw() < 0.2

    return _timed(judge)


def _judge(policy: LogPolicy, rate: float = 1000.0, severity: int = 9, **options: Any) -> float:
    gate, (pattern,) = LogGate(policy, seed=1), patterns(1)
    return _timed(lambda now: gate.judge(pattern, severity, "app", now, **options), rate)


def _flood() -> float:
    gate = LogGate(PLAIN, seed=1, max_patterns=5_000)
    flood = iter(patterns(CALLS + 5_000))
    for _ in range(5_000):
        gate.judge(next(flood), 9, "app", 0.0)
    return _timed(lambda now: gate.judge(next(flood), 9, "app", now))


def _step() -> float:
    left = iter(range(CALLS + 1))

    def drop(now: float) -> bool:
        for _ in left:
            return False
        return True

    return _timed(drop)


def _early() -> float:
    gate, (pattern,) = LogGate(PLAIN, seed=1), patterns(1)
    held: dict[str, runs.Run] = {}

    def look(now: float) -> bool:
        begun = held.get("event %s")
        if begun is not None and now < begun.until:
            for _ in begun.left:
                return False
        return judge(now)

    def judge(now: float) -> bool:
        begun = held.pop("event %s", None)
        if begun is not None:
            runs.end(begun, is_used=now < begun.until)
        verdict = gate.judge(pattern, 9, "app", now, key="event %s")
        begun = runs.begin(gate, "event %s", pattern, now)
        if begun is not None:
            begun.until = now + begun.seconds
            held["event %s"] = begun
        return verdict.keep

    return _timed(look)


# -- what is kept


class Kept(NamedTuple):
    came: int
    kept: int
    seen: float
    """Share of the patterns that came of which something was kept."""
    estimate: float
    """Sum of the adjusted counts over what came."""
    errors: bool
    """Whether all errors were kept."""


def traffic(seed: int, rate: float, seconds: float, number: int) -> Iterator[tuple[float, int, int]]:
    """(time, pattern, severity); a pattern has one severity, and severities their shares of the traffic."""
    rng = random.Random(f"log gate {seed}")
    severities = rng.choices(SEVERITIES, SHARES, k=number)
    weights = [1 / (rank + 1) for rank in range(number)]
    for severity, share in zip(SEVERITIES, SHARES, strict=True):
        ranks = [rank for rank in range(number) if severities[rank] == severity]
        total = sum(weights[rank] for rank in ranks)
        for rank in ranks:
            weights[rank] *= share / total
    now = 0.0
    for index in rng.choices(range(number), weights, k=int(rate * seconds)):
        now += rng.expovariate(rate)
        yield now, index, severities[index]


def gated(policy: LogPolicy, seed: int, rate: float, seconds: float, number: int) -> Kept:
    gate, known = LogGate(policy, seed=seed), patterns(number)
    came: set[int] = set()
    seen: set[int] = set()
    kept = records = errors = 0
    estimate = 0.0
    for now, index, severity in traffic(seed, rate, seconds, number):
        records += 1
        came.add(index)
        verdict = gate.judge(known[index], severity, "app", now)
        if verdict.keep:
            kept += 1
            estimate += verdict.adjusted_count
            seen.add(index)
        elif severity >= ERROR:
            errors += 1
    return Kept(records, kept, len(seen) / len(came), estimate / records, not errors)


def plain_table() -> str:
    totals, errors = [], []
    for seed in range(SEEDS):
        rng = random.Random(f"table {seed}")
        gate, known = LogGate(PLAIN, seed=seed), patterns(40)
        for pattern in known:
            gate.judge(pattern, 9, "app", 0.0)
        severities = [severity for severity, share in zip(SEVERITIES, SHARES, strict=True) for _ in range(share * 1000)]
        rng.shuffle(severities)
        verdicts = [
            (severity, gate.judge(known[index % 40], severity, "app", index / 1000).keep)
            for index, severity in enumerate(severities)
        ]
        totals.append(sum(keep for _, keep in verdicts))
        errors.append(sum(keep for severity, keep in verdicts if severity == ERROR))
    sigma = sqrt(40_000 * 0.05 * 0.95 + 40_000 * 0.2 * 0.8 + 15_000 * 0.25)
    worst = max(abs(total - 22_500) for total in totals) / sigma
    row = [f"{mean(totals):,.0f}", f"{min(totals):,}–{max(totals):,}", f"{worst:.1f}", f"{min(errors):,}"]
    heads = ["mean kept", "range", "furthest from 22,500 in standard deviations", "errors kept, at least"]
    return table(f"100,000 records of known patterns by the plain table, {SEEDS} seeds", heads, [row])


def reduction() -> str:
    """What users get: for most of them patterns above one record a second are few."""
    rows = []
    for rate in (5, 50, 500, 2_000):
        for title, policy in (
            ("default", LogPolicy()),
            ("plain table", PLAIN),
            ("budget of 10 %", LogPolicy(budget=rate / 10)),
        ):
            found = gated(policy, 1, rate, 120_000 / rate, 1_000)
            fewer = 1 - found.kept / found.came
            rows.append(
                [f"{rate:,}/s", title, f"{fewer:.1%}", f"{found.seen:.1%}", "all" if found.errors else "NOT ALL"]
            )
    heads = ["traffic", "policy", "fewer lines", "patterns seen", "errors kept"]
    return table("Lines kept, 120,000 records of 1,000 Zipf patterns", heads, rows)


def budgets() -> str:
    loads: dict[str, Callable[[int], Iterator[tuple[float, Pattern, int]]]] = {
        "2× the budget, 100 Zipf patterns": lambda seed: _zipf(seed, 100),
        "20× the budget, 100 Zipf patterns": lambda seed: _zipf(seed, 1_000),
        "20× the budget, each pattern new": lambda seed: _unique(seed, 1_000),
        "20× the budget, 20 records/s of errors": lambda seed: _with_errors(seed, 1_000),
    }
    rows = []
    for title, load in loads.items():
        rates, peaks = zip(*(_kept_per_second(load(seed)) for seed in range(6)), strict=True)
        rows.append([title, f"{mean(rates) / 50 - 1:+.1%}", f"{min(rates):.1f}–{max(rates):.1f}", f"{max(peaks)}"])
    heads = ["load, 60 s", "error", "records/s, range of 6 seeds", "worst second"]
    return table("Budget of 50 records/s, all rates 1", heads, rows)


def _kept_per_second(load: Iterator[tuple[float, Pattern, int]]) -> tuple[float, int]:
    gate = LogGate(LogPolicy(budget=50, min_rate=0, severity_rates={}), seed=1)
    seconds = [0] * 60
    for now, pattern, severity in load:
        if now < 60:
            seconds[int(now)] += gate.judge(pattern, severity, "app", now).keep
    return sum(seconds) / 60, max(seconds)


def _zipf(seed: int, rate: int) -> Iterator[tuple[float, Pattern, int]]:
    known = patterns(100)
    for now, index, _ in traffic(seed, rate, 60, 100):
        yield now, known[index], 9


def _unique(seed: int, rate: int) -> Iterator[tuple[float, Pattern, int]]:
    rng, now = random.Random(seed), 0.0
    for index in count():
        now += rng.expovariate(rate)
        if now >= 60:
            return
        yield now, Pattern(f"{index:032x}", f"junk {index}", "mined"), 9


def _with_errors(seed: int, rate: int) -> Iterator[tuple[float, Pattern, int]]:
    rng = random.Random(seed)
    for now, pattern, severity in _zipf(seed, rate):
        yield now, pattern, ERROR if rng.random() < 20 / rate else severity


def estimates() -> str:
    rows = []
    for title, policy in (
        ("plain table", PLAIN),
        ("default", LogPolicy()),
        ("budget of 10 %", LogPolicy(budget=50)),
    ):
        found = [gated(policy, seed, 500, 60, 100) for seed in range(SEEDS)]
        bias = [each.estimate - 1 for each in found]
        rows.append(
            [
                title,
                f"{mean(each.kept for each in found):,.0f}",
                f"{mean(bias):+.2%} ± {pstdev(bias) / sqrt(SEEDS):.2%}",
                f"{sqrt(mean(each * each for each in bias)):.2%}",
            ]
        )
    heads = ["policy", "kept", "bias", "RMSE of one minute"]
    return table(f"Sum of adjusted counts over 30,000 records that came, {SEEDS} seeds", heads, rows)


def jumps() -> str:
    false = hours = 0
    for seed in range(6):
        gate, known = LogGate(seed=seed), patterns(100)
        for now, index, severity in traffic(seed, 20, 3600, 100):
            gate.judge(known[index], severity, "app", now)
        false += len(gate.announcements) + gate.unannounced
        hours += 1
    delays = [_delay(seed) for seed in range(SEEDS)]
    found = [each for each in delays if each is not None]
    row = [f"{false} in {hours} h of 100 patterns", f"{len(found)} of {SEEDS}", f"{mean(found):.1f} s"]
    return table("Jumps", ["announced of Poisson traffic", "found: 1/s → 10/s", "after"], [row])


def _delay(seed: int) -> float | None:
    rng = random.Random(seed)
    gate, (pattern,) = LogGate(seed=seed), patterns(1)
    now = 0.0
    while now < 660 and not gate.announcements:
        now += rng.expovariate(10 if now >= 600 else 1)
        gate.judge(pattern, 9, "app", now)
    return now - 600 if gate.announcements and now >= 600 else None


if __name__ == "__main__":
    print(run(5))

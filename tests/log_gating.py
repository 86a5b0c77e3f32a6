"""Traffic for the log gate, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterable, Sequence

from tidegate.gate.logs import runs
from tidegate.gate.logs.gate import LogGate, Verdict
from tidegate.gate.policy import LogPolicy
from tidegate.patterns import Miner, Pattern

TRACE, DEBUG, INFO, WARN, ERROR, FATAL = 1, 5, 9, 13, 17, 21

#: The plain table: rates apply to every pattern, however rare.
PLAIN = LogPolicy(min_rate=0)


def patterns(number: int) -> list[Pattern]:
    miner = Miner()
    return [miner.match_template(f"event {index} of %s") for index in range(number)]


def known(gate: LogGate, number: int = 1, now: float = 0.0, severity: int = INFO) -> list[Pattern]:
    """Patterns that have had their first sight."""
    found = patterns(number)
    for pattern in found:
        assert gate.judge(pattern, severity, "app", now).reason == "first_sight"
    return found


def judge_all(
    gate: LogGate, pattern: Pattern, times: Iterable[float], severity: int = INFO, logger: str = "app"
) -> list[Verdict]:
    return [gate.judge(pattern, severity, logger, now) for now in times]


def evenly(start: float, seconds: float, rate: float) -> list[float]:
    return [start + index / rate for index in range(int(seconds * rate))]


def kept(verdicts: Sequence[Verdict]) -> int:
    return sum(verdict.keep for verdict in verdicts)


class Runner:
    """Records of known keys, with drops drawn in advance, as the early filter does it."""

    def __init__(self, gate: LogGate) -> None:
        self.gate = gate
        self.runs: dict[Hashable, runs.Run] = {}

    def log(self, key: Hashable, pattern: Pattern, severity: int, now: float, logger: str = "app") -> Verdict | None:
        """None when a run dropped it."""
        run = self.runs.get(key)
        if run is not None:
            holds = now < run.until
            if holds and next(run.left, False) is None:
                return None
            runs.end(self.runs.pop(key), is_used=holds)
        verdict = self.gate.judge(pattern, severity, logger, now, key=key)
        begun = runs.begin(self.gate, key, pattern, now)
        if begun is not None:
            begun.until = now + begun.seconds
            self.runs[key] = begun
        return verdict

    def settle(self) -> None:
        while self.runs:
            runs.end(self.runs.popitem()[1])


def poisson(rng: random.Random, mean: float) -> int:
    """Arrivals in one unit of time, when ``mean`` are expected."""
    number, time = 0, rng.expovariate(mean)
    while time < 1:
        number, time = number + 1, time + rng.expovariate(mean)
    return number

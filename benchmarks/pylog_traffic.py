"""What the log gate keeps of PyLog traffic: how much less, and whether every call site is still seen."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from random import Random
from typing import NamedTuple

from benchmarks import pylog
from benchmarks.measure import table
from tidegate.gate.logs.gate import LogGate
from tidegate.gate.policy import LogPolicy
from tidegate.patterns import Miner, Pattern

#: Levels as services log them, and what they are as OpenTelemetry's severity numbers.
SHARES = {"DEBUG": 0.40, "INFO": 0.40, "WARNING": 0.15, "ERROR": 0.05}
SEVERITIES = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}
RATE = 500.0
SECONDS = 600
POLICIES = {
    "as it is by default": LogPolicy(),
    "plain table (`min_rate` 0)": LogPolicy(min_rate=0.0),
    "budget of 10 % of the traffic": LogPolicy(budget=RATE / 10),
    "plain table, budget of 10 %": LogPolicy(min_rate=0.0, budget=RATE / 10),
}
Find = Callable[[Miner, pylog.Message], Pattern]


class Kept(NamedTuple):
    fewer: float
    """Share of the records that were not kept."""
    sites: float
    """Share of the call sites that logged of which something was kept; sites with one template are one."""
    errors: float
    bias: float
    """Sum of the adjusted counts over what came, less 1."""


def run() -> str:
    ways: dict[str, Find] = {"template or site": by_record, "text alone": by_text}
    messages = list(traffic())
    rows = []
    for title, policy in POLICIES.items():
        for way, find in ways.items():
            kept = gated(messages, policy, find)
            rows.append(
                [
                    title,
                    way,
                    f"{kept.fewer:.1%}",
                    f"{kept.sites:.2%}",
                    f"{kept.errors:.1%}",
                    f"{100 * kept.bias:+.2f} %",
                ]
            )
    heads = ["policy", "patterns by", "fewer records", "call sites seen", "errors kept", "sum of adjusted counts"]
    many = f"{len(messages):,} records of held-out packages, {RATE:.0f}/s for {SECONDS} s, DEBUG to ERROR 40/40/15/5 %"
    return table(f"What the log gate keeps of PyLog traffic: {many}", heads, rows)


def traffic(seed: int = 0) -> list[tuple[float, pylog.Message]]:
    """Records and when they came: Poisson arrivals, in virtual seconds."""
    rng = Random(seed)
    now, timed = 0.0, []
    held = pylog.side(held=True)
    known = lambda call: call.style != "variable"  # noqa: E731 - as an argument
    for message in pylog.stream(held, seed, int(RATE * SECONDS), wanted=known, shares=SHARES):
        now += rng.expovariate(RATE)
        timed.append((now, message))
    return timed


def by_record(miner: Miner, message: pylog.Message) -> Pattern:
    return miner.match_record(message.text, message.template, message.path, message.line, message.function)


def by_text(miner: Miner, message: pylog.Message) -> Pattern:
    return miner.match(message.text)


def gated(messages: list[tuple[float, pylog.Message]], policy: LogPolicy, find: Find) -> Kept:
    """What one gate keeps."""
    miner, gate = Miner(), LogGate(policy, seed=1)
    came: set[Hashable] = set()
    seen: set[Hashable] = set()
    kept = errors = kept_errors = 0
    counted = 0.0
    for now, message in messages:
        severity = SEVERITIES[message.level]
        verdict = gate.judge(find(miner, message), severity, message.logger, now)
        came.add(message.truth)
        errors += severity >= SEVERITIES["ERROR"]
        if verdict.keep:
            seen.add(message.truth)
            kept += 1
            counted += verdict.adjusted_count
            kept_errors += severity >= SEVERITIES["ERROR"]
    many = len(messages)
    return Kept(1 - kept / many, len(seen) / len(came), kept_errors / errors, counted / many - 1)

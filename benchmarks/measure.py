"""Interleaved repeats, medians and tables. The garbage collector stays on, as in production."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Case = Callable[[], object]


def interleaved(
    cases: Mapping[str, Case], repeats: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """The median time in seconds of each case. Each round runs all, so that a busy moment strikes all."""
    for case in cases.values():
        case()  # imports, caches
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, case in cases.items():
            begin = clock()
            case()
            times[name].append(clock() - begin)
    return {name: statistics.median(values) for name, values in times.items()}


def median_of(cases: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The median of what each case returns, interleaved."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for name_and_case in list(cases.items()) * (repeats + 1):  # the first round fills caches
        found[name_and_case[0]].append(name_and_case[1]())
    return {name: statistics.median(values[1:]) for name, values in found.items()}


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table under a heading."""
    lines = [f"## {title}", "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def machine() -> str:
    """What the figures were measured on."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    cores = len(os.sched_getaffinity(0))
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return f"{cores} cores, {model or platform.machine()}; {system}"


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:
        return file.readlines()

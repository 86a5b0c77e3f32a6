"""Many processes at one store: dead ones by the thousand, eight that write at once, and what one takes of memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import tidegate.store
from benchmarks.measure import table
from benchmarks.store_data import HOUR_NS, Stock, write_segment
from tidegate.record import logs, spans
from tidegate.store.retention import Policy
from tidegate.store.upkeep.once import upkeep

#: Processes that were killed.
DEAD = 10_000

#: Processes that write at the same time, and for how many seconds.
WRITERS, SECONDS = 8, 20.0

#: Time in seconds that they have to start, all at once.
STARTING_S = 5.0

#: Spans a second of the process whose memory is measured.
BUSY = 5_000

#: Time in seconds between two looks of the reader.
LOOK_S = 0.1


def run(repeats: int, dead: int = DEAD, seconds: float = SECONDS) -> str:
    found = [_dead(dead) for _ in range(max(repeats // 4, 1))]
    kept, opened, looked, files = (statistics.median(each) for each in zip(*found, strict=True))
    shown = [f"{kept:.1f} s", f"{files:.0f}", f"{opened * 1000:.0f} ms", f"**{looked * 1000:.1f} ms**"]
    rows = [[f"{dead:,}", *shown, "≤ 20 ms"]]
    dead_heads = ["dead segments", "one pass, CPU", "files afterwards", "opening the store", "trace by id", "aim"]
    memory = [_memory(case, seconds) for case in ("standard", "tidegate")]
    return "\n".join(
        [
            table("Short-lived processes", dead_heads, rows),
            _contention(max(repeats // 4, 1), seconds),
            table(
                f"Memory of a process that records {BUSY:,} spans a second",
                ["SDK alone", "Tidegate", "added", "aim"],
                [[*(f"{each:.1f} MB" for each in memory), f"**{memory[1] - memory[0]:+.1f} MB**", "≤ 16 MB"]],
            ),
        ]
    )


# -- dead processes


def _dead(number: int) -> tuple[float, float, float, int]:
    """CPU of the pass, how long a reader takes to open the store, and then to find a trace; the files that are left."""
    stock = Stock.made(512)
    now = time.time_ns()
    with tempfile.TemporaryDirectory() as directory:
        for each in range(number):
            few = each % 500
            start = now - HOUR_NS - (number - each) * 10**6
            batches = [spans.batch(stock.spans[few : few + 4]), logs.batch(stock.logs[few : few + 4])]
            path = write_segment(directory, "shop", start, batches)
            Path(path.replace(".active", ".lock")).touch()
        begin = time.process_time()
        report = upkeep(directory, Policy())
        took = time.process_time() - begin
        assert report is not None
        openings, looks = [], []
        for row in stock.spans[: min(number, 500) : 50]:
            begin = time.perf_counter()
            with tidegate.store.open(directory) as reader:
                reader.services()
                opened = time.perf_counter()
                trace = reader.trace(f"{row[2][0]:032x}")
                looks.append(time.perf_counter() - opened)
            openings.append(opened - begin)
            assert trace is not None
        return took, statistics.median(openings), statistics.median(looks), len(os.listdir(directory))


# -- processes that write at once


def _contention(repeats: int, seconds: float) -> str:
    cases: dict[int, list[tuple[list[float], list[float]]]] = {1: [], WRITERS: []}
    for _ in range(repeats):
        for writers, results in cases.items():
            results.append(_written(writers, seconds))
    rows, base = [], (0.0, 0.0)
    for writers, results in cases.items():
        flushes = sorted(time for result in results for time in result[0])
        looks = sorted(time for result in results for time in result[1])
        tails = (_share(flushes, 0.99), _share(looks, 0.99))
        base = base if base[0] else tails
        ratios = [f"{tail / first:.1f}" for tail, first in zip(tails, base, strict=True)]
        rows.append(
            [
                f"{writers}",
                f"{_share(flushes, 0.5):.2f} / {tails[0]:.2f} ms",
                ratios[0],
                f"{_share(looks, 0.5):.2f} / {tails[1]:.2f} ms",
                ratios[1],
            ]
        )
    heads = ["processes, 1,000 spans/s each", "flush, p50 / p99", "× (aim ≤ 2)", "reader meanwhile, p50 / p99", "×"]
    return table("Processes that write to one directory", heads, rows)


def _share(times: Sequence[float], share: float) -> float:
    """A quantile in ms of sorted times in seconds."""
    return times[min(int(len(times) * share), len(times) - 1)] * 1000


def _written(writers: int, seconds: float) -> tuple[list[float], list[float]]:
    """The times of all flushes, and of a reader that asks for a trace and the newest 50 spans."""
    with tempfile.TemporaryDirectory() as directory:
        begin = time.time() + STARTING_S
        # not in step: servers do not fill their blocks at the same instant
        children = [_child("write", directory, f"{begin + each / writers}", str(seconds)) for each in range(writers)]
        time.sleep(STARTING_S)
        looks: list[float] = []
        with tidegate.store.open(directory) as reader:
            trace = ""
            while any(child.poll() is None for child in children):
                begin = time.perf_counter()
                newest = list(reader.spans(limit=50))
                if trace:
                    reader.trace(trace)
                looks.append(time.perf_counter() - begin)
                trace = newest[-1].trace_id if newest else ""
                time.sleep(LOOK_S)
        out = [child.communicate()[0] for child in children]
    return [float(line) for text in out for line in text.split()], looks


def _child(*arguments: str) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-m", "benchmarks.store_child", *arguments]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1], env=environ, stdout=subprocess.PIPE, text=True)


# -- memory


def _memory(case: str, seconds: float) -> float:
    """The most that a process had in memory, in MB; the median of three."""
    return statistics.median(_peak(case, seconds) for _ in range(3))


def _peak(case: str, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as directory:
        return float(_child("memory", case, directory, str(BUSY), str(seconds / 2)).communicate()[0])

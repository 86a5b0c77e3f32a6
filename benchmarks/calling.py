"""What a log call and a span cost: the thread that makes them, and the process with its writer."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import table

CALLS = 10_000

CASES = {
    "without": "API alone, no handler",
    "standard": "SDK and its logging handler, nobody listens",
    "otlp": "SDK, batched and encoded for OTLP, not sent",
    "tidegate": "Tidegate, recorded and committed, redacted",
}

Costs = dict[tuple[str, str], tuple[float, float]]


def run(repeats: int) -> str:
    rounds = [_once(case) for _ in range(max(repeats // 2, 3)) for case in CASES]
    keys = [key for each in rounds[: len(CASES)] for key in each]
    medians = {key: _median([each[key] for each in rounds if key in each]) for key in keys}
    tables = []
    for kind in ("log call", "span"):
        base = medians["without", kind]
        rows = []
        for case, label in CASES.items():
            caller, process = (value - floor for value, floor in zip(medians[case, kind], base, strict=True))
            rows.append([label, f"{medians[case, kind][0]:.1f}", f"{caller:+.1f}", f"{process:+.1f}"])
        heads = ["µs of CPU", "calling thread", "added to it", "added to the process"]
        tables.append(table(f"Cost of a {kind}", heads, rows))
    return "\n".join(tables)


def _once(case: str) -> Costs:
    with tempfile.TemporaryDirectory() as directory:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        environ |= {"OTEL_PYTHON_TIDEGATE_STORE": directory}
        command = [sys.executable, "-m", "benchmarks.calls", case, str(CALLS)]
        done = subprocess.run(
            command, env=environ, cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True
        )
    lines = (line.split("\t") for line in done.stdout.splitlines())
    return {(case, kind): (float(caller), float(process)) for kind, caller, process in lines}


def _median(costs: list[tuple[float, float]]) -> tuple[float, float]:
    callers, processes = zip(*costs, strict=True)
    return statistics.median(callers), statistics.median(processes)

"""What sending costs the application's process, what an outage costs, and how soon a trace arrives.

Each program runs in a process of its own and sends to a receiver in another one; CPU is the whole process's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.measure import table
from benchmarks.sink import Sink, sink

ROOT = Path(__file__).parents[1]

#: Records a second and seconds of the measured load.
SPANS, LOGS, SECONDS = 1000, 1000, 8.0

#: Of the outage: seconds before, while and after, and records a second.
BEFORE_S, OUTAGE_S, AFTER_S, OUTAGE_SPANS, OUTAGE_LOGS = 4.0, 20.0, 12.0, 200, 500

RATIO_10 = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
ALL = {"OTEL_PYTHON_TIDEGATE_SEND": "all"}
BUDGET_10 = {"OTEL_PYTHON_TIDEGATE_TRACE_BUDGET": str(SPANS // 10)}

SPAN_CASES = {
    "standard, all sent": ("standard", {}),
    "standard, 10 % sampled at the head": ("standard", RATIO_10),
    "Tidegate, all sent": ("tidegate", ALL),
    "Tidegate, 10 % sent by budget": ("tidegate", BUDGET_10),
    "Tidegate, nothing sent": ("tidegate", {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}),
}
LOG_CASES = {
    "standard, all sent": ("standard", {}),
    "Tidegate, all sent": ("tidegate", ALL),
    "Tidegate, default table": ("tidegate", {}),
}


def run(repeats: int) -> str:
    rounds = max(repeats // 3, 1)
    return "\n".join([_costs("span", rounds), _costs("log record", rounds), _outage(), _arrival(), _shop()])


def environment(endpoint: str, directory: str, more: dict[str, str]) -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    exporters = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER"), "otlp")
    return {
        **environ,
        **exporters,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_PYTHON_TIDEGATE_STORE": directory,
        "OTEL_SERVICE_NAME": "shop",
        **more,
    }


def _start(case: str, what: list[str], environ: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.sending_load", case, *what]
    return subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _cpu(case: str, more: dict[str, str], spans: int, logs: int) -> float:
    """Microseconds of CPU for each record."""
    with sink() as receiver, tempfile.TemporaryDirectory() as directory:
        load = ["load", str(spans), str(logs), str(SECONDS)]
        out, _ = _start(case, load, environment(receiver.endpoint, directory, more)).communicate()
    return float(out) / ((spans + logs) * SECONDS) * 1e6


def _costs(kind: str, rounds: int) -> str:
    cases, load = (SPAN_CASES, (SPANS, 0)) if kind == "span" else (LOG_CASES, (0, LOGS))
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for label, (case, more) in cases.items():
            found[label].append(_cpu(case, more, *load))
    cost = {label: statistics.median(values) for label, values in found.items()}
    bases = [label for label in cases if label.startswith("standard")]
    rows = [[label, f"{cost[label]:.1f}", *(f"{cost[label] / cost[base]:.2f}" for base in bases)] for label in cases]
    return table(f"Whole process, µs of CPU a {kind}", ["", "µs", *(f"of {base}" for base in bases)], rows)


def _outage() -> str:
    rows = []
    for case, more in (("standard", {}), ("tidegate", ALL)):
        with sink() as receiver, tempfile.TemporaryDirectory() as directory:
            seconds = BEFORE_S + OUTAGE_S + AFTER_S
            load = ["load", str(OUTAGE_SPANS), str(OUTAGE_LOGS), str(seconds)]
            process = _start(case, load, environment(receiver.endpoint, directory, more))
            time.sleep(BEFORE_S + 6)  # it starts, warms up and rests
            receiver.tell("down")
            time.sleep(OUTAGE_S)
            receiver.tell("up")
            process.communicate()
            if case == "tidegate":  # what a breaker still held back
                _finish(receiver, directory, more)
            found = receiver.report()
        for signal, rate, position in (("spans", OUTAGE_SPANS, 3), ("logs", OUTAGE_LOGS, 1)):
            expected = rate * (seconds + 1.5)
            arrived = len({record[position] for record in found[signal]})
            twice = len(found[signal]) - arrived
            rows.append([case, signal, f"{expected:.0f}", f"{1 - arrived / expected:.1%}", str(twice)])
    return table(f"An endpoint that is away for {OUTAGE_S:.0f} s", ["", "", "made", "lost", "twice"], rows)


def _finish(receiver: Sink, directory: str, more: dict[str, str]) -> None:
    environ = environment(receiver.endpoint, directory, more)
    subprocess.run([Path(sys.executable).with_name("tidegate"), "ship", "--once"], env=environ, cwd=ROOT, check=True)


def _arrival() -> str:
    rows = []
    for case in ("standard", "tidegate"):
        with sink() as receiver, tempfile.TemporaryDirectory() as directory:
            load = ["load", "20", "0", "10"]
            _start(case, load, environment(receiver.endpoint, directory, {})).communicate()
            spans = receiver.report()["spans"]
        late = sorted(at - end for at, _, _, _, end in spans)
        rows.append([case, *(f"{late[int(len(late) * part)]:.2f}" for part in (0.5, 0.95)), f"{late[-1]:.2f}"])
    return table("From a trace's end to the receiver, seconds", ["", "median", "p95", "longest"], rows)


def _shop() -> str:
    """300 traces a second through three services; one in a hundred fails in the last, one is slow there."""
    with sink() as receiver, tempfile.TemporaryDirectory() as directory:
        load = ["service", "shop,stock,payment", "300", "30"]
        _start("tidegate", load, environment(receiver.endpoint, directory, {})).communicate()
        _finish(receiver, directory, {})
        spans = receiver.report()["spans"]
        made = _made(directory)
    whole: dict[str, set[str]] = defaultdict(set)
    for _, name, trace_id, _, _ in spans:
        whole[trace_id].add(name.split()[0])
    rows = []
    for kind in ("error", "slow", "plain"):
        traces = made[kind]
        arrived = sum(len(whole[each]) == 3 for each in traces)
        cut = sum(0 < len(whole[each]) < 3 for each in traces)
        rows.append([kind, str(len(traces)), f"{arrived / max(len(traces), 1):.1%}", str(cut)])
    return table("Traces of three services, 300 a second, budget 100", ["", "made", "sent whole", "sent in part"], rows)


def _made(directory: str) -> dict[str, list[str]]:
    from tidegate import store

    made: dict[str, list[str]] = defaultdict(list)
    with store.open(directory) as reader:
        for span in reader.spans():
            if span.name.startswith("shop "):
                made[str(span.attributes["shop.fate"])].append(span.trace_id)
    return made

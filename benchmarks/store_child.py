"""The programs that `benchmarks.store_processes` runs.

``write DIRECTORY BEGIN SECONDS``, and ``memory CASE DIRECTORY RATE SECONDS``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from opentelemetry import trace

ATTRIBUTES: dict[str, str | int] = {
    "http.request.method": "GET",
    "http.route": "/orders",
    "url.path": "/orders",
    "server.port": 8000,
}

#: Spans of the writing child that come at once: every 50 ms, as a busy server ends them.
TICK_S = 0.05


def write(directory: str, begin: str, seconds: str, rate: int = 1000) -> None:
    """Spans at an even rate from a time on; prints how many seconds the writer took for each block."""
    from tidegate import configure_observability
    from tidegate.record import process

    configure_observability(store=directory, instrument=False, capture_logs=False)
    recorder = process.recorder(directory)
    flushes: list[float] = []
    inner = recorder._blocks.write

    def timed(records: list[tuple[str, object]]) -> None:
        start = time.perf_counter()
        inner(records)
        flushes.append(time.perf_counter() - start)

    recorder._blocks.write = timed  # type: ignore[assignment, method-assign]
    time.sleep(max(float(begin) - time.time(), 0))
    _spans(rate, float(seconds))
    print(*flushes[1:])  # the first makes the file


def memory(case: str, directory: str, rate: str, seconds: str) -> None:
    """Prints the peak of this process's memory in MB."""
    if case == "tidegate":
        from tidegate import configure_observability

        configure_observability(store=directory, instrument=False)
    else:
        from opentelemetry.sdk._logs import LoggerProvider  # noqa: F401 - the SDK as it is loaded everywhere
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: F401
        from opentelemetry.sdk.trace import TracerProvider

        trace.set_tracer_provider(TracerProvider())
    _spans(int(rate), float(seconds))
    # not getrusage's, which counts what the process was forked from
    [peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    print(int(peak) / 1024)


def _spans(rate: int, seconds: float) -> None:
    tracer = trace.get_tracer("shop")
    end = due = time.monotonic()
    end += seconds
    while due < end:
        for _ in range(int(rate * TICK_S)):
            with tracer.start_as_current_span("GET /orders", attributes=ATTRIBUTES):
                pass
        due += TICK_S
        time.sleep(max(due - time.monotonic(), 0))


if __name__ == "__main__":
    PROGRAMS: dict[str, Callable[..., None]] = {"write": write, "memory": memory}
    PROGRAMS[sys.argv[1]](*sys.argv[2:])
    sys.stdout.flush()
    os._exit(0) if sys.argv[1] == "memory" else None

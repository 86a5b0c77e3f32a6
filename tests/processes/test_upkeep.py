"""Upkeep inside of programs: while they fork, and when they live long."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import tidegate.store
from making import log, put
from tidegate.store.sinks import FileSink

pytestmark = pytest.mark.servers

ENDED = 60

FORKING = """
import os
import tidegate
from tidegate.record import keeper
keeper.FIRST_S = keeper.AGAIN_S = 0.01
tidegate.configure_observability(instrument=False, capture_logs=False, service_name="shop", commit_interval=0.02)
from opentelemetry import trace
tracer = trace.get_tracer("test")
for number in range(20):
    tracer.start_span(f"parent {number}").end()
    child = os.fork()
    if child == 0:
        tracer.start_span(f"child {number}").end()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_program_that_forks_while_it_keeps_the_store_loses_and_doubles_nothing(
    run: Callable[..., subprocess.CompletedProcess[str]], program: Callable[..., Path], store_dir: Path
) -> None:
    for number in range(ENDED):
        sink = FileSink(str(store_dir))
        put(sink, [log(f"{number} {row}", row) for row in range(200)])
        sink.close()
    run([sys.executable, program(FORKING)])
    with tidegate.store.open(store_dir) as reader:
        names = Counter(span.name for span in reader.spans())
        bodies = Counter(str(log.body) for log in reader.logs())
        assert reader.damaged == 0
    assert names == Counter(f"{who} {number}" for who in ("parent", "child") for number in range(20))
    assert bodies == Counter(f"{number} {row}" for number in range(ENDED) for row in range(200))


LONG = """
import sys, time
import tidegate
from tidegate.record import keeper
from tidegate.store import sinks
keeper.FIRST_S = keeper.INTERVAL_S = 0.05
sinks.ROTATE_NS = 1
tidegate.configure_observability(instrument=False, capture_logs=False, service_name="shop", commit_interval=0.02)
from opentelemetry import trace
tracer = trace.get_tracer("test")
for number in range(10**9):
    tracer.start_span(str(number)).end()
    time.sleep(0.01)
"""


def test_a_program_that_lives_long_seals_what_it_has_finished_with(
    start: Callable[..., subprocess.Popen[str]],
    program: Callable[..., Path],
    store_dir: Path,
    wait_for: Callable[..., None],
) -> None:
    running = start([sys.executable, program(LONG)])
    wait_for(lambda: any(store_dir.glob("*.trace.sealed")))
    running.kill()
    running.wait()
    with tidegate.store.open(store_dir) as reader:
        numbers = sorted(int(span.name) for span in reader.spans())
        assert numbers == list(range(len(numbers)))


FLOOD = """
import logging, os
import tidegate
from tidegate.record import process
tidegate.configure_observability(instrument=False, service_name="shop", queue_size=1000000)
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
for number in range(100):
    log.error("early error %d", number)
for number in range(3000):
    log.info("%s", os.urandom(5000).hex())
    if number % 100 == 0:
        process.flush()
"""


def test_a_flood_leaves_early_errors_and_a_store_that_is_no_larger_than_it_may_be(
    run: Callable[..., subprocess.CompletedProcess[str]], program: Callable[..., Path], store_dir: Path
) -> None:
    run([sys.executable, program(FLOOD)], env={"OTEL_PYTHON_TIDEGATE_STORE_SIZE": "4MiB"})
    assert sum(path.stat().st_size for path in store_dir.iterdir()) <= 4 << 20
    with tidegate.store.open(store_dir) as reader:
        assert len(list(reader.logs(min_level="error"))) == 100

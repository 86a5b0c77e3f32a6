"""Counters of real processes add up and never fall: forked, recycled, killed, their segments taken by retention."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from conftest import INSTRUMENT
from metering import shown
from store_files import segments
from tidegate import store
from tidegate.records import Point
from tormenting import keep

pytestmark = pytest.mark.servers

#: Counts in itself and in forked children, and logs enough to push others out of a store of 4 MiB.
WORKER = """
import logging, os, random, sys
from opentelemetry import metrics

meter = metrics.get_meter("test")
jobs, seconds = meter.create_counter("jobs"), meter.create_histogram("seconds")
meter.create_gauge("load").set(1)

def work(times):
    for _ in range(times):
        jobs.add(1)
        seconds.record(0.1)

work(5)
for _ in range(2):
    child = os.fork()
    if not child:
        work(3)
        sys.exit()
    os.waitpid(child, 0)
log = logging.getLogger("app")
for _ in range(int(sys.argv[1])):
    log.warning("noise %s", random.randbytes(600).hex())
work(1)
"""
JOBS = 5 + 2 * 3 + 1

#: Counts for as long as it is let.
ENDLESS = """
import time
from opentelemetry import metrics

jobs = metrics.get_meter("test").create_counter("endless.jobs")
metrics.get_meter("test").create_observable_gauge("load", [lambda options: [metrics.Observation(1)]])
while True:
    jobs.add(1)
    time.sleep(0.001)
"""


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return {
        **environ,
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_PYTHON_TIDEGATE_STORE_SIZE": "4MiB",
        "OTEL_PYTHON_TIDEGATE_METRICS_INTERVAL": "0.1",
    }


@pytest.fixture
def worker(environ: dict[str, str], program: Callable[..., Path], tmp_path: Path) -> Callable[..., None]:
    """``worker(noise)`` runs one worker to its end; ``noise`` is the number of log records of some kilobyte."""
    path = program(WORKER, "worker.py")

    def worker(noise: int) -> None:
        command = [*INSTRUMENT, sys.executable, str(path), str(noise)]
        done = subprocess.run(
            command, env=environ, cwd=tmp_path, timeout=120, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    return worker


@contextmanager
def watched(directory: Path) -> Iterator[list[dict[str, int]]]:
    """While the block runs, two readers look again and again: one that stays, and a new one each time."""
    done, seen = threading.Event(), [dict[str, int]()]

    def watch() -> None:
        stays = store.open(directory, missing_ok=True)
        while not done.wait(0.05):
            seen.extend(_counters(reader) for reader in (stays, store.open(directory, missing_ok=True)))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _counters(reader: store.Reader) -> dict[str, int]:
    return shown([point for point in reader.current_metrics() if point.metric.type != "gauge"])


def falls(seen: list[dict[str, int]]) -> list[tuple[str, int, int]]:
    """Each fall of a counter or histogram from one reading to the next."""
    return [
        (name, former[name], after.get(name, 0))
        for former, after in pairwise(seen)
        for name in former
        if after.get(name, 0) < former[name]
    ]


def totals(directory: Path) -> dict[str, int]:
    with store.open(directory) as reader:
        found = shown(reader.current_metrics())
        assert reader.damaged == 0
        return found


def test_recycled_workers_and_their_children_add_up_though_retention_takes_their_segments(
    worker: Callable[..., None], store_dir: Path
) -> None:
    workers = 10
    with watched(store_dir) as seen, ThreadPoolExecutor(3) as pool:
        list(pool.map(worker, [1000] * workers))
    assert falls(seen) == []
    with store.open(store_dir) as reader:
        assert sum(1 for _ in reader.logs()) < workers * 1000  # some of it has gone
    assert totals(store_dir) == {"jobs": workers * JOBS, "seconds": workers * JOBS}


def test_what_was_counted_outlives_its_age(
    worker: Callable[..., None], store_dir: Path, environ: dict[str, str], wait_for: Callable[..., None]
) -> None:
    environ["OTEL_PYTHON_TIDEGATE_RETENTION"] = "default=1s, error=1s, debug=1s"
    for number in (1, 2, 3):
        worker(0)
        wait_for(lambda: all(time.time() - path.stat().st_mtime > 1 for path in segments(store_dir)))
        assert totals(store_dir)["jobs"] == number * JOBS
    with store.open(store_dir) as reader:
        assert reader.services()[0].processes < 9  # three each, of which the first have gone


def test_a_killed_process_keeps_what_it_had_recorded(
    start: Callable[..., subprocess.Popen[str]],
    program: Callable[..., Path],
    worker: Callable[..., None],
    store_dir: Path,
    wait_for: Callable[..., None],
) -> None:
    endless = program(ENDLESS, "endless.py")
    with watched(store_dir) as seen:
        killed = [start([*INSTRUMENT, sys.executable, endless]) for _ in range(2)]
        wait_for(lambda: len(_newest(store_dir)) == 2)
        alive = [point for point in _current(store_dir) if point.metric.name == "load"]
        for process in killed:
            process.send_signal(signal.SIGKILL)
            process.wait()
        recorded = sum(_newest(store_dir).values())
        assert totals(store_dir) == {"endless.jobs": recorded}
        for _ in range(2):
            worker(1500)
        keep(str(store_dir), "metric=0.001s")
    assert _newest(store_dir) == {}  # nothing is left of the killed ones
    assert (len(alive), falls(seen)) == (2, [])
    assert totals(store_dir) == {"endless.jobs": recorded, "jobs": 2 * JOBS, "seconds": 2 * JOBS}


def _current(directory: Path) -> list[Point]:
    with store.open(directory, missing_ok=True) as reader:
        return reader.current_metrics()


def _newest(directory: Path) -> dict[str, int]:
    """What each endless process has recorded last, as far as it is stored."""
    newest: dict[str, int] = {}
    with store.open(directory, missing_ok=True) as reader:
        for point in reader.metrics(name="endless.jobs"):
            newest.setdefault(str(point.resource.attributes["service.instance.id"]), point.value["as_int"])
    return newest

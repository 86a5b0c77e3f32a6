"""kill -9 in mid-flight: what was committed is whole, and at most the last second is missing."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recorded import Recorded, read

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Wait = Callable[..., None]

SECOND = 10**9

#: Writes record after record, and to a file when it did: the file is what the store is held against.
PROGRAM = """
import logging, time, sys
from opentelemetry import trace
tracer, log = trace.get_tracer("test"), logging.getLogger("app")
with open("written", "w", buffering=1) as written:
    for number in range(10**9):
        with tracer.start_as_current_span(str(number)):
            log.warning("%d", number)
        written.write(f"{number} {time.time_ns()}\\n")
        time.sleep(float(sys.argv[1]))
"""


@pytest.fixture(params=[0.01, 0], ids=["one in 10 ms", "as many as it can"])
def killed(
    request: pytest.FixtureRequest,
    start: Start,
    program: Callable[..., Path],
    tmp_path: Path,
    store_dir: Path,
    wait_for: Wait,
) -> tuple[Recorded, list[tuple[int, int]], int]:
    """What is stored, what was written (number and time), and when the process was killed."""
    process = start(["opentelemetry-instrument", "python", program(PROGRAM), str(request.param)])
    wait_for(lambda: len(read(store_dir).spans) > 100)
    killed = time.time_ns()
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    lines = (tmp_path / "written").read_text().splitlines()[:-1]
    written = [(int(number), int(moment)) for number, moment in map(str.split, lines)]
    return read(store_dir), written, killed


def test_after_kill_9_at_most_the_last_second_is_missing_and_nothing_before_it(
    killed: tuple[Recorded, list[tuple[int, int]], int],
) -> None:
    seen, written, moment = killed
    for found in ([int(span.name) for span in seen.spans], [int(str(log.body)) for log in seen.logs_of("app")]):
        assert sorted(found) == list(range(len(found)))
        assert len(found) > sum(when < moment - SECOND for _, when in written)


def test_after_kill_9_nothing_is_damaged(killed: tuple[Recorded, list[tuple[int, int]], int]) -> None:
    assert killed[0].damaged == 0


def test_an_error_is_on_disk_almost_at_once(
    start: Start, program: Callable[..., Path], tmp_path: Path, store_dir: Path, wait_for: Wait
) -> None:
    path = program("""
        import logging, pathlib, time
        logging.getLogger("app").warning("before")
        logging.getLogger("app").error("it burns")
        pathlib.Path("ready").touch()
        time.sleep(60)
    """)
    # an interval of ten seconds, of which an error must not wait for the end
    process = start(["opentelemetry-instrument", "python", path], env={"OTEL_PYTHON_TIDEGATE_COMMIT_INTERVAL": "10"})
    wait_for((tmp_path / "ready").exists)
    ready = time.monotonic()
    wait_for(lambda: read(store_dir).bodies == {"before": 1, "it burns": 1})
    assert time.monotonic() - ready < 5
    process.kill()


def test_the_next_process_records_beside_the_remains_of_a_killed_one(
    start: Start, instrument: Run, program: Callable[..., Path], store_dir: Path, wait_for: Wait
) -> None:
    process = start(["opentelemetry-instrument", "python", program(PROGRAM), "0.01"])
    wait_for(lambda: read(store_dir).spans)
    process.kill()
    process.wait(10)
    before = len(read(store_dir).spans)
    torn = next(store_dir.glob("*.active"))
    with torn.open("ab") as file:  # as a power failure leaves it: half a frame
        file.write(torn.read_bytes()[:700])
    instrument("""
        from opentelemetry import trace
        trace.get_tracer("test").start_span("the next").end()
    """)
    assert len(read(store_dir).spans) == before + 1

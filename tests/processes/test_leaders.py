"""Of several programs one sends for all; whatever becomes of it, everything arrives."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from otlp_receiver import OtlpReceiver
from recorded import Recorded
from tidegate.ship.destinations import MAX_RECORDS
from tidegate.ship.status import status

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
Wait = Callable[..., None]

#: A span every 20 ms, until it is told to end.
SERVICE = """
import itertools, sys, time
from opentelemetry import trace
for number in itertools.count():
    trace.get_tracer("test").start_span(f"{sys.argv[1]} {number}").end()
    time.sleep(0.02)
"""


@pytest.fixture
def environ(environ: dict[str, str], receiver: OtlpReceiver) -> dict[str, str]:
    """All spans are to be sent, and nothing else."""
    return {
        **environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_PYTHON_TIDEGATE_SEND": "all",
        "OTEL_METRICS_EXPORTER": "none",
    }


@pytest.fixture
def leader(store_dir: Path) -> Callable[[], int]:
    """The pid of who leads; 0 while nobody does."""

    def leader() -> int:
        led = [each.state.process for each in status(str(store_dir)) if each.led]
        found = re.search(r"\((\d+)\)", led[0]) if led else None
        return int(found[1]) if found else 0

    return leader


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_when_the_leader_is_gone_another_program_sends_on(
    how: signal.Signals,
    program: Callable[..., Path],
    start: Start,
    run: Run,
    wait_for: Wait,
    leader: Callable[[], int],
    receiver: OtlpReceiver,
    recorded: Callable[[], Recorded],
) -> None:
    path = program(SERVICE)
    services = [start(["opentelemetry-instrument", "python", path, name]) for name in ("one", "two")]
    wait_for(lambda: {span.name.split()[0] for span in list(receiver.spans)} == {"one", "two"})
    first = leader()
    os.kill(first, how)
    wait_for(lambda: leader() not in (0, first))
    arrived = len(receiver.spans)
    wait_for(lambda: len(receiver.spans) > arrived)
    if how == signal.SIGSTOP:
        os.kill(first, signal.SIGCONT)
        wait_for(lambda: leader() not in (0, first))
    for each in services:
        each.terminate()
        each.wait()
    run(["tidegate", "ship", "--once"])
    found = Counter(span.name for span in receiver.spans)
    assert found.keys() == recorded().names.keys()
    doubled = [name for name, times in found.items() if times > 1]
    assert len(doubled) <= MAX_RECORDS  # of the request that it had under way

"""Sending from the store by real processes: outages, ends, kills and stops, shared stores and full disks."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faulty_receiver import FaultyReceiver, faulty_receiver, hang, healthy
from recorded import Recorded, read

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
See = Callable[[], Recorded]
Wait = Callable[..., None]

#: Everything is sent, and metrics do not disturb who counts.
ALL = {"OTEL_PYTHON_TIDEGATE_SEND": "all", "OTEL_METRICS_EXPORTER": "none"}

WORK = """\
import logging, os, pathlib, signal, sys, time
from opentelemetry import trace
def work(name, **attributes):
    with trace.get_tracer("test").start_as_current_span(name, attributes=attributes):
        logging.getLogger("app").warning("log of %s", name)
def wait_for(name):
    while not os.path.exists(name): time.sleep(0.02)
def say(name):
    pathlib.Path(name).touch()
"""


@pytest.fixture
def receiver() -> Iterator[FaultyReceiver]:
    with faulty_receiver() as receiver:
        yield receiver


@pytest.fixture
def endpoint(receiver: FaultyReceiver) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, **ALL}


@pytest.fixture
def begin(start: Start, program: Callable[..., Path], endpoint: dict[str, str]) -> Start:
    """``begin(source, *prefix, **environ)``: a program with ``WORK``, left to itself."""

    def begin(source: str, *prefix: str, **environ: str) -> subprocess.Popen[str]:
        command = [*prefix, "opentelemetry-instrument", "python", program(WORK + source)]
        return start(command, env={**endpoint, **environ})

    return begin


def names(receiver: FaultyReceiver) -> Counter[str]:
    return Counter(span.name for span in receiver.spans)


def test_after_an_outage_everything_is_there_exactly_once(
    begin: Start, receiver: FaultyReceiver, tmp_path: Path, wait_for: Wait
) -> None:
    process = begin("""
for number in range(100): work(f"before {number}")
wait_for("away")
for number in range(100): work(f"meanwhile {number}")
say("worked")
wait_for("back")
work("after")
""")
    wait_for(lambda: len(receiver.spans) == len(receiver.logs) == 100)
    receiver.stop()
    (tmp_path / "away").touch()
    wait_for((tmp_path / "worked").exists)
    receiver.resume()
    (tmp_path / "back").touch()
    assert process.wait(20) == 0
    expected = Counter([*(f"{when} {number}" for when in ("before", "meanwhile") for number in range(100)), "after"])
    assert names(receiver) == expected
    assert Counter(receiver.log_bodies) == Counter(f"log of {name}" for name in expected)


def test_what_cannot_be_sent_at_the_end_is_sent_by_the_next_process(
    begin: Start, receiver: FaultyReceiver, wait_for: Wait
) -> None:
    receiver.stop()
    assert begin("work('first')").wait(20) == 0
    receiver.resume()
    assert begin("work('second')").wait(20) == 0
    assert names(receiver) == {"first": 1, "second": 1}


def test_an_endpoint_that_hangs_holds_up_the_end_no_longer_than_the_grace(
    begin: Start, receiver: FaultyReceiver
) -> None:
    receiver.behave(hang())
    assert begin("work('first')", OTEL_PYTHON_TIDEGATE_EXIT_GRACE="0.5").wait(20) == 0
    assert receiver.spans == []


def test_what_was_answered_before_an_end_that_waits_in_vain_is_not_sent_again(
    begin: Start, run: Run, receiver: FaultyReceiver, endpoint: dict[str, str]
) -> None:
    receiver.next(healthy(), healthy())
    receiver.behave(hang())
    only = {"OTEL_LOGS_EXPORTER": "none", "OTEL_PYTHON_TIDEGATE_EXIT_GRACE": "1"}
    # all at once, so that it is one portion of several requests
    assert (
        begin("for number in range(1500): trace.get_tracer('test').start_span(str(number)).end()", **only).wait(20) == 0
    )
    answered = len(receiver.spans)
    receiver.behave(healthy())
    run(["tidegate", "ship", "--once"], env={**endpoint, "OTEL_LOGS_EXPORTER": "none"})
    assert 0 < answered < 1500
    assert names(receiver) == {str(number): 1 for number in range(1500)}


def test_routes_of_one_store_do_not_mix(instrument: Run, program: Callable[..., Path], recorded: See) -> None:
    with faulty_receiver() as mine, faulty_receiver() as yours:

        def service(name: str, **environ: str) -> None:
            instrument(WORK + f"work({name!r})", env={**ALL, "OTEL_SERVICE_NAME": name, **environ})

        def sends_to(receiver: FaultyReceiver, token: str) -> dict[str, str]:
            return {
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
                "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={token}",
            }

        mine.stop()
        service("mine", **sends_to(mine, "one"))
        service("yours", **sends_to(yours, "two"))
        service("theirs", **sends_to(yours, "three"))
        service("nobody's")
        mine.resume()
        service("mine", **sends_to(mine, "one"))
        assert names(mine) == {"mine": 2}
        assert names(yours) == {"yours": 1, "theirs": 1}
        tokens = [(request.headers["authorization"], request.body) for request in yours.accepted]
        assert {token for token, body in tokens if b"yours" in body} == {"two"}
        assert {token for token, body in tokens if b"theirs" in body} == {"three"}
    assert recorded().names == {"mine": 2, "yours": 1, "theirs": 1, "nobody's": 1}


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_what_forked_children_did_last_is_sent_exactly_once(begin: Start, receiver: FaultyReceiver, end: str) -> None:
    process = begin(f"""
work("parent")
for number in range(3):
    if os.fork() == 0:
        work(f"child {{number}}")
        {end}
for _ in range(3): os.waitpid(-1, 0)
""")
    assert process.wait(20) == 0
    assert names(receiver) == {"parent": 1, "child 0": 1, "child 1": 1, "child 2": 1}


def test_processes_that_end_at_the_same_time_leave_nothing_behind(begin: Start, receiver: FaultyReceiver) -> None:
    process = begin("""
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        work(f"child {number}")
        say(f"worked {number}")
        while True: time.sleep(1)
    children.append(child)
for number in range(4): wait_for(f"worked {number}")
for child in children: os.kill(child, signal.SIGTERM)
os._exit(0)
""")
    assert process.wait(20) == 0
    process_group_ends(process)
    assert names(receiver) == {f"child {number}": 1 for number in range(4)}


def process_group_ends(process: subprocess.Popen[str]) -> None:
    """Wait for what a process has left behind."""
    while True:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return


def test_process_1_of_a_container_sends_what_it_did_until_it_was_told_to_end(
    begin: Start, receiver: FaultyReceiver, tmp_path: Path, wait_for: Wait
) -> None:
    process = begin(
        """
def stop(number, frame):
    work("last")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
work("first")
say("ready")
wait_for("never")
""",
        *("unshare", "--fork", "--pid", "--mount-proc", "--kill-child"),
    )
    wait_for((tmp_path / "ready").exists)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    assert process.wait(20) == 0
    assert names(receiver) == {"first": 1, "last": 1}


@pytest.mark.parametrize("store", ["off", "memory:", "/proc/tidegate"])
def test_without_a_store_that_can_be_written_everything_is_sent_from_memory(
    begin: Start, receiver: FaultyReceiver, store_dir: Path, store: str
) -> None:
    source = "for number in range(50): work(f'span {number}')"
    assert begin(source, OTEL_PYTHON_TIDEGATE_STORE=store).wait(20) == 0
    assert names(receiver) == {f"span {number}": 1 for number in range(50)}
    assert not store_dir.exists()


def test_what_a_full_disk_does_not_take_is_sent_from_memory(
    begin: Start, receiver: FaultyReceiver, small_disk: Path, tmp_path: Path, wait_for: Wait
) -> None:
    process = begin(
        """
work("before")
wait_for("full")
for number in range(20): work(f"meanwhile {number}", padding=os.urandom(8192).hex())
wait_for("room")
work("after")
""",
        OTEL_PYTHON_TIDEGATE_STORE=str(small_disk / "store"),
    )
    wait_for(lambda: names(receiver) == {"before": 1})
    with (small_disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            pass
    (tmp_path / "full").touch()
    wait_for(lambda: len(names(receiver)) == 21)
    (small_disk / "ballast").unlink()
    (tmp_path / "room").touch()
    assert process.wait(20) == 0
    assert names(receiver) == Counter(["before", *(f"meanwhile {number}" for number in range(20)), "after"])
    assert read(small_disk / "store").names == {"before": 1, "after": 1}


def test_a_trace_with_an_error_that_no_sampler_chose_is_sent_whole_by_all_its_processes(
    begin: Start, receiver: FaultyReceiver, wait_for: Wait
) -> None:
    process = begin(
        """
from opentelemetry import propagate
from opentelemetry.trace import StatusCode
tracer = trace.get_tracer("test")
logging.getLogger().setLevel("DEBUG")
while True:
    with tracer.start_as_current_span("front") as span:
        if not span.get_span_context().trace_flags.sampled:
            carrier = {}
            propagate.inject(carrier)
            logging.getLogger("app").debug("in front")
            break
if os.fork() == 0:
    with tracer.start_as_current_span("back", context=propagate.extract(carrier)) as span:
        logging.getLogger("app").debug("at the back")
        span.set_status(StatusCode.ERROR)
    os._exit(0)
os.wait()
""",
        OTEL_PYTHON_TIDEGATE_SEND="gated",
        OTEL_PYTHON_TIDEGATE_TRACE_BUDGET="5",
        OTEL_PYTHON_TIDEGATE_LOG_MIN_RATE="0",
    )
    assert process.wait(20) == 0
    [back] = [span for span in receiver.spans if span.name == "back"]
    assert "front" in {span.name for span in receiver.spans if span.trace_id == back.trace_id}
    assert {"in front", "at the back"} <= set(receiver.log_bodies)

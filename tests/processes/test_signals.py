"""Signals from outside: a process ends, ignores or handles them as it would without us, and loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from recorded import Recorded

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[[], Recorded]
Wait = Callable[..., None]

PREPARE = """\
import asyncio, hashlib, logging, os, pathlib, signal, subprocess, sys, threading, time
from opentelemetry import trace
def work(name):
    with trace.get_tracer("test").start_as_current_span(name):
        logging.getLogger("app").warning("log of %s", name)
def ready():
    work("work")
    pathlib.Path("ready").touch()
"""

#: What the program is doing when the signal comes.
BUSY = {
    "sleep": "ready(); time.sleep(60)",
    "busy loop": "ready()\nwhile True: pass",
    "lock": "lock = threading.Lock(); lock.acquire(); ready(); lock.acquire()",
    "join": "other = threading.Thread(target=time.sleep, args=[60], daemon=True); other.start(); ready(); other.join()",
    "asyncio": "async def main():\n    ready(); await asyncio.sleep(60)\nasyncio.run(main())",
    "reading": "read, write = os.pipe(); ready(); os.read(read, 1)",
    "a child": "ready(); subprocess.run(['sleep', '60'])",
    "a C call without the interpreter lock": "ready(); hashlib.pbkdf2_hmac('sha256', b'x', b'y', 300_000_000)",
    "recording": "ready()\nwhile True: work('more')",
}


@pytest.fixture
def started(start: Start, program: Callable[[str], Path], tmp_path: Path, wait_for: Wait) -> Start:
    """A program under ``opentelemetry-instrument`` that has called ``ready()``."""

    def started(source: str, *prefix: str, **options: object) -> subprocess.Popen[str]:
        command = [*prefix, "opentelemetry-instrument", "python", program(PREPARE + textwrap.dedent(source))]
        process = start(command, **options)
        wait_for(lambda: (tmp_path / "ready").exists() or process.poll() is not None)
        assert process.poll() is None, (tmp_path / "output-0.txt").read_text()
        return process

    return started


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("doing", ["sleep", "busy loop"])
def test_a_signal_ends_a_script_with_its_own_status_and_nothing_is_lost(
    started: Start, recorded: See, doing: str, number: signal.Signals
) -> None:
    process = started(BUSY[doing])
    process.send_signal(number)
    assert process.wait(10) == -number
    assert recorded().names == {"work": 1}
    assert recorded().bodies == {"log of work": 1}


@pytest.mark.parametrize("doing", sorted(BUSY.keys() - {"sleep", "busy loop"}))
def test_sigterm_ends_a_process_whatever_it_is_doing(started: Start, recorded: See, doing: str) -> None:
    process = started(BUSY[doing])
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert recorded().names["work"] == 1
    assert recorded().damaged == 0


def test_the_application_sees_the_default_handlers_where_it_has_set_none(instrument: Run) -> None:
    source = """
        import signal
        for number in (signal.SIGTERM, signal.SIGHUP):
            assert signal.getsignal(number) is signal.SIG_DFL
            assert signal.signal(number, print) is signal.SIG_DFL
            assert signal.signal(number, signal.SIG_DFL) is print
            assert signal.getsignal(number) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.set_wakeup_fd(-1) == -1
    """
    instrument(source)


def test_a_handler_of_the_application_runs_instead_of_ours_and_what_it_does_is_recorded(
    started: Start, recorded: See
) -> None:
    process = started("""
        def stop(number, frame):
            work("stopping")
            sys.exit(9)
        signal.signal(signal.SIGTERM, stop)
        ready()
        time.sleep(60)
    """)
    process.terminate()
    assert process.wait(10) == 9
    assert recorded().names == {"work": 1, "stopping": 1}


def test_a_handler_that_chains_to_the_former_one_as_frameworks_do_ends_the_process(
    started: Start, recorded: See
) -> None:
    process = started("""
        former = signal.getsignal(signal.SIGTERM)
        def stop(number, frame):
            work("stopping")
            signal.signal(number, former)
            os.kill(os.getpid(), number)
        signal.signal(signal.SIGTERM, stop)
        ready()
        time.sleep(60)
    """)
    process.terminate()
    assert process.wait(10) == -signal.SIGTERM
    assert recorded().names == {"work": 1, "stopping": 1}


def test_an_asyncio_handler_of_the_application_is_called(started: Start, recorded: See) -> None:
    process = started("""
        async def main():
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            ready()
            await stop.wait()
            work("stopped")
        asyncio.run(main())
    """)
    process.terminate()
    assert process.wait(10) == 0
    assert recorded().names == {"work": 1, "stopped": 1}


def test_sigterm_after_asyncio_has_given_its_handlers_back_ends_the_process(started: Start, recorded: See) -> None:
    process = started("""
        async def main():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, print)
            loop.remove_signal_handler(signal.SIGTERM)
        asyncio.run(main())
        ready()
        time.sleep(60)
    """)
    process.terminate()
    assert process.wait(10) == -signal.SIGTERM
    assert recorded().names == {"work": 1}


def test_an_ignored_sigterm_stays_ignored(started: Start, recorded: See, tmp_path: Path, wait_for: Wait) -> None:
    process = started("""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ready()
        while not os.path.exists("go"): time.sleep(0.02)
        work("survived")
    """)
    process.terminate()
    (tmp_path / "go").touch()
    assert process.wait(10) == 0
    assert recorded().names == {"work": 1, "survived": 1}


def test_a_sighup_that_nohup_ignores_stays_ignored(started: Start, recorded: See, tmp_path: Path) -> None:
    process = started(
        """
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        ready()
        while not os.path.exists("go"): time.sleep(0.02)
        """,
        "nohup",
    )
    process.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    assert process.wait(10) == 0
    assert recorded().names == {"work": 1}


def test_a_child_program_gets_the_default_handlers(instrument: Run) -> None:
    done = instrument("""
        import subprocess
        print(subprocess.run(["sh", "-c", "kill -TERM $$"]).returncode)
    """)
    assert done.stdout == "-15\n"


def test_a_program_can_switch_off_that_signals_are_waited_for(started: Start) -> None:
    process = started(BUSY["sleep"], env={"OTEL_PYTHON_TIDEGATE_FLUSH_ON_SIGNAL": "false"})
    with open(f"/proc/{process.pid}/status") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    assert not caught & 1 << (signal.SIGTERM - 1)


@pytest.fixture
def as_first_process(started: Start) -> Start:
    """A program that is process 1 of a PID namespace, as in a container. Gives the ``unshare`` around it."""
    return lambda source: started(source, "unshare", "--fork", "--pid", "--mount-proc", "--kill-child")


def _child_of(process: subprocess.Popen[str]) -> int:
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def test_process_1_survives_a_sigterm_that_it_does_not_handle_as_the_kernel_wants_it(
    as_first_process: Start, recorded: See, tmp_path: Path, wait_for: Wait
) -> None:
    process = as_first_process("""
        assert os.getpid() == 1
        ready()
        while not os.path.exists("go"): time.sleep(0.02)
        work("survived")
    """)
    for _ in range(3):
        os.kill(_child_of(process), signal.SIGTERM)
    wait_for(lambda: recorded().names["work"])
    (tmp_path / "go").touch()
    assert process.wait(10) == 0
    assert recorded().names == {"work": 1, "survived": 1}


def test_process_1_with_a_handler_of_its_own_ends_as_it_says(as_first_process: Start, recorded: See) -> None:
    process = as_first_process("""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        ready()
        time.sleep(60)
    """)
    os.kill(_child_of(process), signal.SIGTERM)
    assert process.wait(10) == 9
    assert recorded().names == {"work": 1}

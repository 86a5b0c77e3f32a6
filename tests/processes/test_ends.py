"""Every way in which a program can end: nothing is lost, and it ends as it would without us."""

from __future__ import annotations

import subprocess
import textwrap
from collections import Counter
from collections.abc import Callable

import pytest

from recorded import Recorded

Run = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[[], Recorded]

WORK = """\
import atexit, logging, os, signal, sys, threading, time
from opentelemetry import trace
tracer = trace.get_tracer("test")
def work(name):
    with tracer.start_as_current_span(name):
        logging.getLogger("app").warning("log of %s", name)
work("work")
"""

#: How the program ends, and its exit status (negative: the signal).
ENDS = {
    "end of file": ("", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "unhandled exception": ("raise ValueError('no')", 1),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", -2),
    "os._exit": ("os._exit(4)", 4),
    "os.abort": ("os.abort()", -6),
    "os.execv": ("os.execv('/bin/sh', ['sh', '-c', 'exit 5'])", 5),
    "os.execvpe": ("os.execvpe('sh', ['sh', '-c', 'exit $X'], {'X': '6', 'PATH': '/bin'})", 6),
    "os.kill SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM)", -15),
    "os.kill SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL)", -9),
    "os.killpg": ("os.setpgrp(); os.killpg(0, signal.SIGUSR1)", -10),
    "signal.raise_signal": ("signal.raise_signal(signal.SIGUSR2)", -12),
    "signal.pthread_kill": ("signal.pthread_kill(threading.get_ident(), signal.SIGKILL)", -9),
    # nothing of ours runs then: what is older than the commit interval is there
    "signal.alarm": ("signal.setitimer(signal.ITIMER_REAL, 1.5); time.sleep(30)", -14),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_script_records_everything_and_ends_as_without_us(instrument: Run, recorded: See, end: str) -> None:
    statement, status = ENDS[end]
    done = instrument(WORK + statement, check=False)
    assert done.returncode == status
    assert recorded().names == {"work": 1}
    uncaught = {"ValueError: no": 1} if end == "unhandled exception" else {}
    assert recorded().bodies == {"log of work": 1, **uncaught}


def test_os_exit_in_a_thread_records_what_all_threads_did(instrument: Run, recorded: See) -> None:
    source = """
        threading.Thread(target=lambda: (work("in the thread"), os._exit(7))).start()
        time.sleep(30)
    """
    assert instrument(WORK + textwrap.dedent(source), check=False).returncode == 7
    assert recorded().names == {"work": 1, "in the thread": 1}


def test_functions_that_the_application_registered_with_atexit_are_recorded(instrument: Run, recorded: See) -> None:
    instrument(WORK + "atexit.register(work, 'at exit')")
    assert recorded().names == {"work": 1, "at exit": 1}
    assert recorded().bodies == {"log of work": 1, "log of at exit": 1}


def test_functions_registered_with_atexit_before_us_are_recorded_though_they_run_after_us(
    run: Run, program: Callable[..., object], recorded: See
) -> None:
    source = """
        import atexit
        atexit.register(lambda: work("very last"))
        import tidegate
        tidegate.configure_observability(instrument=False)
    """
    run(["python", program(textwrap.dedent(source) + WORK)])
    assert recorded().names == {"work": 1, "very last": 1}
    assert recorded().bodies == {"log of work": 1, "log of very last": 1}


def test_a_thread_that_goes_on_after_the_end_of_the_file_is_recorded_to_its_end(instrument: Run, recorded: See) -> None:
    source = """
        def later():
            threading.main_thread().join()
            for number in range(200):
                work(f"late {number}")
        threading.Thread(target=later).start()
    """
    instrument(WORK + textwrap.dedent(source))
    assert recorded().names == Counter(["work", *(f"late {number}" for number in range(200))])


def test_a_daemon_thread_that_logs_until_the_interpreter_is_gone_does_no_harm(instrument: Run, recorded: See) -> None:
    source = """
        def forever():
            while True:
                work("daemon")
        threading.Thread(target=forever, daemon=True).start()
        time.sleep(0.1)
        work("last")
    """
    done = instrument(WORK + textwrap.dedent(source))
    assert "Traceback" not in done.stderr
    assert "Fatal" not in done.stderr
    seen = recorded()
    assert seen.names["last"] == 1
    assert seen.damaged == 0
    assert len({span.span_id for span in seen.spans}) == len(seen.spans)


def test_a_destructor_that_makes_a_span_while_modules_are_torn_down_is_harmless(instrument: Run, recorded: See) -> None:
    source = """
        class Last:
            def __del__(self, work=work):
                work("destructor")
        last = Last()
    """
    done = instrument(WORK + textwrap.dedent(source))
    assert recorded().names["work"] == 1
    assert "destructor" not in done.stderr.replace("log of destructor", "")

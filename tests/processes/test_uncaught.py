"""Exceptions that nobody catches are log records, and are printed as ever."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate import store
from tidegate.records import Log

Run = Callable[..., "subprocess.CompletedProcess[str]"]

IN_SPAN = """\
import sys
from opentelemetry import trace
with trace.get_tracer("test").start_as_current_span("night"):
    raise ValueError("no moon")
"""

IN_THREAD = """\
import threading
def work():
    raise ValueError("no moon")
thread = threading.Thread(target=work, name="moonlight")
thread.start()
thread.join()
"""

TRACKED = """\
import tidegate
try:
    raise ValueError("no moon")
except ValueError as error:
    tidegate.track_error(error)
    raise
"""

OWN_HOOK = """\
import sys
sys.excepthook = lambda kind, error, trace: print("caught", error)
raise ValueError("no moon")
"""


def errors(store_dir: Path) -> list[Log]:
    with store.open(store_dir) as reader:
        return list(reader.logs(min_level="error"))


@pytest.fixture
def ended(instrument: Run, store_dir: Path) -> Callable[[str], Log]:
    """The one error that a program leaves."""

    def ended(source: str) -> Log:
        instrument(source, check=False)
        (log,) = errors(store_dir)
        return log

    return ended


def test_what_ends_a_program_is_a_log_record_in_the_trace_that_it_left(
    ended: Callable[[str], Log], store_dir: Path
) -> None:
    log = ended(IN_SPAN)
    assert (log.body, log.severity_text, log.scope.name) == ("ValueError: no moon", "FATAL", "sys.excepthook")
    with store.open(store_dir) as reader:
        (span,) = reader.spans(name="night")
    assert log.trace_id == span.trace_id


def test_what_ends_a_thread_says_which(ended: Callable[[str], Log]) -> None:
    log = ended(IN_THREAD)
    assert (log.severity_text, log.scope.name) == ("ERROR", "threading.excepthook")
    assert log.attributes["thread.name"] == "moonlight"
    assert log.attributes["exception.type"] == "ValueError"


def test_an_error_that_was_tracked_is_not_logged_again_as_it_ends_the_program(ended: Callable[[str], Log]) -> None:
    assert ended(TRACKED).severity_text == "ERROR"


def test_the_place_is_where_it_was_raised(ended: Callable[[str], Log]) -> None:
    log = ended(IN_THREAD)
    assert (log.attributes["code.function.name"], log.attributes["code.line.number"]) == ("work", 3)


@pytest.mark.parametrize("source", [IN_SPAN, IN_THREAD])
def test_it_is_printed_as_ever(instrument: Run, run: Run, program: Callable[..., Path], source: str) -> None:
    plain = run(["python", program(source)], check=False)
    ours = instrument(source, check=False)
    assert (ours.stderr, ours.returncode) == (plain.stderr, plain.returncode)


def test_a_hook_of_the_program_s_own_is_called_alone(instrument: Run) -> None:
    done = instrument(OWN_HOOK, check=False)
    assert (done.stdout, done.stderr) == ("caught no moon\n", "")


def test_ctrl_c_is_no_error(instrument: Run, store_dir: Path) -> None:
    instrument("import logging; logging.error('one'); raise KeyboardInterrupt", check=False)
    assert [log.body for log in errors(store_dir)] == ["one"]

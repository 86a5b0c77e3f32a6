"""Errors that are logged in the midst of another record's emission."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from recorded import Recorded

Run = Callable[..., "CompletedProcess[str]"]
See = Callable[[], Recorded]

PROGRAM = """
import logging, signal, sys
import tidegate
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LogRecordProcessor

log = logging.getLogger("app")
log.setLevel("DEBUG")

class Interrupts(LogRecordProcessor):
    def on_emit(self, log_record):
        if log_record.log_record.body == "at work":
            signal.raise_signal(signal.SIGUSR1)
    def shutdown(self): pass
    def force_flush(self, timeout_millis=30000): return True

class Complains(Interrupts):
    def on_emit(self, log_record):
        log.error("a processor's own complaint")

def last_words(number, frame):
    log.error("last words")
    log.info("gossip")
    if len(sys.argv) > 1:
        sys.exit(3)

signal.signal(signal.SIGUSR1, last_words)
tidegate.configure_observability()
get_logger_provider().add_log_record_processor({processor}())
log.info("at work")
log.info("done")
"""


def test_what_a_signal_handler_calls_an_error_is_recorded_although_a_record_is_being_emitted(
    run: Run, program: Callable[..., Path], recorded: See
) -> None:
    run([sys.executable, program(PROGRAM.replace("{processor}", "Interrupts"))])
    assert recorded().bodies == {"at work": 1, "last words": 1, "done": 1}


def test_it_is_recorded_although_the_handler_ends_the_program(
    run: Run, program: Callable[..., Path], recorded: See
) -> None:
    ended = run([sys.executable, program(PROGRAM.replace("{processor}", "Interrupts")), "exit"], check=False)
    assert ended.returncode == 3
    assert recorded().bodies["last words"] == 1


@pytest.mark.parametrize("words", ["at work", "done"])
def test_a_processor_that_logs_is_not_fed_by_itself(
    run: Run, program: Callable[..., Path], recorded: See, words: str
) -> None:
    run([sys.executable, program(PROGRAM.replace("{processor}", "Complains"))])
    assert recorded().bodies[words] == 1
    assert recorded().bodies["a processor's own complaint"] == 2

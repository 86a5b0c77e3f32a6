"""Where standard output cannot be written, or is not there, a command says so, in one line at most."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from cli.conftest import TIDEGATE

COMMANDS = (
    *("--help", "logs --help", "--version", "settings", "doctor", "services", "traces", "spans", "logs", "metrics"),
    *("stats", "export", "check", "prune --dry-run", "tail"),
)

Shell = Callable[..., Any]


@pytest.fixture
def shell(run: Callable[..., Any], recorded: str) -> Shell:
    """``shell(arguments, redirections)``: the command over the recorded store, as a shell starts it."""

    def shell(arguments: str, redirections: str) -> Any:
        command = f"{shlex.quote(str(TIDEGATE))} {arguments} {redirections}"
        return run(["sh", "-c", command], env={"OTEL_PYTHON_TIDEGATE_STORE": recorded}, check=False)

    return shell


@pytest.mark.parametrize("arguments", [*COMMANDS, "logs --json", "stats --json", "services --json"])
def test_a_full_standard_output_is_one_line_and_status_2(shell: Shell, arguments: str) -> None:
    done = shell(arguments, "> /dev/full")
    *_, said = done.stderr.splitlines()
    assert said == "Error: standard output cannot be written (No space left on device); make room for it."
    assert ("Traceback" in done.stderr, done.returncode) == (False, 2)


@pytest.mark.parametrize("arguments", ["services", "logs --json", "export"])
def test_a_closed_standard_output_is_nothing_to_speak_of(shell: Shell, arguments: str) -> None:
    done = shell(arguments, ">&-")
    assert (done.stderr, done.returncode) == ("", 0)

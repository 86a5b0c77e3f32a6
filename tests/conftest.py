"""Fixtures for all tests: a store of one's own, a quiet environment, and real processes.

Nothing here imports Tidegate, so a test that breaks the package still gets its fixtures.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
Wait = Callable[..., None]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout: where ``pyproject.toml``, ``docs`` and ``examples`` are."""
    return ROOT


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No ``OTEL_*`` variable reaches a test, and no test reaches this user's own store."""
    for name in list(os.environ):
        if name.startswith("OTEL_") or name == "STATE_DIRECTORY":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    """A directory for a store; it does not exist yet."""
    return tmp_path / "store"


@pytest.fixture
def environ(quiet_environment: None, store_dir: Path) -> dict[str, str]:
    """The environment for a child process: quiet, recording into `store_dir`, commands of this Python first."""
    return {
        **os.environ,
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "OTEL_PYTHON_TIDEGATE_STORE": str(store_dir),
    }


@pytest.fixture
def run(environ: dict[str, str], tmp_path: Path) -> Run:
    """``run(command, env=None, check=True, timeout=60, cwd=tmp_path)`` → CompletedProcess with text output.

    ``env`` is added to `environ`; a value of None removes the variable. With ``check`` an exit
    status other than 0 fails the test and shows what the program printed.
    """

    def run(
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str | None] | None = None,
        check: bool = True,
        timeout: float = 60,
        cwd: Path = tmp_path,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(part) for part in command],
            env=_merged(environ, env),
            cwd=cwd,
            timeout=timeout,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            pytest.fail(f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
        return done

    return run


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """``program(source, name="program.py")`` writes a dedented Python program and returns its path."""

    def program(source: str, name: str = "program.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    return program


@pytest.fixture
def instrument(run: Run, program: Callable[..., Path]) -> Run:
    """``instrument(source_or_path, *args, flags=(), **run_options)``: a program under ``opentelemetry-instrument``."""

    def instrument(
        source: str | Path, *args: str, flags: Sequence[str] = (), **options: object
    ) -> subprocess.CompletedProcess[str]:
        path = source if isinstance(source, Path) else program(source)
        return run([*INSTRUMENT, *flags, sys.executable, path, *args], **options)

    return instrument


#: The command that starts a program with zero-code instrumentation, by full path.
INSTRUMENT = (str(SCRIPTS / "opentelemetry-instrument"),)


@pytest.fixture
def start(environ: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """``start(command, env=None, cwd=tmp_path)`` → running Popen in a process group of its own.

    Output goes to ``<tmp_path>/output-N.txt`` (``process.args`` and this file tell what went
    wrong). Whatever is left of its group is killed when the test ends.
    """
    started: list[subprocess.Popen[str]] = []

    def start(
        command: Sequence[str | Path], *, env: Mapping[str, str | None] | None = None, cwd: Path = tmp_path
    ) -> subprocess.Popen[str]:
        with (tmp_path / f"output-{len(started)}.txt").open("w") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                env=_merged(environ, env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


@pytest.fixture
def free_port() -> int:
    """A loopback TCP port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _merged(environ: Mapping[str, str], changes: Mapping[str, str | None] | None) -> dict[str, str]:
    merged: dict[str, str | None] = {**environ, **(changes or {})}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.fixture(scope="session")
def wait_for() -> Wait:
    """``wait_for(condition, timeout=20)`` returns once ``condition()`` is true, and fails when it takes longer."""

    def wait_for(condition: Callable[[], object], timeout: float = 20) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail("it did not happen in time", pytrace=True)
            time.sleep(0.02)

    return wait_for


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory of 4 MiB, made as root in CI and unmounted afterwards."""
    point = tmp_path / "small"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(point)], check=True, timeout=10)
    yield point
    subprocess.run(["umount", "--lazy", str(point)], check=True, timeout=10)

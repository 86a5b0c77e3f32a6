"""A real server process on a loopback port: started, visited, and ended by a signal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

APPS = Path(__file__).parent / "processes" / "apps"
SCRIPTS = Path(sys.executable).parent


def quiet_environ(directory: Path, **changes: str) -> dict[str, str]:
    """The environment of a server that records into ``<directory>/store``."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {
        **environ,
        "PATH": f"{SCRIPTS}{os.pathsep}{environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(directory),
        "DJANGO_SETTINGS_MODULE": "django_app",
        "OTEL_PYTHON_TIDEGATE_STORE": str(directory / "store"),
        **changes,
    }


class LiveServer:
    """A server that listens; ``output`` is the file with what it prints."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, output: Path) -> None:
        self.process = process
        self.port = port
        self.output = output
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def end(self, number: signal.Signals) -> int:
        """Send a signal as it comes in life: SIGINT to the group (Ctrl-C), others to the main process; the status."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.process.wait(30)

    def wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        pytest.fail(f"the server does not listen; it printed:\n{self.output.read_text()}", pytrace=False)


@contextmanager
def live_server(
    command: Sequence[str | Path], directory: Path, environ: Mapping[str, str] | None = None
) -> Iterator[LiveServer]:
    """Start ``command``, in which ``PORT`` stands for a free port, in ``directory``; kill what is left at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    output = directory / f"output-{port}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [str(part).replace("PORT", str(port)) for part in command],
            env=dict(environ or quiet_environ(directory)),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = LiveServer(process, port, output)
    try:
        server.wait_until_it_listens()
        yield server
    finally:
        server.client.close()
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

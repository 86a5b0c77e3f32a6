"""The demo shop's server: a real one, started as a user would start it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

from tidegate.demo.errors import DemoError
from tidegate.settings import child_environment

HOST = "127.0.0.1"
START_SECONDS = 40.0
STOP_SECONDS = 20.0

#: What is shown to the user; what is run is the same by full paths, so that no venv must be active.
COMMAND = "opentelemetry-instrument uvicorn tidegate.demo.shop:app --workers 2"
_INSTRUMENT = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"


@contextlib.contextmanager
def serve(store: str, directory: str) -> Iterator[str]:
    """The shop's URL while it runs; it records into ``store`` and works in ``directory``.

    It has ended, by SIGTERM, when the block is left. Raises `DemoError` with what the server
    printed when it does not start or no longer answers.
    """
    port = _free_port()
    output = os.path.join(directory, "server.log")
    with open(output, "wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", _INSTRUMENT),
                *(sys.executable, "-m", "uvicorn", "tidegate.demo.shop:app"),
                *("--workers", "2", "--host", HOST, "--port", str(port)),
            ],
            # OpenTelemetry's variables of this shell are the user's, not the demo's: it sends nothing anywhere.
            env=child_environment(
                without="OTEL_",
                OTEL_SERVICE_NAME="shop",
                OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=demo",
                OTEL_PYTHON_TIDEGATE_STORE=store,
                SHOP_DATABASE=os.path.join(directory, "shop.db"),
            ),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops the server in order
        )
    try:
        _wait_until_it_listens(process, port, output)
        yield f"http://{HOST}:{port}"
    except httpx.TransportError as error:
        raise DemoError(f"the shop stopped answering: {type(error).__name__} {error}", _tail(output)) from None
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, output: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(
                f"the shop did not start: its server ended with status {process.returncode}.", _tail(output)
            )
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise DemoError(f"the shop did not start within {START_SECONDS:.0f} seconds.", _tail(output))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL to all that is left of its processes when that takes too long."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as output:
        return "".join(output.readlines()[-40:]).strip() or "(nothing)"

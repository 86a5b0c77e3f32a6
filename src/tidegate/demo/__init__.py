"""``tidegate demo``: a real shop is served, visited and recorded, and then shown.

Data flows one way:

    traffic ──HTTP──▶ server: opentelemetry-instrument uvicorn shop ──▶ place (its store) ──▶ report
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tidegate.demo.errors import DemoError

if TYPE_CHECKING:
    from rich.console import Console

    from tidegate.demo.traffic import Traffic

__all__ = ["DemoError", "run"]

REQUESTS = 1200
#: Mean seconds that each of the customers takes between two requests, and with ``keep`` afterwards.
PAUSE = 0.08
SLOW_PAUSE = 3.0

_PACKAGES = {
    "fastapi": "fastapi",
    "uvicorn": "uvicorn",
    "httpx": "httpx",
    "opentelemetry.instrumentation.fastapi": "opentelemetry-instrumentation-fastapi",
    "opentelemetry.instrumentation.sqlite3": "opentelemetry-instrumentation-sqlite3",
}


def run(*, keep: bool = False, store: str | None = None, console: Console | None = None) -> int:
    """Run the demo and show what it recorded; the exit status: 0, or 1 when a request was not recorded.

    ``store`` is the directory to record into, new, empty, or a former demo's, which is emptied
    (default: a directory beside the user's own store). With ``keep`` the shop goes on serving, under
    slow traffic, until Ctrl-C. Raises `DemoError` when the demo cannot start or its server ends.
    """
    _require_packages()
    from rich.console import Console

    from tidegate.demo.place import claim

    console = console or Console(markup=False, emoji=False, highlight=False)
    with _signals_end_it(), claim(store) as location, tempfile.TemporaryDirectory(prefix="tidegate-demo-") as directory:
        try:
            return _run(console, location, directory, keep=keep)
        except DemoError as error:
            if error.output:
                print(error.output, file=sys.stderr)
            raise


def _run(console: Console, location: str, directory: str, *, keep: bool) -> int:
    from tidegate.demo import report, server
    from tidegate.demo.traffic import Traffic

    console.print(f"Starting a shop:  {server.COMMAND}", soft_wrap=True)
    with server.serve(location, directory) as url:
        sent = _drive(console, Traffic(url, pause=PAUSE, total=REQUESTS))
        if keep:
            report.wait_for(location, sent)
            report.show(console, location)
            sent += _stay(console, Traffic(url, pause=SLOW_PAUSE), location)
        console.print("Stopping it by SIGTERM.")
    complete = report.check(console, location, sent)
    if not keep:
        report.show(console, location)
    return 0 if complete else 1


def _drive(console: Console, traffic: Traffic) -> int:
    """Send all, under a progress bar; how many were sent."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("Visiting it over HTTP:"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=traffic.total)
        traffic.run(lambda sent: progress.update(task, completed=sent))
    return traffic.sent


def _stay(console: Console, traffic: Traffic, location: str) -> int:
    """Send slowly until Ctrl-C; how many were sent."""
    from rich.text import Text

    from tidegate.demo.report import command

    follow = Text("  " + command("tail", "--follow", "--store", location), "cyan")
    with contextlib.suppress(KeyboardInterrupt):
        console.print(f"\nThe shop goes on at {traffic.url} until Ctrl-C. In another terminal:", soft_wrap=True)
        console.print(follow, soft_wrap=True)
        traffic.run(lambda sent: None)
    return traffic.sent


def _require_packages() -> None:
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise DemoError(f"the demo needs {' and '.join(missing)}; install it with: pip install 'tidegate[demo]'")


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind this process like Ctrl-C does, so that the server never outlives it."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)

"""A store with records of every kind, and `tidegate serve` over it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from live_server import SCRIPTS, LiveServer, live_server, quiet_environ

#: 256 bits in Base64.
TOKEN = "q3V7yJ1cXw0nR5sKz8LmT2bHf6PgUe9dAiOoEvYtGhQ"

_SHOP = """
import logging

import tidegate
from opentelemetry import metrics, trace

handle = tidegate.configure_observability(service_name="shop")
tracer, meter, logger = trace.get_tracer("shop"), metrics.get_meter("shop"), logging.getLogger("shop")
logger.setLevel(logging.DEBUG)
requests, stock = meter.create_counter("shop.orders", unit="{order}"), meter.create_up_down_counter("shop.stock")
seconds = meter.create_histogram("http.server.request.duration", unit="s")
for number in range(20):
    with tracer.start_as_current_span(f"order {number % 3}", attributes={"order": number}) as span:
        with tracer.start_as_current_span("pay", links=[trace.Link(span.get_span_context())]) as pay:
            pay.add_event("card", {"kind": "visa", "digits": [1, 2]})
            if number % 5 == 0:
                pay.set_status(trace.StatusCode.ERROR, "declined")
        logger.log(logging.DEBUG + 10 * (number % 4), "order %d is paid: ünïcode <script>", number, extra={"n": number})
        requests.add(1, {"channel": "web"})
        seconds.record(number / 100, {"http.route": "/orders", "http.request.method": "GET"})
    stock.add(-1)
handle.shutdown()
"""


def fill(directory: Path) -> Path:
    """A store in ``directory`` with some records of each signal."""
    done = subprocess.run(
        [sys.executable, "-c", _SHOP],
        env=quiet_environ(directory),
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return directory / "store"


@contextmanager
def served(directory: Path, *flags: str, token: str = TOKEN) -> Iterator[LiveServer]:
    """``tidegate serve`` over the store in ``directory``; without a token if it is empty."""
    environ = quiet_environ(directory, OTEL_PYTHON_TIDEGATE_TOKEN=token)
    command: list[str | Path] = [SCRIPTS / "tidegate", "serve", directory / "store", "--port", "PORT", *flags]
    with live_server(command, directory, environ) as server:
        yield server

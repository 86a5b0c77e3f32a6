"""The programs that `benchmarks.sending` runs: ``python -m benchmarks.sending_load CASE LOAD SPANS/S LOGS/S SECONDS``.

``CASE`` is ``standard`` (the SDK's batch processors) or ``tidegate``; both are configured by the environment, as under
``opentelemetry-instrument``. Prints the CPU seconds of the whole process, from after its start to after its last flush
(``spans``, ``logs``), or nothing (``service``).
"""

from __future__ import annotations

import json
import logging
import random
import subprocess
import sys
import time

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

ATTRIBUTES: dict[str, str | int] = {
    "http.request.method": "GET",
    "http.route": "/orders",
    "url.path": "/orders",
    "server.port": 8000,
    "http.response.status_code": 200,
}

#: Records come in bursts, as those of requests do.
TICK_S = 0.05

#: Time in seconds that a process has to settle before and after what is measured.
WARM_S, REST_S = 1.5, 3.0

log = logging.getLogger("shop.orders")


def configure(case: str) -> None:
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(logging.NullHandler())
    if case == "tidegate":
        from tidegate import configure_observability

        configure_observability(instrument=False)
        return
    from opentelemetry._logs import get_logger_provider
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._configuration import _initialize_components

    _initialize_components(setup_logging_handler=False)
    log.addHandler(LoggingHandler(logger_provider=get_logger_provider()))


def load(spans: int, logs: int, seconds: float, first: int = 0) -> None:
    """So many of each a second, evenly; each log record has a number of its own."""
    tracer = trace.get_tracer("shop")
    begin, number, made = time.monotonic(), first, 0
    for tick in range(int(seconds / TICK_S)):
        time.sleep(max(0.0, begin + tick * TICK_S - time.monotonic()))
        while made < (tick + 1) * spans * TICK_S:
            with tracer.start_as_current_span("GET /orders", kind=SpanKind.SERVER, attributes=ATTRIBUTES):
                made += 1
        while number - first < (tick + 1) * logs * TICK_S:
            log.info("order %d of user %d was placed for %.2f EUR", number, 7, 12.5)
            number += 1


def measured(case: str, spans: int, logs: int, seconds: float) -> None:
    configure(case)
    load(spans, logs, WARM_S, -1_000_000)
    time.sleep(REST_S)
    before = time.process_time()
    load(spans, logs, seconds)
    time.sleep(REST_S)
    print(time.process_time() - before, flush=True)


def service(case: str, name: str, rest: list[str], rate: int, seconds: float) -> None:
    """One of a chain of services that call each other: the first makes requests, the last fails and is slow."""
    configure(case)
    tracer = trace.get_tracer("shop")
    command = [sys.executable, "-m", "benchmarks.sending_load", case, "service", ",".join(rest), "0", "0"]
    next_one = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) if rest else None
    chance = random.Random(7)

    def handle(carrier: dict[str, str], what: str) -> None:
        with tracer.start_as_current_span(
            f"{name} order",  # what is slow is slow among its like
            context=propagate.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={**ATTRIBUTES, "shop.fate": what},
        ) as span:
            if next_one is None:
                time.sleep(0.1 if what == "slow" else 0.0)
                if what == "error":
                    span.set_status(Status(StatusCode.ERROR))
                return
            onward: dict[str, str] = {}
            propagate.inject(onward)
            assert next_one.stdin is not None
            assert next_one.stdout is not None
            next_one.stdin.write(json.dumps([onward, what]) + "\n")
            next_one.stdin.flush()
            next_one.stdout.readline()

    if rate:
        begin = time.monotonic()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            odd = number > rate * seconds / 4
            draw = chance.random() if odd else 1.0
            handle({}, "error" if draw < 0.01 else "slow" if draw < 0.02 else "plain")
    else:
        for line in sys.stdin:
            handle(*json.loads(line))
            print(flush=True)
    if next_one is not None:
        assert next_one.stdin is not None
        next_one.stdin.close()
        next_one.wait()


def main(case: str, what: str, *arguments: str) -> None:
    if what == "service":
        names = arguments[0].split(",")
        service(case, names[0], names[1:], int(arguments[1]), float(arguments[2]))
    else:
        measured(case, int(arguments[0]), int(arguments[1]), float(arguments[2]))


if __name__ == "__main__":
    main(*sys.argv[1:])

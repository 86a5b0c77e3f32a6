"""A counter of many processes adds up for a Prometheus that scrapes while they come and go."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from live_server import SCRIPTS, LiveServer, live_server, quiet_environ
from scraping import Prometheus, prometheus

pytestmark = pytest.mark.servers

APP = """
import os

from flask import Flask
from opentelemetry import metrics

app = Flask(__name__)
orders = metrics.get_meter("shop").create_counter("shop.orders", unit="{order}")
open_orders = metrics.get_meter("shop").create_up_down_counter("shop.orders.open")


@app.get("/order")
def order():
    orders.add(1, {"channel": "web"})
    open_orders.add(1)
    return str(os.getpid())
"""

REQUESTS = 1600
COUNTER = 'shop_orders_total{channel="web"}'


@dataclass(frozen=True)
class Scraped:
    """What came of it: how many orders there were, from which processes, and what Prometheus has."""

    before: int
    orders: int
    pids: set[str]
    samples: list[tuple[float, float]]
    prometheus: Prometheus
    workers: str
    text_at_the_end: str


def order(server: LiveServer) -> str:
    """One order; a worker that is about to be replaced may refuse the connection before it takes one."""
    answer = httpx.get(f"http://127.0.0.1:{server.port}/order", trust_env=False, timeout=30)
    assert answer.status_code == 200
    return answer.text


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """Eight workers, each replaced after some fifty requests, under load while they are scraped."""
    directory = tmp_path_factory.mktemp("scraped")
    (directory / "orders.py").write_text(APP)
    environ = quiet_environ(directory, OTEL_SERVICE_NAME="shop", OTEL_PYTHON_TIDEGATE_METRICS_INTERVAL="0.5")
    gunicorn = "gunicorn -w 8 --preload --max-requests 50 --max-requests-jitter 30 -b 127.0.0.1:PORT orders:app"
    shop: list[str | Path] = [SCRIPTS / "opentelemetry-instrument", *gunicorn.split()]
    serve: list[str | Path] = [SCRIPTS / "tidegate", "serve", directory / "store", "--port", "PORT"]
    with (
        live_server(serve, directory, environ) as readers,
        live_server(shop, directory, environ) as server,
        prometheus(f"127.0.0.1:{readers.port}", "/metrics", directory) as scraper,
    ):
        before = 1
        pids = {order(server)}
        wait_for(lambda: scraper.samples(COUNTER))
        with ThreadPoolExecutor(6) as pool:
            pids |= set(pool.map(lambda _: order(server), range(REQUESTS)))
        assert server.end(signal.SIGTERM) == 0
        total = before + REQUESTS
        wait_for(lambda: scraper.samples(COUNTER)[-1][1] >= total)
        samples = scraper.samples(COUNTER)
        text = readers.get("/metrics/prometheus").text
        yield Scraped(before, total, pids, samples, scraper, server.output.read_text(), text)


def test_workers_were_replaced_while_they_were_scraped(scraped: Scraped) -> None:
    assert len(scraped.pids) > 16


def test_a_counter_reaches_what_was_counted(scraped: Scraped) -> None:
    assert scraped.samples[-1][1] == scraped.orders


def test_a_counter_never_falls(scraped: Scraped) -> None:
    values = [value for _, value in scraped.samples]
    assert values == sorted(values)
    assert scraped.prometheus.value(f"resets({COUNTER}[1h])") == 0


def test_increase_equals_what_was_counted(scraped: Scraped) -> None:
    # over the span of the samples and no more, where increase() extrapolates by nothing; from version 3 on
    # Prometheus leaves out what is exactly at the beginning, hence the millisecond
    (first, start), (last, _) = scraped.samples[0], scraped.samples[-1]
    span = round((last - first) * 1000) + 1
    increase = scraped.prometheus.value(f"increase({COUNTER}[{span}ms])", last)
    assert increase == pytest.approx(scraped.orders - start, abs=0.5)


def test_requests_of_a_route_add_up_under_their_usual_name(scraped: Scraped) -> None:
    samples = scraped.prometheus.query('http_requests_total{path="/order"}')
    assert sum(float(each["value"][1]) for each in samples) == scraped.orders


def test_an_up_down_counter_of_processes_that_ended_is_gone(scraped: Scraped) -> None:
    assert not re.search("^shop_orders_open", scraped.text_at_the_end, re.MULTILINE)

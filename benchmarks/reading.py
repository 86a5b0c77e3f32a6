"""What reading over HTTP costs: the CPU of an answer, and what a mounted reader takes from its application."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

import tidegate.store
from benchmarks import realistic
from benchmarks.measure import Case, interleaved, table
from tidegate.record import logs
from tidegate.records import Resource
from tidegate.serve.guard import Guard
from tidegate.serve.message import Request
from tidegate.serve.site import Site
from tidegate.store.block import Batch, pack
from tidegate.store.sinks import FileSink

LOGS, SERIES = 10_000, 10_000

#: Seconds of one window of load, with or without readers in use, and pairs of such windows for each repeat.
WINDOW, PAIRS = 2.0, 3

TOKEN = "benchmark-0123456789-abcdef"

APP = f"""
import tidegate, tidegate.serve
from fastapi import FastAPI

app = FastAPI()

@app.get("/items/{{item_id}}")
def item(item_id: int) -> dict[str, int]:
    return {{"item": item_id}}

tidegate.configure_observability(service_name="shop", app=app)
tidegate.serve.fastapi(app, token={TOKEN!r})
"""


def run(repeats: int) -> str:
    with tempfile.TemporaryDirectory() as directory:
        answers = _answers(directory, repeats)
        return answers + "\n" + _mounted(Path(directory), repeats)


def _answers(directory: str, repeats: int) -> str:
    """CPU of whole answers, guard and headers included, and of the least that could be done instead."""
    records = _store_logs(f"{directory}/logs")
    writer = _Metrics(f"{directory}/metrics")
    log_site, metric_site = (_site(f"{directory}/{name}") for name in ("logs", "metrics"))
    cases: dict[str, Case] = {
        "logs": lambda: _get(log_site, "/logs"),
        "dumps": lambda: sum(len(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)) for record in records),
        "new points": writer.collect,  # outside of what is measured
        "scrape": lambda: _get(metric_site, "/metrics/prometheus"),
        "again": lambda: _get(metric_site, "/metrics/prometheus"),
    }
    times = interleaved(cases, repeats)
    rows = [
        ["10,000 log records as NDJSON", f"{times['logs'] * 1000:.1f} ms", f"{times['logs'] / times['dumps']:.1f}"],
        [
            "10,000 series as Prometheus text",
            f"{times['scrape'] * 1000:.1f} ms",
            f"{times['scrape'] / times['dumps']:.1f}",
        ],
        [
            "the same, nothing recorded since",
            f"{times['again'] * 1000:.1f} ms",
            f"{times['again'] / times['dumps']:.1f}",
        ],
    ]
    heads = ["answer", "CPU", f"of orjson alone on 10,000 log records ({times['dumps'] * 1000:.1f} ms)"]
    return table("Answers over HTTP", heads, rows)


def _site(location: str) -> Site:
    return Site(lambda: tidegate.store.open(location), Guard())


def _get(site: Site, path: str) -> int:
    response = site.respond(Request("GET", path, headers={"host": "127.0.0.1"}))
    length = sum(map(len, response.body))
    response.body.close()
    assert response.status == 200
    return length


def _store_logs(location: str) -> list[dict[str, Any]]:
    """10,000 log records in blocks of 512; returns them as the dictionaries that an answer shows."""
    _, made = realistic.records(LOGS, captured=True)
    sink, resource = FileSink(location), Resource(dict(realistic.RESOURCE.attributes))
    for start in range(0, LOGS, 512):
        sink.append(resource, logs.batch(made[start : start + 512]))
    sink.close()
    with tidegate.store.open(location) as reader:
        return [log.to_dict() for log in reader.logs()]


class _Metrics:
    """A process with 10,000 series, which are recorded anew at each collection."""

    def __init__(self, location: str) -> None:
        self._sink = FileSink(location)
        self._resource = Resource(dict(realistic.RESOURCE.attributes))
        self._time = time.time_ns()
        self._count = 0

    def collect(self) -> None:
        self._count += 1
        self._time += 5 * 10**9
        names = [f"shop.counter.{number}" for number in range(20)]
        per_metric = SERIES // len(names)
        columns: dict[str, Any] = {
            "t0": str(self._time),
            "metrics": [
                {"type": "sum", "name": name, "temporality": "cumulative", "is_monotonic": True} for name in names
            ],
            "attributes": [
                {"http.route": f"/items/{number}", "http.request.method": "GET"}
                for _ in names
                for number in range(per_metric)
            ],
            "value": [{"as_int": self._count * number} for number in range(SERIES)],
            "scopes": [{"name": "shop", "version": "1"}],
        }
        pack("metric", [number // per_metric for number in range(SERIES)], 0, columns)
        pack("age", [self._count * 5 * 10**9] * SERIES, 0, columns)
        self._sink.append(self._resource, Batch("metrics", SERIES, columns, self._time, self._time))


def _mounted(directory: Path, repeats: int) -> str:
    """The application's CPU a request under load, while its readers are used and while they are not."""
    with _application(directory) as (pid, url):
        asyncio.run(_load(pid, url, reading=False))
        pairs = [
            (asyncio.run(_load(pid, url, reading=False)), asyncio.run(_load(pid, url, reading=True)))
            for _ in range(PAIRS * repeats)
        ]
    alone, read = (statistics.median(times) for times in zip(*pairs, strict=True))
    # windows side by side: the processor's clock drifts more from minute to minute than readers cost
    lost = statistics.median(1 - before / after for before, after in pairs)
    rows = [
        [
            "a scrape every 2 s and a client that follows",
            f"{alone * 1e6:.0f} µs",
            f"{read * 1e6:.0f} µs",
            f"{lost:+.1%}",
        ]
    ]
    heads = ["readers in use", "CPU a request without", "with", "throughput lost"]
    return table("A reader mounted in a FastAPI application under full load", heads, rows)


@contextmanager
def _application(directory: Path) -> Iterator[tuple[int, str]]:
    (directory / "shop.py").write_text(APP)
    environ = {**os.environ, "OTEL_PYTHON_TIDEGATE_STORE": str(directory / "store")}
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "shop:app",
        "--port",
        "4399",
        "--no-access-log",
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(command, cwd=directory, env=environ)
    try:
        url = "http://127.0.0.1:4399"
        for _ in range(200):
            try:
                httpx.get(f"{url}/items/1", trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield process.pid, url
    finally:
        process.terminate()
        process.wait()


async def _load(pid: int, url: str, *, reading: bool) -> float:
    """CPU seconds of the application a request, in one window of as many requests as it can answer."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        readers = [asyncio.create_task(_follow(client, headers)), asyncio.create_task(_scrape(client, headers))]
        if not reading:
            for task in readers:
                task.cancel()
        counts: list[int] = []
        end, cpu = time.monotonic() + WINDOW, _cpu(pid)
        await asyncio.gather(*(_requests(client, end, counts) for _ in range(8)))
        spent = _cpu(pid) - cpu
        for task in readers:
            task.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return spent / sum(counts)


async def _requests(client: httpx.AsyncClient, end: float, counts: list[int]) -> None:
    number = 0
    while time.monotonic() < end:
        (await client.get("/items/7")).raise_for_status()
        number += 1
    counts.append(number)


async def _follow(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    async with client.stream("GET", "/telemetry/logs/stream", headers=headers, timeout=None) as response:
        async for _ in response.aiter_raw():
            pass


async def _scrape(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    while True:
        (await client.get("/telemetry/metrics/prometheus", headers=headers)).raise_for_status()
        await asyncio.sleep(WINDOW)


def _cpu(pid: int) -> float:
    """CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

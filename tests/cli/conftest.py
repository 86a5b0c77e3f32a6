"""A terminal of any width, a store that a real program recorded, and the real `tidegate` command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidegate.cli.output import Terminal

TIDEGATE = Path(sys.executable).parent / "tidegate"

#: A program that records by the SDK, through our exporters: one trace that fails between two that do not.
PROGRAM = """
import logging
import sys
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from tidegate.record.exporters import StoreLogRecordExporter, StoreMetricExporter, StoreSpanExporter

store, orders = sys.argv[1], int(sys.argv[2])
resource = Resource({"service.name": "shop"})
spans = TracerProvider(resource=resource)
spans.add_span_processor(SimpleSpanProcessor(StoreSpanExporter(store)))
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(SimpleLogRecordProcessor(StoreLogRecordExporter(store)))
reader = PeriodicExportingMetricReader(StoreMetricExporter(store), export_interval_millis=60_000)
metrics = MeterProvider([reader], resource=resource)
log = logging.getLogger("shop.orders")
log.propagate = False
log.setLevel(logging.DEBUG)
log.addHandler(LoggingHandler(logger_provider=logs))
tracer = spans.get_tracer("shop")
meter = metrics.get_meter("shop")
counter, seconds = meter.create_counter("shop.orders"), meter.create_histogram("shop.wait", unit="s")
for order in range(orders):
    failed = order == 1
    attributes = {"http.route": "/orders", "order.id": order}
    with tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER, attributes=attributes) as server:
        log.info("order %d received", order, extra={"order.id": order})
        with tracer.start_as_current_span("SELECT items", kind=SpanKind.CLIENT):
            log.debug("cache miss")
        if failed:
            log.error("charging failed \\x1b[31m[bold]now[/bold]")
            server.set_status(Status(StatusCode.ERROR, "card declined"))
        counter.add(1, {"kind": "card"})
        seconds.record(0.25)
for provider in (spans, logs, metrics):
    provider.shutdown()
"""

Tidegate = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terminal]:
    """``terminal(width=100)``: a real one's behaviour; ``width=None``: that of a pipe."""

    def terminal(width: int | None = 100, *, colours: bool = False) -> Terminal:
        for name in ("FORCE_COLOR", "COLUMNS", "NO_COLOR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        if width is not None:
            monkeypatch.setenv("FORCE_COLOR", "1")
            monkeypatch.setenv("COLUMNS", str(width))
        if not colours:
            monkeypatch.setenv("NO_COLOR", "1")
        return Terminal()

    return terminal


@pytest.fixture
def printed() -> Callable[..., list[str]]:
    """``printed(terminal, show, *args, **options)``: the lines that ``show(terminal, ...)`` prints."""

    def printed(terminal: Terminal, show: Callable[..., None], *args: Any, **options: Any) -> list[str]:
        with terminal.capture() as captured:
            show(terminal, *args, **options)
        return captured.get().splitlines()

    return printed


@pytest.fixture
def record(environ: dict[str, str], tmp_path: Path) -> Callable[..., None]:
    """``record(orders=3)``: the program runs to its end, in a process of its own, into the test's store."""
    return lambda orders=3: _record(environ["OTEL_PYTHON_TIDEGATE_STORE"], orders, tmp_path)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with three traces of one program; only to be read."""
    directory = tmp_path_factory.mktemp("recorded")
    _record(str(directory / "store"), 3, directory)
    return str(directory / "store")


def _record(store: str, orders: int, directory: Path) -> None:
    program = directory / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    subprocess.run([sys.executable, program, store, str(orders)], env=environ, check=True, timeout=60)


@pytest.fixture
def tidegate(run: Tidegate, recorded: str) -> Tidegate:
    """``tidegate(*arguments, **run_options)``: the real command over the recorded store."""

    def tidegate(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        options["env"] = {"OTEL_PYTHON_TIDEGATE_STORE": recorded, **options.get("env", {})}
        return run([TIDEGATE, *arguments], **options)

    return tidegate


@pytest.fixture
def answers(tidegate: Tidegate) -> Callable[..., list[dict[str, Any]]]:
    """``answers(*arguments)``: the records that the command prints with ``--json``."""
    return lambda *arguments: [json.loads(line) for line in tidegate(*arguments, "--json").stdout.splitlines()]

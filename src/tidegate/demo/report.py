"""What the demo shows at the end: what was recorded, how the shop did, and how to look further."""

from __future__ import annotations

import math
import os
import shlex
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tidegate import store
from tidegate.demo.place import MARKER
from tidegate.demo.traffic import USER_AGENT
from tidegate.records import SEVERITIES, Log, Span, Trace
from tidegate.settings import child_environment

_COMMAND = "from tidegate.cli import main; main()"
_ROUTES = 8


def server_spans(reader: store.Reader) -> list[Span]:
    """The server spans of the demo's own requests, newest first."""
    spans = reader.spans(service="shop", where={"user_agent.original": USER_AGENT, "kind": "SERVER"})
    return list(spans)


def check(console: Console, location: str, sent: int) -> bool:
    """Say whether every request that was sent is a server span in the store."""
    with store.open(location) as reader:
        found = len(server_spans(reader))
    line = f"{sent:,} requests, {found:,} server spans"
    if found == sent:
        console.print(Text(f"{line}: nothing is missing.", "bold green"))
    else:
        console.print(Text(f"{line}: they should be the same; `tidegate doctor` may tell why.", "bold red"))
    return found == sent


def wait_for(location: str, sent: int) -> None:
    """Wait until the running shop has committed ``sent`` server spans, some seconds at most."""
    for _ in range(50):
        with store.open(location) as reader:
            if len(server_spans(reader)) >= sent:
                return
        time.sleep(0.1)


def command(*arguments: str) -> str:
    """A command as the user would type it."""
    return "tidegate " + shlex.join(arguments)


def show(console: Console, location: str) -> None:
    """Everything but the check; reads the store as any program can, with `tidegate.store.open`."""
    with store.open(location) as reader:
        _show_recorded(console, reader)
        _show_routes(console, server_spans(reader))
        trace = _telling(reader)
    if trace is not None:
        console.print(Text("\nOne checkout that failed, with everything that belongs to it:", "bold"))
        _show_command(console, "trace", trace.trace_id, "--store", location)
    console.print(Text("\nLook further:", "bold"))
    width = max(len(purpose) for purpose, _ in FURTHER)
    for purpose, arguments in FURTHER:
        typed = command(*arguments, "--store", location)
        console.print(Text.assemble((f"  {purpose:{width}}  ", "dim"), (typed, "cyan")), soft_wrap=True)
    console.print(Text(f"\nOr record your own program: {_OWN}"), soft_wrap=True)


FURTHER: Sequence[tuple[str, Sequence[str]]] = (
    ("newest failures", ("traces", "--errors")),
    ("warnings and worse", ("logs", "--min-level", "warning")),
    ("a word in log lines", ("logs", "--grep", "cart", "--limit", "5")),
    ("declined cards as JSON", ("spans", "--where", "http.response.status_code=402", "--json")),
    ("newest metric points", ("metrics", "--limit", "10")),
)
_OWN = "opentelemetry-instrument python app.py, then tidegate traces"


def _show_recorded(console: Console, reader: store.Reader) -> None:
    services = reader.services()
    console.print(Text("\nRecorded:", "bold"))
    rows = [
        [one.name, f"{one.processes:,}", f"{one.spans:,}", f"{one.logs:,}", f"{one.points:,}", f"{one.errors:,}"]
        for one in services
    ]
    console.print(_table(("service", ">processes", ">spans", ">logs", ">metric points", ">errors"), rows))
    levels = Counter(map(_level, reader.logs()))
    by_level = ", ".join(f"{levels[name]:,} {name}" for name in SEVERITIES if levels[name])
    series = {
        (point.metric.name, tuple(sorted((name, str(value)) for name, value in point.attributes.items())))
        for point in reader.metrics()
    }
    size = _bytes_on_disk(reader.location)
    records = sum(one.spans + one.logs + one.points for one in services)
    console.print(Text(f"  log records  {by_level}"))
    console.print(Text(f"  metrics      {len(series):,} series of {len({name for name, _ in series}):,} metrics"))
    console.print(Text(f"  on disk      {size / 1000:,.0f} kB, {size / max(records, 1):,.0f} bytes a record"))


def _show_routes(console: Console, spans: Iterable[Span]) -> None:
    routes: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        routes[span.name if "http.route" in span.attributes else f"{span.name} (no route)"].append(span)
    console.print(Text("\nBusiest routes:", "bold"))
    busiest = sorted(routes.items(), key=lambda item: -len(item[1]))[:_ROUTES]
    console.print(_table(("route", ">requests", ">errors", ">p50", ">p95"), [_route(*item) for item in busiest]))


def _route(name: str, spans: Sequence[Span]) -> list[str]:
    durations = sorted(span.duration_ns for span in spans)
    failed = sum(span.is_error for span in spans) / len(spans)
    return [name, f"{len(spans):,}", f"{failed:.1%}" if failed else "", *(_ms(durations, q) for q in (0.5, 0.95))]


def _ms(durations: Sequence[int], quantile: float) -> str:
    """The nearest-rank quantile of sorted durations."""
    return f"{durations[math.ceil(quantile * len(durations)) - 1] / 1e6:,.1f} ms"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Padding:
    """``>`` before a column's name aligns it to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return Padding.indent(table, 2)


def _level(log: Log) -> str:
    return next((name for name, low in reversed(SEVERITIES.items()) if low <= log.severity_number), "TRACE")


def _bytes_on_disk(location: str) -> int:
    return sum(
        os.path.getsize(os.path.join(directory, name))
        for directory, _, names in os.walk(location)
        for name in names
        if name != MARKER
    )


def _telling(reader: store.Reader) -> Trace | None:
    """Of the newest checkouts that failed, the one with most to see."""
    failed = reader.traces(service="shop", errors=True, where={"http.route": "/checkout"}, limit=20)
    return max(failed, key=lambda trace: len(trace.spans), default=None)


def _show_command(console: Console, *arguments: str) -> None:
    """Run a command as the user would, and show what it answers."""
    console.print(Text.assemble(("  $ " + command(*arguments), "cyan")), soft_wrap=True)
    colours = {"FORCE_COLOR": "1", "COLUMNS": str(console.width)} if console.is_terminal else {}
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *arguments],
        env=child_environment(without="OTEL_", **colours),
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
    )
    console.print(Text.from_ansi((done.stdout or done.stderr).rstrip()), soft_wrap=True)

"""Questions to a large store, against SQLite rows with indexes: latency of whole answers."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tidegate.store
from benchmarks import store_rows
from benchmarks.measure import table
from benchmarks.store_data import HOUR_NS, NEEDLE, STOCK, Renewal, Stock, write_hour
from tidegate.store import Reader
from tidegate.store.retention import Policy
from tidegate.store.upkeep.once import upkeep

#: Spans, and as many log records, of the smaller store; the larger one has so many times more of each.
RECORDS, LARGER = 1_000_000, 5

#: Segments of the smaller store: of two services' processes, for ten hours.
SEGMENTS = 20
SERVICES = ("shop", "stock")

MINUTE_NS = 60 * 10**9

#: Questions are asked so many times for each repeat, since some take less than a millisecond.
ASKED = 7


#: Seconds of wall time and of CPU.
Times = tuple[float, float]

Cells = list[str]


class Question(NamedTuple):
    name: str
    aim: str
    ask: Callable[[Reader], object]
    sql: str
    values: tuple[Any, ...] = ()


class Store(NamedTuple):
    """A store and what is asked of it: its last hour begins at ``last`` (ns), one of its traces is ``trace``."""

    directory: str
    last: int
    trace: str


def run(repeats: int, records: int = RECORDS, larger: int = LARGER) -> str:
    stock = Stock.made(min(STOCK, records // SEGMENTS))
    with tempfile.TemporaryDirectory() as directory:
        small = build(f"{directory}/small", stock, records, SEGMENTS)
        database = rows(f"{directory}/rows.db", stock, records, SEGMENTS, small.last)
        large = build(f"{directory}/large", stock, records * larger, SEGMENTS * larger)
        asked, again = questions(small), questions(large)
        answers: dict[str, tuple[list[Times], ...]] = {each.name: ([], [], [], []) for each in asked}
        for _ in range(repeats):
            for question, in_large in zip(asked, again, strict=True):
                times = answers[question.name]
                times[0].extend(_latencies(small, question))
                times[1].extend(_of_rows(database, question))
                times[2].extend(_latencies(large, in_large))
                times[3].extend(_latencies(small, question, warm=True))
        size = sum(path.stat().st_size for path in Path(small.directory).iterdir())
        files = sum(path.suffix == ".sealed" for path in Path(small.directory).iterdir())
        note = (
            f"{records:,} spans and as many log records of {SEGMENTS} segments: {files} sealed files,"
            f" {size / 2**20:.0f} MB; rows: {Path(f'{directory}/rows.db').stat().st_size / 2**20:.0f} MB."
        )
        database.close()
    heads = ["question, ms (of CPU)", "median", "p99", "aim", "rows", "asked again", f"{larger} × the records", "× CPU"]
    shown = [_row(question, *answers[question.name]) for question in asked]
    return table("Questions to a large store", heads, shown) + f"\n{note}\n"


def build(directory: str, stock: Stock, records: int, segments: int) -> Store:
    """A store of two services for hours that are over, sealed and merged as upkeep does it."""
    first = _first_hour(segments)
    for number in range(segments):
        hour, service = divmod(number, len(SERVICES))
        write_hour(directory, stock, SERVICES[service], first + hour * HOUR_NS, records // segments, number)
    upkeep(directory, Policy(size=8 << 30))
    last = first + (segments // len(SERVICES) - 1) * HOUR_NS
    # of the last hour's first service
    number = segments - len(SERVICES)
    rounds = max(records // segments // len(stock.spans), 1)
    [row] = Renewal(number * rounds, 0, 1).spans(stock.spans[500:501])
    return Store(directory, last, f"{row[2][0]:032x}")


def _first_hour(segments: int) -> int:
    """So that the last one is the last of a day, and of one whose files upkeep merges."""
    hours = segments // len(SERVICES)
    return (time.time_ns() // (24 * HOUR_NS) - 1) * 24 * HOUR_NS - hours * HOUR_NS


def rows(path: str, stock: Stock, records: int, segments: int, last: int) -> sqlite3.Connection:
    """The same records as rows."""
    db = store_rows.connect(path, indexes=False)
    first = last - (segments // len(SERVICES) - 1) * HOUR_NS
    size = len(stock.spans)
    rounds = max(records // segments // size, 1)
    for number in range(segments):
        hour, service = divmod(number, len(SERVICES))
        for each in range(rounds):
            start = first + hour * HOUR_NS + each * HOUR_NS // rounds
            renewal = Renewal(number * rounds + each, start, HOUR_NS // rounds)
            store_rows.insert_spans(db, SERVICES[service], list(renewal.spans(stock.spans)))
            store_rows.insert_logs(db, SERVICES[service], list(renewal.logs(stock.logs)))
    store_rows.add_indexes(db)
    return db


def questions(store: Store) -> list[Question]:
    quarter = (store.last + 30 * MINUTE_NS, store.last + 45 * MINUTE_NS)
    hours = (store.last - HOUR_NS, store.last + HOUR_NS)
    between: dict[str, Any] = {"since": quarter[0], "until": quarter[1]}
    return [
        Question(
            "trace by id",
            "≤ 5; ≤ 15",
            lambda reader: reader.trace(store.trace, logs=False),
            "SELECT * FROM spans WHERE trace_id = ?",
            (store.trace,),
        ),
        Question(
            "the same with its log records",
            "",
            lambda reader: reader.trace(store.trace),
            "SELECT body FROM logs WHERE trace_id = ?1 UNION ALL SELECT name FROM spans WHERE trace_id = ?1",
            (store.trace,),
        ),
        Question(
            "newest 100 errors of a service",
            "≤ 5",
            lambda reader: list(reader.logs(service="shop", min_level="error", limit=100)),
            "SELECT * FROM logs WHERE service = 'shop' AND severity >= 17 ORDER BY time DESC LIMIT 100",
        ),
        Question(
            "rare word in all log records",
            "≤ 60",
            lambda reader: list(reader.logs(text=NEEDLE)),
            f"SELECT * FROM logs WHERE body LIKE '%{NEEDLE}%'",
        ),
        Question(
            "common word, newest 100",
            "≤ 5",
            lambda reader: list(reader.logs(text="supplier", limit=100)),
            "SELECT * FROM logs WHERE body LIKE '%supplier%' ORDER BY time DESC LIMIT 100",
        ),
        Question(
            "p95 by an attribute, 15 minutes",
            "≤ 25",
            lambda reader: reader.quantiles("spans", by="http.route", q=(0.95,), **between),
            "SELECT json_extract(attributes, '$.\"http.route\"'), duration FROM spans WHERE start BETWEEN ? AND ?",
            quarter,
        ),
        Question(
            "counts per minute, 2 hours",
            "≤ 40",
            lambda reader: reader.histogram("logs", interval="1m", since=hours[0], until=hours[1]),
            "SELECT time / 60000000000, count(*) FROM logs WHERE time BETWEEN ? AND ? GROUP BY 1",
            hours,
        ),
    ]


def _latencies(store: Store, question: Question, *, warm: bool = False) -> list[Times]:
    """Of a reader that knows the files but has no block decompressed, or (``warm``) asked the same before."""
    times = []
    for _ in range(ASKED):
        with tidegate.store.open(store.directory) as reader:
            reader.services()
            if warm:
                question.ask(reader)
            times.append(_timed(lambda: question.ask(reader), question.name))
    return times


def _of_rows(db: sqlite3.Connection, question: Question) -> list[Times]:
    return [_timed(lambda: store_rows.answer(db, question.sql, *question.values), question.name) for _ in range(3)]


def _timed(ask: Callable[[], object], name: str) -> Times:
    wall, cpu = time.perf_counter(), time.process_time()
    answer = ask()
    times = (time.perf_counter() - wall, time.process_time() - cpu)
    if not answer:
        raise ValueError(f"{name} was answered by nothing")
    return times


def _row(question: Question, small: list[Times], in_rows: list[Times], large: list[Times], again: list[Times]) -> Cells:
    wall = sorted(wall for wall, _ in small)
    of_large = statistics.median(cpu for _, cpu in large) / statistics.median(cpu for _, cpu in small)
    return [
        question.name,
        _shown(small),
        f"{wall[int(len(wall) * 0.99)] * 1000:.1f}",
        question.aim,
        _shown(in_rows),
        _shown(again),
        _shown(large),
        f"{of_large:.2f}",
    ]


def _shown(times: list[Times]) -> str:
    """Medians of wall time and CPU."""
    wall, cpu = (statistics.median(each) * 1000 for each in zip(*times, strict=True))
    return f"{wall:.1f} ({cpu:.1f})"

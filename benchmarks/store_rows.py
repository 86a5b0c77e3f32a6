"""The baseline: one SQLite row for each record, its attributes as JSON, and three indexes a table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from benchmarks.store_data import Row

_TABLES = """
CREATE TABLE spans (trace_id TEXT, span_id TEXT, parent_id TEXT, name TEXT, kind INTEGER, service TEXT,
    start INTEGER, duration INTEGER, status INTEGER, message TEXT, attributes TEXT, events TEXT);
CREATE TABLE logs (time INTEGER, observed INTEGER, severity INTEGER, body TEXT, service TEXT, trace_id TEXT,
    span_id TEXT, attributes TEXT, scope TEXT, template TEXT, path TEXT, line INTEGER, function TEXT);
"""

INDEXES = {
    "spans": (
        "CREATE INDEX spans_trace ON spans (trace_id)",
        "CREATE INDEX spans_time ON spans (start)",
        "CREATE INDEX spans_service ON spans (service, status, start)",
    ),
    "logs": (
        "CREATE INDEX logs_trace ON logs (trace_id)",
        "CREATE INDEX logs_time ON logs (time)",
        "CREATE INDEX logs_service ON logs (service, severity, time)",
    ),
}


def connect(path: str, *, indexes: bool = True) -> sqlite3.Connection:
    """A database in WAL mode that does not wait for the disk at each commit."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _TABLES)
    if indexes:
        add_indexes(db)
    return db


def add_indexes(db: sqlite3.Connection) -> None:
    for statement in (*INDEXES["spans"], *INDEXES["logs"]):
        db.execute(statement)


def insert_spans(db: sqlite3.Connection, service: str, rows: Sequence[Row]) -> None:
    _insert(db, "spans", 12, (_span(service, row) for row in rows))


def insert_logs(db: sqlite3.Connection, service: str, rows: Sequence[Row]) -> None:
    _insert(db, "logs", 13, (_log(service, row) for row in rows))


def _insert(db: sqlite3.Connection, table: str, columns: int, rows: Iterable[Row]) -> None:
    db.execute("BEGIN")
    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
    db.execute("COMMIT")


def _span(service: str, row: Row) -> Row:
    _, name, context, parent, kind, start, end, status, message, attributes, _, events, *_ = row
    return (
        *("%032x" % context[0], "%016x" % context[1], "%016x" % parent[1] if parent else "", name, kind, service),
        *(start, end - start, status, message, orjson.dumps(attributes).decode()),
        orjson.dumps([[each.name, each.timestamp, dict(each.attributes)] for each in events]).decode()
        if events
        else "",
    )


def _log(service: str, row: Row) -> Row:
    _, scope, time, observed, number, _, body, attributes, _, _, trace, span, _, origin = row
    return (
        *(time, observed, number, body, service, "%032x" % trace, "%016x" % span),
        *(orjson.dumps(attributes).decode(), scope.name, *origin),
    )


def answer(db: sqlite3.Connection, statement: str, *values: Any) -> list[Any]:
    return db.execute(statement, values).fetchall()

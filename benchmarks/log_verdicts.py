"""Verdicts on stored log records: what they cost beside encoding the same records with the standard OTLP encoder.

One process commits a thousand records a second of fifty calls with five loggers, in blocks of 500, and the leader
judges what it reads. Time is virtual; reading blocks, which sending needs as well, is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource as SDKResource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags

from benchmarks.measure import median_of, table
from tidegate.gate.policy import LogPolicy
from tidegate.gate.tail.logs import LogTail
from tidegate.record import logs
from tidegate.records import ORIGIN, Origin, Resource
from tidegate.store import block, codec
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.segment import FORMAT, BlockRef, Header

CALLS, LOGGERS, RATE, BLOCK = 50, 5, 1000, 500
ROUNDS = 10
BEGIN = 1_700_000_000
STANDARD = "standard OTLP encoder"

_header = Header(FORMAT, "aa", Resource({"service.name": "shop"}), BEGIN * 10**9, {})
_resource = SDKResource({"service.name": "shop"})
_scope = lru_cache(InstrumentationScope)


class _Portion(NamedTuple):
    rows: AnyRows
    picked: Sequence[int]


def run(repeats: int) -> str:
    cases: dict[str, Callable[[], float]] = {
        STANDARD: _encode,
        "template, outside of traces": _judge,
        "template, in traces of 5 records": lambda: _judge(in_traces=True),
        "the same, no context kept": lambda: _judge(in_traces=True, context=False),
        "template, budget of a tenth": lambda: _judge(policy=LogPolicy(budget=RATE / 10)),
        "known by its call alone": lambda: _judge(_said_by_call),
        "known by its text alone": lambda: _judge(_said),
        "everything is sent": lambda: _judge(mode="all"),
    }
    medians = median_of(cases, repeats)
    rows = [[name, f"{1e6 * value:.2f}", f"{value / medians[STANDARD]:.2f}"] for name, value in medians.items()]
    return table("Cost of a verdict on a stored log record", ["", "µs of CPU", "over the standard encoder"], rows)


Make = Callable[[int, int], ReadableLogRecord]


def _record(number: int, trace: int, body: str, origin: Origin) -> ReadableLogRecord:
    moment = BEGIN * 10**9 + number * 10**9 // RATE
    record = LogRecord(
        timestamp=moment,
        observed_timestamp=moment,
        severity_number=SeverityNumber.INFO,
        severity_text="INFO",
        body=body,
        attributes={"order.id": number},
    )
    record.trace_id, record.span_id, record.trace_flags = trace, 1 if trace else 0, TraceFlags(1)
    setattr(record, ORIGIN, origin)
    return ReadableLogRecord(record, _resource, _scope(f"shop.{number % LOGGERS}"))


def _filled(number: int, trace: int = 0) -> ReadableLogRecord:
    call = number % CALLS
    origin = Origin(f"event {call} of order %d was taken", "/app/shop.py", call + 1, "take")
    return _record(number, trace, f"event {call} of order {number} was taken", origin)


def _said_by_call(number: int, trace: int = 0) -> ReadableLogRecord:
    call = number % CALLS
    return _record(number, trace, f"event {call} was taken", Origin("", "/app/shop.py", call + 1, "take"))


def _said(number: int, trace: int = 0) -> ReadableLogRecord:
    return _record(number, trace, f"event {number % CALLS} of order {number} was taken", Origin())


def _encode() -> float:
    records = [_filled(number) for number in range(BLOCK)]
    begin = time.process_time()
    encode_logs(records).SerializeToString()
    return (time.process_time() - begin) / BLOCK


def _judge(make: Make = _filled, *, in_traces: bool = False, **options: Any) -> float:
    """Seconds for each record, once its calls are known."""
    tail, numbers, taken = LogTail(seed=1, **options), count(), 0.0
    for _ in range(ROUNDS):
        portion, last = _committed([(number := next(numbers), number // 5 + 1) for _ in range(BLOCK)], make, in_traces)
        begin = time.process_time()
        tail.judge([portion], last)
        taken = time.process_time() - begin
    return taken / BLOCK


def _committed(numbers: Sequence[tuple[int, int]], make: Make, in_traces: bool) -> tuple[_Portion, float]:
    """A block as it is read, and when it was committed."""
    first = numbers[0][0]
    records = [make(number, trace * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128) if in_traces else 0)
               for number, trace in numbers]  # fmt: skip
    index, frame = block.encode(logs.batch(records), first)
    rows = open_block(codec.decompress(frame), BlockRef(_header, index))
    return _Portion(rows, range(rows.count)), BEGIN + (first + BLOCK) / RATE

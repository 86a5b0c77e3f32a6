"""From SDK objects to a committed block, against OTLP protobuf encoding alone of the same objects."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from benchmarks import realistic
from benchmarks.measure import interleaved, table
from tidegate.record import logs, spans
from tidegate.record.recorder import BLOCK_RECORDS
from tidegate.record.redact import Redactor
from tidegate.records import Resource
from tidegate.store.block import Batch
from tidegate.store.sinks import FileSink

RECORDS = 20 * BLOCK_RECORDS
RESOURCE = Resource(dict(realistic.RESOURCE.attributes))


def run(repeats: int) -> str:
    made, logged = realistic.records(RECORDS, captured=False)
    _, captured = realistic.records(RECORDS, captured=True)
    measured = [
        _measure("span", "≤ 60", repeats, spans.batch, encode_spans, made, made),
        _measure("log record", "≤ 45", repeats, logs.batch, encode_logs, logged, logged),
        _measure("log record as captured", "≤ 45", repeats, logs.batch, encode_logs, logged, captured),
    ]
    heads = ["", "OTLP encoding alone", "recorded", "ratio (aim ≤ 0.15)", "with redaction", "ratio"]
    return (
        table("CPU from SDK object to committed block (µs a record)", heads, [cost for cost, _ in measured])
        + "\nThe call site of a log record is among its attributes; the last row is the same record as Tidegate's capture\n"
        + "leaves it, template included, against the same baseline.\n\n"
        + table("Bytes on disk, index and header included", ["", "a record", "aim"], [size for _, size in measured])
    )


def _measure(
    name: str,
    aim: str,
    repeats: int,
    columns: Callable[[Any], Batch],
    otlp: Callable[[Any], Any],
    encoded: Sequence[Any],
    recorded: Sequence[Any],
) -> tuple[list[str], list[str]]:
    redactor = Redactor()
    with tempfile.TemporaryDirectory() as directory:

        def encode() -> None:
            for batch in _batches(encoded):
                otlp(batch).SerializeToString()

        def record(redact: Callable[[Batch], None] | None = None) -> None:
            sink = FileSink(directory)
            for batch in _batches(recorded):
                made = columns(batch)
                if redact is not None:
                    redact(made)
                sink.append(RESOURCE, made)
            sink.close()

        cases = {"otlp": encode, "plain": record, "redacted": lambda: record(redactor.redact)}
        cost = {case: seconds / len(recorded) * 1e6 for case, seconds in interleaved(cases, repeats).items()}
        for path in Path(directory).iterdir():
            path.unlink()
        record()
        size = sum(path.stat().st_size for path in Path(directory).iterdir()) / len(recorded)
    ratios = {case: f"{cost[case] / cost['otlp']:.3f}" for case in cost}
    figures = [f"{cost['otlp']:.1f}", f"{cost['plain']:.2f}", ratios["plain"], f"{cost['redacted']:.2f}", ratios["redacted"]]
    return [name, *figures], [name, f"{size:.1f}", aim]


def _batches(records: Sequence[Any]) -> list[Sequence[Any]]:
    return [records[start : start + BLOCK_RECORDS] for start in range(0, len(records), BLOCK_RECORDS)]

"""What it costs to write records, to seal them, and to keep them: CPU and bytes, each beside its baseline."""

from __future__ import annotations

import gzip
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToJson  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from benchmarks import realistic, store_rows
from benchmarks.measure import interleaved, table
from benchmarks.store_data import HOUR_NS, STOCK, Stock, write_hour
from tidegate.patterns import Miner
from tidegate.record import logs, spans
from tidegate.record.recorder import BLOCK_RECORDS
from tidegate.record.redaction import Redactor
from tidegate.records import Resource
from tidegate.store.block import Batch
from tidegate.store.retention import Policy
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep.once import upkeep

RESOURCE = Resource(dict(realistic.RESOURCE.attributes))

#: Records of a block at 5 and 500 a second, where a second ends it, and when more come than fit.
RATES = {"5/s": 5, "500/s": 500, "all at once": BLOCK_RECORDS}

#: Objects that are taken to measure what it costs.
TAKEN = 8192

#: Segments of which each hour has so many, and hours.
SEGMENTS, HOURS = 4, 3

OF_SPANS = ("trace", "error-trace")


class Subject(NamedTuple):
    name: str
    take: Callable[[Any], tuple[Any, ...]]
    columns: Callable[[Any], Batch]
    otlp: Callable[[Any], Any]
    insert: Callable[[Any, str, Any], None]
    objects: list[Any]
    #: What the baseline encodes: the same with all that the others record.
    encoded: list[Any]


def run(repeats: int, count: int = STOCK) -> str:
    made, emitted = realistic.records(count, captured=True)
    _, attributed = realistic.records(count, captured=False)
    subjects = [
        Subject("span", spans.taken, spans.batch, encode_spans, store_rows.insert_spans, made, made),
        Subject("log record", logs.taken, logs.batch, encode_logs, store_rows.insert_logs, attributed, attributed),
        Subject(
            "log record as captured", logs.taken, logs.batch, encode_logs, store_rows.insert_logs, emitted, attributed
        ),
    ]
    heads = ["", "at", "OTLP encoding", "taken", "written", "of OTLP (≤ 0.12)", "SQLite rows", "of rows (≤ 0.35)"]
    written = [_written(subject, rate, repeats) for subject in subjects for rate in RATES]
    more = ["", "OTLP encoding", "redacted", "of OTLP", "and with patterns", "of OTLP (≤ 0.35)"]
    return "\n".join(
        [
            table("CPU from the SDK's object to a committed block (µs a record)", heads, written),
            table("The same with redaction, and with patterns", more, [_extra(each, repeats) for each in subjects]),
            _sealed(max(repeats // 3, 1), count),
        ]
    )


def _written(subject: Subject, rate: str, repeats: int) -> list[str]:
    count, size = len(subject.objects), RATES[rate]
    count = count if size > 100 else count // 5
    rows = [subject.take(each) for each in subject.objects[:count]]
    with tempfile.TemporaryDirectory() as directory:
        db = store_rows.connect(f"{directory}/rows.db")
        sink = FileSink(f"{directory}/store")
        cases = {
            "otlp": lambda: _each(subject.encoded[:count], size, lambda batch: subject.otlp(batch).SerializeToString()),
            "take": lambda: _take(subject),
            "write": lambda: _each(rows, size, lambda batch: sink.append(RESOURCE, subject.columns(batch))),
            "rows": lambda: _each(rows, size, lambda batch: subject.insert(db, "shop", batch)),
        }
        times = interleaved(cases, repeats)
        sink.close()
        db.close()
    otlp, write, in_rows = (times[name] / count * 1e6 for name in ("otlp", "write", "rows"))
    take = times["take"] / TAKEN * 1e6
    costs = [f"{otlp:.1f}", f"{take:.2f}", f"{write:.2f}", f"**{(take + write) / otlp:.3f}**"]
    return [subject.name, rate, *costs, f"{take + in_rows:.1f}", f"**{(take + write) / (take + in_rows):.2f}**"]


def _take(subject: Subject) -> None:
    """Of few objects over and over: a span is taken the moment it ends, when it lies in the caches."""
    few = subject.objects[:64]
    for _ in range(TAKEN // len(few)):
        for each in few:
            subject.take(each)


def _each(items: Sequence[Any], size: int, do: Callable[[Any], object]) -> None:
    for at in range(0, len(items), size):
        do(items[at : at + size])


def _extra(subject: Subject, repeats: int) -> list[str]:
    rows = [subject.take(each) for each in subject.objects]
    redactor, miner = Redactor(), Miner()
    is_log = subject.take is logs.taken

    def write(batch: Any, *, patterns: bool) -> None:
        made = subject.columns(batch)
        if patterns and is_log:
            made.columns["pattern"] = [miner.match_record(row[6], *row[13]).id for row in batch]
        redactor.redact(made)
        sink.append(RESOURCE, made)

    with tempfile.TemporaryDirectory() as directory:
        sink = FileSink(directory)
        cases = {
            "otlp": lambda: _each(
                subject.encoded, BLOCK_RECORDS, lambda batch: subject.otlp(batch).SerializeToString()
            ),
            "take": lambda: _take(subject),
            "redacted": lambda: _each(rows, BLOCK_RECORDS, lambda batch: write(batch, patterns=False)),
            "patterns": lambda: _each(rows, BLOCK_RECORDS, lambda batch: write(batch, patterns=True)),
        }
        times = interleaved(cases, repeats)
        sink.close()
    take = times["take"] / TAKEN * 1e6
    otlp, redacted, patterns = (times[name] / len(rows) * 1e6 for name in ("otlp", "redacted", "patterns"))
    costs = [f"{otlp:.1f}", f"{take + redacted:.2f}", f"{(take + redacted) / otlp:.3f}"]
    return [subject.name, *costs, *([f"{take + patterns:.2f}", f"{(take + patterns) / otlp:.3f}"] if is_log else "––")]


# -- sealing, and what it leaves


def _sealed(repeats: int, count: int) -> str:
    stock = Stock.made(count)
    first = (time.time_ns() // (24 * HOUR_NS) - 2) * 24 * HOUR_NS
    ratios, costs, sizes = [], [], {}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as directory:
            recording = _recording(stock)
            for number in range(SEGMENTS * HOURS):
                write_hour(directory, stock, "shop", first + number // SEGMENTS * HOUR_NS, count, number)
            begin = time.process_time()
            active = sum(entry.stat().st_size for entry in os.scandir(directory))
            upkeep(directory, Policy())
            cost = (time.process_time() - begin) / (2 * count * SEGMENTS * HOURS) * 1e6
            ratios.append(cost / recording)
            costs.append((recording, cost))
            sizes = _sizes(directory, count * SEGMENTS * HOURS)
            sizes["active"] = active / (2 * count * SEGMENTS * HOURS)
    recording, cost = (median(each) for each in zip(*costs, strict=True))
    rows = [[f"{recording:.2f} µs", f"{cost:.2f} µs", f"**{median(ratios):.2f}**"]]
    heads = ["recording a record", "sealing it, and merging its hour and day", "ratio (aim ≤ 1.5)"]
    made, emitted = realistic.records(min(count, 4 * 2048), captured=False)
    lines = {"span": _gzipped(encode_spans, made), "log record": _gzipped(encode_logs, emitted)}
    of_bytes = [
        [name, f"{sizes[name]:.1f}", aim, f"{lines[name]:.1f}", f"**{sizes[name] / lines[name]:.2f}**"]
        for name, aim in (("span", "≤ 45"), ("log record", "≤ 32"))
    ]
    of_bytes.append(["any of both, not sealed yet", f"{sizes['active']:.1f}", "", "", ""])
    return "\n".join(
        [
            table("CPU of sealing", heads, rows),
            table(
                "Bytes of a record in sealed files, all of them counted",
                ["", "bytes", "aim", "gzip of OTLP JSON lines", "ratio (aim ≤ 0.8)"],
                of_bytes,
            ),
        ]
    )


def _recording(stock: Stock) -> float:
    """Mean CPU in µs of writing a record, half of them spans."""
    with tempfile.TemporaryDirectory() as directory:
        sink = FileSink(directory)
        begin = time.process_time()
        _each(stock.spans, BLOCK_RECORDS, lambda batch: sink.append(RESOURCE, spans.batch(batch)))
        _each(stock.logs, BLOCK_RECORDS, lambda batch: sink.append(RESOURCE, logs.batch(batch)))
        cost = time.process_time() - begin
        sink.close()
    return cost / (len(stock.spans) + len(stock.logs)) * 1e6


def _sizes(directory: str, count: int) -> dict[str, float]:
    totals = {"span": 0, "log record": 0}
    for entry in os.scandir(directory):
        kind = entry.name.split(".")[1]
        if entry.name.endswith(".sealed"):
            totals["span" if kind in OF_SPANS else "log record"] += entry.stat().st_size
    return {name: total / count for name, total in totals.items()}


def _gzipped(encode: Callable[[Any], Any], objects: Sequence[Any]) -> float:
    """Bytes a record of OTLP JSON, a line for each 512, compressed as one file by gzip's default."""
    lines = [
        MessageToJson(encode(objects[at : at + BLOCK_RECORDS]), indent=None)
        for at in range(0, len(objects), BLOCK_RECORDS)
    ]
    return len(gzip.compress("\n".join(lines).encode(), 6)) / len(objects)

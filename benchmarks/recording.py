"""From SDK objects to a committed block, against OTLP protobuf encoding alone of the same objects."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
    spans_, logged = realistic.records(RECORDS, captured=False)
    _, captured = realistic.records(RECORDS, captured=True)
    subjects = [
        Subject("span", "≤ 60", spans.batch, encode_spans, spans_, spans_),
        Subject("log record", "≤ 45", logs.batch, encode_logs, logged, logged),
        Subject("log record as captured", "≤ 45", logs.batch, encode_logs, logged, captured),
    ]
    heads = ["", "OTLP encoding alone", "recorded", "ratio (aim ≤ 0.15)", "with redaction", "ratio"]
    cold = [[subject.name, *_costs(subject, repeats, warm=False)] for subject in subjects]
    warm = [[subject.name, *_costs(subject, repeats, warm=True)] for subject in subjects]
    sizes = [[subject.name, f"{_size(subject):.1f}", subject.aim] for subject in subjects]
    return "\n".join(
        [
            table(
                "CPU from SDK object to committed block, objects out of the processor's caches (µs a record)",
                heads,
                cold,
            ),
            table("The same, objects in the caches", heads, warm),
            table("Bytes on disk, index and header included", ["", "a record", "aim"], sizes),
        ]
    )


class Subject(NamedTuple):
    """What is compared: ``otlp`` encodes ``encoded``, Tidegate records ``recorded``."""

    name: str
    aim: str
    columns: Callable[[Any], Batch]
    otlp: Callable[[Any], Any]
    encoded: Sequence[Any]
    recorded: Sequence[Any]


def _costs(subject: Subject, repeats: int, *, warm: bool) -> list[str]:
    encoded, recorded = _batches(subject.encoded), _batches(subject.recorded)
    if warm:
        encoded, recorded = encoded[:1] * len(encoded), recorded[:1] * len(recorded)
    redactor = Redactor()

    def encode() -> None:
        for batch in encoded:
            subject.otlp(batch).SerializeToString()

    with tempfile.TemporaryDirectory() as directory:
        cases = {
            "otlp": encode,
            "plain": lambda: _record(subject, recorded, directory),
            "redacted": lambda: _record(subject, recorded, directory, redactor),
        }
        otlp, plain, redacted = (seconds / RECORDS * 1e6 for seconds in interleaved(cases, repeats).values())
    return [f"{otlp:.1f}", f"{plain:.2f}", f"{plain / otlp:.3f}", f"{redacted:.2f}", f"{redacted / otlp:.3f}"]


def _record(subject: Subject, batches: Sequence[Any], directory: str, redactor: Redactor | None = None) -> None:
    sink = FileSink(directory)
    for batch in batches:
        made = subject.columns(batch)
        if redactor is not None:
            redactor.redact(made)
        sink.append(RESOURCE, made)
    sink.close()


def _size(subject: Subject) -> float:
    with tempfile.TemporaryDirectory() as directory:
        _record(subject, _batches(subject.recorded), directory)
        return sum(path.stat().st_size for path in Path(directory).iterdir()) / len(subject.recorded)


def _batches(records: Sequence[Any]) -> list[Sequence[Any]]:
    return [records[start : start + BLOCK_RECORDS] for start in range(0, len(records), BLOCK_RECORDS)]

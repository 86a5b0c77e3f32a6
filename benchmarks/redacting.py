"""What redaction costs: CPU per record that holds no secret, beside what encoding it as OTLP costs."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from benchmarks import realistic
from benchmarks.measure import interleaved, table
from tidegate.record import logs, spans
from tidegate.record.recorder import BLOCK_RECORDS
from tidegate.record.redaction import Redactor
from tidegate.store.block import Batch

#: Records of a block at 10 a second, where half a second ends it, and when more come than fit.
SIZES = {"10/s": 5, "all at once": BLOCK_RECORDS}

#: What log records say that reminds of secrets.
NEAR = (
    "token bucket of customer %d has %d tokens left, primary key %d",
    "cookies accepted, session %d started, keyboard %d, secretary %d",
    "password reset requested for user %d, key=value pairs %d of %d",
    "GET /items?page=%d&sort=key HTTP/1.1, author %d, basic usage %d",
)


class Subject(NamedTuple):
    name: str
    rows: Sequence[Any]
    columns: Callable[[Any], Batch]
    encode: Callable[[Any], Any]
    encoded: Sequence[Any]


def run(repeats: int, count: int = 8192) -> str:
    made, emitted = realistic.records(count, captured=True)
    _, attributed = realistic.records(count, captured=False)
    taken = [logs.taken(record) for record in emitted]
    subjects = [
        Subject("span", [spans.taken(span) for span in made], spans.batch, encode_spans, made),
        Subject("log record", taken, logs.batch, encode_logs, attributed),
        Subject("log record with ids", _with_ids(taken), logs.batch, encode_logs, attributed),
        Subject("log record that reminds of secrets", _near(taken), logs.batch, encode_logs, attributed),
    ]
    heads = ["", "at", "redaction (aim ≤ 2)", "OTLP encoding", "of OTLP"]
    rows = [_row(subject, rate, repeats) for subject in subjects for rate in SIZES]
    return table("CPU of redacting records without secrets (µs a record)", heads, rows)


def _with_ids(rows: Sequence[Any]) -> list[Any]:
    """Each has ids that no other one has, in its text and as an attribute."""
    chance = random.Random(3)

    def id_() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128)))

    return [_but(row, f"{row[6]} for request {id_()}", {**row[7], "request.id": id_()}) for row in rows]


def _near(rows: Sequence[Any]) -> list[Any]:
    chance = random.Random(4)
    numbers = ((chance.randrange(10**6), chance.randrange(10**4), chance.randrange(100)) for _ in rows)
    return [_but(row, chance.choice(NEAR) % each, row[7]) for row, each in zip(rows, numbers, strict=True)]


def _but(row: Any, body: str, attributes: dict[str, Any]) -> tuple[Any, ...]:
    return (*row[:6], body, attributes, *row[8:])


def _row(subject: Subject, rate: str, repeats: int) -> list[str]:
    size = SIZES[rate]
    count = len(subject.rows) if size > 100 else len(subject.rows) // 4
    batches = [subject.columns(subject.rows[at : at + size]) for at in range(0, count, size)]
    cases = {
        "redaction": lambda: _redact(batches),
        "otlp": lambda: [
            subject.encode(subject.encoded[at : at + size]).SerializeToString() for at in range(0, count, size)
        ],
    }
    times = interleaved(cases, repeats)
    redaction, otlp = (times[name] / count * 1e6 for name in ("redaction", "otlp"))
    return [subject.name, rate, f"**{redaction:.2f}**", f"{otlp:.1f}", f"{redaction / otlp:.3f}"]


def _redact(batches: Sequence[Batch]) -> None:
    """By one that has seen nothing yet; without secrets the batches stay as they are."""
    redactor = Redactor()
    for batch in batches:
        redactor.redact(batch)

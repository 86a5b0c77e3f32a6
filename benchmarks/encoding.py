"""What it costs to write OTLP from the store's columns, beside OpenTelemetry's own encoder for the same records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from benchmarks import realistic
from benchmarks.measure import interleaved, table
from tidegate.record import logs, spans
from tidegate.record.recorder import BLOCK_RECORDS
from tidegate.records import Resource
from tidegate.ship.wire import Mark, Picked, encode
from tidegate.store import block, codec
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.sealed.gathering import Gathered

RESOURCE = Resource(dict(realistic.RESOURCE.attributes))

#: Blocks of records that are encoded in one round: as many that what differs from record to record is not remembered
#: from one round to the next.
BLOCKS = 24

#: What a kept trace's spans and a kept log record get.
MARKS = {
    "spans": Mark(0, (("tidegate.sampling.reason", "error"),)),
    "logs": Mark(0, (("tidegate.adjusted_count", 1),)),
}

Frames = list[tuple[Any, bytes]]


def run(repeats: int, count: int = BLOCKS * BLOCK_RECORDS) -> str:
    made, emitted = realistic.records(count, captured=True)
    _, attributed = realistic.records(count, captured=False)
    heads = ["", "standard", "opened", "encoded", "encoded / standard", "both / standard (≤ 0.2)", "with marks"]
    rows = [
        *_costs("span", "spans", spans.batch, made, encode_spans, made, repeats),
        *_costs("log record", "logs", logs.batch, emitted, encode_logs, attributed, repeats),
    ]
    return table("OTLP from columns (µs CPU a record, in batches of 512)", heads, rows)


def _costs(
    name: str,
    signal: str,
    batch: Callable[[Any], block.Batch],
    recorded: Sequence[Any],
    standard: Callable[[Any], Any],
    objects: Sequence[Any],
    repeats: int,
) -> list[list[str]]:
    """Of blocks as they are committed, and of the one that is sealed of them."""
    parts = _parts(recorded)
    active = [block.encode(batch(part), 0) for part in parts]
    opened = {"": active, ", sealed": [_sealed(signal, active)]}
    mark = MARKS[signal]
    cases: dict[str, Callable[[], object]] = {
        "standard": lambda: [standard(part).SerializeToString() for part in _parts(objects)],
    }
    for kind, frames in opened.items():
        cases[f"open{kind}"] = lambda frames=frames: _open(frames)  # type: ignore[misc]
        cases[f"encode{kind}"] = lambda frames=frames: _encode(signal, _open(frames), None)  # type: ignore[misc]
        cases[f"marked{kind}"] = lambda frames=frames: _encode(signal, _open(frames), mark)  # type: ignore[misc]
    found = {case: time / len(recorded) * 1e6 for case, time in interleaved(cases, repeats).items()}
    return [_row(name + kind, kind, found) for kind in opened]


def _row(name: str, kind: str, found: dict[str, float]) -> list[str]:
    """Opening is in every figure, and taken off where it is to be seen alone."""
    standard, opened = found["standard"], found[f"open{kind}"]
    both, marked = (found[f"{case}{kind}"] for case in ("encode", "marked"))
    ratios = [f"{(both - opened) / standard:.3f}", f"**{both / standard:.3f}**", f"{marked / standard:.3f}"]
    return [name, f"{standard:.1f}", f"{opened:.2f}", f"{both - opened:.2f}", *ratios]


def _parts(records: Sequence[Any]) -> list[Sequence[Any]]:
    return [records[at : at + BLOCK_RECORDS] for at in range(0, len(records), BLOCK_RECORDS)]


def _open(frames: Frames) -> list[AnyRows]:
    """As a reader does: decompressed, parsed, and the columns unpacked when they are asked for."""
    header = SimpleNamespace(resource=RESOURCE, segment="0123456789abcdef")
    return [
        open_block(codec.decompress(frame), SimpleNamespace(index=index, header=header, key=()))  # type: ignore[arg-type]
        for index, frame in frames
    ]


def _sealed(signal: str, frames: Frames) -> tuple[Any, bytes]:
    gathered = Gathered(signal)
    for rows in _open(frames):
        gathered.add(rows)
    made = gathered.encode()
    return made.index, made.frame


def _picked(blocks: Sequence[AnyRows], mark: Mark | None) -> list[list[Picked]]:
    """Requests of at most as many records as the SDK's processors send at once."""
    return [
        [Picked(rows, range(at, end), None if mark is None else [mark] * (end - at))]
        for rows in blocks
        for at in range(0, rows.count, BLOCK_RECORDS)
        for end in [min(at + BLOCK_RECORDS, rows.count)]
    ]


def _encode(signal: str, blocks: Sequence[AnyRows], mark: Mark | None) -> list[bytes]:
    return [encode(signal, picked) for picked in _picked(blocks, mark)]

"""A frame of the verdict log: what was decided in one go.

On disk it is two zstd frames that are written together, like a block of a segment: a skippable one with the
index, behind a checksum, and a compressed one with the verdicts as one line of JSON, so that
``zstd -dc FILE | jq`` shows them. Rows are named by segment and sequence; the sequences of a segment are
written as differences, which compress to little more than a byte each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, BinaryIO, NamedTuple

import orjson

from tidegate.errors import FormatError
from tidegate.store import block, codec

#: Version of the format; a reader refuses a newer one and leaves the file alone.
FORMAT = 1

SIGNALS = ("spans", "logs", "metrics")

#: Rows that were kept, by segment: sequence, and place of its mark among the frame's.
Kept = dict[str, list[tuple[int, int]]]

#: Names of counters to what was counted, at any depth.
Counts = dict[str, Any]


class Position(NamedTuple):
    """A place in the log: the leader's generation, the number of its file, and the offset there in bytes."""

    generation: int = 0
    number: int = 0
    offset: int = 0

    def text(self) -> str:
        return f"{self.generation:x}-{self.number:x}-{self.offset:x}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The inverse of `text`; raises ValueError."""
        generation, number, offset = (int(part, 16) for part in text.split("-"))
        return cls(generation, number, offset)


#: Before all there is.
START = Position()


#: A row to send: its segment, its sequence there, and its mark's place among the frame's.
Row = tuple[str, int, int]


@dataclass(slots=True)
class Frame:
    """What was decided in one go, at ``time`` (ns).

    ``watermarks`` is for each signal where whoever judges goes on after a crash (`Watermark.text`). ``spans`` and
    ``logs`` are kept rows with the place of their mark in ``marks``, which holds plain lists; ``metrics`` are ranges
    of rows, each from the first to before the end. ``dropped`` are spans decided otherwise, so that they are not
    judged a second time. ``counts`` adds to what all frames before have counted: numbers by names, nested as one
    likes. ``ledger`` is for whoever keeps patterns.
    """

    time: int
    watermarks: dict[str, str] = field(default_factory=dict)
    marks: list[Any] = field(default_factory=list)
    spans: Kept = field(default_factory=dict)
    logs: Kept = field(default_factory=dict)
    metrics: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)
    ledger: list[Any] = field(default_factory=list)

    def rows(self, signal: str) -> list[Row]:
        """The kept rows of a signal, always in the same order: segments by id, and in each by sequence."""
        if signal == "metrics":
            return [
                (segment, sequence, 0)
                for segment, ranges in sorted(self.metrics.items())
                for first, end in sorted(ranges)
                for sequence in range(first, end)
            ]
        kept: Kept = getattr(self, signal)
        return [(segment, sequence, mark) for segment, of in sorted(kept.items()) for sequence, mark in sorted(of)]

    @property
    def signals(self) -> set[str]:
        """Those of which rows were kept."""
        return {signal for signal in SIGNALS if getattr(self, signal)}

    def count(self, signal: str) -> int:
        """How many rows of a signal were kept."""
        if signal == "metrics":
            return sum(end - first for ranges in self.metrics.values() for first, end in ranges)
        return sum(map(len, getattr(self, signal).values()))


@dataclass(slots=True)
class Index:
    """What is known of a frame without decompressing it.

    ``number`` frames and ``before`` rows of each signal stand before it in the log, also those that are gone from it;
    ``rows`` are in it, in ``segments``. ``size`` counts the compressed part's bytes.
    """

    size: int
    time: int
    number: int
    before: dict[str, int]
    rows: dict[str, int]
    segments: dict[str, list[str]]


@dataclass(slots=True)
class Start:
    """What a file begins with: whose it is, where the log of all former generations ended (``after``), and how the log
    stood there at ``time`` (ns), see `tidegate.ship.standing`."""

    generation: int
    after: Position
    time: int = 0
    number: int = 0
    before: dict[str, int] = field(default_factory=dict)
    watermarks: dict[str, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)
    decided: dict[str, dict[str, list[int]]] = field(default_factory=dict)


def encode(frame: Frame, index: Index) -> bytes:
    """A frame's bytes. The index is given its size."""
    body: dict[str, Any] = {"time": str(frame.time), "watermarks": frame.watermarks, "marks": frame.marks}
    for signal in ("spans", "logs"):
        if kept := getattr(frame, signal):
            body[signal] = {segment: _packed(rows) for segment, rows in kept.items() if rows}
    if frame.metrics:
        body["metrics"] = frame.metrics
    if frame.dropped:
        body["dropped"] = deltas(frame.dropped)
    body["counts"], body["ledger"] = frame.counts, frame.ledger
    content = _compressed(body)
    index.size = len(content)
    fields = {name: getattr(index, name) for name in Index.__slots__}
    return block.skippable(orjson.dumps({"verdicts": FORMAT, **fields, "time": str(index.time)})) + content


def encode_start(start: Start) -> bytes:
    """What a file begins with. Where the former generations end stands in the index, which is read often."""
    decided = {signal: deltas(places) for signal, places in start.decided.items()}
    content = _compressed({"watermarks": start.watermarks, "counts": start.counts, "decided": decided})
    index = {
        "log": FORMAT,
        "size": len(content),
        "generation": start.generation,
        "after": list(start.after),
        "time": str(start.time),
        "number": start.number,
        "before": start.before,
    }
    return block.skippable(orjson.dumps(index)) + content


def _compressed(body: Mapping[str, Any]) -> bytes:
    return codec.compress(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS))


def _packed(rows: Iterable[tuple[int, int]]) -> dict[str, Any]:
    """The sequences of one segment as differences, and their marks, one if all have the same."""
    rows = sorted(rows)
    marks = [mark for _, mark in rows]
    return {
        "at": _differences([at for at, _ in rows]),
        "mark": marks if marks.count(marks[0]) < len(marks) else marks[0],
    }


def _unpacked(packed: Mapping[str, Any]) -> list[tuple[int, int]]:
    at, mark = list(accumulate(packed["at"])), packed["mark"]
    return list(zip(at, mark if isinstance(mark, list) else [mark] * len(at), strict=True))


def deltas(places: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """Sequences by segment as differences, sorted."""
    return {segment: _differences(sorted(of)) for segment, of in places.items()}


def _differences(ascending: Sequence[int]) -> list[int]:
    return [after - before for before, after in zip([0, *ascending], ascending, strict=False)]


def read_index(file: BinaryIO, at: int, end: int) -> tuple[Index | Start, int] | None:
    """What stands at an offset of a file of which ``end`` bytes may be read: a frame's index or a file's start, the
    compressed part not yet read, and where it ends. None when it is damaged or not complete."""
    file.seek(at)
    header = file.read(block.FRAME_HEADER.size)
    if len(header) < block.FRAME_HEADER.size:
        return None
    magic, length = block.FRAME_HEADER.unpack(header)
    if magic != block.SKIPPABLE_MAGIC or at + len(header) + length > end:
        return None
    payload = block.checked(file.read(length))
    found = None if payload is None else _parsed(payload, file.name)
    if found is None:
        return None
    end_of_frame = at + len(header) + length + found[1]
    return (found[0], end_of_frame) if end_of_frame <= end else None


def _parsed(payload: bytes, path: str) -> tuple[Index | Start, int] | None:
    """The index, and the size of what it is of. Raises `FormatError` for a newer format."""
    try:
        fields = orjson.loads(payload)
        version = fields.pop("log", None) or fields.pop("verdicts")
        if version > FORMAT:
            raise FormatError(f"{path} has format {version}; this version reads up to {FORMAT}. Upgrade tidegate.")
        fields["time"] = int(fields["time"])
        if "after" in fields:
            size = int(fields.pop("size"))
            return Start(**{**fields, "after": Position(*fields["after"])}), size
        return Index(**fields), int(fields["size"])
    except (LookupError, TypeError, ValueError):
        return None


def decode(content: bytes) -> Frame:
    """The frame whose compressed part this is; raises `FormatError` when it is damaged."""
    body = _decompressed(content)
    try:
        return Frame(
            time=int(body["time"]),
            watermarks=body["watermarks"],
            marks=body["marks"],
            spans={segment: _unpacked(rows) for segment, rows in body.get("spans", {}).items()},
            logs={segment: _unpacked(rows) for segment, rows in body.get("logs", {}).items()},
            metrics={segment: [(f, e) for f, e in ranges] for segment, ranges in body.get("metrics", {}).items()},
            dropped=places(body.get("dropped", {})),
            counts=body["counts"],
            ledger=body["ledger"],
        )
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise FormatError(f"a frame of verdicts is not what was written: {error!r}") from None


def complete(start: Start, content: bytes) -> Start:
    """The start with what its compressed part says; raises `FormatError` when it is damaged."""
    body = _decompressed(content)
    try:
        start.watermarks, start.counts = body["watermarks"], body["counts"]
        start.decided = {signal: places(of) for signal, of in body["decided"].items()}
    except (AttributeError, LookupError, TypeError) as error:
        raise FormatError(f"the start of a file of verdicts is not what was written: {error!r}") from None
    return start


def places(packed: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """The inverse of `deltas`."""
    return {segment: list(accumulate(of)) for segment, of in packed.items()}


def _decompressed(content: bytes) -> Any:
    try:
        return orjson.loads(codec.decompress(content))
    except ValueError as error:
        raise FormatError(f"a frame of verdicts is no JSON: {error}") from None


def add(total: Counts, more: Mapping[str, Any]) -> None:
    """Add what was counted, in place, name by name at any depth."""
    for name, value in more.items():
        if isinstance(value, Mapping):
            add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value

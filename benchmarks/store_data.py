"""A store of any size, made through the real encoders: a shop's records, each time with new ids and times."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from benchmarks import realistic
from tidegate.record import logs, spans
from tidegate.record.recorder import BLOCK_RECORDS
from tidegate.records import Resource
from tidegate.store import block, segment

#: Different records; beyond that they come again with other ids and times.
STOCK = 20 * BLOCK_RECORDS

HOUR_NS = 3600 * 10**9

#: A word that stands in one log record of this many.
NEEDLE, RARITY = "platypus", 50_000

Row = tuple[Any, ...]

# where times and ids are in what `taken` gives
_SPAN_START, _SPAN_CONTEXT, _LOG_TIMES, _LOG_BODY, _LOG_IDS = 5, 2, 2, 6, 9


class Stock(NamedTuple):
    """What was taken of finished spans and emitted log records."""

    spans: list[Row]
    logs: list[Row]

    @classmethod
    def made(cls, count: int = STOCK) -> Stock:
        finished, emitted = realistic.records(count, captured=True)
        return cls([spans.taken(span) for span in finished], [logs.taken(log) for log in emitted])


class Renewal(NamedTuple):
    """How records become others: other ids, and as many ns from ``first`` to the last as ``length``."""

    number: int
    first: int
    length: int

    def spans(self, rows: Sequence[Row]) -> Iterator[Row]:
        begin, stretch = self._times(rows, _SPAN_START)
        for row in rows:
            _, name, context, parent, kind, start, end, *rest = row
            time = self.first + int((start - begin) * stretch)
            yield (row[0], name, self._context(context), self._context(parent), kind, time, time + end - start, *rest)

    def logs(self, rows: Sequence[Row]) -> Iterator[Row]:
        begin, stretch = self._times(rows, _LOG_TIMES)
        for at, row in enumerate(rows, self.number * len(rows)):
            resource, scope, time, observed, number, word, body, *rest = row
            attributes, dropped, name, trace, span, *others = rest
            moved = self.first + int((time - begin) * stretch)
            text = body if at % RARITY else f"{body} {NEEDLE}"
            ids = (trace ^ self._mask(16), span ^ self._mask(8))
            yield (
                *(resource, scope, moved, moved + observed - time, number, word, text),
                *(attributes, dropped, name, *ids, *others),
            )

    def _times(self, rows: Sequence[Row], place: int) -> tuple[int, float]:
        times = [row[place] for row in rows]
        return min(times), self.length / (max(times) - min(times) + 1)

    def _context(self, context: Any) -> Any:
        if context is None:
            return None
        return (context[0] ^ self._mask(16), context[1] ^ self._mask(8), *context[2:])

    def _mask(self, length: int) -> int:
        return int.from_bytes(_mask(self.number)[:length], "big")


_masks: dict[int, bytes] = {0: bytes(16)}


def _mask(number: int) -> bytes:
    if number not in _masks:
        _masks[number] = secrets.token_bytes(16)
    return _masks[number]


def write_segment(directory: str, service: str, start: int, batches: Sequence[block.Batch]) -> str:
    """The segment of a process that has ended, begun at ``start`` (ns), an hour before its last commit."""
    os.makedirs(directory, exist_ok=True)
    name = secrets.token_hex(8)
    resource = Resource({**realistic.RESOURCE.attributes, "service.name": service})
    path = os.path.join(directory, f"{start:020d}-{name}{segment.ACTIVE}")
    sequence = 0
    with open(path, "xb") as file:
        file.write(segment.encode_header(name, resource, start, {"id": secrets.token_hex(8), "pid": 1}))
        for batch in batches:
            file.write(block.to_bytes(*block.encode(batch, sequence)))
            sequence += batch.count
    os.utime(path, ns=(start + HOUR_NS, start + HOUR_NS))
    return path


def write_hour(directory: str, stock: Stock, service: str, start: int, count: int, number: int) -> None:
    """A segment of ``count`` spans and as many log records, spread over the hour that begins at ``start`` (ns)."""
    batches: list[block.Batch] = []
    size = min(count, STOCK)
    rounds = count // size
    for each in range(rounds):
        renewal = Renewal(number * rounds + each, start + each * HOUR_NS // rounds, HOUR_NS // rounds)
        batches += _batches(spans.batch, list(renewal.spans(stock.spans[:size])))
        batches += _batches(logs.batch, list(renewal.logs(stock.logs[:size])))
    write_segment(directory, service, start, batches)


def _batches(encode: Any, rows: list[Row]) -> Iterator[block.Batch]:
    for at in range(0, len(rows), BLOCK_RECORDS):
        yield encode(rows[at : at + BLOCK_RECORDS])

"""What the last leader decided of late, so that what comes of a trace after its verdict follows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidegate.gate.tail.verdict import REASON
from tidegate.ship.frames import Frame, Position
from tidegate.ship.verdicts import VerdictReader

if TYPE_CHECKING:
    from tidegate.store.reader import Reader

#: Verdicts not older than this (ns) are looked at, in so many files of the log, on so many spans.
RECENT_NS = 60 * 10**9
FILES = 2
MOST = 20_000

#: Trace id, whether it was kept, by which threshold, and why: see `TraceTail.recall`.
Recalled = tuple[str, bool, int | None, str]


def recalled(reader: Reader, log: VerdictReader, now: int) -> Iterator[Recalled]:
    """The traces that were kept of late, by the spans that the log says are to be sent. ``now``: ns.

    Those of which no span is in the store any more are left out. Raises what the reader and the log raise.
    """
    said: dict[str, dict[int, tuple[int | None, str]]] = {}
    for frame in _frames(log, now):
        marks = [(mark[0], dict(mark[1]).get(REASON, "")) for mark in frame.marks]
        for segment, kept in frame.spans.items():
            said.setdefault(segment, {}).update((sequence, marks[mark]) for sequence, mark in kept)
    seen: set[str] = set()
    for portion in reader.rows_at("spans", said):
        ids, places = portion.rows.trace_ids, portion.rows.places
        for row in portion.picked:
            if ids[row] not in seen:
                seen.add(ids[row])
                segment, sequence = places[row]
                threshold, reason = said[segment][sequence]
                yield ids[row], True, threshold, reason


def _frames(log: VerdictReader, now: int) -> Iterator[Frame]:
    """The newest frames of the last files, until they speak of enough spans."""
    parts = log.parts()[-FILES:]
    if not parts:
        return
    recent: deque[tuple[Position, int]] = deque()
    spans = 0
    for place, index in log.indexes(Position(parts[0].generation, parts[0].number)):
        if index.time >= now - RECENT_NS and (count := index.rows.get("spans", 0)):
            recent.append((place, count))
            spans += count
            while spans > MOST and len(recent) > 1:
                spans -= recent.popleft()[1]
    if recent:
        yield from (entry.frame for entry in log.read(recent[0][0]))

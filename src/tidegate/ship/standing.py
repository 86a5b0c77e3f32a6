"""How a verdict log stands at its end: all that the next leader needs, whichever files are gone by then."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from tidegate.errors import QueryError
from tidegate.ship import frames
from tidegate.ship.frames import SIGNALS, Counts, Frame, Index, Position, Start
from tidegate.store.watermark import Watermark

#: Rows that were decided beyond the watermarks and are remembered for who leads next, 8 bytes each; of more, the
#: oldest are judged a second time after a crash.
MAX_DECIDED = 500_000

#: After this time (ns) all rows of a segment that the watermark does not name are taken to be behind it.
SETTLED_NS = 300 * 10**9

#: Rows that were decided, by segment, of each signal.
Decided = dict[str, dict[str, set[int]]]


class _Batch(NamedTuple):
    """Rows of one segment that a frame decided: ascending sequences."""

    time: int
    signal: str
    segment: str
    places: array[int]


class Standing:
    """``number`` frames and ``before`` rows of each signal are in the log, also those that are gone from it;
    ``watermarks`` are where judging goes on after a crash, for each signal; ``counts`` is the sum of all counted."""

    def __init__(self) -> None:
        self.number = 0
        self.before = dict.fromkeys(SIGNALS, 0)
        self.watermarks: dict[str, str] = {}
        self.counts: Counts = {}
        self._marks: dict[str, Watermark] = {}
        self._recent: deque[_Batch] = deque()
        self._places = 0

    @classmethod
    def of(cls, start: Start) -> Standing:
        """As the start of a file says that it was there."""
        self = cls()
        self.number, self.counts = start.number, start.counts
        self.before.update(start.before)
        self._move(start.watermarks)
        for signal, by_segment in start.decided.items():
            for segment, places in by_segment.items():
                self._add(start.time, signal, segment, places)
        return self

    def start(self, generation: int, after: Position, time: int) -> Start:
        """What the next file is to begin with."""
        decided = {
            signal: {segment: sorted(places) for segment, places in by_segment.items()}
            for signal, by_segment in self.decided().items()
        }
        return Start(generation, after, time, self.number, self.before, self.watermarks, self.counts, decided)

    def index(self, frame: Frame) -> Index:
        """The index of a frame that would be the next one, but for its size."""
        rows = {signal: count for signal in SIGNALS if (count := frame.count(signal))}
        segments = {signal: sorted(of) for signal in SIGNALS if (of := getattr(frame, signal))}
        return Index(0, frame.time, self.number, dict(self.before), rows, segments)

    def take(self, frame: Frame, index: Index) -> None:
        """The frame is in the log."""
        self.number = index.number + 1
        for signal in SIGNALS:
            self.before[signal] = index.before.get(signal, 0) + index.rows.get(signal, 0)
        frames.add(self.counts, frame.counts)
        self._move(frame.watermarks)
        for signal in ("spans", "logs"):
            for segment, rows in getattr(frame, signal).items():
                self._add(frame.time, signal, segment, (sequence for sequence, _ in rows))
        for segment, places in frame.dropped.items():
            self._add(frame.time, "spans", segment, places)
        self._settle(frame.time)

    def decided(self) -> Decided:
        """The rows beyond the watermarks that need no verdict any more."""
        out: Decided = {}
        for batch in self._recent:
            if places := self._beyond(batch):
                out.setdefault(batch.signal, {}).setdefault(batch.segment, set()).update(places)
        return out

    def _move(self, watermarks: dict[str, str]) -> None:
        for signal, text in watermarks.items():
            if self.watermarks.get(signal) != text:
                self.watermarks[signal] = text
                try:
                    self._marks[signal] = Watermark.parse(text)
                except QueryError:  # a place that nobody can go on at: from its beginning
                    self._marks[signal] = Watermark()

    def _beyond(self, batch: _Batch) -> array[int]:
        mark = self._marks.get(batch.signal)
        position = mark.positions.get(batch.segment, 0) if mark else 0
        return batch.places[bisect_left(batch.places, position) :]

    def _add(self, time: int, signal: str, segment: str, places: Iterable[int]) -> None:
        batch = _Batch(time, signal, segment, array("Q", sorted(places)))
        if batch.places and self._beyond(batch):
            self._recent.append(batch)
            self._places += len(batch.places)

    def _settle(self, now: int) -> None:
        """Forget the oldest as far as they are behind the watermark, or more than there is room for."""
        while self._recent and (self._places > MAX_DECIDED or self._is_settled(self._recent[0], now)):
            self._places -= len(self._recent.popleft().places)

    def _is_settled(self, batch: _Batch, now: int) -> bool:
        mark = self._marks.get(batch.signal)
        if mark and batch.segment not in mark.positions:
            return now - batch.time > SETTLED_NS
        return not self._beyond(batch)

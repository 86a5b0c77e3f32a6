"""A log and cursors without a disk: of one process for itself, which decides and sends what its own ring holds."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator

from tidegate.ship.cursors import Cursor, Reached
from tidegate.ship.election import Superseded
from tidegate.ship.frames import Frame, Position
from tidegate.ship.standing import Standing
from tidegate.ship.verdicts import Entry

#: Rows that the log speaks of at most; of more, the oldest frames go, and cursors count what was not sent.
MAX_ROWS = 1_000_000

#: And frames, one at least for each second.
MAX_FRAMES = 10_000


class Alone:
    """The lead of a process that shares nothing with others: `Election` and `Leadership` in one."""

    generation, standalone = 1, False

    def __init__(self) -> None:
        self._pid = os.getpid()

    def try_lead(self) -> Alone | None:
        return self if self.holds() else None

    def holds(self) -> bool:
        """Not in a forked child, which has a ring of its own."""
        return self._pid == os.getpid()

    def check(self) -> None:
        if not self.holds():
            raise Superseded("a forked child decides for itself")

    def beat(self) -> bool:
        return self.holds()

    def release(self) -> None:
        """Nobody waits for it."""

    close = release


class MemoryLog:
    """`VerdictLog` as a list."""

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self.standing = Standing()
        self._entries: deque[Entry] = deque()
        self._rows, self._max_rows = 0, max_rows

    @property
    def end(self) -> Position:
        return Position(1, 0, self.standing.number)

    def append(self, frame: Frame) -> None:
        index = self.standing.index(frame)
        start = self.end
        self.standing.take(frame, index)
        self._entries.append(Entry(start, self.end, index, frame))
        self._rows += sum(index.rows.values())
        while self._entries and (self._rows > self._max_rows or len(self._entries) > MAX_FRAMES):
            self._drop()

    def _drop(self) -> None:
        self._rows -= sum(self._entries.popleft().index.rows.values())

    def read(self, start: Position) -> Iterator[Entry]:
        return (entry for entry in list(self._entries) if entry.start >= start)

    def next(self, start: Position) -> Position:
        return next((entry.start for entry in self.read(start)), self.end)

    def segments(self, start: Position, signal: str) -> set[str]:
        return set().union(*(entry.index.segments.get(signal, ()) for entry in self.read(start)))

    def trim(self, oldest: Position) -> None:
        while self._entries and self._entries[0].start < oldest:
            self._drop()

    def close(self) -> None:
        """It ends with its process."""


class MemoryCursors:
    """`Cursors` of a `MemoryLog`."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._places: list[Reached] = []

    def open(self, destination: str, signal: str) -> Cursor:
        before = self._log.standing.before.get(signal, 0)
        place = Reached(signal, self._log.end, 0, self._log.standing.number, before)
        self._places.append(place)
        return Cursor(destination, place, lambda _: None)

    def oldest(self) -> Position:
        return min((place.position for place in self._places), default=self._log.end)

    def unsent(self) -> set[str]:
        return set().union(*(self._log.segments(place.position, place.signal) for place in self._places))

    def close(self) -> None:
        """They end with their process."""

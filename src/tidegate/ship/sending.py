"""One destination's way along the verdict log: what was kept is fetched from the store and handed to its sender."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tidegate.ship.wire import Mark, Picked

if TYPE_CHECKING:
    from tidegate.ship.cursors import Cursor
    from tidegate.ship.frames import Row
    from tidegate.ship.sender import Result, Sender
    from tidegate.ship.verdicts import Entry, Verdicts
    from tidegate.store.reader import Reader
    from tidegate.store.rows import AnyRows

#: Rows that are fetched from the store and sent at a time.
MOST_ROWS = 2048

#: And bytes of the blocks that they are in, without compression: no other one is opened when there are more.
MOST_BYTES = 8 << 20

#: Frames without a row for a destination after which its place is written down all the same.
MOST_EMPTY = 200

#: Seconds until a destination with nothing to send is looked at again, should nobody wake it.
IDLE_S = 5.0

#: Seconds until another attempt, at least, where nobody knows better.
SOONEST_S = 0.05

#: The place of a row, and what is written on it.
_Marked = tuple[str, int, Mark]


class _Taken(NamedTuple):
    """Rows of one frame, and whether none of it are left behind them."""

    entry: Entry
    rows: Sequence[Row]
    is_rest: bool


class Sending:
    """Sends what stands in ``log`` behind ``cursor``, by ``sender``. For one thread at a time.

    Whatever is sent, is sent in the order of the log, so that how far it came is a place in it.
    """

    def __init__(self, sender: Sender, cursor: Cursor, log: Verdicts, reader: Reader) -> None:
        self.sender = sender
        self.signal: Any = sender.destination.signal
        self.cursor = cursor
        self._log, self._reader = log, reader
        #: Rows that are fetched next, so that not much is opened that does not fit.
        self._room = MOST_ROWS
        #: Whether everything in the log was sent, or set aside, at the last look.
        self.is_done = True
        #: The last of so many frames behind the cursor that hold nothing for this destination, not to be read again.
        self._empty: Entry | None = None
        self._empties = 0

    def step(self, now: float, timeout: float | None = None) -> float:
        """Send what comes next, one portion at most; the time in seconds until the next step makes sense.

        ``timeout`` is given at the end of a process: waits after failures are cut short, and it takes so many
        seconds at most. Raises `Superseded` when another process leads; `StoreError` or OSError when the log or the
        store cannot be read.
        """
        taken = self._take()
        self.is_done = not taken
        if not taken:
            if self._empty is not None and self._empties >= MOST_EMPTY:
                self.cursor.advance(self._empty)
                self._empties = 0
            return IDLE_S
        wait = self.sender.ready_at(now) - now
        if wait > 0 and timeout is None:
            return wait
        picked, is_there = self._fetch(taken)
        result = self.sender.send(picked, timeout, last=timeout is not None, check=self.cursor.check)
        self._advance(taken, is_there, result)
        return 0.0 if result.done else max(self.sender.ready_at(now) - now, SOONEST_S)

    def _take(self) -> list[_Taken]:
        """What comes next, by frames; those without any before the first such are passed for good."""
        taken: list[_Taken] = []
        room = self._room = min(self._room, MOST_ROWS)
        start = self.cursor.position if self._empty is None else max(self.cursor.position, self._empty.end)
        if start == self._log.end:
            return taken
        for entry in self._log.read(start):
            rows = self.cursor.rest(entry) if entry.index.rows.get(self.signal) else []
            if rows:
                taken.append(_Taken(entry, rows[:room], len(rows) <= room))
                room -= len(rows)
                if room <= 0:
                    break
            elif not taken:
                self._empty, self._empties = entry, self._empties + 1
        return taken

    def _fetch(self, taken: Sequence[_Taken]) -> tuple[list[Picked], list[bool]]:
        """The first rows in their order, with their marks; and of each, whether the store still has it."""
        rows = list(_marked(taken))
        found, number = self._find(rows)
        while not number:  # what was opened has others only
            rows = rows[: (len(rows) + 1) // 2]
            found, number = self._find(rows)
        picked: list[Picked] = []
        is_there: list[bool] = []
        for *place, mark in rows[:number]:
            at = found.get(tuple(place))
            is_there.append(at is not None)
            if at is not None:
                _add(picked, *at, mark)
        return picked, is_there

    def _find(self, rows: Sequence[_Marked]) -> tuple[dict[tuple[Any, ...], tuple[AnyRows, int]], int]:
        """Rows by their places, as far as they fit; and how many of the first of them were looked for."""
        wanted: dict[str, list[int]] = {}
        for segment, sequence, _ in rows:
            wanted.setdefault(segment, []).append(sequence)
        found: dict[tuple[Any, ...], tuple[AnyRows, int]] = {}
        size = 0
        for portion in self._reader.rows_at(self.signal, wanted):
            places = portion.rows.places
            found.update((places[row], (portion.rows, row)) for row in portion.picked)
            size += portion.rows.size
            if size > MOST_BYTES:
                number = next((at for at, each in enumerate(rows) if each[:2] not in found), len(rows))
                self._room = max(number, 1)
                return found, number
        if size <= MOST_BYTES // 2:
            self._room *= 2
        return found, len(rows)

    def _advance(self, taken: Sequence[_Taken], is_there: Sequence[bool], result: Result) -> None:
        """Go on behind the rows that are dealt with, and those among and right after them that are gone."""
        left, at = result.dealt, 0
        counts = {"sent": result.sent, "refused": len(result.refused)}
        for each in taken:
            first = at
            end = min(first + len(each.rows), len(is_there))
            while at < end and (left > 0 or not is_there[at]):
                left -= is_there[at]
                at += 1
            done, gone = at - first, is_there[first:at].count(False)
            if done:
                more = {name: count for name, count in {**counts, "gone": gone}.items() if count}
                counts = {}
                self.cursor.advance(each.entry, None if done == len(each.rows) and each.is_rest else done, **more)
            if done < len(each.rows):
                return


_PLAIN = Mark()


def _marked(taken: Iterable[_Taken]) -> Iterator[_Marked]:
    for entry, rows, _ in taken:
        marks = [_mark(each) for each in entry.frame.marks] or [_PLAIN]
        for segment, sequence, mark in rows:
            yield segment, sequence, marks[mark]


def _mark(plain: Sequence[Any]) -> Mark:
    """The mark that a frame holds as a list."""
    threshold, attributes, clear = plain
    return Mark(threshold, tuple((name, value) for name, value in attributes), bool(clear))


def _add(picked: list[Picked], rows: AnyRows, row: int, mark: Mark) -> None:
    """One more row, to the last block if it is of the same."""
    if not picked or picked[-1].rows is not rows:
        picked.append(Picked(rows, [], []))
    picked[-1].picked.append(row)  # type: ignore[attr-defined]
    picked[-1].marks.append(mark)  # type: ignore[union-attr]

"""One destination's way along the verdict log: what was kept is fetched from the store and handed to its sender."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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

    def step(
        self,
        now: float,
        timeout: float | None = None,
        *,
        hurry: bool = False,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> float:
        """Send what comes next, one portion at most; the time in seconds until the next step makes sense.

        ``timeout`` is given at the end of a process: it takes so many seconds at most. Then, and in a ``hurry``, waits
        after failures are cut short. ``goes_on`` is asked between two requests. Raises `Superseded` when another
        process leads; `StoreError` or OSError when the log or the store cannot be read.
        """
        taken = self._take()
        self.is_done = not taken
        if not taken:
            if self._empty is not None and self._empties >= MOST_EMPTY:
                self.cursor.advance(self._empty)
                self._empties = 0
            return IDLE_S
        wait = self.sender.ready_at(now) - now
        is_last = hurry or timeout is not None
        if wait > 0 and not is_last:
            return wait
        picked, is_there = self._fetch(taken)
        way = _Way(self.cursor, taken, is_there)

        def note(so_far: Result) -> bool:  # after each answer: a process that is killed sends one request again
            way.note(so_far)
            return goes_on()

        result = self.sender.send(picked, timeout, last=is_last, check=self.cursor.check, goes_on=note)
        way.note(result)
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


class _Way:
    """Moves a cursor along the rows that were taken, as far as they are dealt with."""

    def __init__(self, cursor: Cursor, taken: Sequence[_Taken], is_there: Sequence[bool]) -> None:
        self._cursor, self._is_there = cursor, is_there
        self._taken = iter(taken)
        self._frame = next(self._taken, None)
        #: Rows that are behind: of all, and of the frame.
        self._at = self._done = 0
        self._before = 0, 0, 0

    def note(self, result: Result) -> None:
        """Go on behind the rows that are dealt with so far, and those among and right after them that are gone."""
        now = result.dealt, result.sent, len(result.refused)
        left, sent, refused = (after - before for after, before in zip(now, self._before, strict=True))
        self._before = now
        counts = {"sent": sent, "refused": refused}
        while self._frame is not None:
            first, end = self._at, min(self._at + len(self._frame.rows) - self._done, len(self._is_there))
            while self._at < end and (left > 0 or not self._is_there[self._at]):
                left -= self._is_there[self._at]
                self._at += 1
            self._done += self._at - first
            is_all = self._done == len(self._frame.rows)
            if self._at > first:
                gone = self._is_there[first : self._at].count(False)
                more = {name: count for name, count in {**counts, "gone": gone}.items() if count}
                counts = {}
                rows = None if is_all and self._frame.is_rest else self._at - first
                self._cursor.advance(self._frame.entry, rows, **more)
            if not is_all:
                return
            self._frame, self._done = next(self._taken, None), 0


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

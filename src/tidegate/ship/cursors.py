"""How far along the verdict log each destination is.

    cursors/<destination>-<generation>.cursor     appended lines of JSON, of which the last counts

Like the log's, a leader's files have its generation in their name: it begins with where the former one was,
and what that one should still write is not read. A line that was cut off is not there: what it says was done
is done a second time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import orjson

from tidegate.ship import files
from tidegate.ship.election import Leadership
from tidegate.ship.frames import START, Counts, Position, Row, add
from tidegate.ship.verdicts import Entry, Verdicts
from tidegate.store import location, segment

#: A file of more bytes is written anew, with its last line only.
COMPACT_BYTES = 64 << 10

#: A destination that no leader has had for so many nanoseconds is gone: nothing is kept for it.
GONE_NS = 7 * 86400 * 10**9

#: Time in seconds between two signs that a destination which does not come on is still wanted.
_TOUCH_S = 3600.0

_NAME = re.compile(r"(.+)-([0-9a-f]{8})\.cursor")


@dataclass(slots=True)
class Reached:
    """Where a destination is: before the frame at ``position``, of which ``done`` rows are sent or refused.

    ``number`` frames and ``rows`` rows of its ``signal`` are behind it. ``counts`` are of all leaders so far:
    ``sent``, ``lost`` (gone from the log before they were sent), and what else is counted for it.
    """

    signal: str
    position: Position = START
    done: int = 0
    number: int = 0
    rows: int = 0
    counts: Counts = field(default_factory=dict)

    def line(self) -> bytes:
        body = {name: getattr(self, name) for name in Reached.__slots__}
        return orjson.dumps({**body, "position": self.position.text()}, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def parse(cls, line: bytes) -> Reached | None:
        """The inverse of `line`; None for what is not one."""
        try:
            body = orjson.loads(line)
            return cls(**{**body, "position": Position.parse(body["position"])})
        except (LookupError, TypeError, ValueError, AttributeError):
            return None


class Cursor:
    """The place of one destination. Raises `Superseded` where it is moved, or asked what to send, once another process
    leads."""

    def __init__(
        self,
        destination: str,
        place: Reached,
        save: Callable[[Reached], None],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.destination = destination
        self.place = place
        #: Raises `Superseded` once another process leads: who was stopped for a while must not send what it has sent.
        self.check = check
        self._save = save

    @property
    def position(self) -> Position:
        return self.place.position

    def rest(self, entry: Entry) -> list[Row]:
        """The rows of a frame that are still to be sent."""
        self.check()
        rows = entry.frame.rows(self.place.signal)
        return rows[self.place.done :] if entry.start == self.place.position else rows

    def advance(self, entry: Entry, rows: int | None = None, **counts: Any) -> None:
        """So many more rows of a frame are done; None for all that remain. ``counts`` are added to what was counted,
        such as ``sent=10`` or ``refused={"400": 1}``. Rows between this frame and the place before it went lost."""
        place, before = self.place, entry.index.before.get(self.place.signal, 0)
        if entry.start != place.position:
            place.position, place.done, place.number = entry.start, 0, entry.index.number
        if before > place.rows - place.done:
            add(place.counts, {"lost": before - (place.rows - place.done)})
        total = entry.index.rows.get(place.signal, 0)
        place.done = total if rows is None else min(place.done + rows, total)
        place.rows = before + place.done
        if place.done >= total:
            place.position, place.done, place.number = entry.end, 0, entry.index.number + 1
        add(place.counts, counts)
        self._save(place)


class Cursors:
    """The cursors of the route in ``directory``, as its leader keeps them."""

    def __init__(
        self, directory: str, leadership: Leadership, log: Verdicts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._directory = os.path.join(directory, "cursors")
        self._leadership, self._log, self._clock = leadership, log, clock
        self._open: dict[str, _File] = {}
        self._cursors: dict[str, Cursor] = {}
        self._touched = clock()
        files.make(self._directory)

    def open(self, destination: str, signal: str) -> Cursor:
        """The cursor of a destination, where the former leader left it. One that is new to the route begins at the
        log's end: it is not sent what was decided before anybody wanted it there. Raises OSError."""
        self._leadership.check()
        place = read(self._directory).get(destination) or _at_end(self._log, signal)
        place.signal = signal
        path = os.path.join(self._directory, f"{quote(destination, safe='')}-{self._leadership.generation:08x}.cursor")
        self._open[destination] = file = _File(path, self._leadership)
        file.begin(place)
        self._cursors[destination] = cursor = Cursor(
            destination, _skipped(self._log, place), file.save, self._leadership.check
        )
        for name in files.names(self._directory):
            found = _NAME.fullmatch(name)
            if found and unquote(found[1]) == destination and int(found[2], 16) < self._leadership.generation:
                files.unlink(os.path.join(self._directory, name))
        return cursor

    def oldest(self) -> Position:
        """The place that all destinations have passed, but for those that are gone for a week."""
        self._keep_wanted()
        return min((place.position for place in self._wanted().values()), default=self._log.end)

    def unsent(self) -> set[str]:
        """The segments of which rows stand in the log that are not sent everywhere."""
        found = (self._log.segments(place.position, place.signal) for place in self._wanted().values())
        return set().union(*found)

    def _wanted(self) -> dict[str, Reached]:
        """By destination: those of this leader, and those that others had less than a week ago."""
        others = read(self._directory, since=time.time_ns() - GONE_NS)
        return {**others, **{name: cursor.place for name, cursor in self._cursors.items()}}

    def _keep_wanted(self) -> None:
        if self._clock() - self._touched >= _TOUCH_S:
            self._touched = self._clock()
            for file in self._open.values():
                file.touch()

    def close(self) -> None:
        for file in self._open.values():
            file.close()


def _at_end(log: Verdicts, signal: str) -> Reached:
    standing = log.standing
    return Reached(signal, log.end, 0, standing.number, standing.before.get(signal, 0))


def _skipped(log: Verdicts, place: Reached) -> Reached:
    """The same place where the next frame stands or will stand, so that no file is kept for one without."""
    if not place.done:
        place.position = log.next(place.position)
    return place


def read(directory: str, since: int = 0) -> dict[str, Reached]:
    """By destination, the place that the last leader has written in a directory of cursors, if it was touched since a
    time (ns)."""
    newest: dict[str, tuple[int, str]] = {}
    for name in files.names(directory):
        if found := _NAME.fullmatch(name):
            destination, generation = unquote(found[1]), int(found[2], 16)
            newest[destination] = max(newest.get(destination, (0, "")), (generation, os.path.join(directory, name)))
    places = {destination: _last(path, since) for destination, (_, path) in newest.items()}
    return {destination: place for destination, place in places.items() if place is not None}


def _last(path: str, since: int) -> Reached | None:
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mtime_ns < since:
                return None
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return None
    return next((place for line in reversed(lines) if (place := Reached.parse(line)) is not None), None)


class _File:
    """The file of one cursor, as its leader writes it."""

    def __init__(self, path: str, leadership: Leadership) -> None:
        self._path, self._leadership = path, leadership
        self._descriptor, self._size = -1, 0
        self._using = threading.Lock()
        self._is_closed = False

    def begin(self, place: Reached) -> None:
        """Make the file, or make it anew with this place alone; raises OSError."""
        fresh = self._path + segment.PARTIAL
        flags = os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(fresh, flags, location.FILE_MODE)
        try:
            size = _write(descriptor, place.line())
            os.rename(fresh, self._path)
        except OSError:
            os.close(descriptor)
            files.unlink(fresh)
            raise
        former, self._descriptor, self._size = self._descriptor, descriptor, size
        if former >= 0:
            os.close(former)

    def save(self, place: Reached) -> None:
        """Write down where it is. Where there is no room it is known in memory, until there is, or a crash."""
        self._leadership.check()
        with self._using:
            if not self._is_closed:
                self._save(place)
        if self._is_closed:
            self.close()

    def _save(self, place: Reached) -> None:
        try:
            if self._size > COMPACT_BYTES:
                self.begin(place)
            else:
                self._size += _write(self._descriptor, place.line())
        except OSError:
            os.ftruncate(self._descriptor, self._size)

    def touch(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self._path)

    def close(self) -> None:
        """Let go of the file; while another thread writes to it, that one does so when it is done."""
        self._is_closed = True
        if self._using.acquire(blocking=False):
            descriptor, self._descriptor = self._descriptor, -1  # first: once closed, the number is the next file's
            if descriptor >= 0:
                os.close(descriptor)
            self._using.release()


def _write(descriptor: int, data: bytes) -> int:
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return len(data)

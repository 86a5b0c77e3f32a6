"""The verdict log: what was decided, in the order in which it was, for every destination to go along.

    verdicts/<generation>-<number>.verdicts     frames of one leader; a new file begins at a size

Only the leader appends, to files that have its generation in their name. The first thing in each of them says
where the log of all generations before ended when this leader began: what a superseded one has written behind
that place, when it woke up, is not read. It also says how the log stood there, so that files that all
destinations have passed can go without anything being forgotten.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol

from tidegate.errors import FormatError
from tidegate.ship import files, frames
from tidegate.ship.election import Leadership
from tidegate.ship.frames import Frame, Index, Position, Start
from tidegate.ship.standing import Standing
from tidegate.store import block, location, segment
from tidegate.store.forks import Lock

#: A file of this size is followed by a new one, so that it can be removed.
ROTATE_BYTES = 1 << 20

#: Bytes of the log of one route; the oldest file goes when it has more, whoever has not passed it. A kept row takes
#: about two bytes, so that the store has forgotten most of what the file speaks of long before.
MAX_BYTES = 64 << 20

#: Frames that are kept decoded, since several destinations read the same ones.
_DECODED = 8

_NAME = re.compile(r"([0-9a-f]{8})-([0-9a-f]{6})\.verdicts")


@dataclass(slots=True)
class Entry:
    """A frame, where it stands, and where the next one does."""

    start: Position
    end: Position
    index: Index
    frame: Frame


class Verdicts(Protocol):
    """A log on disk or in memory."""

    @property
    def end(self) -> Position: ...

    @property
    def standing(self) -> Standing: ...

    def append(self, frame: Frame) -> None: ...

    def read(self, start: Position) -> Iterator[Entry]: ...

    def next(self, start: Position) -> Position: ...

    def segments(self, start: Position, signal: str) -> set[str]: ...

    def trim(self, oldest: Position) -> None: ...

    def close(self) -> None: ...


class Part(NamedTuple):
    """A file of the log; of its bytes those before ``limit`` count."""

    generation: int
    number: int
    path: str
    limit: float


class VerdictReader:
    """Reads the log of the route in ``directory``, also while it grows. Its place is the caller's to keep.

    Several threads may read, while one appends.
    """

    def __init__(self, directory: str) -> None:
        self._directory = os.path.join(directory, "verdicts")
        #: Damaged places that were passed by.
        self.damaged = 0
        self._afters: dict[int, Position] = {}
        self._segments: dict[str, dict[str, set[str]]] = {}
        self._decoded: dict[Position, Frame] = {}
        self._remembering = Lock()

    def parts(self) -> list[Part]:
        """The files of the log in their order, without what superseded leaders wrote too late."""
        found: list[Part] = []
        for name in files.names(self._directory):
            if match := _NAME.fullmatch(name):
                path = os.path.join(self._directory, name)
                found.append(Part(int(match[1], 16), int(match[2], 16), path, float("inf")))
        return list(self._bounded(found))[::-1]

    def _bounded(self, parts: list[Part]) -> Iterator[Part]:
        """The last first. A generation ends where the first of all later ones that began says."""
        bound, afters = None, dict[int, Position]()
        for part in reversed(parts):
            later = [after for generation, after in afters.items() if generation > part.generation]
            bound = min(later, default=None)
            if part.generation not in afters and (after := self._after(part)) is not None:
                afters[part.generation] = after
            if bound is None or part[:2] < bound[:2]:
                yield part
            elif part[:2] == bound[:2]:
                yield part._replace(limit=bound.offset)
        self._afters = afters

    def _after(self, part: Part) -> Position | None:
        """Where the generations before this part's ended; None when it cannot be read."""
        known = self._afters.get(part.generation)
        if known is not None:
            return known
        with contextlib.suppress(FileNotFoundError), open(part.path, "rb") as file:
            found = frames.read_index(file, 0, os.fstat(file.fileno()).st_size)
            if found is not None and isinstance(found[0], Start):
                return found[0].after
        return None

    def read(self, start: Position) -> Iterator[Entry]:
        """The frames from a place on, as far as they are complete. Where it is gone from the log, from its beginning.

        Raises `FormatError` for a newer format, OSError.
        """
        for place, end, index, file in self._walk(start):
            frame = self._decoded.get(place)
            if frame is None:
                try:
                    frame = frames.decode(file.read(index.size))
                except FormatError:
                    self.damaged += 1
                    continue
                self._remember(place, frame)
            yield Entry(place, end, index, frame)

    def _remember(self, place: Position, frame: Frame) -> None:
        with self._remembering:
            while len(self._decoded) >= _DECODED:
                del self._decoded[next(iter(self._decoded))]
            self._decoded[place] = frame

    def indexes(self, start: Position) -> Iterator[tuple[Position, Index]]:
        """The indexes of the frames from a place on."""
        return ((place, index) for place, _, index, _ in self._walk(start))

    def _walk(self, start: Position) -> Iterator[tuple[Position, Position, Index, BinaryIO]]:
        """Frames and the file that stands before their compressed part."""
        for part in self.parts():
            key = part[:2]
            if key < start[:2]:
                continue
            with contextlib.suppress(FileNotFoundError), open(part.path, "rb") as file:
                for at, stop, found in self._pieces(file, part, start.offset if key == start[:2] else 0):
                    if isinstance(found, Index):
                        yield Position(*key, at), Position(*key, stop), found, file

    def _pieces(self, file: BinaryIO, part: Part, at: int) -> Iterator[tuple[int, int, Index | Start]]:
        """What stands in a file one after the other; what is damaged is passed by."""
        end = int(min(part.limit, os.fstat(file.fileno()).st_size))
        while at < end:
            found = frames.read_index(file, at, end)
            if found is None:
                sound = _next_sound(file, at, end)
                if sound is None:
                    return
                self.damaged += 1
                at = sound
            else:
                yield at, found[1], found[0]
                at = found[1]

    def segments(self, start: Position, signal: str) -> set[str]:
        """The segments of which rows of a signal stand in the log from a place on."""
        parts, out = self.parts(), set[str]()
        for part in parts:
            if part[:2] < start[:2]:
                continue
            if part[:2] == start[:2] or part is parts[-1]:
                out |= self._segments_of(part, start.offset if part[:2] == start[:2] else 0).get(signal, set())
            else:
                if part.path not in self._segments:
                    self._segments[part.path] = self._segments_of(part, 0)
                out |= self._segments[part.path].get(signal, set())
        return out

    def _segments_of(self, part: Part, at: int) -> dict[str, set[str]]:
        out: dict[str, set[str]] = {}
        with contextlib.suppress(FileNotFoundError), open(part.path, "rb") as file:
            for _, _, found in self._pieces(file, part, at):
                if isinstance(found, Index):
                    for signal, of in found.segments.items():
                        out.setdefault(signal, set()).update(of)
        return out

    def totals(self) -> tuple[int, dict[str, int]]:
        """How many frames, and rows of each signal, were ever in the log; without decompressing anything."""
        number, rows = 0, dict.fromkeys(frames.SIGNALS, 0)
        for part in self.parts()[-1:]:
            with contextlib.suppress(FileNotFoundError), open(part.path, "rb") as file:
                for _, _, found in self._pieces(file, part, 0):
                    here = found.rows if isinstance(found, Index) else {}
                    number = found.number + isinstance(found, Index)
                    rows = {signal: found.before.get(signal, 0) + here.get(signal, 0) for signal in rows}
        return number, rows

    def recover(self) -> tuple[Standing, Position]:
        """How the log stands at its end, and where that is; raises `FormatError` for a newer format, OSError."""
        standing, end, parts = Standing(), Position(), self.parts()
        for number in reversed(range(len(parts))):
            start = self._start(parts[number])
            if start is not None:
                standing, parts = Standing.of(start), parts[number:]
                break
        for part in parts:
            end = Position(*part[:2])
            with contextlib.suppress(FileNotFoundError), open(part.path, "rb") as file:
                for _, stop, found in self._pieces(file, part, 0):
                    end = Position(*part[:2], stop)
                    if isinstance(found, Index):
                        self._take(standing, found, file)
        return standing, end

    def _start(self, part: Part) -> Start | None:
        """What a file begins with; None when that is damaged."""
        with contextlib.suppress(FileNotFoundError, FormatError), open(part.path, "rb") as file:
            found = frames.read_index(file, 0, os.fstat(file.fileno()).st_size)
            if found is not None and isinstance(found[0], Start):
                return frames.complete(found[0], file.read(found[1] - file.tell()))
        return None

    def _take(self, standing: Standing, index: Index, file: BinaryIO) -> None:
        try:
            standing.take(frames.decode(file.read(index.size)), index)
        except FormatError:
            self.damaged += 1


def _next_sound(file: BinaryIO, at: int, end: int) -> int | None:
    """Where the next frame stands that can be read; None when there is none up to ``end``."""
    file.seek(at)
    lost = file.read(end - at)
    magic, found = block.SKIPPABLE_MAGIC.to_bytes(4, "little"), 0
    while (found := lost.find(magic, found + 1)) > 0:
        if frames.read_index(file, at + found, end) is not None:
            return at + found
    return None


class VerdictLog(VerdictReader):
    """The log of the route in ``directory`` as its leader writes it: it begins where the former ones ended.

    Every method raises `Superseded` once another process leads.
    """

    def __init__(
        self,
        directory: str,
        leadership: Leadership,
        *,
        rotate_bytes: int = ROTATE_BYTES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        super().__init__(directory)
        files.make(self._directory)
        self._leadership, self._rotate_bytes, self._max_bytes = leadership, rotate_bytes, max_bytes
        leadership.check()
        self._standing, self._former = self.recover()
        self._file = -1
        self._number, self._size = -1, 0
        self._begin_file()

    @property
    def end(self) -> Position:
        return Position(self._leadership.generation, self._number, self._size)

    @property
    def standing(self) -> Standing:
        """How the log stands now; at the beginning, as the former leader left it."""
        return self._standing

    def append(self, frame: Frame) -> None:
        """Write a frame whole, or nothing of it: then OSError is raised, and the same frame may be tried again."""
        self._leadership.check()
        index = self._standing.index(frame)
        data = frames.encode(frame, index)
        try:
            _write(self._file, data)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)
        self._standing.take(frame, index)
        if self._size >= self._rotate_bytes:
            with contextlib.suppress(OSError):  # without room for a new file, the old one is gone on with
                self._begin_file()

    def _begin_file(self) -> None:
        """Begin a file, which appears with its start in it."""
        number = self._number + 1
        path = os.path.join(self._directory, f"{self._leadership.generation:08x}-{number:06x}.verdicts")
        start = self._standing.start(self._leadership.generation, self._former, time.time_ns())
        data = frames.encode_start(start)
        fresh = path + segment.PARTIAL
        flags = os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(fresh, flags, location.FILE_MODE)
        try:
            _write(descriptor, data)
            os.rename(fresh, path)
        except OSError:
            os.close(descriptor)
            files.unlink(fresh)
            raise
        self.close()
        self._file, self._number, self._size = descriptor, number, len(data)

    def next(self, start: Position) -> Position:
        """Where the next frame from a place on stands, or will stand."""
        return next((place for place, _ in self.indexes(start)), self.end)

    def trim(self, oldest: Position) -> None:
        """Remove the files before the place that all destinations have reached, and the oldest ones beyond the size
        that the log may have: what is in them is lost for those that had not come so far, which their cursors count."""
        self._leadership.check()
        parts = self.parts()
        sizes = [_size(part.path) for part in parts]
        while len(parts) > 1 and (parts[0][:2] < oldest[:2] or sum(sizes) > self._max_bytes):
            self._remove(parts[0].path)
            self._segments.pop(parts[0].path, None)
            del parts[0], sizes[0]
        known = {part.path for part in parts}
        for name in files.names(self._directory):  # what superseded leaders left, and what was never completed
            path = os.path.join(self._directory, name)
            if path not in known:
                self._remove(path)

    def _remove(self, path: str) -> None:
        """Remove a file of this generation or a former one; who was stopped for a while may see its successor's too."""
        self._leadership.check()
        if os.path.basename(path) < f"{self._leadership.generation + 1:08x}":
            files.unlink(path)

    def close(self) -> None:
        """Let go of the file; the log may be read on."""
        descriptor, self._file = self._file, -1  # first: once closed, the number is the next file's
        if descriptor >= 0:
            os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0

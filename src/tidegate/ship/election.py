"""Who leads a route: one process of all that could, known by a lock and a heartbeat.

``election/<generation>.lock`` in the route's directory is held by whoever leads, by a lock of the operating
system that goes with its process, and touched twice a second. A process that was stopped, or hangs, keeps
its lock and loses its heartbeat: another one then begins the next generation. The former leader sees that
there is one before the next thing that it writes, and whatever it should write all the same has the name of
its own generation, and is not read (`tidegate.ship.verdicts`, `tidegate.ship.cursors`).

No pid says who lives: two containers that share a volume have the same ones.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable

from tidegate.ship import files
from tidegate.store import location
from tidegate.store.forks import Lock

#: Time in seconds between two heartbeats.
BEAT_S = 0.5

#: A leader without a heartbeat for so many seconds is superseded. Six beats in a row are late only where a process
#: is stopped or hangs; one that was taken for that by mistake writes nothing any more (`Superseded`).
STALE_S = 3.0

#: How long a heartbeat that is late by the wall clock is watched before it is believed, since clocks jump.
CONFIRM_S = 1.2

_STANDALONE = "standalone.lock"
_LOCK = re.compile(r"([0-9a-f]{8})\.lock")
_VERDICTS = re.compile(r"([0-9a-f]{8})-[0-9a-f]{6}\.verdicts")

#: Locks that this process holds. To open one of their files a second time, and close it, would give the lock away
#: (POSIX record locks). A forked child holds none.
_own: set[str] = set()
_opening = Lock()

os.register_at_fork(after_in_child=_own.clear)


class Superseded(Exception):
    """The process does not lead any more, or is a fork of the one that did: what it was about to write is void."""


class Election:
    """One candidate for the lead of the route in ``directory``. Used by one thread.

    ``standalone``: of a process that does nothing else, which goes before applications; those that lead give
    up when it waits, and do not lead while it lives.
    """

    def __init__(
        self, directory: str, *, standalone: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        directory = os.path.realpath(directory)
        self._directory = os.path.join(directory, "election")
        self._verdicts = os.path.join(directory, "verdicts")
        self._precedence = os.path.join(self._directory, _STANDALONE)
        self.standalone = standalone
        self._claim: _Held | None = None
        self._clock = clock
        self._leader, self._rival = _Pulse(clock), _Pulse(clock)

    def try_lead(self) -> Leadership | None:
        """The lead, if nobody has it; to be tried about once a second. Raises OSError."""
        files.make(self._directory)
        if self.must_wait():
            return None
        newest = self._newest()
        if newest and self._leader.is_alive(self._path(newest)):
            return None
        return self._succeed(newest)

    def must_wait(self) -> bool:
        """Whether a standalone process goes before this one; a standalone one claims its precedence here."""
        if not self.standalone:
            return self._rival.is_alive(self._precedence)
        if self._claim is None or not self._claim.is_held():
            self._claim = None if self._rival.is_alive(self._precedence) else _take(self._precedence, os.O_CREAT)
        else:
            self._claim.touch()
        return self._claim is None

    def close(self) -> None:
        """Give up the precedence; a `Leadership` is released on its own."""
        claim, self._claim = self._claim, None
        if claim is not None and claim.is_held():
            with contextlib.suppress(OSError):
                os.unlink(self._precedence)
            claim.close()

    def _newest(self) -> int:
        """The last generation; 0 before the first. Should somebody have removed the locks, the verdicts tell."""
        return _highest(self._directory, _LOCK) or _highest(self._verdicts, _VERDICTS)

    def _path(self, generation: int) -> str:
        return os.path.join(self._directory, f"{generation:08x}.lock")

    def _succeed(self, newest: int) -> Leadership | None:
        """Begin the next generation, unless another process does so at this moment."""
        held = _take(self._path(newest + 1), os.O_CREAT | os.O_EXCL)
        if held is None:
            return None
        leadership = Leadership(newest + 1, held, self._path(newest + 2), self)
        if not leadership.holds():
            leadership.release()
            return None
        for generation in _all(
            self._directory, _LOCK
        ):  # the oldest first: who is superseded finds its own gone, or ours
            if generation <= newest:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path(generation))
        return leadership


class Leadership:
    """The lead of a route, as long as it `holds`. ``generation`` is above those of all former leaders."""

    def __init__(self, generation: int, held: _Held, successor: str, election: Election) -> None:
        self.generation, self.standalone = generation, election.standalone
        self._held, self._successor, self._election = held, successor, election

    def holds(self) -> bool:
        """Whether nobody has succeeded; to be asked before anything is written or sent (some µs)."""
        return self._held.is_held() and not os.path.exists(self._successor)

    def check(self) -> None:
        """Raise `Superseded` unless it holds."""
        if not self.holds():
            raise Superseded(f"generation {self.generation} has ended")

    def beat(self) -> bool:
        """Show that this process lives, twice a second (`BEAT_S`), also while something is being sent.

        False when it is over: superseded, or a standalone process waits, for which this one is to finish what it
        does, and `release`. Never raises.
        """
        if not self.holds():
            return False
        with contextlib.suppress(OSError):  # no more descriptors, above all: then nobody is seen to wait
            self._held.touch()
            return not self._election.must_wait()
        return True

    def release(self) -> None:
        """Let the next one lead, at once. What is called a second time does nothing."""
        self._held.close()


class _Held:
    """A lock file that this process has locked. A forked child does not hold it by inheritance.

    Any thread may ask `is_held`: it looks at the path, since a descriptor may be closed, and be another file's by then.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self._path, self._descriptor, self._pid = path, descriptor, os.getpid()
        self._file = _identity(os.fstat(descriptor))

    def is_held(self) -> bool:
        try:
            return self._is_mine() and _identity(os.stat(self._path)) == self._file
        except OSError:
            return False

    def _is_mine(self) -> bool:
        return self._descriptor >= 0 and self._pid == os.getpid()

    def touch(self) -> None:
        os.utime(self._descriptor)

    def close(self) -> None:
        is_mine, descriptor, self._descriptor = self._is_mine(), self._descriptor, -1
        if is_mine:
            with _opening:
                os.close(descriptor)
                _own.discard(self._path)


def _identity(found: os.stat_result) -> tuple[int, int]:
    """Nobody else's while the file is open, also when it was removed."""
    return found.st_dev, found.st_ino


class _Pulse:
    """What one process sees of the heartbeat of another: by its own clock, since the wall clock jumps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: tuple[str, int] = ("", 0)
        self._since = 0.0

    def is_alive(self, path: str) -> bool:
        try:
            beat = os.stat(path).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not is_held(path):
            return False
        now = self._clock()
        if self._seen != (path, beat):
            self._seen, self._since = (path, beat), now
        is_late = time.time() - beat / 1e9 >= STALE_S
        return now - self._since < (CONFIRM_S if is_late else STALE_S)


def is_held(path: str) -> bool:
    """Whether a process holds this lock file; asked with a shared lock, so that nobody is taken for a holder."""
    with _opening:
        if path in _own:
            return True
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except OSError:
            return True
        finally:
            os.close(descriptor)


def leads(directory: str) -> bool:
    """Whether a process with a heartbeat leads the route in this directory; for whoever only looks."""
    elections = os.path.join(os.path.realpath(directory), "election")
    newest = _highest(elections, _LOCK)
    return bool(newest) and is_live(os.path.join(elections, f"{newest:08x}.lock"))


def is_live(path: str) -> bool:
    """Whether a lock file is held by a process with a heartbeat, as far as one look can tell."""
    try:
        return time.time() - os.stat(path).st_mtime < STALE_S and is_held(path)
    except FileNotFoundError:
        return False


def _take(path: str, how: int) -> _Held | None:
    """Lock a file of this process's own making; None when another process was faster."""
    with _opening:
        if path in _own:
            return None
        try:
            descriptor = os.open(path, how | os.O_RDWR | os.O_CLOEXEC, location.FILE_MODE)
        except FileExistsError:
            return None
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.utime(descriptor)
        except OSError:
            os.close(descriptor)
            return None
        _own.add(path)
        return _Held(path, descriptor)


def _all(directory: str, names: re.Pattern[str]) -> list[int]:
    """The generations that files of a directory are named after, ascending."""
    try:
        found = map(names.fullmatch, os.listdir(directory))
    except FileNotFoundError:
        return []
    return sorted(int(match[1], 16) for match in found if match)


def _highest(directory: str, names: re.Pattern[str]) -> int:
    return max(_all(directory, names), default=0)

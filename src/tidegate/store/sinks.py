"""Where a process puts its blocks: a segment file of its own, or a ring in memory.

A sink is used by one thread at a time; the recorder's lock sees to that.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import sys
import time
import weakref
from collections import deque
from typing import Any, Protocol

from tidegate.records import Resource
from tidegate.store import block, location, segment

#: A segment that reaches this size is closed and a new one begun, so that retention can remove it.
ROTATE_BYTES = 16 << 20

#: A segment is closed at this age, for the same reason.
ROTATE_NS = 3600 * 10**9


#: Ids of the segments that this process has open. Opening their lock files a second time and closing
#: them again would give the locks away (POSIX record locks), so upkeep leaves them alone.
own_segments: set[str] = set()


class Sink(Protocol):
    """What the recorder writes to."""

    location: str

    def append(self, resource: Resource, batch: block.Batch) -> None:
        """Commit one block; raises OSError or `StoreError`, and then nothing of it is left behind."""

    def send_by(self, route: str) -> None:
        """Say where the records that come may be sent; to be said before the first of them."""

    def close(self) -> None:
        """Let go of files and locks; a later `append` starts afresh."""

    def abandon(self) -> None:
        """Forget all inherited state in a forked child, without touching the parent's file or lock."""


def _process_identity(route: str) -> dict[str, Any]:
    """Who writes a segment. The id is random, since pids repeat, across containers above all."""
    known = {"id": secrets.token_hex(8), "pid": os.getpid(), "executable": sys.executable or ""}
    return {**known, "route": route} if route else known


class FileSink:
    """Appends to ``<start>-<id>.active`` in a directory. The file appears with its first record.

    ``route`` says where these records may be sent; "" means nowhere.
    """

    def __init__(self, directory: str, rotate_bytes: int = ROTATE_BYTES, route: str = "") -> None:
        self.location = directory
        self.opened = 0
        #: Bytes that were written so far.
        self.written = 0
        self._rotate_bytes = rotate_bytes
        self._route = route
        self._process = _process_identity(route)
        self._open: _OpenSegment | None = None

    def send_by(self, route: str) -> None:
        self._route = route
        self._process = {**self._process, "route": route}

    def abandon(self) -> None:
        # The descriptors stay open in a child: POSIX locks are not inherited, so two unused
        # descriptors are all it costs, and nothing of the parent's is touched.
        self._process = _process_identity(self._route)
        own_segments.clear()
        self._open = None

    def append(self, resource: Resource, batch: block.Batch) -> None:
        former = self._open
        if former is not None and not self._must_rotate(former):
            data = block.to_bytes(*block.encode(batch, former.sequence))
            former.append(resource, data, batch.count)
            self.written += len(data)
            return
        data = block.to_bytes(*block.encode(batch, 0))
        location.make_directory(self.location)
        # numbered, since the clock may be set back between two of them
        fresh = _OpenSegment(self.location, {**self._process, "part": self.opened})
        self.opened += 1
        try:
            fresh.append(resource, data, batch.count)
        except BaseException:
            fresh.discard()
            raise
        # only now: a process that lives always holds the lock of a segment that readers can see
        self._open = fresh
        self.written += len(data)
        if former is not None:
            former.close()

    def _must_rotate(self, current: _OpenSegment) -> bool:
        removed = current.is_removed()  # somebody deleted the store under us
        return removed or current.size >= self._rotate_bytes or time.time_ns() - current.start > ROTATE_NS

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class _OpenSegment:
    """A segment that this process writes, and its lock. ``start`` in ns."""

    def __init__(self, directory: str, process: dict[str, Any]) -> None:
        self.start, self.size, self.sequence = time.time_ns(), 0, 0
        self._id, self._process = secrets.token_hex(8), process
        self._stem = os.path.join(directory, f"{self.start:020d}-{self._id}")
        self._resource: Resource | None = None
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
        lock, fresh = self._stem + segment.LOCK, self._stem + segment.LOCK + ".new"
        self._file = -1
        # from before there is one: another thread must not open, and close, what has its name
        own_segments.add(self._id)
        try:
            self._lock = os.open(fresh, flags, location.FILE_MODE)
        except OSError:
            own_segments.discard(self._id)
            raise
        try:
            # locked before it has its name: nobody ever sees the lock of a living process free
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(fresh, lock)
            self._file = os.open(self._stem + segment.ACTIVE, flags | os.O_APPEND, location.FILE_MODE)
        except OSError:
            self.close()
            _unlink(fresh)
            raise

    def is_removed(self) -> bool:
        return os.fstat(self._file).st_nlink == 0

    def append(self, resource: Resource, data: bytes, count: int) -> None:
        """Write a block of so many records whole, or nothing of it."""
        if resource is not self._resource:
            data = segment.encode_header(self._id, resource, self.start, self._process) + data
        try:
            self._write(data)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)
        self.sequence += count
        self._resource = resource

    def _write(self, data: bytes) -> None:
        if os.write(self._file, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._stem)

    def discard(self) -> None:
        """Leave nothing of a segment that has no block."""
        _unlink(self._stem + segment.ACTIVE)
        self.close()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        _unlink(self._stem + segment.LOCK)
        os.close(self._lock)
        own_segments.discard(self._id)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


#: Rings of this process, which ``memory:`` reads.
rings: weakref.WeakSet[MemorySink] = weakref.WeakSet()

#: What was deleted of them, see `tidegate.store.deleted`.
deleted: list[Any] = []


#: Records that a ring keeps unless it is told otherwise.
MEMORY_RECORDS = 1_000_000


class MemorySink:
    """A ring of encoded blocks, bounded in bytes and records; the oldest go first. One block always stays.

    A ``private`` one is not of those that ``memory:`` reads.
    """

    location = location.MEMORY

    def __init__(self, limit: int, records: int = MEMORY_RECORDS, route: str = "", *, private: bool = False) -> None:
        self._limit, self._records, self._route = limit, records, route
        self._forget()
        self.ring: deque[tuple[segment.BlockRef, bytes]] = deque()
        if not private:
            rings.add(self)

    def _forget(self) -> None:
        self._process, self._id, self._start = _process_identity(self._route), secrets.token_hex(8), time.time_ns()
        self._header: segment.Header | None = None
        self._size = self._count = self._sequence = 0

    def append(self, resource: Resource, batch: block.Batch) -> None:
        if self._header is None or self._header.resource is not resource:
            self._header = segment.Header(segment.FORMAT, self._id, resource, self._start, self._process)
        index, frame = block.encode(batch, self._sequence)
        self.ring.append((segment.BlockRef(self._header, index), frame))
        self._sequence += batch.count
        self._size += index.size
        self._count += index.count
        while (self._size > self._limit or self._count > self._records) and len(self.ring) > 1:
            gone = self.ring.popleft()[0].index
            self._size -= gone.size
            self._count -= gone.count

    def send_by(self, route: str) -> None:
        self._route = route
        self._process = {**self._process, "route": route}

    def close(self) -> None:
        """The ring stays readable until the process ends."""

    def abandon(self) -> None:
        self.ring.clear()
        self._forget()

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

    def close(self) -> None:
        """Let go of files and locks; a later `append` starts afresh."""

    def abandon(self) -> None:
        """Forget all inherited state in a forked child, without touching the parent's file or lock."""


def _process_identity() -> dict[str, Any]:
    """Who writes a segment. The id is random, since pids repeat, across containers above all."""
    return {"id": secrets.token_hex(8), "pid": os.getpid(), "executable": sys.executable or ""}


class FileSink:
    """Appends to ``<start>-<id>.active`` in a directory. The file appears with its first record."""

    def __init__(self, directory: str, rotate_bytes: int = ROTATE_BYTES) -> None:
        self.location = directory
        self.opened = 0
        self._rotate_bytes = rotate_bytes
        self._process = _process_identity()
        self._forget()

    def abandon(self) -> None:
        # The descriptors stay open in a child: POSIX locks are not inherited, so two unused
        # descriptors are all it costs, and nothing of the parent's is touched.
        self._process = _process_identity()
        own_segments.clear()
        self._forget()

    def _forget(self) -> None:
        self._file = self._lock = -1
        self._size = self._sequence = self._start = 0
        self._id = self._stem = ""
        self._resource: Resource | None = None

    def append(self, resource: Resource, batch: block.Batch) -> None:
        if self._file >= 0 and self._must_rotate():
            self.close()
        data = block.to_bytes(*block.encode(batch, self._sequence))
        if self._file < 0:
            self._open()
        if resource is not self._resource:
            data = segment.encode_header(self._id, resource, self._start, self._process) + data
        self._write(data)
        self._resource = resource
        self._sequence += batch.count

    def _must_rotate(self) -> bool:
        removed = os.fstat(self._file).st_nlink == 0  # somebody deleted the store under us
        return removed or self._size >= self._rotate_bytes or time.time_ns() - self._start > ROTATE_NS

    def _open(self) -> None:
        location.make_directory(self.location)
        self._start, self._id = time.time_ns(), secrets.token_hex(8)
        self._stem = os.path.join(self.location, f"{self._start:020d}-{self._id}")
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
        lock, fresh = self._stem + segment.LOCK, self._stem + segment.LOCK + ".new"
        self._lock = os.open(fresh, flags, location.FILE_MODE)
        own_segments.add(self._id)
        try:
            # locked before it has its name: nobody ever sees the lock of a living process free
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(fresh, lock)
            self._file = os.open(self._stem + segment.ACTIVE, flags | os.O_APPEND, location.FILE_MODE)
        except OSError:
            self._release()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh)
            raise
        self._size = self._sequence = 0
        self._resource = None
        self.opened += 1

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._file, data)
        except OSError:
            self._cut_back()
            raise
        if written != len(data):
            self._cut_back()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._stem)
        self._size += written

    def _cut_back(self) -> None:
        os.ftruncate(self._file, self._size)
        if not self._size:
            os.unlink(self._stem + segment.ACTIVE)
            self._release()

    def close(self) -> None:
        self._release()
        self._forget()

    def _release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        if self._lock >= 0:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._stem + segment.LOCK)
            os.close(self._lock)
        own_segments.discard(self._id)
        self._file = self._lock = -1


#: Rings of this process, which ``memory:`` reads.
rings: weakref.WeakSet[MemorySink] = weakref.WeakSet()


class MemorySink:
    """A ring of encoded blocks, bounded in bytes; the oldest go first."""

    location = location.MEMORY

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._header: segment.Header | None = None
        self._size = self._sequence = 0
        self.ring: deque[tuple[segment.BlockRef, bytes]] = deque()
        rings.add(self)

    def append(self, resource: Resource, batch: block.Batch) -> None:
        if self._header is None or self._header.resource is not resource:
            name = self._header.segment if self._header else secrets.token_hex(8)
            self._header = segment.Header(segment.FORMAT, name, resource, time.time_ns(), _process_identity())
        index, frame = block.encode(batch, self._sequence)
        self.ring.append((segment.BlockRef(self._header, index), frame))
        self._sequence += batch.count
        self._size += index.size
        while self._size > self._limit and len(self.ring) > 1:
            self._size -= self.ring.popleft()[0].index.size

    def close(self) -> None:
        """The ring stays readable until the process ends."""

    def abandon(self) -> None:
        self.ring.clear()
        self._size = self._sequence = 0
        self._header = None

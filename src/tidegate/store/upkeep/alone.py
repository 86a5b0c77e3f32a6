"""One process, and in it one thread, keeps a store at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from tidegate.store import location

_LOCK = "upkeep.lock"

#: Time in seconds between two tries of who waits for it.
_RETRY_S = 0.05

#: Stores that this process keeps now. Closing a lock file gives all locks on it away (POSIX record locks), so a
#: second thread must not even open it. By process, since a forked child inherits this and no lock.
#: Whose object is there keeps the store: `dict.setdefault` is one step, whichever other threads there are.
_kept: dict[tuple[int, str], object] = {}


@contextlib.contextmanager
def alone(directory: str, wait_s: float = 0.0) -> Iterator[bool]:
    """Hold the upkeep lock, or find within ``wait_s`` seconds that somebody else does; raises OSError."""
    mine = (os.getpid(), os.path.realpath(directory))
    deadline = time.monotonic() + wait_s
    while (descriptor := _acquire(mine)) is None and time.monotonic() < deadline:
        time.sleep(_RETRY_S)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)
            del _kept[mine]


def _acquire(mine: tuple[int, str]) -> int | None:
    me = object()
    if _kept.setdefault(mine, me) is not me:
        return None
    try:
        path = os.path.join(mine[1], _LOCK)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, location.FILE_MODE)
    except BaseException:
        del _kept[mine]
        raise
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor
    except OSError:
        os.close(descriptor)
        del _kept[mine]
        return None

"""Locks that a forked child finds free, whichever thread of its parent held them when it was forked."""

from __future__ import annotations

import os
import threading
import weakref


class Lock:
    """A lock for ``with``. Its holders read what never changes, or do again what was cut off, so that nothing is lost
    when a child takes no notice of a thread that it does not have."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _all.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Be free, whoever holds it."""
        self._lock = threading.Lock()


_all: weakref.WeakSet[Lock] = weakref.WeakSet()


def _renew_all() -> None:
    for lock in list(_all):
        lock.renew()


os.register_at_fork(after_in_child=_renew_all)

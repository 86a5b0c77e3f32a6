"""Which files a store has: one consistent picture, although other processes seal, merge and remove meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.store import deleted, exchange, segment
from tidegate.store.deleted import Mark
from tidegate.store.names import is_own

#: A directory that changed less than this (ns) ago may change again within the same tick of its clock.
SETTLED_NS = 2 * 10**9

SEALED, DAMAGED = ".sealed", ".damaged"


@dataclass(frozen=True, slots=True)
class Picture:
    """The names of a store's files: ``growing`` ones, which may do so, ``sealed`` ones, and how many were set aside
    as damaged; and what was deleted in them."""

    growing: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    damaged: int = 0
    marks: tuple[Mark, ...] = ()


class Listing:
    """Looks at one directory; as long as nothing appears or goes there, a look is one call to the system."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._stamp: tuple[int, ...] | None = None
        self._picture = Picture()

    def look(self) -> Picture:
        """What is there now. One look may miss both a file and what takes its place, unless the next shows the same.

        Raises PermissionError, and what `exchange.read` and `deleted.read` raise.
        """
        try:
            found = os.stat(self._directory)
            stamp = (found.st_dev, found.st_ino, found.st_mtime_ns)
            if stamp != self._stamp:
                is_settled = time.time_ns() - found.st_mtime_ns > SETTLED_NS
                self._picture = self._read()
                self._stamp = stamp if is_settled else None
        except (FileNotFoundError, NotADirectoryError):
            self._stamp, self._picture = None, Picture()
        return self._picture

    def _read(self) -> Picture:
        with os.scandir(self._directory) as entries:
            names = {entry.name for entry in entries}
        # as it will be when what is under way is done
        under_way = exchange.read(self._directory) if exchange.NAME in names else None
        if under_way is not None:
            names = under_way.applied(names)
        return _picture(names, deleted.read(self._directory) if deleted.NAME in names else ())


def _picture(names: Iterable[str], marks: tuple[Mark, ...]) -> Picture:
    names = sorted(filter(is_own, names))
    growing = tuple(name for name in names if name.endswith((segment.ACTIVE, segment.MERGED)))
    sealed = tuple(name for name in names if name.endswith(SEALED))
    return Picture(growing, sealed, sum(name.endswith(DAMAGED) for name in names), marks)

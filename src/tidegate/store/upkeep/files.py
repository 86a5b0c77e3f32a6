"""The files of a store as upkeep sees them, and what crashes have left among them."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator

from tidegate.errors import FormatError
from tidegate.store import deleted, exchange, locks, names, segment
from tidegate.store.retention import ACTIVE, DAMAGED, ENDED, File

SEALED = ".sealed"

#: Ends the name of a segment that was sealed as far as it could be read.
SET_ASIDE = ".damaged"

#: Age in seconds at which the lock of a segment that has no name yet was left behind.
_NEW_LOCK_S = 60


def listed(directory: str) -> list[File]:
    """All segment files, each with its kind. Asks once for each active one whether its process lives."""
    out = []
    with os.scandir(directory) as entries:
        for entry in entries:
            name = names.SEGMENT.fullmatch(entry.name)
            if name is not None and name["ending"] != "lock":
                with contextlib.suppress(FileNotFoundError):
                    out.append(_file(entry, name))
    return out


def _file(entry: os.DirEntry[str], name: re.Match[str]) -> File:
    found, kind = entry.stat(), _kind(entry.path, name)
    end = int(name["end"]) if name["end"] and kind == name["kind"] else found.st_mtime_ns
    if end > time.time_ns():  # committed when the clock was ahead, which is no reason to keep it until then
        end = min(end, found.st_mtime_ns)
    return File(entry.path, kind, int(name["start"]), end, found.st_size)


def _kind(path: str, name: re.Match[str]) -> str:
    if name["damaged"]:
        return DAMAGED
    if name["ending"] == "active":
        return ENDED if has_ended(path) else ACTIVE
    return ENDED if name["ending"] == "merged" else name["kind"] or ""


def of_segments(files: Iterable[File]) -> list[File]:
    """Those that are not sealed."""
    return [file for file in files if file.kind in (ACTIVE, ENDED)]


def lock_path(path: str) -> str:
    return path.removesuffix(segment.ACTIVE) + segment.LOCK


def has_ended(path: str) -> bool:
    """Whether no process writes this segment any more."""
    return path.endswith(segment.MERGED) or locks.is_free(lock_path(path))


def is_newer(path: str) -> bool:
    """Whether a newer version has written this file, to which it is left."""
    try:
        if path.endswith(SEALED):
            from tidegate.store.sealed import file as sealed  # a process that only records does without it

            return sealed.is_newer(path)
        segment.SegmentScanner(path).scan()
    except FormatError:
        return True
    except OSError:
        pass
    return False


def remove_leftovers(directory: str) -> None:
    """Remove files that were never completed, and the locks of ended processes that never wrote a block."""
    with os.scandir(directory) as entries:
        found = {entry.name for entry in entries if names.is_own(entry.name)}
    for name in _left_over(found):
        path = os.path.join(directory, name)
        if name.endswith((segment.PARTIAL, segment.FRESH)) or (locks.is_free(path) and _is_settled(path)):
            exchange.unlink(path)


def _left_over(found: set[str]) -> Iterator[str]:
    for name in found:
        if name.endswith((segment.PARTIAL, segment.FRESH)):
            if not name.startswith(deleted.NAME):  # that one has a lock of its own
                yield name
        elif _is_lock(name) and name.removesuffix(segment.LOCK) + segment.ACTIVE not in found:
            yield name


def _is_lock(name: str) -> bool:
    return name[:20].isdigit() and name.endswith((segment.LOCK, segment.LOCK + ".new"))


def _is_settled(path: str) -> bool:
    """Whether this is no lock that its process has made but not taken yet."""
    if path.endswith(segment.LOCK):
        return True
    try:
        return abs(time.time() - os.stat(path).st_mtime) > _NEW_LOCK_S
    except FileNotFoundError:
        return False

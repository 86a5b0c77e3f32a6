"""Who lives: a process holds the lock file of a segment as long as it may write to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from tidegate.errors import FormatError
from tidegate.store import segment, sinks


def is_free(lock: str) -> bool:
    """Whether no process holds this lock file; a missing one is free.

    Asked with a shared lock, so that any number of readers may ask at once, and none of them is taken
    for a writer.
    """
    if os.path.basename(lock)[21:37] in sinks.own_segments:
        return False
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def others(directory: str, route: str) -> bool:
    """Whether another process that writes to the store lives, and has this route."""
    return any(id not in sinks.own_segments for id in living(directory, route))


def living(directory: str, route: str) -> Iterator[str]:
    """The segments of this route that processes may still write to, this one among them."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(directory):
            if name.endswith(segment.LOCK):
                stem = os.path.join(directory, name.removesuffix(segment.LOCK))
                if _route_of(stem + segment.ACTIVE) == route and not is_free(stem + segment.LOCK):
                    yield name[21:37]


def _route_of(path: str) -> str:
    try:
        header = segment.first_header(path)
    except (FormatError, OSError):
        return ""
    return str(header.process.get("route", "")) if header is not None else ""


def path_of(directory: str, created: int, id: str) -> str:
    """The lock file of the segment of this process that was begun at this time (ns)."""
    return os.path.join(directory, f"{created:020d}-{id}{segment.LOCK}")

"""Who lives: a process holds the lock file of a segment as long as it may write to it."""

from __future__ import annotations

import fcntl
import os

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


def path_of(directory: str, created: int, id: str) -> str:
    """The lock file of the segment of this process that was begun at this time (ns)."""
    return os.path.join(directory, f"{created:020d}-{id}{segment.LOCK}")

"""What the user has deleted: records older than a time, hidden at once and removed with the next rewriting.

``deleted.json`` beside the segments is a list of marks. A mark hides the records before its time in the segments
that were begun up to the moment of the call: what comes later, old as it may be, has not been deleted.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from tidegate.errors import FormatError, StoreError
from tidegate.store import exchange, location

NAME = "deleted.json"
LOCK = "deleted.lock"

#: Version of the format; a newer one is refused and left alone.
FORMAT = 1

#: Marks that are kept until upkeep has carried them out; more are refused.
MAX_MARKS = 64

#: Longest time in seconds that is waited for another process which writes a mark.
WAIT_S = 5.0


class Mark(NamedTuple):
    """Records with a time below ``before`` are deleted in segments begun no later than ``at``; both in ns."""

    before: int
    at: int


def read(directory: str) -> tuple[Mark, ...]:
    """The marks of a store; none when nothing was deleted.

    Raises `FormatError` for a newer format, `StoreError` for what nobody has written, OSError.
    """
    path = os.path.join(directory, NAME)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    try:
        body = orjson.loads(content)
        version, marks = int(body["format"]), tuple(Mark(int(m["before"]), int(m["at"])) for m in body["marks"])
    except (LookupError, TypeError, ValueError):
        raise StoreError(f"{path!r} is damaged; remove it, and delete again what was deleted.") from None
    if version > FORMAT:
        raise FormatError(f"{path} has format {version}; this version reads up to {FORMAT}. Upgrade tidegate.")
    return marks


def cut(marks: Iterable[Mark], created: int) -> int:
    """The time in ns before which records are deleted in a segment that was begun at ``created``; 0 for none."""
    return max((mark.before for mark in marks if mark.at >= created), default=0)


def add(directory: str, before: int, now: int) -> None:
    """Delete what is older than ``before``, which cannot be in the future; raises `StoreError`, OSError."""
    with _alone(directory):
        marks = compact((*read(directory), Mark(min(before, now), now)))
        if len(marks) > MAX_MARKS:
            raise StoreError(
                f"{MAX_MARKS} deletions of {directory!r} are still being carried out; `tidegate prune` finishes them."
            )
        _write(directory, marks)


def drop(directory: str, done: Iterable[Mark]) -> None:
    """Forget marks that have nothing left to hide."""
    done = set(done)
    if not done:
        return
    with _alone(directory):
        _write(directory, tuple(mark for mark in read(directory) if mark not in done))


def compact(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """Marks of which none hides only what another one hides too."""
    kept: list[Mark] = []
    for mark in sorted(set(marks), key=lambda mark: (-mark.at, -mark.before)):
        if mark.before > (kept[-1].before if kept else 0):
            kept.append(mark)
    return tuple(reversed(kept))


def _write(directory: str, marks: Sequence[Mark]) -> None:
    path = os.path.join(directory, NAME)
    if not marks:
        exchange.unlink(path)
        return
    body = {"format": FORMAT, "marks": [{"before": str(mark.before), "at": str(mark.at)} for mark in marks]}
    exchange.replace(path, orjson.dumps(body))


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Hold the lock of the marks, for threads too; let go of explicitly, so that a forked child does not keep it."""
    path = os.path.join(directory, LOCK)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, location.FILE_MODE)
    try:
        _acquire(descriptor, path)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise StoreError(f"another process holds {path!r}; try again.") from None
            time.sleep(0.01)

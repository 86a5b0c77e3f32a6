"""One pass over all files of a store, and the repair of those that are damaged on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from tidegate.errors import StoreError, StoreNotFound
from tidegate.store import exchange, segment
from tidegate.store import names as naming
from tidegate.store.check import beside, repairing
from tidegate.store.check.accounts import Accounts
from tidegate.store.check.active import check_active
from tidegate.store.check.finding import Finding
from tidegate.store.check.sealed import check_sealed
from tidegate.store.upkeep.alone import alone

#: Called before each file with its name, its rank from 1, and how many there are.
Progress = Callable[[str, int, int], None]

#: How long another process that looks after the store is waited for before a repair, in seconds.
WAIT_S = 10.0


def check(directory: str, progress: Progress | None = None) -> Iterator[Finding]:
    """All there is to say about the store in this directory; nothing about what is sound.

    Memory is bounded by one block, the indexes of one file, and one bit for each record. Raises `StoreNotFound`
    where there is no directory or none with a store in it, `StoreError` where it, or one of its files, cannot be read.
    """
    with _in_our_words(directory, "checked"):
        names = _names(directory)
        yield from beside.check_beside(directory, names)
        accounts = Accounts()
        for path in _paths(directory, names, progress):
            yield from _check_file(path, accounts)
        yield from accounts.missing()


def repair(directory: str, progress: Progress | None = None) -> Iterator[Finding]:
    """Check, and repair what can be repaired; the findings say what was done.

    Damaged files keep their content under another name, ``<name>.damaged``. Files of living processes and of newer
    formats are not touched. Raises as `check` does, and `StoreError` when another process looks after the store.
    """
    with _in_our_words(directory, "repaired"), _alone(directory):
        names = _names(directory)
        for finding in beside.check_beside(directory, names):
            yield beside.repair(directory, finding)
        exchange.finish(directory)
        accounts = Accounts()
        for path in _paths(directory, _names(directory), progress):
            found = list(_check_file(path, accounts))
            is_done = any(each.severity == "damage" and each.repair for each in found) and repairing.renew(path)
            yield from (replace(each, repaired=is_done and each.severity == "damage") for each in found)
        yield from accounts.missing()


@contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Be the one who looks after the store, if it is one."""
    _names(directory)
    with alone(directory, WAIT_S) as is_alone:
        if not is_alone:
            raise StoreError(f"another process looks after the store {directory!r} right now; try again.")
        yield


@contextmanager
def _in_our_words(directory: str, done: str) -> Iterator[None]:
    """Let what the directory does not allow be a `StoreError`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{error.filename or directory!r} cannot be {done}: {error.strerror or error}; ask as the user whose"
            " programs record there, with room on the disk."
        ) from None


def _check_file(path: str, accounts: Accounts) -> Iterator[Finding]:
    look = check_sealed if segment.SEALED in os.path.basename(path) else check_active
    try:
        yield from look(path, accounts)
    except FileNotFoundError:  # sealed, merged or removed a moment ago
        return


def _paths(directory: str, names: set[str], progress: Progress | None) -> Iterator[str]:
    """The segments of which the store consists, in order of their names: an exchange under way has happened."""
    try:
        under_way = exchange.read(directory)
    except StoreError:
        under_way = None
    found = set(filter(naming.is_segment, names))
    if under_way is not None:
        found &= under_way.applied(names)
        if not under_way.is_void(names):
            found |= {name + segment.FRESH for name in under_way.add} & names
    for number, name in enumerate(sorted(found), 1):
        if progress is not None:
            progress(name, number, len(found))
        yield os.path.join(directory, name)


def _names(directory: str) -> set[str]:
    """The names of all that is there; raises `StoreNotFound` where nothing of it is a store's, OSError."""
    try:
        found = set(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        raise StoreNotFound(f"there is no store at {directory!r}; name its directory with --store.") from None
    if not naming.is_store(found):
        what = "the files in it are not a store's" if found else "it is empty"
        raise StoreNotFound(f"{directory!r} is not a store: {what}; name another directory with --store.")
    return found

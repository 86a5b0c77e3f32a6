"""The exchange: how files of a store take the place of others, all at once.

New files are written under partial names and made to last. Then ``exchange.json`` appears by a rename, which
is the moment of truth: ``{"format": 1, "remove": [names], "add": [names]}``. What is left to do is the same
however often it is begun: give the partial files their names, unlink those that they replace, unlink
``exchange.json``. Whoever holds the upkeep lock finishes an exchange that it finds before it does anything
else. A reader that finds one takes what is added, under either name, and leaves out what is removed.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from tidegate.errors import FormatError, StoreError
from tidegate.store import location, segment

NAME = "exchange.json"

#: Version of the format; a newer one is refused and left alone.
FORMAT = 1

#: What may be exchanged: names of segments, never a path.
_SEGMENT = r"[0-9]{20}-[0-9a-z.-]{1,200}"


class Exchange(NamedTuple):
    """Names of files in one directory; those in ``add`` may still have their partial names."""

    add: tuple[str, ...] = ()
    remove: frozenset[str] = frozenset()


def read(directory: str) -> Exchange | None:
    """The exchange that is under way; None when there is none.

    Raises `FormatError` for a newer format, `StoreError` for what nobody has written, OSError.
    """
    path = os.path.join(directory, NAME)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        body = orjson.loads(content)
        version, add, remove = int(body["format"]), tuple(body["add"]), frozenset(body["remove"])
    except (LookupError, TypeError, ValueError):
        raise StoreError(f"{path!r} is damaged; `tidegate check` says what can be done.") from None
    if version > FORMAT:
        raise FormatError(f"{path} has format {version}; this version reads up to {FORMAT}. Upgrade tidegate.")
    for name in (*add, *remove):
        if not isinstance(name, str) or not re.fullmatch(_SEGMENT, name):
            raise StoreError(f"{path!r} names {name!r}, which is no segment; `tidegate check` says what can be done.")
    return Exchange(add, remove)


def commit(directory: str, add: Iterable[str], remove: Iterable[str]) -> None:
    """Decide an exchange and carry it out. The files in ``add`` must be complete, and last, under partial names.

    Raises OSError; if that is before the decision, nothing has been exchanged.
    """
    found = Exchange(tuple(add), frozenset(remove))
    body = {"format": FORMAT, "remove": sorted(found.remove), "add": found.add}
    replace(os.path.join(directory, NAME), orjson.dumps(body))
    _carry_out(directory, found)


def is_decided(directory: str) -> bool:
    """Whether there is an exchange to be carried out."""
    return os.path.lexists(os.path.join(directory, NAME))


def finish(directory: str) -> bool:
    """Carry out an exchange that was cut off; False when there is none. Raises as `read` does."""
    found = read(directory)
    if found is not None:
        _carry_out(directory, found)
    return found is not None


def _carry_out(directory: str, exchange: Exchange) -> None:
    for name in exchange.add:
        with contextlib.suppress(FileNotFoundError):  # it has its name already
            os.rename(os.path.join(directory, name + segment.PARTIAL), os.path.join(directory, name))
    for name in sorted(exchange.remove):
        remove(os.path.join(directory, name))
    sync(directory)
    unlink(os.path.join(directory, NAME))


def remove(path: str) -> None:
    """Remove a segment file, and its lock if it was an active one."""
    unlink(path)
    if path.endswith(segment.ACTIVE):
        unlink(path.removesuffix(segment.ACTIVE) + segment.LOCK)


def unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def replace(path: str, content: bytes) -> None:
    """Put a file in the place of another, so that there is always one, and whole, and that it lasts."""
    fresh = path + segment.PARTIAL
    try:
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, location.FILE_MODE), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.rename(fresh, path)
    except OSError as error:
        unlink(fresh)
        raise OSError(error.errno, error.strerror, path) from error
    sync(os.path.dirname(path))


def sync(directory: str) -> None:
    """Make names that were given or taken last."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

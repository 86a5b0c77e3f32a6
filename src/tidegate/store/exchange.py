"""The exchange: how files of a store take the place of others, all at once.

New files are written as ``<name>.fresh`` and made to last. Then ``exchange.json`` appears by a rename, which
is the moment of truth: ``{"format": 1, "remove": [names], "add": [names]}``. What is left to do is the same
however often it is begun: give the new files their names, unlink those that they replace, unlink
``exchange.json``. Whoever holds the upkeep lock finishes an exchange that it finds before it does anything
else. A reader that finds one takes what is added, under either name, and leaves out what is removed.

Nothing is unlinked unless all that takes its place is there. Where somebody has removed a new file meanwhile, the
exchange is dropped: the old files stay, and the other new ones go, so that nothing is there twice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Collection, Iterable
from typing import NamedTuple

import orjson

from tidegate.errors import FormatError, StoreError
from tidegate.store import location, segment

_logger = logging.getLogger("tidegate")

NAME = "exchange.json"

#: Version of the format; a newer one is refused and left alone.
FORMAT = 1

#: What may be exchanged: names of segments, never a path.
_SEGMENT = r"[0-9]{20}-[0-9a-z.-]{1,200}"


class Exchange(NamedTuple):
    """Names of files in one directory; those in ``add`` may still have the names of new ones."""

    add: tuple[str, ...] = ()
    remove: frozenset[str] = frozenset()

    def missing(self, names: Collection[str]) -> list[str]:
        """Which of the new files are not among all that is in the directory, under either name."""
        return [name for name in self.add if name not in names and name + segment.FRESH not in names]

    def is_void(self, names: Collection[str]) -> bool:
        """Whether a new file is gone and no old one is: then the old ones are what counts."""
        return bool(self.missing(names)) and bool(self.remove) and all(name in names for name in self.remove)

    def applied(self, names: Collection[str]) -> set[str]:
        """The names as they will be when it is done, or, where it cannot be, dropped."""
        if self.is_void(names):
            return set(names).difference(self.add)
        return set(names).union(self.add) - self.remove


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
    """Decide an exchange and carry it out. The files in ``add`` must be complete, and last, under the names of
    new ones. Raises OSError, and `StoreError` where another one is not carried out yet; if that is before the
    decision, nothing has been exchanged.
    """
    if is_decided(directory):
        raise StoreError(f"{os.path.join(directory, NAME)!r} is there: what was exchanged before is not finished.")
    found = Exchange(tuple(add), frozenset(remove))
    body = {"format": FORMAT, "remove": sorted(found.remove), "add": found.add}
    replace(os.path.join(directory, NAME), orjson.dumps(body))
    _carry_out(directory, found)


def is_decided(directory: str) -> bool:
    """Whether there is an exchange to be carried out."""
    return os.path.lexists(os.path.join(directory, NAME))


def involved(directory: str) -> frozenset[str]:
    """The names of files that an exchange, if it can be read, adds or removes."""
    try:
        found = read(directory) or Exchange()
    except (OSError, StoreError):
        found = Exchange()
    return found.remove.union(found.add)


def finish(directory: str) -> bool:
    """Carry out an exchange that was cut off; False when there is none. Raises as `read` does."""
    found = read(directory)
    if found is not None:
        _carry_out(directory, found)
    return found is not None


def _carry_out(directory: str, exchange: Exchange) -> None:
    names = set(os.listdir(directory))
    missing = exchange.missing(names)
    if missing:
        _logger.warning("what was to take the place of other files of %s is gone, they stay: %s", directory, missing[0])
    if exchange.is_void(names):
        for name in exchange.add:
            unlink(os.path.join(directory, name))
            unlink(os.path.join(directory, name + segment.FRESH))
    else:
        _take_names(directory, exchange.add)
        for name in () if missing else sorted(exchange.remove):
            remove(os.path.join(directory, name))
    sync(directory)
    unlink(os.path.join(directory, NAME))


def _take_names(directory: str, names: Iterable[str]) -> None:
    """Give new files their names, and make these last before anything goes."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # it has its name already
            os.rename(os.path.join(directory, name + segment.FRESH), os.path.join(directory, name))
    sync(directory)


def remove(path: str) -> None:
    """Remove a segment file, and its lock if it was an active one."""
    unlink(path)
    if path.endswith(segment.ACTIVE):
        unlink(path.removesuffix(segment.ACTIVE) + segment.LOCK)


def set_aside(path: str) -> None:
    """Give a segment's content a second name that no reader looks at, so that no byte is lost when its own goes."""
    aside = path + segment.DAMAGED
    try:
        os.link(path, aside)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        fresh = aside + segment.PARTIAL
        shutil.copy2(path, fresh)
        with open(fresh, "rb") as copy:
            os.fsync(copy.fileno())
        os.chmod(fresh, location.FILE_MODE)
        os.rename(fresh, aside)
        sync(os.path.dirname(path))


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

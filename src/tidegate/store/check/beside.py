"""What lies beside the segments: the checkpoint, marks of deletions, an exchange, and what crashes have left."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

from tidegate.errors import FormatError, StoreError
from tidegate.store import deleted, exchange, locks, segment
from tidegate.store import names as naming
from tidegate.store.check.finding import Finding
from tidegate.store.location import CHECKPOINT
from tidegate.store.metrics import checkpoint
from tidegate.store.metrics.freezing import load

SET_ASIDE = "set the file aside"

#: How `tidegate.store.sinks` names a lock file until it is locked.
_NEW_LOCK = segment.LOCK + ".new"


def check_beside(directory: str, names: set[str]) -> Iterator[Finding]:
    """``names`` are those of all files in the directory."""
    for name, read in ((CHECKPOINT, _read_checkpoint), (deleted.NAME, deleted.read), (exchange.NAME, exchange.read)):
        if name in names:
            yield from _try(directory, name, read)
    for name in sorted(names):
        what = _leftover(directory, name, names)
        if what:
            yield Finding(name, what, "note")


def _try(directory: str, name: str, read: Callable[[str], object]) -> Iterator[Finding]:
    """What is wrong with a file; raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        open(os.path.join(directory, name), "rb").close()  # what may not be read is not damaged
    try:
        found = read(directory)
    except FormatError as error:
        yield Finding(name, str(error), "newer")
    except StoreError as error:
        yield Finding(name, str(error), repair=SET_ASIDE)
    else:
        if isinstance(found, exchange.Exchange):
            yield from _unfinished(directory, found)


def repair(directory: str, finding: Finding) -> Finding:
    """Set the file aside if that is what is to be done; raises OSError."""
    if finding.repair != SET_ASIDE:
        return finding
    path = os.path.join(directory, finding.file)
    os.rename(path, path + segment.DAMAGED)
    return replace(finding, repaired=True)


def _read_checkpoint(directory: str) -> None:
    file = checkpoint.File.read(directory)
    if load(file.content, file.path) is None:
        raise StoreError("the totals of metrics cannot be read; those of removed segments are lost")


def _unfinished(directory: str, found: exchange.Exchange) -> Iterator[Finding]:
    """An exchange that was cut off is finished by the next process; one whose new files are gone cannot be."""
    yield Finding(exchange.NAME, "an exchange of files is not finished; the next upkeep does it", "note")
    for name in found.add:
        if not any(os.path.exists(os.path.join(directory, name + end)) for end in ("", segment.FRESH)):
            yield Finding(name, "the exchange adds this file, which is not there")


def _leftover(directory: str, name: str, names: set[str]) -> str:
    """Why a file is of no use to the store, if so."""
    if not naming.is_own(name):
        return "it is not the store's, and is left alone"
    if name.endswith(segment.DAMAGED):
        return "it was set aside by a repair; remove it when it is not needed"
    if name.endswith((segment.PARTIAL, segment.FRESH, _NEW_LOCK)):
        return "" if _is_added(directory, name) else "it was never finished; the next upkeep removes it"
    stem = name.removesuffix(segment.LOCK)
    if stem != name and stem[:20].isdigit() and stem + segment.ACTIVE not in names:
        return "" if not locks.is_free(os.path.join(directory, name)) else "a lock without its segment"
    return ""


def _is_added(directory: str, name: str) -> bool:
    try:
        found = exchange.read(directory)
    except (OSError, StoreError):
        return False
    return found is not None and name.removesuffix(segment.FRESH) in found.add

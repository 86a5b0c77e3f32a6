"""Keeping the directory small: segments of ended processes are merged, old ones removed whole.

Any writing process does this now and then; a lock lets one at a time. A process is known to have
ended by its lock file, which the operating system lets go of, never by its pid. Every step can be
cut off: a merged segment appears by a rename and holds its sources' identities, so that a reader
takes each block once while both are there.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from tidegate.errors import FormatError, StoreError
from tidegate.store import location, locks, segment

_logger = logging.getLogger("tidegate")

#: Ended segments are merged when there are at least this many of them.
MERGE_FROM = 24

#: A merged segment grows no larger than about this, so that retention removes small parts.
MERGED_BYTES = 64 << 20

#: Age in ns at which the checkpoint of metrics is brought up to date: a reader has no more to catch up on.
CHECKPOINT_NS = 600 * 10**9

#: The same where ended processes are merged, of which there are many then. Of hundreds of short scripts one writes it.
CHECKPOINT_MERGED_NS = 30 * 10**9

_UPKEEP_LOCK = "upkeep.lock"


@dataclass(frozen=True, slots=True)
class File:
    """A segment that no process writes. ``end`` is the last change's time in ns."""

    path: str
    start: int
    end: int
    size: int


def upkeep(directory: str, max_bytes: int, max_age_s: float) -> None:
    """One pass: merge, then remove what is too old (seconds) or too much (bytes)."""
    with _only_one(directory) as alone:
        if not alone:
            return
        files = list(_files(directory))
        groups = merge_groups([file for file in files if _has_ended(file.path)])
        # before segments are merged, which makes all of a merged one look new
        if _is_due(_covered(directory), files, CHECKPOINT_MERGED_NS if groups else CHECKPOINT_NS):
            _keep_totals(directory, max_age_s)
        for group in groups:
            whole = [file for file in group if _can_merge(file)]
            if len(whole) > 1:
                merge(directory, whole)
        _remove_leftovers(directory)
        _retain(directory, max_bytes, max_age_s)


def _retain(directory: str, max_bytes: int, max_age_s: float) -> None:
    """Remove what is too old or too much, once the metrics in it are in the checkpoint."""
    files = list(_files(directory))
    removable = [file for file in files if _has_ended(file.path)]
    in_use = sum(file.size for file in files) - sum(file.size for file in removable)
    gone = expired(removable, max_bytes - in_use, time.time_ns() - int(max_age_s * 1e9))
    gone = [file for file in gone if _is_known(file)]
    covered = _covered(directory)
    if any(file.end >= covered for file in gone) and not _keep_totals(directory, max_age_s):
        # no room on the disk: what the last checkpoint covers makes some, and if that is nothing, the oldest does
        gone = [file for file in gone if file.end < covered] or gone[:1]
    for file in gone:
        _remove(file)


def _covered(directory: str) -> int:
    """The time in ns before which all that was written is in the checkpoint."""
    try:
        found = os.stat(os.path.join(directory, location.CHECKPOINT)).st_mtime_ns
    except FileNotFoundError:
        return 0
    return found if found <= time.time_ns() else 0  # the clock has been set back


def _is_due(covered: int, files: Sequence[File], age: int) -> bool:
    """Whether the checkpoint, or where there is none the store, has reached this age."""
    since = covered or min((file.start for file in files), default=0)
    return bool(files) and not 0 <= time.time_ns() - since < age


def _keep_totals(directory: str, max_age_s: float) -> bool:
    """Write the checkpoint of metrics; False when there was no way."""
    from tidegate.store import checkpoint

    try:
        checkpoint.keep(directory, lambda: _files(directory), max_age_s)
    except FormatError as error:  # a newer version looks after it; the store must stay within its bounds all the same
        _logger.debug("totals of metrics are not kept: %s", error)
    except (OSError, StoreError) as error:
        _logger.debug("totals of metrics could not be written: %s", error)
        return False
    return True


def merge_groups(files: Iterable[File], least: int = MERGE_FROM, most_bytes: int = MERGED_BYTES) -> list[list[File]]:
    """Which ended segments to merge with which, in order of their start; nothing when there are few.

    Only files of about the same size (within a factor of 16) are put together: a large one is not
    written again for every few small ones, and what short scripts leave costs each of them little.
    """
    alike: dict[int, list[File]] = {}
    for file in sorted(files, key=lambda file: file.start):
        alike.setdefault(file.size.bit_length() // 4, []).append(file)
    return [group for some in alike.values() if len(some) >= least for group in _packed(some, most_bytes)]


def _packed(files: Iterable[File], most_bytes: int) -> list[list[File]]:
    """Groups of at least two, none larger than ``most_bytes``."""
    groups: list[list[File]] = [[]]
    for file in files:
        if groups[-1] and sum(member.size for member in groups[-1]) + file.size > most_bytes:
            groups.append([])
        groups[-1].append(file)
    return [group for group in groups if len(group) > 1]


def expired(files: Iterable[File], max_bytes: int, oldest: int) -> list[File]:
    """Which files to remove, oldest first: what ended before ``oldest`` (ns), and as many as are over ``max_bytes``."""
    files = sorted(files, key=lambda file: file.end)
    total = sum(file.size for file in files)
    out = []
    for file in files:
        if file.end >= oldest and total <= max_bytes:
            break
        out.append(file)
        total -= file.size
    return out


def _can_merge(file: File) -> bool:
    """Not a large one, and one that is damaged or of a newer format stays as it is."""
    if file.size > MERGED_BYTES // 2:
        return False
    scanner = segment.SegmentScanner(file.path)
    try:
        scanner.scan()
    except (FormatError, OSError):
        return False
    return not scanner.damaged


def _is_known(file: File) -> bool:
    """Whether this version may remove it: what a newer one wrote is left to that one."""
    try:
        segment.SegmentScanner(file.path).scan()
    except FormatError:
        return False
    except OSError:
        pass
    return True


def merge(directory: str, files: Sequence[File]) -> None:
    """Put ended segments into one file, and then remove them. Frames are copied as they are."""
    start, end = min(file.start for file in files), max(file.end for file in files)
    target = os.path.join(directory, f"{start:020d}-{end:020d}-{secrets.token_hex(8)}{segment.MERGED}")
    partial = target + segment.PARTIAL
    with open(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, location.FILE_MODE), "wb") as out:
        copied: set[segment.Key] = set()
        for file in files:
            _copy(file.path, out, copied)
        out.flush()
        os.fsync(out.fileno())
    os.utime(partial, ns=(end, end))
    os.rename(partial, target)
    for file in files:
        _remove(file)


def _copy(path: str, out: BinaryIO, copied: set[segment.Key]) -> None:
    """Append a segment's blocks, without those that an earlier merge, cut off before it removed its
    sources, has left in two files."""
    header: segment.Header | None = None
    with open(path, "rb") as source:
        for ref in segment.SegmentScanner(path).scan():
            if ref.key in copied:
                continue
            if ref.header is not header:
                header = ref.header
                out.write(segment.encode_header(header.segment, header.resource, header.created, header.process))
            source.seek(ref.start)
            out.write(source.read(ref.end - ref.start))
            copied.add(ref.key)


def _files(directory: str) -> Iterator[File]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith((segment.ACTIVE, segment.MERGED)) and entry.name[:20].isdigit():
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat()
                    yield File(entry.path, int(entry.name[:20]), found.st_mtime_ns, found.st_size)


def _lock_path(path: str) -> str:
    return path.removesuffix(segment.ACTIVE) + segment.LOCK


def _has_ended(path: str) -> bool:
    """Whether no process writes this segment any more."""
    return path.endswith(segment.MERGED) or locks.is_free(_lock_path(path))


def _remove_leftovers(directory: str) -> None:
    """Merges that were cut off, and the locks of ended processes that never wrote a block."""
    with os.scandir(directory) as entries:
        names = {entry.name for entry in entries}
    for name in names:
        stem = name.removesuffix(segment.LOCK)
        lonely = name[:20].isdigit() and stem != name and stem + segment.ACTIVE not in names
        if name.endswith(segment.PARTIAL) or (lonely and locks.is_free(os.path.join(directory, name))):
            _unlink(os.path.join(directory, name))


def _remove(file: File) -> None:
    _unlink(file.path)
    _unlink(_lock_path(file.path))


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


@contextlib.contextmanager
def _only_one(directory: str) -> Iterator[bool]:
    """Hold the upkeep lock, or find that another process does."""
    descriptor = os.open(
        os.path.join(directory, _UPKEEP_LOCK), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, location.FILE_MODE
    )
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)

"""The checkpoint: totals on disk, so that a counter outlives the segments that it was counted in.

``metrics.checkpoint`` in the store's directory is one zstd frame of JSON with a checksum. Upkeep writes
it before it removes anything; what it holds is what every block that was there then has counted. A
reader begins with it and goes on with newer blocks. Its modification time is the moment before which
everything is in it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from tidegate.errors import FormatError, StoreError
from tidegate.store import locks, segment
from tidegate.store.location import CHECKPOINT, FILE_MODE
from tidegate.store.metrics import feeding
from tidegate.store.metrics.freezing import dump, load
from tidegate.store.metrics.totals import Process, Segment, Totals
from tidegate.store.segment import BlockRef, SegmentScanner

#: A process is folded when it has been found ended for so long (ns), or is one of too many (`feeding.MAX_ENDED`): late
#: records come after an exit hook.
FOLD_AFTER = 30 * 10**9

#: How much a file's time may lag behind the clock (ns): file systems take the time of the last timer tick.
MARGIN = 10**9


@dataclass(frozen=True, slots=True)
class File:
    """A checkpoint as it was read; without content when there was none. ``time`` in ns."""

    path: str = ""
    content: bytes = b""
    stamp: tuple[int, ...] = ()

    @classmethod
    def read(cls, directory: str) -> File:
        path = os.path.join(directory, CHECKPOINT)
        try:
            with open(path, "rb") as file:
                return cls(path, file.read(), _stamp(os.fstat(file.fileno())))
        except (FileNotFoundError, NotADirectoryError):
            return cls(path)
        except PermissionError:
            raise StoreError(
                f"{path!r} cannot be read by user {os.getuid()}; ask as the user whose programs record there."
            ) from None

    @property
    def time(self) -> int:
        return self.stamp[0] if self.stamp else 0

    def is_outdated(self) -> bool:
        """Whether another one has taken its place."""
        try:
            return _stamp(os.stat(self.path)) != self.stamp
        except (FileNotFoundError, NotADirectoryError):
            return bool(self.stamp)


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_mtime_ns, found.st_ino, found.st_size)


# --- writing


class Ended(Protocol):
    """A segment file; ``end`` is the time of its last change in ns."""

    @property
    def path(self) -> str: ...

    @property
    def end(self) -> int: ...


def keep(
    directory: str, files: Callable[[], Iterable[Ended]], max_age_s: float, step: Callable[[], object] = bool
) -> None:
    """Bring the checkpoint up to date with the segments that ``files`` finds; one process at a time may.

    Services without a new point for ``max_age_s`` are dropped. ``step`` is called after each file and block; when it
    raises, what was counted till then is kept, so that another call goes on there. Raises OSError when it cannot be
    written, and `FormatError` when a newer version has written it.
    """
    now = time.time_ns()
    former = File.read(directory)
    totals = load(former.content, former.path)
    since = former.time if totals is not None and former.time <= now else 0
    if totals is None or not former.content:
        from tidegate.store.catalog import steadily

        totals = steadily(lambda: _recovered(directory, former, files, now, step))
    else:
        before = _positions(totals)
        try:
            feeding.settle(totals, _Changed(files, since, step).look, _frame, _alive_in(directory), now, step)
        except Exception:
            if _positions(totals) != before:
                _keep_part(former, totals, since)
            raise
    for process in [process for process in totals.processes.values() if _has_long_ended(process, now)]:
        totals.fold(process)
    totals.trim(now - int(max_age_s * 1e9))
    content = dump(totals)
    if content != former.content:
        _write(former.path, content, now - MARGIN)
    else:
        os.utime(former.path, ns=(now - MARGIN, now - MARGIN))


def _positions(totals: Totals) -> dict[str, object]:
    return {process.id: process.position for process in totals.processes.values()}


def _keep_part(former: File, totals: Totals, since: int) -> None:
    """Keep what was counted before it was cut off. It is as old as before: what is newer is looked at again."""
    _write(former.path, dump(totals), since)


def _recovered(
    directory: str, former: File, files: Callable[[], Iterable[Ended]], now: int, step: Callable[[], object]
) -> Totals:
    """The totals of all that is there, sealed files included."""
    from tidegate.store.catalog import BlockCache, DirectoryCatalog
    from tidegate.store.metrics.recovery import SealedPoints

    catalog = DirectoryCatalog(directory)
    sealed = SealedPoints(BlockCache(catalog))
    changed = _Changed(files, 0, step)
    totals = Totals()

    def frame(ref: BlockRef) -> bytes | None:
        return sealed.frame(ref) if ref in sealed else _frame(ref)

    with contextlib.closing(catalog):
        try:
            feeding.settle(totals, lambda: [*sealed.take(), *changed.look()], frame, _alive_in(directory), now, step)
        except Exception:
            if totals.processes and not sealed:  # which are counted only where there is no checkpoint
                _keep_part(former, totals, 0)
            raise
    return totals


def _has_long_ended(process: Process, now: int) -> bool:
    # one that ended in the future did so before the clock was set back
    return bool(process.ended) and not 0 <= now - process.ended < FOLD_AFTER


def _alive_in(directory: str) -> Callable[[Segment], bool]:
    return lambda segment: not locks.is_free(locks.path_of(directory, *segment[1:]))


def _frame(ref: BlockRef) -> bytes | None:
    try:
        return segment.read_frame(ref)
    except OSError:
        return None


class _Changed:
    """Finds the blocks of the segments that have changed since a time (ns)."""

    def __init__(self, files: Callable[[], Iterable[Ended]], since: int, step: Callable[[], object]) -> None:
        self._files, self._since, self._step = files, since, step
        self._scanners: dict[str, SegmentScanner] = {}

    def look(self) -> list[BlockRef]:
        return [ref for file in self._files() if file.end >= self._since for ref in self._scan(file.path)]

    def _scan(self, path: str) -> list[BlockRef]:
        self._step()
        try:
            return self._scanners.setdefault(path, SegmentScanner(path)).scan()
        except (FormatError, OSError):
            return []


def _write(path: str, content: bytes, moment: int) -> None:
    """Put a file in the place of another, so that there is always one, and whole."""
    fresh = path + segment.PARTIAL
    try:
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, FILE_MODE), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.utime(fresh, ns=(moment, moment))
        os.rename(fresh, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        raise
    _sync_directory(os.path.dirname(path))


def _sync_directory(directory: str) -> None:
    """Make the new name last before segments go."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Retention carried out: what the plan says goes, once its metrics are in the checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence

from tidegate.errors import FormatError
from tidegate.store import classes, deleted, exchange, retention, segment, unsent
from tidegate.store.deleted import Mark
from tidegate.store.retention import ENDED, File, Policy
from tidegate.store.upkeep.covering import cover, covered
from tidegate.store.upkeep.files import SEALED, is_newer
from tidegate.store.upkeep.pace import Pace, Stopped

#: A file, and why it goes: ``age``, ``count``, ``size`` or ``deleted``.
Removal = tuple[File, str]


def plan(
    directory: str,
    files: Sequence[File],
    policy: Policy,
    marks: Sequence[Mark],
    now: int,
    held: Collection[str] = frozenset(),
) -> list[Removal]:
    """What retention removes of these files, and what the user has deleted whole; see `retention.plan`."""
    whole = deleted_whole(files, marks)
    paths = {file.path for file, _ in whole}
    left = _counted([file for file in files if file.path not in paths], policy)
    found = retention.plan(left, policy, now, held)
    if found:  # what is still to be sent goes later, never earlier, so that otherwise nobody has to know
        found = retention.plan(unsent.marked(left, unsent.read(directory)), policy, now, held)
    return [*whole, *found]


def deleted_whole(files: Iterable[File], marks: Sequence[Mark]) -> list[Removal]:
    """The files that nobody writes and of which the user has deleted all records."""
    return [(file, "deleted") for file in files if marks and _is_deleted(file, marks)]


def is_over(files: Iterable[File], policy: Policy) -> bool:
    """Whether all is more than the store may take."""
    return sum(file.size for file in files) > policy.size


def held(files: Sequence[File], policy: Policy) -> set[str]:
    """The paths of ended segments that may have something of a reserved share, where there is too much."""
    if not is_over(files, policy):
        return set()
    return {file.path for file in files if file.kind == ENDED and _may_be_reserved(file.path, policy)}


def _may_be_reserved(path: str, policy: Policy) -> bool:
    try:
        refs = segment.SegmentScanner(path).scan()
    except (FormatError, OSError):
        return False
    return any(policy.share_of(kind) for ref in refs for kind in classes.possible(ref.index))


def retain(
    directory: str, removals: Sequence[Removal], policy: Policy, pace: Pace, *, first: bool = True
) -> list[Removal]:
    """Remove files, but none that a newer version has written; returns those that went.

    Where the checkpoint cannot be written, only what it has goes, or at the ``first`` try, to make room, one file.
    """
    removals = [removal for removal in removals if not is_newer(removal[0].path)]
    ended = [file for file, _ in removals if file.kind == ENDED]
    try:
        is_counted = not ended or _cover(directory, policy, ended, pace)
    except Stopped:
        if not pace.is_last:
            raise
        # a store that grows without bound is worse than an end that takes longer
        is_counted = _cover(directory, policy, ended, Pace())
    if not is_counted:
        known = covered(directory)
        safe = [each for each in removals if each[0].kind != ENDED or each[0].end < known]
        removals = safe or removals[: int(first)]
    lost: list[tuple[File, int]] = []
    try:
        for number, (file, _) in enumerate(removals):
            if file.unsent:
                lost.append((file, unsent.records_of(file)))
            exchange.remove(file.path)
            if number % 64 == 0:
                pace.step()
    finally:
        unsent.add_lost(directory, lost)
    return removals


def _cover(directory: str, policy: Policy, files: Iterable[File], pace: Pace) -> bool:
    try:
        return cover(directory, policy, pace, files)
    except FormatError:  # a newer version looks after it; the store must stay within its bounds all the same
        return True


def _counted(files: list[File], policy: Policy) -> list[File]:
    """The files with their numbers of records where the policy asks for them."""
    if not policy.counts:
        return files
    return [file._replace(records=_count(file.path)) if file.path.endswith(SEALED) else file for file in files]


def _count(path: str) -> int:
    from tidegate.store.sealed.file import SealedFile

    try:
        with contextlib.closing(SealedFile(path)) as file:
            return file.count
    except (FormatError, OSError):
        return 0


def _is_deleted(file: File, marks: Sequence[Mark]) -> bool:
    """Whether all records of a file that nobody writes were deleted."""
    if file.path.endswith(SEALED):
        return _is_sealed_deleted(file.path, marks)
    if file.kind != ENDED or deleted.cut(marks, file.start) == 0:
        return False
    scanner = segment.SegmentScanner(file.path)
    try:
        refs = scanner.scan()
    except (FormatError, OSError):
        return False
    gone = (ref.index.last < deleted.cut(marks, ref.header.created) for ref in refs)
    return bool(refs) and not scanner.damaged and all(gone)


def _is_sealed_deleted(path: str, marks: Sequence[Mark]) -> bool:
    from tidegate.store.sealed.file import SealedFile

    try:
        with contextlib.closing(SealedFile(path)) as file:
            before = min((deleted.cut(marks, source.created) for source in file.sources), default=0)
            return file.last < before
    except (FormatError, OSError):
        return False

"""Pruning: retention when a person asks for it, at once and with an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from tidegate.errors import StoreError
from tidegate.store import deleted, exchange
from tidegate.store.deleted import Mark
from tidegate.store.retention import ENDED, File, Policy
from tidegate.store.upkeep import retaining
from tidegate.store.upkeep.alone import alone
from tidegate.store.upkeep.files import is_newer, listed
from tidegate.store.upkeep.once import NO_ROOM, Report, upkeep
from tidegate.store.upkeep.pace import Pace
from tidegate.store.upkeep.retaining import Removal

#: Longest time in seconds that is waited for a process which keeps the store just now.
WAIT_S = 60.0


def prune(directory: str, policy: Policy, before: int | None = None, *, dry_run: bool = False) -> Report:
    """Seal what has ended, delete what is older than ``before`` (ns), and remove what the policy does not keep.

    With ``dry_run``, nothing changes, and the report says what would go at least: which records of what is not
    sealed yet would go for want of room is known when they are. Raises `StoreError` when another process keeps the
    store all the while, OSError.
    """
    now = time.time_ns()
    mark = None if before is None else Mark(min(before, now), now)
    if dry_run:
        return _foreseen(directory, policy, mark, now)
    removed, problems = ([], []) if mark is None else _delete(directory, policy, mark)
    report = upkeep(directory, policy, wait_s=WAIT_S, eager=True)
    if report is None:
        raise _kept_by_another(directory)
    return Report([*removed, *report.removed], report.left, [*problems, *report.problems])


def _kept_by_another(directory: str) -> StoreError:
    return StoreError(f"another process keeps {directory!r} just now, for more than {WAIT_S:g} s; try again.")


def _delete(directory: str, policy: Policy, mark: Mark) -> tuple[list[Removal], list[str]]:
    """Mark what is deleted. Where there is no room to do so, what goes as a whole goes first, which may make some.

    Returns what went, and what could not be done.
    """
    try:
        deleted.add(directory, *mark)
        return [], []
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
    removed = _remove_whole(directory, policy, mark)
    try:
        deleted.add(directory, *mark)
    except OSError as error:
        return removed, [f"what is older, but in one file with what is not, could not be deleted: {error.strerror}"]
    return removed, []


def _remove_whole(directory: str, policy: Policy, mark: Mark) -> list[Removal]:
    removed: list[Removal] = []
    with alone(directory, WAIT_S) as is_alone:
        if not is_alone:
            raise _kept_by_another(directory)
        exchange.finish(directory)
        pace = Pace()
        while found := retaining.deleted_whole(listed(directory), [mark]):
            gone = retaining.retain(directory, found, policy, pace)
            if not gone:
                break
            removed += gone
    return removed


def _foreseen(directory: str, policy: Policy, mark: Mark | None, now: int) -> Report:
    marks = deleted.read(directory)
    if mark is not None:
        marks = deleted.compact((*marks, mark))
    files = listed(directory)
    # what is not sealed becomes smaller then, and nothing of it goes before
    sealed = [file for file in files if file.kind != ENDED]
    removed = [
        *_planned(directory, files, policy, marks, now, False),
        *_planned(directory, sealed, policy, marks, now, True),
    ]
    gone = {file.path for file, _ in removed}
    return Report(removed, [file for file in files if file.path not in gone])


def _planned(
    directory: str, files: list[File], policy: Policy, marks: Sequence[Mark], now: int, for_room: bool
) -> Iterator[Removal]:
    for file, reason in retaining.plan(directory, files, policy, marks, now):
        if (reason == "size") == for_room and not is_newer(file.path):
            yield file, reason

"""Pruning: retention when a person asks for it, at once and with an answer."""

from __future__ import annotations

import time

from tidegate.errors import StoreError
from tidegate.store import deleted
from tidegate.store.deleted import Mark
from tidegate.store.retention import Policy
from tidegate.store.upkeep import retaining
from tidegate.store.upkeep.files import is_newer, listed
from tidegate.store.upkeep.once import Report, upkeep

#: Longest time in seconds that is waited for a process which keeps the store just now.
WAIT_S = 60.0


def prune(directory: str, policy: Policy, before: int | None = None, *, dry_run: bool = False) -> Report:
    """Seal what has ended, delete what is older than ``before`` (ns), and remove what the policy does not keep.

    With ``dry_run``, nothing changes, and the report says which files would go as they are now: what is not sealed
    yet is not told apart by class. Raises `StoreError` when another process keeps the store all the while, OSError.
    """
    now = time.time_ns()
    if dry_run:
        return _foreseen(directory, policy, before, now)
    if before is not None:
        deleted.add(directory, before, now)
    report = upkeep(directory, policy, wait_s=WAIT_S, eager=True)
    if report is None:
        raise StoreError(f"another process keeps {directory!r} just now, for more than {WAIT_S:g} s; try again.")
    return report


def _foreseen(directory: str, policy: Policy, before: int | None, now: int) -> Report:
    marks = deleted.read(directory)
    if before is not None:
        marks = deleted.compact((*marks, Mark(min(before, now), now)))
    files = listed(directory)
    removed = [each for each in retaining.plan(files, policy, marks, now) if not is_newer(each[0].path)]
    gone = {file.path for file, _ in removed}
    return Report(removed, [file for file in files if file.path not in gone])

"""One pass over a store: finish what was cut off, make room, seal, merge, make room again."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tidegate.store import deleted, exchange
from tidegate.store.deleted import Mark
from tidegate.store.retention import File, Policy
from tidegate.store.upkeep import covering, planning, retaining
from tidegate.store.upkeep.alone import alone
from tidegate.store.upkeep.files import SEALED, SET_ASIDE, is_newer, listed, of_segments, remove_leftovers
from tidegate.store.upkeep.pace import LAST_MERGED, Pace, Stopped
from tidegate.store.upkeep.retaining import Removal

_logger = logging.getLogger("tidegate")

#: Times that merging is planned anew in one pass: an hour's files first, then a day's.
ROUNDS = 4


class Report(NamedTuple):
    """What a pass did. ``removed`` are files and why they went, ``left`` all that are there now."""

    removed: list[Removal]
    left: list[File]


def upkeep(
    directory: str, policy: Policy, pace: Pace | None = None, *, wait_s: float = 0.0, eager: bool = False
) -> Report | None:
    """One pass over the store; None when another process keeps it, for ``wait_s`` seconds, or `Pace` ended it.

    An ``eager`` one seals what has ended though it is little.
    Raises OSError when the directory cannot be read or written, `StoreError` for what cannot be understood.
    """
    try:
        with alone(directory, wait_s) as held:
            return _Pass(directory, policy, pace or Pace(), eager).run() if held else None
    except Stopped:
        return None


class _Pass:
    def __init__(self, directory: str, policy: Policy, pace: Pace, eager: bool) -> None:
        self._directory, self._policy, self._pace, self._eager = directory, policy, pace, eager
        self._marks: Sequence[Mark] = ()
        self._removed: list[Removal] = []

    def run(self) -> Report:
        exchange.finish(self._directory)
        remove_leftovers(self._directory)
        self._marks = deleted.read(self._directory)
        files = listed(self._directory)
        if covering.is_due(self._directory, of_segments(files)):
            self._try(lambda: covering.cover(self._directory, self._policy))
        files = self._retain(files)
        if self._seal(files) or self._merge(files):
            self._merge(listed(self._directory))
            files = self._retain(listed(self._directory))
        self._forget_marks(files)
        return Report(self._removed, files)

    def _retain(self, files: list[File]) -> list[File]:
        """The files that are left. On a full disk the first that goes makes room for what the others need."""
        while removals := retaining.plan(files, self._policy, self._marks, time.time_ns()):
            first = not self._removed
            gone = retaining.retain(self._directory, removals, self._policy, self._pace, first=first)
            self._removed += gone
            paths = {file.path for file, _ in gone}
            files = [file for file in files if file.path not in paths]
            if not gone:
                break
        return files

    def _seal(self, files: list[File]) -> bool:
        """Whether anything was sealed."""
        todo = planning.batches(files, time.time_ns(), self._pace.files, self._pace.size, eager=self._eager)
        return sum(self._seal_batch(batch, files) for batch in self._pace.chosen(todo)) > 0

    def _seal_batch(self, batch: list[File], files: list[File]) -> bool:
        from tidegate.store.upkeep.sealing import BROKEN, seal

        def do(some: list[File]) -> bool:
            return seal(self._directory, some, files, self._policy, self._marks, self._pace)

        try:
            return do(batch)
        except BROKEN:
            # one file is not what anybody writes: the others are sealed without it
            return sum(self._seal_alone(file, do) for file in batch) > 0
        except Stopped:
            raise
        except Exception as error:  # no room on the disk, above all
            _logger.debug("segments could not be sealed: %s", error)
            return False

    def _seal_alone(self, file: File, do: Callable[[list[File]], bool]) -> bool:
        from tidegate.store.upkeep.sealing import BROKEN

        try:
            return bool(self._try(lambda: do([file]), BROKEN))
        except BROKEN as error:
            if is_newer(file.path):
                return False
            _logger.debug("%s cannot be sealed, and is set aside: %s", file.path, error)
            self._try(lambda: os.rename(file.path, file.path + SET_ASIDE))
            return True

    def _merge(self, files: Sequence[File]) -> bool:
        """Whether anything was merged."""
        merged = False
        for _ in range(ROUNDS):
            sealed = [file for file in files if file.path.endswith(SEALED)]
            if not self._merge_round(sealed):
                break
            merged, files = True, listed(self._directory)
        return merged

    def _merge_round(self, sealed: list[File]) -> bool:
        groups = planning.merges(sealed, time.time_ns())
        grouped = {file.path for group in groups for file in group}
        if self._marks:
            groups += [[file] for file in sealed if file.path not in grouped]
        return sum(map(self._merge_group, self._pace.chosen(groups, LAST_MERGED))) > 0

    def _merge_group(self, group: list[File]) -> bool:
        from tidegate.store.upkeep.merging import merge

        return bool(self._try(lambda: merge(self._directory, group, self._marks, self._pace)))

    def _forget_marks(self, files: Sequence[File]) -> None:
        """Marks are done when no file may have anything left that they hide."""
        if self._marks:
            from tidegate.store.upkeep.merging import may_hide

            hiding = {mark for mark in self._marks if any(may_hide(file, mark) for file in files)}
            deleted.drop(self._directory, set(self._marks) - hiding)

    def _try(self, do: Callable[[], object], raised: tuple[type[Exception], ...] = ()) -> object:
        """What cannot be done now, the next pass may do."""
        try:
            return do()
        except Exception as error:
            if isinstance(error, (Stopped, *raised)):
                raise
            _logger.debug("upkeep of %s: %s", self._directory, error)
            return None

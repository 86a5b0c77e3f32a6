"""One pass over a store: finish what was cut off, make room, seal, merge, make room again."""

from __future__ import annotations

import errno
import functools
import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tidegate.errors import FormatError, StoreError
from tidegate.store import deleted, exchange
from tidegate.store.deleted import Mark
from tidegate.store.retention import File, Policy
from tidegate.store.upkeep import covering, planning, retaining
from tidegate.store.upkeep.alone import alone
from tidegate.store.upkeep.files import SEALED, SET_ASIDE, is_newer, listed, of_segments, remove_leftovers
from tidegate.store.upkeep.pace import LAST_CHECKPOINT, LAST_MERGED, Pace, Stopped
from tidegate.store.upkeep.retaining import Removal

_logger = logging.getLogger("tidegate")

#: Times that merging is planned anew in one pass: an hour's files first, then a day's.
ROUNDS = 4


#: Times its size at which a store loses what nobody has reserved before that is sealed, unless somebody waits for it.
CROWDED = 2

#: What a full disk raises.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

#: Problems that a process remembers to have told, so that each is told once.
TOLD = 16


class Report(NamedTuple):
    """What a pass did. ``removed`` are files and why they went, ``left`` all that are there now, ``problems`` what
    could not be done."""

    removed: list[Removal]
    left: list[File]
    problems: Sequence[str] = ()


def upkeep(
    directory: str, policy: Policy, pace: Pace | None = None, *, wait_s: float = 0.0, eager: bool = False
) -> Report | None:
    """One pass over the store; None when another process keeps it, for ``wait_s`` seconds, or `Pace` ended it.

    An ``eager`` one seals what has ended though it is little.
    Where an exchange or what was deleted is damaged, files still go, but none is written anew. Raises OSError when the
    directory cannot be read or written, `FormatError` for what a newer version has written there.
    """
    try:
        with alone(directory, wait_s) as held:
            return _Pass(directory, policy, pace or Pace(), eager).run() if held else None
    except Stopped:
        return None


@functools.lru_cache(maxsize=TOLD)
def _tell(problem: str) -> None:
    _logger.warning("the store is not kept in order, files only go by age and size: %s", problem)


class _Pass:
    def __init__(self, directory: str, policy: Policy, pace: Pace, eager: bool) -> None:
        self._directory, self._policy, self._pace, self._eager = directory, policy, pace, eager
        self._marks: Sequence[Mark] = ()
        self._removed: list[Removal] = []
        self._problems: list[str] = []
        self._is_full = False
        #: Whether no file may take the place of others.
        self._is_blocked = False

    def run(self) -> Report:
        self._or_block(lambda: exchange.finish(self._directory))
        if not self._is_blocked:
            remove_leftovers(self._directory)
        self._or_block(self._read_marks)
        files = self._listed()
        if not self._pace.only_retains and covering.is_due(self._directory, of_segments(files)):
            self._try(self._cover)
        if retaining.is_over(files, self._policy):
            self._pace.hurry()
        files = self._retain(files, for_room=self._is_crowded(files))
        files = self._retain(self._regrouped(files), for_room=True)
        if self._is_full and retaining.is_over(files, self._policy):
            files = self._make_room(files)
        if not self._is_blocked:
            self._forget_marks(files)
        return Report(self._removed, files, self._problems)

    def _or_block(self, do: Callable[[], object]) -> None:
        """Do it, or else write no file anew in this pass: it could bring back what was deleted, or double it."""
        try:
            do()
        except FormatError:
            raise
        except (OSError, StoreError) as error:
            self._is_blocked = True
            self._problems.append(str(error))
            _tell(str(error))

    def _read_marks(self) -> None:
        self._marks = deleted.read(self._directory)

    def _listed(self) -> list[File]:
        """All files but those of an exchange that is decided and not carried out."""
        names = exchange.involved(self._directory) if self._is_blocked else ()
        return [file for file in listed(self._directory) if os.path.basename(file.path) not in names]

    def _cover(self) -> None:
        """At the end of a process a checkpoint that takes long is left to the next one, and sealing waits for it."""
        if self._pace.is_last and covering.size(self._directory) > LAST_CHECKPOINT:
            self._pace.only_retains = True
            return
        try:
            covering.cover(self._directory, self._policy, self._pace)
        except Stopped:
            if not self._pace.is_last:
                raise
            self._pace.only_retains = True

    def _is_crowded(self, files: list[File]) -> bool:
        """Whether what nobody has reserved goes at once if there is too much, sealed or not."""
        total = sum(file.size for file in files)
        return self._pace.is_last or (not self._eager and total > CROWDED * self._policy.size)

    def _regrouped(self, files: list[File]) -> list[File]:
        """Seal and merge; returns the files that there are then."""
        if self._seal(files) or self._merge(files):
            self._merge(listed(self._directory))
        return self._listed()

    def _make_room(self, files: list[File]) -> list[File]:
        """Where sealing has found no room: perhaps what went since has made some, else what is not sealed goes too."""
        self._is_full, former = False, self._problems
        self._problems = []
        files = self._retain(self._regrouped(files), for_room=True)
        if self._is_full:
            files = self._retain(files, for_room=True, whatever=True)
        self._problems = self._problems or (former if self._is_full else [])
        return files

    def _retain(self, files: list[File], *, for_room: bool, whatever: bool = False) -> list[File]:
        """The files that are left. On a full disk the first that goes makes room for what the others need.

        Only ``for_room`` anything goes since there is too much; and what is not sealed, but may have something
        that is reserved, only with ``whatever``.
        """
        held = set() if whatever or not for_room else retaining.held(files, self._policy)
        while removals := self._removals(files, held, for_room=for_room):
            first = not self._removed
            gone = retaining.retain(self._directory, removals, self._policy, self._pace, first=first)
            self._removed += gone
            paths = {file.path for file, _ in gone}
            files = [file for file in files if file.path not in paths]
            if not gone:
                break
        return files

    def _removals(self, files: list[File], held: set[str], *, for_room: bool) -> list[Removal]:
        found = retaining.plan(self._directory, files, self._policy, self._marks, time.time_ns(), held)
        return [(file, reason) for file, reason in found if for_room or reason != "size"]

    def _seal(self, files: list[File]) -> bool:
        """Whether anything was sealed. What is too much is sealed though it is little, or nothing of it could go."""
        eager = self._eager or retaining.is_over(files, self._policy)
        size = min(self._pace.size, planning.most_bytes(self._policy.size))
        todo = planning.batches(files, time.time_ns(), self._pace.files, size, eager=eager)
        chosen = self._pace.chosen(todo)
        return sum(self._seal_batch(batch, files) for batch in chosen if not self._pace.is_long) > 0

    def _seal_batch(self, batch: list[File], files: list[File]) -> bool:
        from tidegate.store.upkeep.sealing import seal

        if self._is_blocked:
            return False
        try:
            is_done = seal(self._directory, batch, files, self._policy, self._marks, self._pace)
            if not is_done and any(os.path.exists(file.path) and not is_newer(file.path) for file in batch):
                self._is_full = True
                self._failed("what has ended could not be sealed", StoreError("totals of metrics cannot be written"))
            return is_done
        except Stopped:
            raise
        except Exception as error:
            return self._seal_apart(batch, files, error)

    def _seal_apart(self, batch: list[File], files: list[File], error: Exception) -> bool:
        """One file may be damaged, or the disk under it: the others are sealed without it."""
        from tidegate.store.upkeep.sealing import is_damaged

        is_full = isinstance(error, OSError) and error.errno in NO_ROOM
        if len(batch) > 1 and not is_full and not exchange.is_decided(self._directory):
            return sum(self._seal_batch([file], files) for file in batch) > 0
        if not isinstance(error, OSError) and self._try(lambda: is_damaged(batch[0].path)):
            _logger.debug("%s cannot be sealed, and is set aside: %s", batch[0].path, error)
            self._try(lambda: os.rename(batch[0].path, batch[0].path + SET_ASIDE))
            return True
        self._failed("what has ended could not be sealed", error)
        return False

    def _failed(self, what: str, error: Exception) -> None:
        """Remember what could not be done, and leave nothing of it behind."""
        self._is_full = self._is_full or (isinstance(error, OSError) and error.errno in NO_ROOM)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        message = f"{what}: {reason}"
        if message not in self._problems:
            self._problems.append(message)
        _logger.debug("upkeep of %s: %s", self._directory, message)
        self._try(lambda: exchange.finish(self._directory))
        self._is_blocked = self._is_blocked or exchange.is_decided(self._directory)
        if not self._is_blocked:
            self._try(lambda: remove_leftovers(self._directory))

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
        groups = planning.merges(sealed, time.time_ns(), planning.most_bytes(self._policy.size))
        grouped = {file.path for group in groups for file in group}
        if self._marks:
            groups += [[file] for file in sealed if file.path not in grouped]
        return sum(map(self._merge_group, self._pace.chosen(groups, LAST_MERGED))) > 0

    def _merge_group(self, group: list[File]) -> bool:
        from tidegate.store.upkeep.merging import merge

        if self._is_blocked:
            return False
        try:
            return merge(self._directory, group, self._marks, self._pace)
        except Stopped:
            raise
        except Exception as error:
            self._failed("sealed files could not be merged", error)
            return False

    def _forget_marks(self, files: Sequence[File]) -> None:
        """Marks are done when no file may have anything left that they hide."""
        if self._marks:
            from tidegate.store.upkeep.merging import may_hide

            hiding = {mark for mark in self._marks if any(may_hide(file, mark) for file in files)}
            deleted.drop(self._directory, set(self._marks) - hiding)

    def _try(self, do: Callable[[], object]) -> object:
        """What cannot be done now, the next pass may do."""
        try:
            return do()
        except Exception as error:
            if isinstance(error, Stopped):
                raise
            _logger.debug("upkeep of %s: %s", self._directory, error)
            return None

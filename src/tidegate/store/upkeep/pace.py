"""How fast upkeep may go, and when it is to stop: it is a guest in a process that has other work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.store.retention import File

#: Share of one core that upkeep takes in a process that records.
SHARE = 0.1

#: The same while the store is larger than it may be.
HURRIED_SHARE = 0.5

#: Time in seconds after which it seals no more, to look first at what has come meanwhile.
LONG_S = 30.0

#: CPU time in seconds after which it rests.
SLICE_S = 0.01

#: Segments and bytes that are sealed in one go.
MOST_FILES, MOST_BYTES = 4096, 64 << 20

#: The same at the end of a process, and the longest time in seconds that it then takes.
LAST_FILES, LAST_BYTES, LAST_S = 96, 256 << 10, 0.2

#: Bytes of sealed files, of which most are copied as they are, that are merged at the end of a process.
LAST_MERGED = 4 << 20

#: Bytes of a checkpoint, of some thousand series, that is read and written at the end of a process.
LAST_CHECKPOINT = 128 << 10


class Stopped(Exception):
    """Upkeep is not wanted any more for now; what it has begun is undone."""


class Pace:
    """Rests between small steps, and ends upkeep by `Stopped` when its time is over.

    ``share`` of one core is taken; ``rest(seconds)`` sleeps and says whether to go on; after ``seconds`` it is
    over. ``files`` and ``size`` bound what is sealed in one go; `last` is for the end of a process.
    """

    def __init__(
        self,
        share: float = 1.0,
        rest: Callable[[float], bool] | None = None,
        *,
        seconds: float = float("inf"),
        files: int = MOST_FILES,
        size: int = MOST_BYTES,
    ) -> None:
        self.files, self.size = files, size
        self.is_last, self.only_retains = False, False
        self._share, self._rest = share, rest
        self._begun = time.monotonic()
        self._end = self._begun + seconds
        self._half = self._begun + seconds / 2
        self._since = time.thread_time()

    @classmethod
    def last(cls, *, only_retains: bool = False) -> Pace:
        """For the end of a process, which must not wait for it: little, and what cannot be done in time not at all.

        One that ``only_retains`` removes what is over, and seals and merges nothing.
        """
        pace = cls(seconds=LAST_S, files=LAST_FILES, size=LAST_BYTES)
        pace.is_last, pace.only_retains = True, only_retains
        return pace

    def hurry(self) -> None:
        """Take more of the core: the store is larger than it may be."""
        self._share = max(self._share, HURRIED_SHARE)

    @property
    def is_long(self) -> bool:
        """Whether it has taken so long, beside other work, that there is more to look at."""
        return self._rest is not None and time.monotonic() - self._begun > LONG_S

    def chosen(self, groups: Sequence[list[File]], most: int = LAST_BYTES) -> Sequence[list[File]]:
        """Which of these groups of files are worked on: all, but at the end of a process the first that is small."""
        if self.only_retains:
            return []
        if not self.is_last:
            return groups
        return [group for group in groups if sum(file.size for file in group) <= most][:1]

    def step_first(self) -> None:
        """The same as `step`, for what leaves half of the time to the rest."""
        if time.monotonic() > self._half:
            raise Stopped
        self.step()

    def step(self, *, is_nearly_done: bool = False) -> None:
        """Called between steps of some milliseconds. What is nearly done is brought to its end whatever the time."""
        if time.monotonic() > self._end and not is_nearly_done:
            raise Stopped
        busy = time.thread_time() - self._since
        if self._rest is None or busy < SLICE_S:
            return
        if not self._rest(busy * (1 / self._share - 1)):
            raise Stopped
        self._since = time.thread_time()

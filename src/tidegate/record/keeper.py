"""The upkeep of the store: in a thread of its own while a process runs, and a little of it at the end."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

from tidegate.record.workers import Worker
from tidegate.store.upkeep.pace import MOST_BYTES, SHARE, Pace

_logger = logging.getLogger("tidegate")

#: Time in seconds between two runs.
INTERVAL_S = 600.0

#: Time in seconds before the first one; a process that ends earlier does it at its end.
FIRST_S = 30.0

#: Share of the store's size that this process writes before the next run comes sooner than that, and the least time in
#: seconds that is between two.
GROWN, SOONEST_S = 1 / 8, 2.0

#: Time in seconds after which what a fork has cut off is begun again, in smaller parts and less leisurely.
AGAIN_S = 1.0

#: The least that is sealed in one go, in bytes, and the greatest share of a core, in a process that forks all the time.
LEAST_BYTES, GREATEST_SHARE = 1 << 20, 0.8


class Keeper:
    """Calls ``upkeep`` now and then. A failure is left to the next run: recording goes on.

    ``written`` says how much this process has written, in sizes of the store: 0.5 is half of what that may take.
    """

    def __init__(self, upkeep: Callable[[Pace], object], written: Callable[[], float] = float) -> None:
        self._upkeep, self._written = upkeep, written
        self._worker = Worker("tidegate-upkeep", self._run, forked=self._start_afresh)
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._ran = time.monotonic()
        self._next = self._ran + FIRST_S
        self._seen = self._written()
        self._has_run = False
        self._cut_off = 0

    def renew(self) -> None:
        """Begin anew in the child of a fork that ran no hooks."""
        self._worker.renew()
        self._start_afresh()

    def look(self) -> None:
        """Start the thread when it is time for the first run; from then on it looks for itself, unless the store
        grows fast."""
        if self._written() - self._seen >= GROWN and self._next > self._ran + SOONEST_S:
            self._next = self._ran + SOONEST_S
            self._worker.start()
            self._worker.wake()
        elif time.monotonic() >= self._next:
            self._worker.start()

    def finish(self, timeout: float, *, recorded: bool) -> None:
        """At the end of a process: somebody has to tidy up after thousands of short scripts."""
        self._worker.stop(timeout)
        # CPython ends by SIGINT after one, unless code from text is run on the way, as dataclasses do when imported
        interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
        if recorded and not interrupted:
            # what was written since the last run may be more than the store may take
            self._try(Pace.last(only_retains=self._has_run))
            self._has_run = True

    def _run(self, worker: Worker) -> None:
        while worker.wait(max(0.0, self._next - time.monotonic())):
            if time.monotonic() >= self._next:
                self._keep(worker)

    def _keep(self, worker: Worker) -> None:
        faster, self._seen = 2**self._cut_off, self._written()
        share, size = min(SHARE * faster, GREATEST_SHARE), max(MOST_BYTES // faster**2, LEAST_BYTES)
        self._try(Pace(share, worker.wait, size=size))
        is_whole = worker.going()
        self._has_run = self._has_run or is_whole
        self._cut_off = 0 if is_whole else min(self._cut_off + 1, 3)
        self._ran = time.monotonic()
        self._next = self._ran + (INTERVAL_S if is_whole else AGAIN_S)

    def _try(self, pace: Pace) -> None:
        try:
            self._upkeep(pace)
        except Exception as error:
            _logger.debug("upkeep of the store failed: %s", error)

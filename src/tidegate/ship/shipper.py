"""The shipper of a process: a thread that leads the route when nobody else does, and what it does at the end.

While another process leads, it looks once a second whether that still holds. A fork's child has a shipper of its own
and never leads by inheritance.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from contextlib import suppress
from typing import NamedTuple

from tidegate import otel
from tidegate.errors import TidegateError
from tidegate.record.recorder import Ticket
from tidegate.record.workers import Worker
from tidegate.ship.election import Superseded
from tidegate.ship.lead import AGAIN_S, Lead, sleep
from tidegate.ship.pace import Share
from tidegate.ship.places import Workplace

_logger = logging.getLogger("tidegate")

#: Seconds between two looks whether the lead can be had.
LOOK_S = 1.0

#: The same at the end of a process, while the leader ends too.
LAST_LOOK_S = 0.02

#: Seconds that requests under way have when the lead goes to a process that sends and does nothing else.
HANDOVER_S = 10.0

#: Seconds after its end in which a process that does not end after all leaves the lead to others.
ENDED_S = 5.0

#: Seconds beyond those that it was given, after which who waits for this thread's last work gives up.
_SLACK_S = 0.25


class _Wish(NamedTuple):
    """Somebody waits for what is to be sent, until a time of the monotonic clock."""

    until: float
    #: When it began, in seconds since the epoch: what was committed before is meant.
    since: float
    is_end: bool
    ticket: Ticket
    done: list[bool]


class Shipper:
    """Judges and sends at ``place``, in threads that take their ``share`` of a core together.

    Nothing is begun before the first commit (`committed`), so that a process which records nothing has no thread.
    """

    def __init__(self, place: Workplace, share: Share) -> None:
        self._place, self._share = place, share
        self._worker = Worker("tidegate-shipper", self._run, forked=self._start_afresh)
        self.lead: Lead | None = None
        self._start_afresh()

    def _start_afresh(self) -> None:
        lead, self.lead = self.lead, None
        if lead is not None:
            lead.abandon()
        self._place.after_fork()
        self._pid = os.getpid()
        self._working = threading.Lock()
        self._wishes: deque[_Wish] = deque()
        self._is_needed = False
        self._lead_from = 0.0
        self._is_told = False
        #: What went wrong last; empty while all is well.
        self.problem = ""

    def committed(self) -> None:
        """Something was committed in this process.

        It waits for the next look: to wake a thread for each commit costs the whole process more than what it does.
        """
        if not self._is_needed:
            self._is_needed = True
            self._worker.start()

    def finish(self, grace: float) -> None:
        """See to it that what this process committed is sent as it ends, by whoever it is, within ``grace`` seconds.

        While another process leads, and goes on, that one will. May be called again, should the process go on.
        """
        if self._is_needed:
            self._wish(grace, is_end=True)

    def flush(self, timeout: float) -> bool:
        """Judge and send what was committed; False if something is left, or if that took too long (seconds)."""
        return self._wish(timeout, is_end=False) if self._is_needed else True

    def close(self) -> None:
        """End the thread, after `finish`."""
        self._worker.stop(_SLACK_S)

    def _wish(self, seconds: float, is_end: bool) -> bool:
        if self._pid != os.getpid():  # a fork that ran no hooks of Python's
            self._worker.renew()
            self._start_afresh()
            self._is_needed = True
        wish = _Wish(time.monotonic() + seconds, time.time(), is_end, Ticket(), [])
        if self._worker.running:
            self._wishes.append(wish)
            self._worker.wake()
            return wish.ticket.wait(seconds + _SLACK_S) and wish.done == [True]
        if not self._working.acquire(timeout=max(seconds, 0)):
            return False
        try:
            with otel.suppressed():
                return self._fulfil(wish)
        finally:
            self._working.release()

    # --- in the thread

    def _run(self, worker: Worker) -> None:
        with otel.suppressed():
            while worker.going():
                begun = time.thread_time()
                with self._working:
                    wait = self._turn() if worker.going() and not self._wishes else 0.0
                    while self._wishes:
                        wish = self._wishes.popleft()
                        wish.done.append(self._fulfil(wish))
                        wish.ticket.done()
                rest = self._share.rest(time.thread_time() - begun, time.monotonic())
                alive = self.lead.beat if self.lead is not None else None
                sleep(worker, wait, rest, lambda: bool(self._wishes), alive)

    def _turn(self) -> float:
        """One round; the seconds until the next one."""
        try:
            if self.lead is None and time.monotonic() >= self._lead_from:
                self._try_lead()
            if self.lead is None:
                self.problem = ""
                return LOOK_S
            if not self.lead.beat():
                self._step_down(HANDOVER_S)
                return LOOK_S
            wait = self.lead.look(time.monotonic())
            if self.lead.problem:
                self._tell(self.lead.problem)
            self.problem = ""
            return wait
        except Superseded:
            self._step_down(0.0)
            return LOOK_S
        except (OSError, TidegateError) as error:
            self._note(str(error))
        except Exception as error:  # whatever it is, it is neither the application's nor its business
            self._note(f"{type(error).__name__}: {error}")
        return AGAIN_S

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            _logger.debug("deciding what to send failed: %s", problem)
        elif problem:  # it is not over at once, as what comes with a change of leader is
            self._tell(problem)
        self.problem = problem

    def _tell(self, problem: str) -> None:
        """Warn, once in the life of a process."""
        if not self._is_told:
            self._is_told = True
            _logger.warning("what to send cannot be decided, so that nothing is sent until this is mended: %s", problem)

    def _try_lead(self) -> None:
        self.lead = self._place.try_lead()
        if self.lead is not None:
            self.lead.begin()

    def _step_down(self, wait: float) -> None:
        lead, self.lead = self.lead, None
        if lead is not None:
            lead.close(wait)

    def _fulfil(self, wish: _Wish) -> bool:
        """Never raises."""
        if wish.is_end:
            self._lead_from = time.monotonic() + ENDED_S
        try:
            if not self._has_lead(wish):
                return False
            return self._settle(self.lead, wish) if self.lead is not None else True
        except Superseded:
            self._step_down(0.0)
        except (OSError, TidegateError) as error:
            self._note(str(error))
        except Exception as error:
            self._note(f"{type(error).__name__}: {error}")
        return False

    def _has_lead(self, wish: _Wish) -> bool:
        """Take the lead, unless somebody has it who goes on; False when the one who has it does not end in time."""
        while self.lead is None:
            self.lead = self._place.try_lead()
            if self.lead is not None:
                if wish.is_end:
                    self.lead.late = self._place.late()
                break
            if not self._place.is_left(wish.since):
                return True
            if time.monotonic() >= wish.until:
                return False
            time.sleep(LAST_LOOK_S)
        return True

    def _settle(self, lead: Lead, wish: _Wish) -> bool:
        if wish.is_end:
            # said before the last look: who commits later sees it, and waits to lead next
            with suppress(OSError):
                self._place.leave()
        is_alone = self._place.is_alone()
        try:
            if wish.is_end and not is_alone:
                lead.judge_rest(wish.until)
                return True
            return lead.settle(wish.until, last=is_alone, patient=not wish.is_end)
        finally:
            if wish.is_end:
                self._step_down(wish.until - time.monotonic())
                with suppress(OSError):
                    if lead.late:
                        self._place.tell_late(lead.late)

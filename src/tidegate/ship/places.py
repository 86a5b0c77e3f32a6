"""Where a shipper works: over a store on disk, whose lead one process of all has, or over this process's own rings."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Protocol

from tidegate.errors import TidegateError
from tidegate.ship import files
from tidegate.ship.lead import Lead
from tidegate.ship.memory import Alone, MemoryCursors, MemoryLog
from tidegate.store import locks
from tidegate.store.location import MEMORY

if TYPE_CHECKING:
    from tidegate.gate.page import ControlPage
    from tidegate.ship.election import Election
    from tidegate.ship.pace import Share
    from tidegate.ship.plan import Plan

_logger = logging.getLogger("tidegate")

#: Seconds for which a process that had the lead and could do nothing with it leaves it to others.
AGAIN_S = 30.0

#: Seconds after which a leader that said that it leaves is not believed any more: it was killed on the way.
LEAVING_S = 5.0


class Workplace(Protocol):
    """What `Shipper` asks."""

    def try_lead(self) -> Lead | None:
        """The lead, if nobody else has it. Raises OSError, `StoreError`."""

    def leave(self) -> None:
        """Say that the leader is about to end, and looks at the store for the last time."""

    def is_left(self, since: float) -> bool:
        """Whether the leader is about to end, and may not see what was committed until ``since`` (seconds since the
        epoch), so that somebody else has to see to that."""

    def tell_late(self, late: Iterable[str]) -> None:
        """Say which destinations took all the time that there was at this end."""

    def late(self) -> frozenset[str]:
        """Those of the leader that ended just now: the next one does not wait for them again."""

    def is_alone(self) -> bool:
        """Whether no other process of the route lives that could lead next."""

    def after_fork(self) -> None:
        """Begin anew in a child."""


class OnDisk:
    """The route in the store at ``store``; ``standalone`` for a process that does nothing else, and goes first."""

    def __init__(self, plan: Plan, store: str, share: Share, *, standalone: bool = False) -> None:
        self._plan, self._store, self._share, self._is_standalone = plan, store, share, standalone
        self._election: Election | None = None
        self._directory = os.path.join(store, "routes", plan.route.id)
        self._failed: float | None = None

    def try_lead(self) -> Lead | None:
        from tidegate.ship.election import Election, Superseded

        if self._failed is not None and time.monotonic() - self._failed < AGAIN_S:
            return None
        if self._election is None or not os.path.isdir(self._directory):  # the store may be deleted, and made anew
            self._plan.route.directory(self._store)
            self._election = Election(self._directory, standalone=self._is_standalone)
        leadership = self._election.try_lead()
        if leadership is None:
            return None
        try:
            with ExitStack() as opened:
                lead = self._lead(leadership, opened)
                opened.pop_all()
                return lead
        except BaseException as error:
            self._failed = None if isinstance(error, Superseded) else time.monotonic()
            leadership.release()
            raise

    def _lead(self, leadership: Any, opened: ExitStack) -> Lead:
        """The lead, with what is closed again if there is none in the end."""
        from tidegate import store
        from tidegate.ship.cursors import Cursors
        from tidegate.ship.ledger import LedgerWriter
        from tidegate.ship.refused import Refused
        from tidegate.ship.state import Telling
        from tidegate.ship.verdicts import VerdictLog

        files.unlink(self._leaving)
        reader = opened.enter_context(closing(store.open(self._store)))
        if (page := self._page()) is not None:
            opened.callback(page.close)
        log = opened.enter_context(closing(VerdictLog(self._directory, leadership)))
        cursors = opened.enter_context(closing(Cursors(self._directory, leadership, log)))
        refused = os.path.join(self._directory, "refused")
        return Lead(
            self._plan,
            reader,
            log,
            cursors,
            leadership,
            self._share,
            telling=Telling(self._directory, leadership),
            page=page,
            refused=lambda name: Refused(refused, name),
            points=self._plan.points(),
            ledger=LedgerWriter(self._directory, leadership),
        )

    def _page(self) -> ControlPage | None:
        """None where there is no room for it, or a newer version's: then each process keeps to the whole budget."""
        from tidegate.gate.page import NAME, ControlPage

        try:
            return ControlPage(os.path.join(self._directory, NAME))
        except (OSError, TidegateError) as error:
            _logger.debug("the budget is not shared by the processes of the route: %s", error)
            return None

    @property
    def _leaving(self) -> str:
        return os.path.join(self._directory, "election", "leaving")

    @property
    def _late(self) -> str:
        return os.path.join(self._directory, "election", "late")

    def leave(self) -> None:
        files.write(self._leaving, {})

    def is_left(self, since: float) -> bool:
        """A mark that was made later says that the last look came later, too."""
        marked = _made(self._leaving)
        return time.time() - marked < LEAVING_S and marked <= since

    def tell_late(self, late: Iterable[str]) -> None:
        files.write(self._late, {"destinations": sorted(late)})

    def late(self) -> frozenset[str]:
        is_fresh = time.time() - _made(self._late) < LEAVING_S
        return frozenset(files.read(self._late).get("destinations", ())) if is_fresh else frozenset()

    def is_alone(self) -> bool:
        return not locks.others(self._store, self._plan.route.id)

    def after_fork(self) -> None:
        self._election = self._failed = None


class InMemory:
    """The records of this process alone, as far as they are in memory."""

    def __init__(self, plan: Plan, share: Share) -> None:
        self._plan, self._share = plan, share
        self._lead: Lead | None = None

    def try_lead(self) -> Lead:
        if self._lead is None:
            from tidegate import store

            log, plan = MemoryLog(), self._plan
            cursors, reader, points = MemoryCursors(log), store.open(MEMORY), plan.points()
            self._lead = Lead(plan, reader, log, cursors, Alone(), self._share, points=points)
        return self._lead

    def leave(self) -> None:
        """Nobody asks."""

    def tell_late(self, late: Iterable[str]) -> None:
        """Nobody comes after it."""

    def is_left(self, since: float) -> bool:
        return False

    def late(self) -> frozenset[str]:
        return frozenset()

    def is_alone(self) -> bool:
        return True

    def after_fork(self) -> None:
        self._lead = None


def _made(path: str) -> float:
    """When a file was written, in seconds since the epoch; 0 where there is none."""
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0

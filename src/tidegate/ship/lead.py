"""The lead of a route, in the process that has it: the judge, and for each destination who sends to it.

On disk it is had by election, and what was decided outlives the process. Where nothing can be written, each process
leads for itself, over the ring of its own records in memory.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tidegate import otel
from tidegate.errors import FormatError, TidegateError
from tidegate.record.workers import Worker
from tidegate.ship.election import BEAT_S, Superseded
from tidegate.ship.judge import Judge
from tidegate.ship.measures import tell
from tidegate.ship.pace import Share
from tidegate.ship.resuming import resume
from tidegate.ship.sender import Sender
from tidegate.ship.sending import IDLE_S, SOONEST_S, Sending
from tidegate.ship.state import State, process_name

if TYPE_CHECKING:
    from tidegate.gate.logs.publishing import Publisher
    from tidegate.gate.page import ControlPage
    from tidegate.ship.ledger import LedgerWriter
    from tidegate.ship.plan import Plan
    from tidegate.ship.points import NewestPoints
    from tidegate.ship.state import Telling
    from tidegate.store.reader import Reader

_logger = logging.getLogger("tidegate")

#: Seconds between two looks at the store while a trace is to be judged, and while there is none.
POLL_S, QUIET_POLL_S = 0.5, 0.75

#: Seconds between two looks at what has become superfluous.
TIDY_S = 10.0

#: Seconds after something failed until it is tried again.
AGAIN_S = 1.0

#: Seconds between two looks whether a request has ended.
_BUSY_S = 0.005

#: Who is not ready so many seconds before the end of the time has used it up.
_LATE_S = 0.05


class _Order(NamedTuple):
    """To send what there is until a time of the monotonic clock; at the ``end`` of a process, all of it by then."""

    until: float
    is_end: bool


class Line:
    """One destination's sending, in a thread of its own. One request at most is under way."""

    def __init__(self, sending: Sending, share: Share) -> None:
        self.sending = sending
        self._share = share
        self._order: _Order | None = None
        self._ended: Callable[[], object] | None = None
        self._drained = threading.Event()
        self._working = threading.Lock()
        # a request under way is not waited for by a fork: what it leaves behind in the child, nobody uses there
        name = f"tidegate-send-{sending.sender.destination.name}"
        self.worker = Worker(name, self._run, forked=self._dismiss, patience=0.1)

    def _dismiss(self) -> None:
        """A forked child does not lead."""
        self.worker.renew()

    def begin(self) -> None:
        self._ended = None
        self.worker.start()
        self.worker.wake()

    @property
    def name(self) -> str:
        return self.sending.sender.destination.name

    @property
    def is_busy(self) -> bool:
        """Whether a request may be under way."""
        return self._working.locked()

    def _run(self, worker: Worker) -> None:
        with otel.suppressed():
            while worker.going():
                begun = time.thread_time()
                with self._working:
                    wait = self._turn(worker)
                if self._ended is not None:
                    break
                rest = self._share.rest(time.thread_time() - begun, time.monotonic())
                sleep(worker, wait, rest, lambda: self._order is not None)
        if (ended := self._ended) is not None:
            ended()

    def _turn(self, worker: Worker) -> float:
        if (order := self._order) is not None:
            return self._drain(order, worker.going)
        return self._step(None, worker.going) if worker.going() else 0.0

    def _step(self, order: _Order | None, going: Callable[[], bool]) -> float:
        now = time.monotonic()

        def goes_on() -> bool:
            return going() and self._order is order and self._ended is None

        try:
            timeout = order.until - now if order is not None and order.is_end else None
            return self.sending.step(now, timeout, hurry=order is not None, goes_on=goes_on)
        except (OSError, TidegateError) as error:
            _logger.debug("%s: %s", self.name, error)
        except Exception as error:
            _logger.debug("%s: %r", self.name, error)
        return AGAIN_S

    def _drain(self, order: _Order, going: Callable[[], bool]) -> float:
        """Send what there is; the first failure ends it. What is under way when the time is over goes on, unless it is
        the end."""
        while self._ended is None and time.monotonic() < order.until and self._step(order, going) == 0.0:
            pass
        if self._order is not order:  # there is a new one
            return 0.0
        self._order = None
        self._drained.set()
        return IDLE_S if self.sending.is_done else SOONEST_S

    def drain(self, until: float, *, is_end: bool) -> None:
        """Begin to send what there is until a time of the monotonic clock: in its thread, or where no thread can be
        started any more, in this one."""
        self._ended = None
        self._drained.clear()
        self._order = order = _Order(until, is_end)
        if self.worker.start():
            self.worker.wake()
        elif self._working.acquire(timeout=max(until - time.monotonic(), 0)):
            try:
                self._drain(order, lambda: True)
            finally:
                self._working.release()

    def drained(self, until: float, alive: Callable[[], object]) -> bool:
        """Wait for that, calling ``alive`` meanwhile; whether all was sent."""
        while (left := until - time.monotonic()) > 0 and not self._drained.wait(min(left, BEAT_S)):
            alive()
        return self._drained.is_set() and self.sending.is_done

    def end(self, ended: Callable[[], object]) -> None:
        """Begin no other request. ``ended`` is called if one that is under way ends later."""
        self._ended = ended
        self.worker.stop(0)


def sleep(
    worker: Worker,
    wait: float,
    rest: float,
    is_urgent: Callable[[], bool],
    alive: Callable[[], object] | None = None,
) -> None:
    """Until there is something to do, but not before the rest is over, unless it is urgent. Meanwhile ``alive`` is
    called as often as others are to see that this process lives."""
    now = time.monotonic()
    over, end = now + rest, now + max(wait, rest)
    while worker.going() and not is_urgent() and (left := end - (now := time.monotonic())) > 0:
        at_once = left if alive is None else min(left, BEAT_S)
        worker.wait(at_once)
        if time.monotonic() - now < at_once:  # woken
            end = over
        if alive is not None:
            alive()


class Lead:
    """What a leader works with. `look` and `settle` are for one thread at a time."""

    def __init__(
        self,
        plan: Plan,
        reader: Reader,
        log: Any,
        cursors: Any,
        leadership: Any,
        share: Share,
        *,
        telling: Telling | None = None,
        page: ControlPage | None = None,
        refused: Callable[[str], Any] | None = None,
        points: NewestPoints | None = None,
        ledger: LedgerWriter | None = None,
    ) -> None:
        self._plan, self._reader, self._log, self._cursors = plan, reader, log, cursors
        self._leadership, self._telling, self._page = leadership, telling, page
        self.lines: list[Line] = []
        for each in plan.destinations:
            sender = Sender(each, refused=refused(each.name) if refused is not None else None, on_change=tell)
            cursor = cursors.open(each.name, each.signal)
            resume(each, cursor, log, reader)
            self.lines.append(Line(Sending(sender, cursor, log, reader), share))
        self._ledger = ledger
        self.judge = Judge(reader, plan, log, points, ledger.load_state() if ledger is not None else None)
        self._publisher: Publisher | None = None
        if self.judge.logs is not None and plan.logs == "gated":
            from tidegate.ship.log_events import publisher

            self._publisher = publisher(self.judge.logs, plan.report_interval)
        self._policies = plan.trace_policy, plan.log_policy
        self._since = time.time_ns()
        self._tidied = 0.0
        self._closing, self._is_closed = threading.Lock(), False
        #: Destinations that took all the time that there was at an end, and are not waited for again.
        self.late = frozenset[str]()
        self.problem = ""

    @property
    def senders(self) -> list[Sender]:
        return [line.sending.sender for line in self.lines]

    def begin(self) -> None:
        self._is_closed, self.late = False, frozenset()
        for line in self.lines:
            line.begin()

    def look(self, now: float, *, last: bool = False, last_points: bool = False) -> float:
        """One round of judging; in how many seconds the next one is due. Raises `Superseded` when the lead is lost."""
        self.beat()
        self._leadership.check()
        self._follow_policy()
        try:
            news = self.judge.look(now, last=last, last_points=last_points)
            self.problem = self.judge.problem
        except OSError as error:  # a full disk above all: what was decided is kept until there is room
            self.problem = str(error)
            self._say(now)
            return AGAIN_S
        for line in self.lines:
            if line.sending.signal in news:
                line.worker.wake()
        self._say(now)
        if self.judge.pending:
            return 0.0
        return POLL_S if self.judge.undecided else QUIET_POLL_S

    def beat(self) -> bool:
        """Show that this process lives; False when the lead is to be given up."""
        return bool(self._leadership.beat())

    def judge_rest(self, until: float) -> None:
        """Judge what is due, and leave the rest to who leads next."""
        while self.look(time.monotonic()) == 0.0 and time.monotonic() < until:
            pass

    def settle(self, until: float, *, last: bool, patient: bool = False) -> bool:
        """Judge and send what there is, until a time of the monotonic clock; with ``last``, also what might still
        grow; when ``patient``, wait for what is not due yet. Whether everything was sent."""
        self.judge_rest(until)
        while patient and not last and self.judge.undecided and time.monotonic() < until:
            time.sleep(min(self.look(time.monotonic()), max(until - time.monotonic(), 0)))
        if last:
            self.look(time.monotonic(), last=True)
            if self._publisher is not None and not patient:
                self._publisher.close()
            self._plan.collect()
            self.judge_rest(until)
        self.look(time.monotonic(), last=last, last_points=True)
        self._is_closed = False
        wanted = [line for line in self.lines if patient or line.name not in self.late]
        for line in wanted:
            line.drain(until, is_end=not patient)
        is_sent = [line.drained(until, self.beat) for line in wanted]  # all of them are waited for
        if not patient:
            self._note_late(until)
        return len(wanted) == len(self.lines) and all(is_sent) and not self.judge.undecided

    def _follow_policy(self) -> None:
        plan = self._plan
        plan.tick()
        if self._publisher is not None:
            self._publisher.tick()
        policies = plan.trace_policy, plan.log_policy
        if policies != self._policies:
            self._policies = policies
            try:
                self.judge.apply(plan)
            except (TidegateError, ValueError) as error:
                _logger.debug("the policy cannot be used here: %s", error)

    def _say(self, now: float) -> None:
        """Tell the samplers, retention and whoever looks on."""
        with contextlib.suppress(OSError, TidegateError):
            if self._page is not None and self.judge.traces is not None and self._plan.traces == "gated":
                self._page.publish(self._plan.budget, self.judge.traces.available, self._plan.revision)
        if self._telling is not None:
            self._telling.state(self.state())
            self._telling.unsent(self._unsent)
        if now - self._tidied >= TIDY_S:
            self._tidied = now
            self._tidy()

    def _tidy(self, *, last: bool = False) -> None:
        """Count what is complete, and remove what nobody needs any more."""
        with contextlib.suppress(OSError, FormatError):
            oldest = self._cursors.oldest()
            if self._ledger is not None:
                self._ledger.count(self._log, self._log.end, oldest, time.time_ns())
                if self.judge.logs is not None:
                    self._ledger.save_state(self.judge.logs.state, time.time_ns(), last=last)
            self._log.trim(oldest)

    def _unsent(self) -> Iterable[str]:
        return {*self._cursors.unsent(), *self.judge.unread()}

    def state(self) -> State:
        traces = self.judge.traces
        return State(
            process=process_name(),
            standalone=self._leadership.standalone,
            generation=self._leadership.generation,
            since=self._since,
            traces=self._plan.traces,
            logs=self._plan.logs,
            budget=self._plan.budget,
            span_budget=self._plan.span_budget,
            available=traces.available if traces is not None else None,
            counts=self._log.standing.counts,
            problem=self.problem,
            policy_problem=self._plan.policy_problem(),
            destinations={each.destination.name: each.state() for each in self.senders},
        )

    def close(self, wait: float = 0.0) -> None:
        """Let the next one lead, once no request is under way, whose answer could still be noted: in so many seconds,
        or when it ends."""
        until = time.monotonic() + wait
        for line in self.lines:
            line.end(self._let_go)
        while any(line.is_busy for line in self.lines) and time.monotonic() < until:
            time.sleep(_BUSY_S)
        self._note_late(until)
        self._let_go()

    def _note_late(self, until: float) -> None:
        if time.monotonic() >= until - _LATE_S:
            self.late |= {line.name for line in self.lines if line.is_busy or not line.sending.is_done}

    def _let_go(self) -> None:
        """The last one to end does it."""
        with self._closing:
            if self._is_closed or any(line.is_busy for line in self.lines):
                return
            self._is_closed = True
            if self._telling is not None:
                with contextlib.suppress(Exception):
                    self._telling.unsent(self._unsent, last=True)
                    self._telling.state(self.state(), last=True)
            with contextlib.suppress(Superseded):
                if self._leadership.holds():
                    self._tidy(last=True)
            self.abandon()
            self._leadership.release()

    def abandon(self) -> None:
        """Let go of files, in the child of a fork too."""
        for each in (self._cursors, self._log, self._reader, self._page):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.close()

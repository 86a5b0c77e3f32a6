"""Records into the gate, and what goes on out of it: one lock around miner, gate and waiting context.

Nothing here knows OpenTelemetry. A record that is logged while another one is judged in the same
thread – by a signal handler, or by a value that is asked for its text – is judged after it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Hashable
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from tidegate.gate.logs.anomaly import Announcement
from tidegate.gate.logs.context import Context
from tidegate.gate.logs.gate import LogGate, Verdict
from tidegate.gate.logs.releases import Releases
from tidegate.gate.logs.reporting import Row
from tidegate.gate.logs.severities import ERROR
from tidegate.gate.logs.tasks import current_task
from tidegate.gate.policy import LogPolicy
from tidegate.patterns import Miner, Pattern
from tidegate.records import Origin

#: Records that wait for one in the same thread to be judged; more are passed by, and counted.
MAX_NESTED = 1000

#: Traces of which it is remembered how many spans are roots here.
MAX_ROOTS = 40_000

#: Seconds of a task outside any trace that an error brings along.
TASK_SECONDS = 10.0

#: Why a kept record is kept that waited for an error.
CONTEXT = "context"

R = TypeVar("R")


class Facts(NamedTuple):
    """What is known of a record when it is judged. ``trace_id`` 0: outside any trace."""

    body: object
    severity: int
    logger: str
    origin: Origin = Origin()
    event_name: str = ""
    trace_id: int = 0
    randomness: int | None = None
    trace_threshold: int | None = None
    has_exception: bool = False
    field: Callable[[str, str], Any] | None = None


#: A record that goes on, its pattern, its adjusted count, and why.
Passed = tuple[R, Pattern, float, str]

#: A record that was dropped and may still be released, its pattern and severity.
Waiting = tuple[R, Pattern, int]


class Sieve(Generic[R]):
    """Judges records of any kind ``R``. Thread-safe; a forked child counts from zero.

    ``clock`` tells seconds, ``hold`` makes of a record one that may wait, and about how many bytes that takes.
    ``context`` lets records of a trace wait for an error in it, ``task_context`` those outside of traces for
    one in their task.
    """

    def __init__(
        self,
        gate: LogGate,
        miner: Miner,
        clock: Callable[[], float],
        *,
        hold: Callable[[R], tuple[R, int]],
        context: bool = True,
        task_context: bool = False,
    ) -> None:
        self.gate = gate
        self.miner = miner
        self.clock = clock
        self._hold = hold
        self.lock = threading.RLock()
        self.traces: Context[Waiting[R]] | None = Context() if context else None
        self.tasks: Context[Waiting[R]] | None = (
            Context(seconds=TASK_SECONDS, error_seconds=0) if task_context else None
        )
        #: Called with the lock held before counts are read or begin again, and after a policy was applied.
        self.settle: Callable[[], None] = _nothing
        #: Called in a forked child, which begins anew.
        self.on_fork: list[Callable[[], None]] = []
        self.nested = 0
        self._releases = Releases()
        self.is_busy = False
        self._late: deque[tuple[R, Facts]] = deque()
        self._roots: dict[int, int] = {}
        _living[next(_numbers)] = self

    def sift(self, record: R, facts: Facts) -> list[Passed[R]]:
        """What goes on because of this record: itself or not, after what it releases."""
        with self.lock:
            if self.is_busy:
                self._defer(record, facts)
                return []
            self.is_busy = True
            try:
                passed = self._sift(record, facts)
                while self._late:
                    passed += self._sift(*self._late.popleft())
                return passed
            finally:
                self.is_busy = False

    def catch_up(self) -> list[Passed[R]]:
        """What goes on of records that came in the midst of one that was judged early, or that an exit cut short."""
        passed: list[Passed[R]] = []
        while self._late:
            with self.lock:
                if self.is_busy or not self._late:
                    break
                record, facts = self._late.popleft()
            passed += self.sift(record, facts)
        return passed

    @property
    def is_behind(self) -> bool:
        """Whether there is something to `catch_up` with."""
        return bool(self._late)

    def _defer(self, record: R, facts: Facts) -> None:
        if len(self._late) < MAX_NESTED:
            self._late.append((record, facts))
        else:
            self.nested += 1

    def _sift(self, record: R, facts: Facts) -> list[Passed[R]]:
        now = self.clock()
        context = self.traces if facts.trace_id else self.tasks
        if context is not None:
            return self._sift_within(context, facts.trace_id or current_task(), record, facts, now)
        pattern, verdict = self._judge(facts, now, "event" if facts.event_name else "")
        return [(record, pattern, verdict.adjusted_count, verdict.reason)] if verdict.keep else []

    def _sift_within(
        self, context: Context[Waiting[R]], key: Hashable, record: R, facts: Facts, now: float
    ) -> list[Passed[R]]:
        """As `_sift`, where an error brings its context."""
        is_error = facts.severity >= ERROR or (facts.has_exception and facts.trace_id != 0)
        passed = self._release(context, key, now) if is_error else []
        certain = "event" if facts.event_name else "trace_error" if context.is_in_error(key, now) else ""
        pattern, verdict = self._judge(facts, now, certain)
        if verdict.keep:
            passed.append((record, pattern, verdict.adjusted_count, verdict.reason))
        else:
            held, size = self._hold(record)
            context.hold(key, (held, pattern, facts.severity), size, now)
        return passed

    def judge_early(self, facts: Facts, key: Hashable) -> tuple[Pattern, Verdict]:
        """The verdict on a record that no context can hold; `sift` must not be asked about it any more."""
        self.is_busy = True
        try:
            certain = "event" if facts.event_name else ""
            return self._judge(facts, self.clock(), certain, key)
        finally:
            self.is_busy = False

    def can_hold(self, trace_id: int) -> bool:
        """Whether a record that is dropped may be released later."""
        return (self.traces if trace_id else self.tasks) is not None

    def _judge(self, facts: Facts, now: float, certain: str, key: Hashable = None) -> tuple[Pattern, Verdict]:
        said = facts.event_name if facts.body is None else facts.body  # most events have no more than their name
        pattern = self.miner.match_record(said, *facts.origin)
        return pattern, self.gate.judge(
            pattern,
            facts.severity,
            facts.logger,
            now,
            randomness=facts.randomness,
            trace_threshold=facts.trace_threshold,
            certain=certain,
            key=key,
            field=facts.field,
        )

    def _release(self, context: Context[Waiting[R]], key: Hashable, now: float) -> list[Passed[R]]:
        released = []
        for record, pattern, severity in context.release(key, now):
            self._releases.count(pattern.id, severity)
            released.append((record, pattern, 0.0, CONTEXT))
        return released

    # -- spans

    def root_begins(self, trace_id: int) -> None:
        """A span without a parent in this process begins."""
        with self.lock:
            if len(self._roots) >= MAX_ROOTS:
                self._roots.clear()
            self._roots[trace_id] = self._roots.get(trace_id, 0) + 1

    def span_ends(self, trace_id: int, *, is_error: bool, is_root: bool) -> list[Passed[R]]:
        """What goes on because a span ended: an error releases, the last local root forgets."""
        if self.traces is None:
            return []
        with self.lock:
            passed = self._release(self.traces, trace_id, self.clock()) if is_error else []
            if is_root:
                left = self._roots.pop(trace_id, 1) - 1
                if left > 0:
                    self._roots[trace_id] = left
                else:
                    self.traces.forget(trace_id)
            return passed

    # -- the whole

    @property
    def announcements(self) -> deque[Announcement]:
        """The jumps that nobody has taken yet; take them with ``popleft``."""
        return self.gate.announcements

    def apply(self, policy: LogPolicy) -> None:
        """Judge by ``policy`` from now on. Raises ConfigurationError and changes nothing when it is wrong."""
        with self.lock:
            self.settle()
            self.gate.apply(policy)

    def rows(self) -> list[Row]:
        """Exact counts by pattern and severity, since the start or the fork."""
        with self.lock:
            self.settle()
            return self._releases.rows(self.gate.counts(self.miner.resolve), self.miner.resolve)

    def after_fork_in_parent(self) -> None:
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """Count from zero: the parent goes on with what came before, and releases what waits."""
        self.lock = threading.RLock()
        self.settle()
        self.gate.after_fork()
        for context in (self.traces, self.tasks):
            if context is not None:
                context.clear()
        self.nested = 0
        self._releases.clear()
        self._late.clear()
        self._roots.clear()
        self.is_busy = False
        for begin in self.on_fork:
            begin()


def _nothing() -> None:
    """There is nothing to settle."""


_numbers = count(1)
_living: WeakValueDictionary[int, Sieve[Any]] = WeakValueDictionary()
_forking: list[Sieve[Any]] = []


def _before_fork() -> None:
    """No other thread is in the midst of anything that the child goes on with."""
    for _, sieve in sorted(_living.items()):
        sieve.lock.acquire()
        _forking.append(sieve)


def _after_fork(method: str) -> None:
    while _forking:
        getattr(_forking.pop(), method)()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=lambda: _after_fork("after_fork_in_parent"),
    after_in_child=lambda: _after_fork("after_fork_in_child"),
)

"""Which log records are kept: a decision from pattern, severity, logger and the past.

Nothing here knows OpenTelemetry, a clock or a lock. The order in which a record is judged: ERROR and
above, and what the caller is certain of; the first sight of a pattern and one again after long,
within a reserve; its rate; the budget. Each probability depends on the past only, never on what the
record itself draws, so that adjusted counts add up, in expectation, to what came.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from math import inf
from typing import Any

from tidegate.gate.budget import SharedBudget
from tidegate.gate.ledger import Reserve
from tidegate.gate.logs.anomaly import Announcement, Announcer, Watch
from tidegate.gate.logs.counts import Cell, Count, Named, rows
from tidegate.gate.logs.frequency import LONG, SHORT
from tidegate.gate.logs.known import Known, Lane, Memory, Verdict
from tidegate.gate.logs.rates import Alternatives, Field, Rates
from tidegate.gate.logs.severities import ERROR
from tidegate.gate.policy import LogPolicy
from tidegate.gate.threshold import MAX

__all__ = ["Announcement", "Count", "LogGate", "Named", "Verdict"]

#: Seconds for which what was learnt of a pattern holds before it is looked at again.
TURN = 1.0

#: Highest severity number of OpenTelemetry; what is beyond counts as this.
_HIGHEST = 24

#: Without a budget: first sights per second, and at once (a start shows everything for the first time).
_FIRST_SIGHTS, _FIRST_BURST = 10.0, 1000.0

#: Share of a budget for patterns of which nothing was kept for long. Patterns are many and errors are certain: with
#: more of it, nothing would be left to chance where a budget is small, and estimates would be worth nothing.
_RENEWAL = 0.2

#: The reserve of mined patterns, as a part of the calls'.
_OF_MINED = 0.5

#: Kinds of patterns that are a logging call's own.
CALLS = ("template", "site")

#: A product with a float is twice as fast as with an int.
_MAX = float(MAX)

_LOWERED = Verdict(keep=False, adjusted_count=0.0, reason="rate")
_BEYOND = Verdict(keep=False, adjusted_count=0.0, reason="budget")
_ERROR = Verdict(keep=True, adjusted_count=1.0, reason="error")


class LogGate:
    """Judges log records. Not thread-safe by itself; a signal handler that logs in the midst does no harm.

    ``policy``: rates and budget, see `LogPolicy`; raises ConfigurationError when it is wrong.
    ``seed``: for records outside a trace; None for one of its own. ``resource``: attributes that rules
    may ask for. ``max_patterns``: beyond it those that did not come lately go, and their counts to
    ``__other__``. ``periodic``: seconds after which a record of a pattern is certain again. ``reserve``:
    the share of a budget for first and periodic sights. Times are seconds of any one clock. ``random``
    draws from [0, 1) for records outside a trace.
    """

    def __init__(
        self,
        policy: LogPolicy | None = None,
        *,
        seed: int | None = None,
        resource: Mapping[str, Any] | None = None,
        max_patterns: int = 10_000,
        periodic: float = 600.0,
        reserve: float = 0.1,
    ) -> None:
        self._max_patterns, self._periodic, self._share = max_patterns, periodic, reserve
        self._resource = dict(resource or {})
        self._seed = seed
        self.random = random.Random(seed).random  # noqa: S311 - chance, not secrecy
        self._memory = Memory(max_patterns)
        self._known = self._memory.known
        self._early: dict[Hashable, Lane] = {}
        self._errors: Watch | None = None
        self._announcer = Announcer()
        #: The jumps that nobody has taken yet; take them with ``popleft``.
        self.announcements: deque[Announcement] = self._announcer.waiting
        #: When something was learnt of any pattern last.
        self.learnt = self._awake = -inf
        self._budget: SharedBudget | None = None
        # logging calls are so many, what is mined may be without end: a flood of it must not hide a new call
        self._reserves = {is_call: Reserve(_FIRST_SIGHTS, _FIRST_BURST) for is_call in (True, False)}
        self._rule_budgets: list[SharedBudget | None] = []
        self.policy = LogPolicy()
        self.apply(policy or self.policy)

    def apply(self, policy: LogPolicy) -> None:
        """Judge by ``policy`` from now on; what was learnt of patterns stays. A wrong one changes nothing."""
        rates = Rates(policy, self._resource)
        before, self.policy, self._rates = self.policy, policy, rates
        self._set_budget(policy.budget)
        self._rule_budgets = [
            self._rule_budgets[index] if before.rules[index : index + 1] == (rule,) else _new_budget(rule.budget)
            for index, rule in enumerate(policy.rules)
        ]  # one that stays goes on, so that a policy that changes every second does not spend it every second
        # a rare pattern is one whose forgetful count is at most this
        self._window = SHORT if policy.min_rate >= 1 else LONG
        self._rare_count = policy.min_rate * self._window
        self._early.clear()
        for known in list(self._known.values()):
            known.close()
            known.room = 0

    def _set_budget(self, rate: float | None) -> None:
        if rate is None:
            self._budget = None
            for reserve in self._reserves.values():
                reserve.set(_FIRST_SIGHTS, _FIRST_BURST)
            return
        if self._budget is None:
            self._budget = _new_budget(rate)
        elif self._budget.rate != rate:
            self._budget.rate = rate
        for is_call, reserve in self._reserves.items():
            reserve.set(self._share * rate * (1 if is_call else _OF_MINED))

    def by_chance(self, key: Hashable, now: float) -> Lane | None:
        """What decides on records that were judged under ``key``, while nothing but chance does; else None.

        Until the lane's ``until`` whoever has it may draw by its ``p`` without asking the gate (see
        `tidegate.gate.logs.runs`): drops are counted in its ``cell``, and of a record that is kept `judge` learns
        by ``drawn``. One key has to mean one pattern, severity and logger.
        """
        lane = self._early.get(key)
        if lane is None or not lane.since <= now < lane.until:
            return None
        return lane if lane.p < 1 or lane.budget is not None else None

    def judge(
        self,
        pattern: Named,
        severity: int,
        logger: str,
        now: float,
        *,
        randomness: int | None = None,
        trace_threshold: int | None = None,
        certain: str = "",
        key: Hashable = None,
        field: Field | None = None,
    ) -> Verdict:
        """The verdict on one record, which is counted.

        ``severity``: OpenTelemetry's number, 0 for none. ``randomness``: of its trace, None outside
        any; ``trace_threshold``: of a trace that was sampled with a probability below 1, whose records
        stay together. ``certain``: why the caller wants it kept (an event, a trace with an error).
        ``key``: lets `by_chance` answer for records like this one from now on. ``field`` gives what
        rules may ask of the record itself.
        """
        known = self._known.get(pattern.id)
        if known is None:
            known = self._memory.meet(pattern, now)
            if self._errors is None:
                self._errors = Watch(now)
        if not known.since <= now < known.until or known.room <= 0:
            self._learn(known, pattern, now)
        known.room -= 1
        lane = known.lanes.get((severity, logger))
        if lane is None or lane.turn != known.turn or lane.others:
            lane = self._choose(known, lane, severity, logger, now, field)
        if lane.drawn is not None and randomness is None:
            verdict, lane.drawn = lane.drawn, None
            if lane.budget is not None:
                lane.budget.charge(now, 1.0, known.id)
        elif severity >= ERROR or certain or (lane.sight.due <= now and lane.rate.value > 0):
            verdict = self._certain(lane, severity, certain, now) or self._draw(lane, now, randomness, trace_threshold)
        else:
            if key is not None and lane.is_alone and (lane.p < 1 or lane.budget is not None):
                self._remember(key, lane)
            verdict = self._draw(lane, now, randomness, trace_threshold)
        _count(lane.cell, verdict)
        if verdict.keep and not lane.sight.kept:
            self._sighted(lane, now)
        return verdict

    def _choose(
        self, known: Known, lane: Lane | None, severity: int, logger: str, now: float, field: Field | None
    ) -> Lane:
        """The lane that holds for this record in this turn."""
        if lane is None or lane.is_closed:
            lane = self._open(known, severity, logger)
        if lane.others and field is not None:
            tried = (
                other for tests, other in lane.others if all(holds(field(name, key)) for name, key, holds in tests)
            )
            lane = next(tried, lane)
        if lane.turn != known.turn:
            lane.settle(self.policy.anomaly_boost)
            lane.sight.due = min(lane.sight.due, now + self._periodic)  # a clock that jumped back
        return lane

    def _sighted(self, lane: Lane, now: float) -> None:
        """The first record of a pattern in a logger is kept, by whatever."""
        lane.sight.kept, lane.sight.due = True, now + self._periodic
        if not lane.known.kept:
            lane.known.kept, lane.known.until = True, now

    def _draw(self, lane: Lane, now: float, randomness: int | None, trace_threshold: int | None) -> Verdict:
        """Whether chance keeps a record, by 56 random bits and a threshold, as with spans."""
        offered, budget = lane.p, lane.budget
        if budget is not None and offered > 0:
            offered *= budget.offer(lane.known.id, now, offered)
        p = offered
        if trace_threshold is not None and p > 0:
            p = max(p, (MAX - trace_threshold) / MAX)
        drawn = self.random() * _MAX if randomness is None else randomness
        if drawn < (1 - p) * _MAX:
            return _LOWERED if drawn < lane.threshold else _BEYOND
        if budget is not None:
            # what only its trace keeps is not the budget's own doing, and must leave something to chance
            budget.charge(now, 1.0, lane.known.id, certain=drawn < (1 - offered) * _MAX)
        return lane.kept if p == lane.p else Verdict(keep=True, adjusted_count=1 / p, reason="rate")

    def _certain(self, lane: Lane, severity: int, certain: str, now: float) -> Verdict | None:
        """A verdict of its own for an error, for what the caller is certain of, and for first and periodic sights."""
        if severity >= ERROR:
            verdict = _ERROR
            self._watch_errors(now)
        elif certain:
            verdict = Verdict(keep=True, adjusted_count=1.0, reason=certain)
        elif lane.sight.kept and lane.p >= 1 and lane.budget is None:
            lane.sight.due = now + self._periodic  # it is kept anyway
            return None
        elif self._reserves[lane.known.kind in CALLS].take(now):
            verdict = Verdict(keep=True, adjusted_count=1.0, reason="periodic" if lane.sight.kept else "first_sight")
        else:
            lane.sight.due = now + TURN
            return None
        lane.sight.due = now + self._periodic
        if lane.budget is not None:
            lane.budget.charge(now, 1.0, lane.known.id, certain=True)
        return verdict

    def _learn(self, known: Known, pattern: Named, now: float) -> None:
        """Once in a turn, and when a rare pattern has used its room: is it rare, does its frequency jump?"""
        if not -LONG < now - self.learnt < LONG:
            self._awake = now  # everything comes back after a pause, which is as little news as a start
        self.learnt = now
        silence = now - known.until
        if known.count(now, self._awake):
            self._announcer.tell("rate_jump", known, known.watch, now)
        frequency = known.watch.frequency
        count = frequency.short if self._window == SHORT else frequency.long
        # after a burst the count takes long to fall; three times the gap of a rare pattern says so sooner
        rare = count <= self._rare_count or silence * self.policy.min_rate > 3
        known.rare = rare and self._rare_count > 0
        known.room = max(self._rare_count - count, 0.0) + 1 if known.rare else inf
        known.since, known.until = now, now + TURN
        known.turn += 1
        known.active = known.turn > 1
        if known.template != pattern.template:
            known.template = pattern.template
            known.close()

    def _watch_errors(self, now: float) -> None:
        if self._errors is None or not self._errors.add(1, now, self._awake):
            return
        worst = max(list(self._known.values()), key=_errors_now)
        self._announcer.tell("error_surge", worst, self._errors, now)

    def _open(self, known: Known, severity: int, logger: str) -> Lane:
        cell = known.cells.setdefault(max(0, min(severity, _HIGHEST)), Cell())
        sight = known.sight(logger)
        *others, last = [
            (tests, Lane(known, sight, cell, rate, self._budget_of(rate.rule)))
            for tests, rate in self._find(known, severity, logger)
        ]
        known.make_room()
        lane = known.lanes[severity, logger] = last[1]
        lane.others, lane.is_alone = others, not others
        return lane

    def _find(self, known: Known, severity: int, logger: str) -> Alternatives:
        return self._rates.find(known.id, known.template, severity, logger)

    def _budget_of(self, rule: int) -> SharedBudget | None:
        own = self._rule_budgets[rule] if rule >= 0 else None
        return self._budget if own is None else own

    def _remember(self, key: Hashable, lane: Lane) -> None:
        if len(self._early) >= 2 * self._max_patterns and key not in self._early:
            self._early.clear()
        self._early[key] = lane

    def counts(self, resolve: Callable[[str], Named | None] | None = None) -> list[Count]:
        """What came since the start, exactly: a row for each pattern and severity, ``__other__`` for the evicted.

        ``resolve`` (of the miner) lets patterns that were merged count as one.
        """
        return rows(self._memory.rows(), resolve)

    @property
    def memory(self) -> Memory:
        """What is known of each pattern."""
        return self._memory

    @property
    def unannounced(self) -> int:
        """Jumps that were too many to be announced."""
        return self._announcer.missed

    @property
    def evicted(self) -> int:
        """Patterns that had to go, as too many are told apart."""
        return self._memory.evicted

    def after_fork(self) -> None:
        """In a child process: count from zero, since the parent goes on with what came before, and draw anew."""
        self._memory.reset()
        self._early.clear()
        self.announcements.clear()
        if self._seed is None:
            self.random = random.Random().random  # noqa: S311 - as above


def _new_budget(rate: float | None) -> SharedBudget | None:
    return None if rate is None else SharedBudget(rate, renewal=_RENEWAL)


def _count(cell: Cell, verdict: Verdict) -> None:
    if verdict.keep:
        cell.keep(verdict.reason)
    elif verdict is _LOWERED:
        cell.lowered += 1
    else:
        cell.beyond += 1


def _errors_now(known: Known) -> float:
    has_errors = any(severity >= ERROR for severity in list(known.cells))
    return known.watch.frequency.short + known.fresh() if has_errors else -1.0

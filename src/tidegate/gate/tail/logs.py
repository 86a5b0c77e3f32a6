"""Verdicts on the log records that the processes of one route have stored, by the log gate, once for all of them.

    clock     the time that rates are measured by: the records' own, in order
    calls     what records of one logging call have in common: it is looked up once for a block
    sources   which rates hold for which service

Nothing here knows a clock, a thread or OpenTelemetry. What is kept is told by its place in the store.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple, Protocol

from tidegate.errors import ConfigurationError
from tidegate.gate.budget import HOLD
from tidegate.gate.logs import runs
from tidegate.gate.logs.context import Context
from tidegate.gate.logs.marks import marks
from tidegate.gate.logs.releases import Releases
from tidegate.gate.logs.reporting import Row
from tidegate.gate.logs.severities import ERROR
from tidegate.gate.policy import LogPolicy
from tidegate.gate.tail.log_calls import Call, Entry, Facts, Reading, facts, field_of
from tidegate.gate.tail.log_clock import RecordClock
from tidegate.gate.tail.log_counts import MINUTE_NS, Cell, Counts, When, sound
from tidegate.gate.tail.log_errors import Allowance
from tidegate.gate.tail.log_memory import dump, restored
from tidegate.gate.tail.log_sources import SourcesGate
from tidegate.patterns import Miner, Pattern

#: What is put on a kept record: names and values. Empty for one that is kept unjudged.
LogMark = tuple[tuple[str, Any], ...]

#: Kept records by segment: sequence there, and mark.
Kept = dict[str, list[tuple[int, LogMark]]]

#: Why a record is kept that chance would have dropped: its trace had an error before, or after; nobody judges it.
TRACE_ERROR, CONTEXT, PASSED = "trace_error", "context", "passed"

#: Records that wait, by their places, for an error of their trace: of one trace, and of all; and seconds after which a
#: trace that is silent is forgotten.
WAITING_OF_TRACE, WAITING, IDLE = 10_000, 100_000, 300.0

#: Seconds between two records of a call within which drops are drawn in advance under a budget.
DENSE = HOLD / 4

#: The attribute of a record that says which task, or thread, of all processes logged it; and the age in seconds up to
#: which records are brought by an error of theirs.
TASK, TASK_SECONDS = "tidegate.task", 10.0

#: The last 56 bits of a trace id, in hexadecimal digits.
RANDOM_DIGITS = 14

#: A record that waits: segment and sequence, pattern and severity, and when and where it is counted.
_Waiting = tuple[str, int, Pattern, int, When]


class Portion(Protocol):
    """Some rows of one block, as the store hands them out."""

    @property
    def rows(self) -> Any: ...
    @property
    def picked(self) -> Sequence[int]: ...


@lru_cache(maxsize=4096)
def _mark(id: str, template: str, kind: str, count: float, reason: str) -> LogMark:
    return tuple(marks(Pattern(id, sound(template), kind), count, reason).items())


def _nothing_known(trace_id: str) -> bool:
    return False


class LogTail:
    """Judges stored log records as `tidegate.gate.PatternLogRecordProcessor` does those that are emitted.

    ``mode``: "gated", or "all" to keep and count everything. ``policy``: rates and budget for all processes
    together; raises ConfigurationError when it is wrong. ``context``: an error brings the records of its trace,
    and with ``task_context`` those of the last seconds with the same `TASK`, which is recorded where that is asked for.
    ``max_patterns`` and ``keep_status_codes`` are the miner's. ``state``: what `state` gave before, so that patterns
    keep their ids and first sights are not repeated; one that is damaged is left aside, and ``problem`` says so.
    ``seed`` makes chance repeatable. For one thread; `rows` may be called in others.
    """

    def __init__(
        self,
        *,
        mode: str = "gated",
        policy: LogPolicy | None = None,
        context: bool = True,
        task_context: bool = False,
        max_patterns: int = 10_000,
        keep_status_codes: bool = False,
        state: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        limits: dict[str, Any] = {"max_patterns": max_patterns, "keep_status_codes": keep_status_codes}
        self._passes_all = mode == "all"
        self._new_gate = partial(SourcesGate, seed=seed, max_patterns=max_patterns)
        #: Records that were kept unjudged since something raised.
        self.failures = 0
        #: Why the state could not be gone on with.
        self.problem = ""
        self.gate, self.miner = self._new_gate(policy), Miner(**limits)
        if state is not None:
            try:
                self.miner = restored(state, self.gate, limits)
            except (ConfigurationError, KeyError, TypeError, ValueError) as error:
                self.problem = f"patterns begin anew: {error}"
                self.gate = self._new_gate(policy)
        self._reading = Reading(self.gate)
        self._is_free = self.gate.policy.budget is None
        self._clock = RecordClock()
        self._context: Context[_Waiting] | None = None
        if context:
            self._context = Context(max_records=WAITING_OF_TRACE, total_records=WAITING, idle=IDLE)
        self._tasks: Context[_Waiting] | None = None
        if task_context:
            self._tasks = Context(
                max_records=WAITING_OF_TRACE, total_records=WAITING, seconds=TASK_SECONDS, error_seconds=0
            )
        self._allowance = Allowance()
        self._counts = Counts()
        self._releases = Releases()
        self._running: list[Call] = []
        self._minute = 0
        self._kept: Kept = {}
        self._is_kept_error: Callable[[str], bool] = _nothing_known

    def judge(
        self, portions: Iterable[Portion], now: float, is_kept_error: Callable[[str], bool] = _nothing_known
    ) -> Kept:
        """What is kept of these records, and of former ones that errors among these bring along.

        All that a poll has handed out is judged in one call, in the order of time. ``now``: Unix time in seconds;
        no record is taken for later. ``is_kept_error`` says whether a trace is kept with an error (hexadecimal id).
        """
        self._kept, self._is_kept_error = {}, is_kept_error
        found = self._reading.entries(portions)
        newest = int(now * 1e9)
        change = 0
        for entry, moment in zip(found, self._clock.of([each[0] for each in found], now), strict=True):
            time, call, trace_id, _, _ = entry
            if time >= change:
                self._settle()
                self._minute = min(time, newest) // MINUTE_NS
                change = (self._minute + 1) * MINUTE_NS if time < newest else sys.maxsize
            run = call.run
            if run is not None and not trace_id:
                if moment < call.until and next(run.left, False) is None:
                    continue
                self._end(call, is_used=moment < call.until)
            try:
                self._sift(entry, moment)
            except Exception:  # a record that is sent without need is better than one that nobody gets to see
                self.failures += 1
                segment, sequence = entry[3].places[entry[4]]
                self._kept.setdefault(segment, []).append((sequence, ()))
        self._settle()
        return self._kept

    def release(self, trace_id: str, now: float) -> Kept:
        """The records that waited for this trace, as it is kept with an error now (Unix time in seconds)."""
        self._kept = {}
        if self._context is not None:
            self._bring(trace_id, self._context.take(trace_id, now), now)
        return self._kept

    def apply(self, policy: LogPolicy) -> None:
        """Judge by ``policy`` from now on. Raises ConfigurationError and changes nothing when it is wrong."""
        self.gate.apply(policy)
        self._is_free = policy.budget is None
        self._reading.forget()

    def state(self) -> dict[str, Any]:
        """What was learnt of patterns, as JSON can carry it; a few milliseconds for a thousand of them."""
        return dump(self.miner, self.gate)

    def take_counts(self) -> dict[str, Any]:
        """What was counted since the last time, as JSON can carry it; empty when nothing was.

        ``counts`` has rows of minute since 1970, service, pattern's id, severity number, records seen and kept;
        ``patterns`` gives kind and template by id, of those that are new or read otherwise now.
        """
        return self._counts.take()

    def take_reasons(self) -> dict[str, dict[str, int]]:
        """How many records were ``kept`` and ``dropped`` since the last time, by reason.

        One that was dropped and is brought back later, as ``context``, is in both.
        """
        return self._counts.take_reasons()

    def rows(self) -> list[Row]:
        """Exact counts of what was judged here, by pattern and severity."""
        return self._releases.rows(self.gate.counts(self.miner.resolve), self.miner.resolve)

    # -- one record

    def _sift(self, entry: Entry, moment: float) -> None:
        _, call, trace_id, rows, row = entry
        known = facts(call, rows, row) if call.is_special else None
        origin, severity = (call.origin, call.severity) if known is None else known[:2]
        said = rows.bodies[row]
        if said is None and known is not None:
            said = known.event_name
        pattern = self.miner.match_record(said, *origin)
        cell = self._counts.cell(call.when(self._minute), pattern, severity)
        cell.seen += 1
        if trace_id and known is None and not self._passes_all and self._drops(entry, pattern, moment):
            return
        case = _Case(entry, moment, pattern, severity, cell)
        if self._passes_all or (known is not None and known.is_judged):
            self._keep(case, (), PASSED)
        elif trace_id:
            self._sift_in_trace(case, trace_id, known)
        elif self._tasks is not None:
            self._sift_in_task(case, self._tasks, known)
        else:
            self._judge_alone(case, known)
            if call.is_filled and known is None:
                # under a budget a run holds for a moment only: it pays for what comes often
                if self._is_free or moment - call.came < DENSE:
                    self._begin(call, pattern, moment)
                call.came = moment

    def _drops(self, entry: Entry, pattern: Pattern, moment: float) -> bool:
        """Whether a record of a trace is dropped by nothing but its rate, as most are: then it waits for an error."""
        _, call, trace_id, rows, row = entry
        lane = self.gate.by_chance(call.key(pattern), moment)
        if lane is None or lane.budget is not None or call.severity >= ERROR:
            return False
        context = self._context
        if int(trace_id[-RANDOM_DIGITS:], 16) >= lane.threshold:
            return False
        if context is not None:
            is_error = context.is_in_error(trace_id, moment) or self._is_kept_error(trace_id)
            if is_error and self._allowance.lasts(trace_id, moment):
                return False
            waiting = (*rows.places[row], pattern, call.severity, call.when(self._minute))
            context.hold(trace_id, waiting, 1, moment)
        lane.cell.lower(1)
        self._counts.dropped["rate"] += 1
        return True

    def _sift_in_trace(self, case: _Case, trace_id: str, known: Facts | None) -> None:
        context, certain, moment = self._context, "", case.moment
        if context is not None and (case.severity >= ERROR or (known is not None and known.has_exception)):
            self._allowance.begin(trace_id, moment)
            self._bring(trace_id, context.release(trace_id, moment), moment)
        if known is not None and known.event_name:
            certain = "event"
        elif context is not None and case.severity < ERROR and context.is_in_error(trace_id, moment):
            certain = TRACE_ERROR if self._allowance.take(trace_id, moment) else ""
        reason = self._judge(case, certain, int(trace_id[-RANDOM_DIGITS:], 16))
        if not reason:
            return
        if context is not None and self._is_kept_error(trace_id) and self._allowance.take(trace_id, moment):
            self._pay(case.pattern, case.severity, moment)
            self._keep(case, _of(case.pattern, 0.0, TRACE_ERROR), TRACE_ERROR)
            return
        self._counts.dropped[reason] += 1
        if context is not None:
            context.hold(trace_id, case.waiting(self._minute), 1, moment)

    def _sift_in_task(self, case: _Case, tasks: Context[_Waiting], known: Facts | None) -> None:
        *_, rows, row = case.entry
        task = field_of(rows, row, "attribute", TASK)
        if case.severity >= ERROR or (known is not None and known.has_exception):
            self._release(tasks.release(task, case.moment), case.moment)
        if self._judge_alone(case, known) and task is not None:
            tasks.hold(task, case.waiting(self._minute), 1, case.moment)

    def _judge_alone(self, case: _Case, known: Facts | None) -> str:
        """Why a record outside of traces is dropped; "" when it is kept."""
        reason = self._judge(case, "event" if known is not None and known.event_name else "", None)
        if reason:
            self._counts.dropped[reason] += 1
        return reason

    def _judge(self, case: _Case, certain: str, randomness: int | None) -> str:
        """Why it is not kept for its own sake; "" when it is."""
        (_, call, _, rows, row), moment, pattern, severity, _ = case
        gate = self.gate
        key = call.key(pattern) if severity == call.severity else None
        field = partial(field_of, rows, row) if gate.policy.rules else None
        verdict = gate.judge(
            pattern, severity, call.source, moment, randomness=randomness, certain=certain, key=key, field=field
        )
        if verdict.keep:
            self._keep(case, _of(pattern, verdict.adjusted_count, verdict.reason), verdict.reason)
        return "" if verdict.keep else verdict.reason

    def _keep(self, case: _Case, mark: LogMark, reason: str) -> None:
        segment, sequence = case.place
        case.cell.kept += 1
        self._counts.kept[reason] += 1
        self._kept.setdefault(segment, []).append((sequence, mark))

    def _bring(self, trace_id: str, waiting: list[_Waiting], now: float) -> None:
        """What waited for an error of a trace: the newest of it, as many as its errors may bring."""
        if waiting:
            taken = self._allowance.take(trace_id, now, len(waiting))
            self._release(waiting[len(waiting) - taken :], now)

    def _pay(self, pattern: Pattern, severity: int, now: float) -> None:
        """A record that chance dropped is sent after all."""
        self._releases.count(pattern.id, severity)
        self.gate.charge(now)

    def _release(self, waiting: Iterable[_Waiting], now: float) -> None:
        for segment, sequence, pattern, severity, when in waiting:
            self._pay(pattern, severity, now)
            self._counts.cell(when, pattern, severity).kept += 1
            self._counts.kept[CONTEXT] += 1
            self._kept.setdefault(segment, []).append((sequence, _of(pattern, 0.0, CONTEXT)))

    # -- drops that are drawn in advance

    def _begin(self, call: Call, pattern: Pattern, moment: float) -> None:
        run = call.run = runs.begin(self.gate, call.key(pattern), pattern, moment)
        if run is not None:
            call.until = moment + run.seconds
            self._running.append(call)

    def _end(self, call: Call, *, is_used: bool) -> None:
        """Count what a run dropped. ``is_used``: what it keeps is judged next."""
        run, call.run = call.run, None
        if run is None:
            return
        dropped = runs.end(run, is_used=is_used)
        self._counts.cell(call.when(self._minute), run.pattern, call.severity).seen += dropped
        self._counts.dropped["budget" if run.p < run.lane.p else "rate"] += dropped

    def _settle(self) -> None:
        """End all runs, so that all is counted."""
        for call in self._running:
            self._end(call, is_used=False)
        self._running.clear()


class _Case(NamedTuple):
    """A record that is judged by itself."""

    entry: Entry
    moment: float
    pattern: Pattern
    severity: int
    cell: Cell

    @property
    def place(self) -> tuple[str, int]:
        place: tuple[str, int] = self.entry[3].places[self.entry[4]]
        return place

    def waiting(self, minute: int) -> _Waiting:
        return (*self.place, self.pattern, self.severity, self.entry[1].when(minute))


def _of(pattern: Pattern, count: float, reason: str) -> LogMark:
    return _mark(pattern.id, pattern.template, pattern.kind, count, reason)

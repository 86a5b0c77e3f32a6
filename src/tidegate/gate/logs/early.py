"""Dropping before the message is formatted: a `logging.Filter` for any handler.

A record is judged here when nothing can release it later: outside any trace, or where no context is
kept. What is found is left for the processor, so that each record is judged and counted once, in
however many handlers the filter hangs. Most records meet a run of drops that was drawn in advance
(`tidegate.gate.logs.runs`) and cost next to nothing.
"""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple
from weakref import ref

from tidegate.gate.logs import runs
from tidegate.gate.logs.gate import Verdict
from tidegate.gate.logs.runs import Run
from tidegate.gate.logs.sieve import Facts, Sieve
from tidegate.patterns import Pattern
from tidegate.records import Origin

#: Records that wait for the processor; more come of handlers that are not OpenTelemetry's, and the oldest go.
MAX_FOUND = 1000

#: Kinds of records that runs are kept for, beyond which they begin anew; and characters of their messages.
MAX_RUNS, MAX_MESSAGE = 5_000, 500

#: Threads whose last record is remembered while the filter hangs in several handlers.
MAX_THREADS = 1000

#: Records that were asked about once each, after which there is but one handler again.
SURELY_ONE = 1000

#: How many calls up from where it is looked for the one is that asks.
ASKER = 6

#: Names under which ``extra`` gives an event's name.
EVENT, FORMER_EVENT = "otel.event.name", "event.name"


class Found(NamedTuple):
    """What is known of a stdlib record on its way to the processor; no verdict when it is still to be judged.

    ``is_again``: it was there before, by way of another handler.
    """

    record: logging.LogRecord
    pattern: Pattern | None = None
    verdict: Verdict | None = None
    is_again: bool = False


#: (trace id, randomness, threshold) of the current context; 0 outside any trace.
Trace = tuple[int, int | None, int | None]


class EarlyDrop(logging.Filter):
    """Says False to records that the gate drops; see above. Never raises.

    ``context`` gives the current OpenTelemetry context, empty outside of everything, ``trace`` what
    the gate wants to know of the trace in it, None when what is logged is not the application's;
    ``severity`` the severity number of a level.
    """

    def __init__(
        self,
        sieve: Sieve[Any],
        context: Callable[[], Mapping[str, Any]],
        trace: Callable[[], Trace | None],
        severity: Callable[[int], int],
    ) -> None:
        super().__init__()
        self._sieve = sieve
        self._trace = trace
        self._severity = severity
        self._runs: dict[Hashable, Run] = {}
        self._latest: dict[str, Run] = {}  # by message alone, as long as there is but one handler
        self._found: OrderedDict[tuple[int, str], Found] = OrderedDict()
        self._asker: Callable[[], object] | None = None
        self._last: dict[int | None, tuple[ref[logging.LogRecord], bool]] = {}
        self._several, self._once = False, 0
        self.failures = 0
        #: Called after each record that was looked at more closely.
        self.tick: Callable[[], None] = _nothing
        sieve.settle = self.settle
        sieve.on_fork.append(self._forget)
        self.filter = self._quick(context)  # type: ignore[assignment,method-assign]

    def _quick(self, context: Callable[[], Mapping[str, Any]]) -> Callable[[logging.LogRecord], bool]:
        """`filter` as a closure: it is called for each record, and all that it costs is looking things up."""
        find, slow = self._latest.get, self._slow

        def look(record: logging.LogRecord) -> bool:
            try:
                if not context():  # it may hold a trace
                    run = find(record.msg)
                    if (
                        run is not None
                        and record.created < run.until
                        and record.lineno == run.line
                        and record.pathname is run.path
                        and record.levelno is run.level
                        and record.name is run.logger
                        and not hasattr(record, EVENT)
                        and not hasattr(record, FORMER_EVENT)
                    ):
                        for _ in run.left:  # one step of it, with no call
                            return False
            except Exception:  # a message that cannot be hashed, a record that is none
                pass
            return slow(record)

        return look

    def _slow(self, record: logging.LogRecord) -> bool:
        try:
            if self._several:
                self._count_once()
            if self._was_here(record):
                return self._say_again(record)
            keep = self._decide(record)
            self._remember(record, keep=keep)
            self.tick()
            return keep
        except Exception:
            self.failures += 1
            return True  # the processor judges it

    def _decide(self, record: logging.LogRecord) -> bool:
        name = record.name
        if name == "tidegate" or name.startswith("tidegate."):
            return True
        trace = self._trace()
        if trace is None:
            return True
        sieve = self._sieve
        with sieve.lock:
            if type(record.msg) is str and not sieve.can_hold(trace[0]) and not sieve.is_busy:
                return self._judge(record, trace)
            self._leave(Found(record))
        return True

    def _judge(self, record: logging.LogRecord, trace: Trace) -> bool:
        """With the lock held: whether to keep, by a run of its kind or judged now."""
        event_name = str(getattr(record, EVENT, None) or getattr(record, FORMER_EVENT, None) or "")
        key = None
        if not trace[0] and not event_name and len(record.msg) <= MAX_MESSAGE:
            # only records of one pattern, severity and logger have this in common
            key = (record.msg, record.levelno, record.name, record.pathname, record.lineno)
            if self._is_next_of_run(key, record):
                return False
        facts = Facts(
            None if record.args else record.msg,
            self._severity(record.levelno),
            record.name,
            origin_of(record),
            event_name,
            *trace,
            field=lambda field, name: _field(record, event_name, field, name),
        )
        pattern, verdict = self._sieve.judge_early(facts, key)
        if key is not None:
            self._begin(key, pattern, record)
        if verdict.keep:
            self._leave(Found(record, pattern, verdict))
        return verdict.keep

    def _is_next_of_run(self, key: Hashable, record: logging.LogRecord) -> bool:
        """Whether a run drops this record; a run that is over, or no longer holds, is ended."""
        run = self._runs.get(key)
        if run is None:
            return False
        holds = run.since <= record.created < run.until
        if holds and next(run.left, False) is None:
            return True
        del self._runs[key]
        runs.end(run, is_used=holds)
        return False

    def _begin(self, key: Hashable, pattern: Pattern, record: logging.LogRecord) -> None:
        run = runs.begin(self._sieve.gate, key, pattern, self._sieve.clock())
        if run is None:
            return
        if len(self._latest) >= MAX_RUNS or len(self._runs) >= MAX_RUNS:
            self.settle()
        run.since, run.until = record.created, record.created + run.seconds
        run.path, run.line, run.level, run.logger = record.pathname, record.lineno, record.levelno, record.name
        self._runs[key] = run
        if not self._several:
            self._notice_asker()
        if not self._several:
            self._latest[record.msg] = run

    def settle(self) -> None:
        """Count what all runs dropped, and end them. With the sieve's lock held."""
        self._latest.clear()
        while self._runs:
            runs.end(self._runs.popitem()[1])

    # -- what the processor finds

    def _leave(self, found: Found) -> None:
        while len(self._found) >= MAX_FOUND:
            self._found.popitem(last=False)
        self._found[_name(found.record)] = found

    def take(self, time_ns: int | None, logger: str) -> Found | None:
        """What was found out about the stdlib record that became this log record, once."""
        return self._found.pop((time_ns or 0, logger), None) if self._found else None

    def _forget(self) -> None:
        """In a forked child, whose parent goes on with what is on its way."""
        self._found.clear()
        self._last.clear()

    # -- several handlers

    def _count_once(self) -> None:
        """After so many records that came once each there is but one handler again."""
        self._once += 1
        if self._once > SURELY_ONE:
            self._several, self._asker = False, None

    def _notice_asker(self) -> None:
        """Remember the handler that asks, as a second one means that records come more than once.

        It matters for what is dropped at a glance only: the others are known again, each by itself.
        """
        asker = sys._getframe(ASKER).f_locals.get("self")
        if not isinstance(asker, logging.Handler):
            asker = self  # a logger or the capture, which ask once for each record
        if self._asker is None:
            self._asker = ref(asker)
        elif self._asker() is not asker:
            self._be_careful()

    def _be_careful(self) -> None:
        """Each record may come again: nothing is dropped at a glance, until handlers were exchanged and
        records come once only."""
        self._several, self._once = True, 0
        self._latest.clear()

    def _was_here(self, record: logging.LogRecord) -> bool:
        last = self._last.get(record.thread)
        return last is not None and last[0]() is record

    def _say_again(self, record: logging.LogRecord) -> bool:
        self._be_careful()
        keep = self._last[record.thread][1]
        with self._sieve.lock:
            if keep and _name(record) not in self._found:
                self._leave(Found(record, is_again=True))
        return keep

    def _remember(self, record: logging.LogRecord, *, keep: bool) -> None:
        if len(self._last) >= MAX_THREADS:
            self._last.clear()
        self._last[record.thread] = ref(record), keep


def _nothing() -> None:
    """Nobody wants to know."""


def _name(record: logging.LogRecord) -> tuple[int, str]:
    """How a stdlib record is known again as an OpenTelemetry one: its time stamp and its logger."""
    return int(record.created * 1e9), record.name


def origin_of(record: logging.LogRecord) -> Origin:
    """Template and call site of a stdlib record."""
    template = record.msg if record.args and type(record.msg) is str else ""
    return Origin(template, record.pathname, record.lineno, record.funcName or "")


def _field(record: logging.LogRecord, event_name: str, field: str, name: str) -> Any:
    """What rules may ask of the record itself."""
    if field == "body":
        return record.getMessage()
    if field == "event_name":
        return event_name or None
    if name.startswith("exception.") and record.exc_info and record.exc_info[0] is not None:
        kind, value, _ = record.exc_info
        return {"exception.type": kind.__name__, "exception.message": str(value)}.get(name)
    return record.__dict__.get(name)

"""What would have been kept of what a store has: the gate, by another policy or budget, on the clock of the records.

Nothing is sent or written. Samplers decide anew by what the gate leaves to chance; traces that came in from elsewhere
are sampled as they were.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from tidegate.errors import QueryTimeout
from tidegate.gate.policy import LogPolicy, TracePolicy
from tidegate.gate.tail.logs import LogTail
from tidegate.gate.tail.memory import Generations
from tidegate.gate.tail.pending import number_of
from tidegate.gate.tail.rules import Rules
from tidegate.gate.tail.traces import MAX_KEYS, TraceTail
from tidegate.gate.tail.verdict import Judged
from tidegate.ship import route
from tidegate.ship.course import Entry, Samplers, by_end, in_time
from tidegate.ship.frames import START
from tidegate.ship.ledger import LedgerReader
from tidegate.ship.verdicts import VerdictReader
from tidegate.store.deadline import Deadline
from tidegate.store.reader import Reader

#: Records of so many ns are judged together; in silence, what is pending is judged after so many.
STEP_NS = 250_000_000
SILENCE_NS = 2 * 10**9
MINUTE_NS = 60 * 10**9
#: What was decided so much later than the last record is about it, too.
LATE_NS = 5 * 10**9
#: What has no place of its own among keys or patterns.
OTHERS = "(all others)"
#: Patterns that are told apart, and traces whose key is remembered, for what comes late.
MAX_PATTERNS = 10_000
REMEMBERED, REMEMBERED_S = 100_000, 600.0


@dataclass(frozen=True)
class Rulebook:
    """What is simulated. Budgets are per second; that of ``traces`` or ``logs`` goes before."""

    traces: TracePolicy | None = None
    logs: LogPolicy | None = None
    budget: float = 100.0
    span_budget: float | None = None
    slow: str | float = "auto"
    log_context: bool = True
    log_options: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Share:
    """Of one key or pattern: how much there was, and what would have been kept, by reason. ``was_kept`` is what really
    was; None where nothing is known of it."""

    seen: int = 0
    kept: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    spans: int = 0
    spans_kept: int = 0
    template: str = ""
    was_kept: int | None = None

    def of_key(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("seen", "kept", "reasons", "spans", "spans_kept")}

    def of_pattern(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("template", "seen", "kept", "was_kept")}


@dataclass(slots=True)
class Was:
    """What really was decided, as far as the verdict logs of all routes still have it: from ``since`` (ns) on, 0 where
    they have nothing. ``traces`` and ``logs`` count by name."""

    since: int = 0
    traces: Counter[str] = field(default_factory=Counter)
    logs_seen: int = 0
    logs_kept: int = 0

    def by_reason(self, verb: str) -> dict[str, int]:
        """Traces that were ``kept`` or ``dropped``."""
        return _by_reason(self.traces, verb)


def _by_reason(counts: Mapping[str, int], verb: str) -> dict[str, int]:
    return {name.removeprefix(f"{verb}_"): n for name, n in counts.items() if n and name.startswith(f"{verb}_")}


@dataclass(slots=True)
class Simulation:
    """What came of it. Times in ns; ``complete`` is false where the timeout ended it.

    ``traces`` has `TraceTail.counts`, ``logs`` what was kept and dropped by reason. ``keys`` are by service and root
    span, ``patterns`` by service and pattern id. ``busiest`` is the most traces kept in one minute.
    """

    since: int = 0
    until: int = 0
    complete: bool = True
    spans: int = 0
    log_records: int = 0
    traces: dict[str, int] = field(default_factory=dict)
    logs: dict[str, dict[str, int]] = field(default_factory=dict)
    keys: dict[str, Share] = field(default_factory=dict)
    patterns: dict[tuple[str, str], Share] = field(default_factory=dict)
    budget: float = 0.0
    busiest: int = 0
    was: Was = field(default_factory=Was)

    @property
    def seconds(self) -> float:
        return max((self.until - self.since) / 1e9, 1.0)

    def by_reason(self, verb: str) -> dict[str, int]:
        """Traces that were ``kept`` or ``dropped``."""
        return _by_reason(self.traces, verb)

    def to_dict(self) -> dict[str, Any]:
        """Plain, for JSON."""
        said = {name: getattr(self, name) for name in self.__slots__}
        keys = [{"key": key, **share.of_key()} for key, share in self.keys.items()]
        patterns = [{"service": of, "pattern": id, **share.of_pattern()} for (of, id), share in self.patterns.items()]
        return {**said, "seconds": self.seconds, "keys": keys, "patterns": patterns, "was": asdict(self.was)}


def simulate(
    reader: Reader,
    book: Rulebook,
    *,
    since: int | None = None,
    until: int | None = None,
    service: str | None = None,
    timeout: float | None = None,
    progress: Callable[[int], object] = lambda records: None,
) -> Simulation:
    """Judge what the store has of a time and service by ``book``. ``progress`` is told how many records were judged.

    Memory is bounded by the blocks whose times overlap, and by what the gate remembers. When the ``timeout`` (s) is
    over, it ends where it is. Raises ValueError when a rule or budget cannot be used, and what readers raise.
    """
    course = _Course(book)
    filters = {"since": since, "until": until, "service": service, "order": "oldest", "timeout": Deadline.of(timeout)}
    filters = {name: value for name, value in filters.items() if value is not None}
    try:
        for judged in course.run(reader, filters):
            progress(judged)
    except QueryTimeout:
        course.result.complete = False
    result = course.finish()
    if os.path.isdir(reader.location):
        _compare(result, reader.location)
    return result


class _Course:
    """The gate, while time goes by."""

    def __init__(self, book: Rulebook) -> None:
        options: dict[str, Any] = {"budget": book.budget, "span_budget": book.span_budget, "slow": book.slow}
        self._traces = TraceTail(policy=book.traces, **options)
        self._logs = LogTail(policy=book.logs, context=book.log_context, seed=1, **book.log_options)
        self._samplers = Samplers(self._traces.available, Rules(book.traces, MAX_KEYS))
        #: Of traces that were judged, the key, and whether they were kept.
        self._judged: Generations[int, tuple[str, bool]] = Generations(REMEMBERED, REMEMBERED_S)
        self._templates: dict[str, str] = {}
        self._minutes: Counter[int] = Counter()
        self._now = 0
        budget = book.traces.budget if book.traces is not None else None
        self.result = Simulation(budget=book.budget if budget is None else budget)

    def run(self, reader: Reader, filters: dict[str, Any]) -> Iterator[int]:
        """Yields how many records were judged, again and again."""
        spans = _Ahead(by_end(reader.row_steps("spans", **filters), self._samplers))
        logs = _Ahead(in_time(reader.row_steps("logs", **filters)))
        while (begin := min(spans.next, logs.next)) < _NEVER:
            self.result.since = self.result.since or begin
            if begin - self._now > STEP_NS:
                self._pause(begin)
            self._now = begin + STEP_NS
            yield self._judge(list(spans.until(self._now)), list(logs.until(self._now)))

    def _pause(self, begin: int) -> None:
        """Nothing came for a while: what is pending is judged when it is due."""
        if not self._now:
            return
        while self._traces.pending and self._now + SILENCE_NS < begin:
            self._now += SILENCE_NS
            self._take(self._traces.judge(self._now / 1e9))
        self._take(self._traces.judge(begin / 1e9))

    def _judge(self, spans: list[Entry], logs: list[Entry]) -> int:
        now = self._now / 1e9
        for rows, picked in _by_block(spans):
            self._traces.see(self._samplers.sampled(rows, picked), picked, now)  # type: ignore[arg-type]
        self._logs.judge(_by_block(logs), now, self._traces.is_kept_error)
        self._take(self._traces.judge(now))
        self._samplers.law.rate = self._traces.available
        self.result.spans += len(spans)
        self.result.log_records += len(logs)
        self.result.until = self._now
        return len(spans) + len(logs)

    def _take(self, found: list[Judged]) -> None:
        for judged in found:
            if judged.error:
                self._logs.release(judged.trace_id, self._now / 1e9)
            share = self._share(judged)
            share.spans += judged.spans_seen
            share.spans_kept += len(judged.spans)
        self._count_patterns()

    def _share(self, judged: Judged) -> Share:
        """That of the trace's key, with the trace counted when it is judged first, and as kept when it first is."""
        number = number_of(judged.trace_id)
        key, was_kept = self._judged.get(number) or (self._room(judged.key or "(no root)"), False)
        share = self.result.keys.setdefault(key, Share())
        share.seen += not judged.late
        if judged.keep and not was_kept:
            share.kept += 1
            share.reasons[judged.reason] += 1
            self._minutes[(self._now - self.result.since) // MINUTE_NS] += 1
        self._judged.put(number, (key, judged.keep or was_kept), self._now / 1e9)
        return share

    def _room(self, key: str) -> str:
        """The key, if there is room for it."""
        return key if key in self.result.keys or len(self.result.keys) < MAX_KEYS else OTHERS

    def _count_patterns(self) -> None:
        ledger = self._logs.take_counts()
        patterns = self.result.patterns
        for _, service, id, _, seen, kept in ledger.get("counts", ()):
            name = (service, id) if (service, id) in patterns or len(patterns) < MAX_PATTERNS else ("", OTHERS)
            share = patterns.setdefault(name, Share())
            share.seen += seen
            share.kept += kept
        for id, (_, template) in ledger.get("patterns", {}).items():
            if id in self._templates or len(self._templates) < MAX_PATTERNS:
                self._templates[id] = template

    def finish(self) -> Simulation:
        """What is pending is judged as it is."""
        result = self.result
        self._take(self._traces.judge(self._now / 1e9 + 1, last=True))
        result.traces, result.logs = self._traces.counts, self._logs.take_reasons()
        result.busiest = max(self._minutes.values(), default=0)
        for (_, id), share in result.patterns.items():
            share.template = self._templates.get(id, "")
        return result


class _Ahead:
    """Entries of which the time of the next is known; never-ending in its last."""

    def __init__(self, entries: Iterator[Entry | None]) -> None:
        self._entries = (entry for entry in entries if entry is not None)
        self._head = next(self._entries, None)

    @property
    def next(self) -> int:
        return _NEVER if self._head is None else self._head[0]

    def until(self, end: int) -> Iterator[Entry]:
        """Those before a time."""
        while self._head is not None and self._head[0] < end:
            yield self._head
            self._head = next(self._entries, None)


_NEVER = 1 << 63


class _Portion(NamedTuple):
    rows: Any
    picked: Sequence[int]


def _by_block(entries: Iterable[Entry]) -> list[_Portion]:
    found: dict[int, tuple[Any, list[int]]] = {}
    for _, rows, row in entries:
        found.setdefault(id(rows), (rows, []))[1].append(row)
    return [_Portion(*each) for each in found.values()]


def _compare(result: Simulation, store: str) -> None:
    """Put beside it what really was decided, by all routes together."""
    was = result.was
    for each in route.routes(store):
        directory = os.path.join(store, "routes", each)
        for entry in VerdictReader(directory).read(START):
            if result.since <= entry.frame.time < result.until + LATE_NS:
                was.since = min(was.since or entry.frame.time, entry.frame.time)
                for verb in ("kept", "dropped"):
                    found = entry.frame.counts.get(verb, {}).get("traces", {})
                    was.traces.update({f"{verb}_{reason}": number for reason, number in found.items()})
        ledger = LedgerReader(directory).read(result.since // MINUTE_NS, result.until // MINUTE_NS + 1)
        for tally in ledger.tallies:
            was.logs_seen += tally.seen
            was.logs_kept += tally.kept
            share = result.patterns.get((tally.service, tally.pattern))
            if share is not None:
                share.was_kept = (share.was_kept or 0) + tally.kept

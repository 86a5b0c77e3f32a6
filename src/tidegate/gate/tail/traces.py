"""Which traces are kept, judged over all their spans of the host: `TraceTail`.

A trace is kept when its randomness reaches the lowest of the thresholds that apply: the sampler's, an error's, that
of slowness, of a new key, of a rule. Every threshold depends on what came before, never on the randomness, so that
what is kept stands for 1/p of its like.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from tidegate.gate.policy import TracePolicy
from tidegate.gate.tail.deciding import Decider
from tidegate.gate.tail.memory import Generations
from tidegate.gate.tail.pending import (
    SAMPLED,
    Pending,
    Run,
    count_of,
    newest_of,
    number_of,
    places_of,
    rank,
    roots_of,
)
from tidegate.gate.tail.queue import Queue
from tidegate.gate.tail.slow import SlowKeys
from tidegate.gate.tail.verdict import DROPPED, REASONS, Judged, Verdict

if TYPE_CHECKING:
    from tidegate.store.rows import SpanRows

#: Seconds without a span after which a trace is judged whose root has ended: another process may commit its part a
#: second later. Without a root, seconds after its first span.
QUIET = 1.25
LIMIT = 30.0
#: What is judged at once is spread over the time since the last verdicts, as budgets see it, but not over more seconds.
SPREAD = 2.0
#: Of fewer rows than this part of a sealed block, attributes are made one by one.
FEW = 10
#: Characters by which names are told apart.
LONGEST = 256

#: Traces that are pending, spans of all of them, and of one; beyond it they are judged with what is known of them. Of
#: one that was not kept, no more places are remembered either.
MAX_PENDING, MAX_PENDING_SPANS = 20_000, 500_000
MAX_SPANS = 10_000
#: Verdicts and places of spans that were not kept that are remembered, and for how many seconds.
VERDICTS, PLACES = 50_000, 100_000
REMEMBERED = 300.0
#: Keys that are told apart.
MAX_KEYS = 1000


class TraceTail:
    """Verdicts on traces, from the columns of their spans. ``now`` is always seconds of one monotonic clock.

    ``mode`` is "gated"; "sampled", by which each span follows its own sampled flag at once; or "all". ``budget`` is in
    traces a second, ``span_budget`` in spans (None: no limit), and a policy's budget goes before it. ``slow`` is
    "auto", "off" or seconds. Memory is bounded by the numbers above; what had to go for want of room is counted.
    Raises ValueError when a rule or a budget cannot be used. Not safe for threads.
    """

    def __init__(
        self,
        *,
        mode: str = "gated",
        budget: float = 100.0,
        span_budget: float | None = None,
        slow: str | float = "auto",
        policy: TracePolicy | None = None,
        quiet: float = QUIET,
        limit: float = LIMIT,
        max_pending: int = MAX_PENDING,
        max_pending_spans: int = MAX_PENDING_SPANS,
        max_spans: int = MAX_SPANS,
        max_keys: int = MAX_KEYS,
        verdicts: int = VERDICTS,
        places: int = PLACES,
    ) -> None:
        self.mode = mode
        self._limit, self._max_spans = limit, max_spans
        self._decider = Decider(budget, span_budget, policy, max_keys)
        self._slow_keys = SlowKeys(slow, max_keys)
        self._queue = Queue(quiet, max_pending, max_pending_spans)
        self._verdicts: Generations[int, Verdict] = Generations(verdicts, REMEMBERED)
        #: Where spans are that were not kept, but whose trace may be after all.
        self._dropped: Generations[int, Run] = Generations(places, REMEMBERED)
        self._most_places, self._places_forgotten = min(max_spans, places // 2), 0
        self._ready: list[Judged] = []
        self._judged_at = -math.inf
        self._counts: Counter[str] = Counter({f"kept_{reason}": 0 for reason in REASONS})

    # what comes in

    def see(self, rows: SpanRows, picked: Sequence[int], now: float) -> None:
        """Some rows of a block are new."""
        if self.mode != "gated":
            self._at_once(rows, picked)
            return
        ids, status = rows.trace_ids, rows.status
        found = self._place(rows, picked, now)
        flags, states = rows.flags, rows.trace_states
        for row in [row for row in picked if states[row] and not flags[row] & SAMPLED]:
            found[ids[row]].carry(states[row])
        for row in [row for row in picked if flags[row] & SAMPLED]:
            found[ids[row]].sample(states[row])
        if 2 in status:
            for row in picked:
                if status[row] == 2:
                    found[ids[row]].error = True
        self._look_at_roots(rows, roots_of(rows, picked), found, now)
        for trace in found.values():
            if trace.count >= self._max_spans or now >= trace.deadline:
                self._queue.hurry(trace)

    def _place(self, rows: SpanRows, picked: Sequence[int], now: float) -> dict[str, Pending]:
        """Note where spans are; the summaries of their traces."""
        ids, places = rows.trace_ids, rows.places
        names, segments, numbers = places.names, places.segment, places.numbers
        found: dict[str, Pending] = {}
        for row in picked:
            trace_id = ids[row]
            trace = found.get(trace_id)
            if trace is None:
                trace = found[trace_id] = self._touch(trace_id, now)
            trace.add(names[segments[row] if segments is not None else 0], numbers[row])
        self._queue.spans += len(picked)
        return found

    def _touch(self, trace_id: str, now: float) -> Pending:
        """The trace's summary, which is then the one touched last."""
        number = number_of(trace_id)
        trace = self._queue.touch(number, now)
        if trace is None:
            known = self._verdicts.get(number) or (DROPPED if number in self._dropped else None)
            trace = Pending(trace_id, number, now, now + self._limit, known)
            self._queue.put(trace)
        return trace

    def _look_at_roots(self, rows: SpanRows, roots: Sequence[int], found: Mapping[str, Pending], now: float) -> None:
        if not roots:
            return
        ids, names, parents, resources = rows.trace_ids, rows.names, rows.parents, rows.resource
        times, durations = rows.times, rows.durations
        services = [each.service for each in rows.resources]
        rules, is_slow = self._decider.rules, self._slow_keys.is_slow
        has_rules = bool(rules)
        for row, route in zip(roots, _routes(rows, roots), strict=True):
            trace = found[ids[row]]
            key = _key(services[resources[row]], names[row], route)
            if is_slow(key, durations[row], now):
                trace.slow = True
            has_parent = parents[row] != ""
            if has_parent:
                trace.came_in = True
            else:
                trace.is_here = True
            root = rank(has_parent, times[row])
            if trace.root is None or root < trace.root:
                trace.root, trace.key = root, key
                if has_rules:
                    trace.lane = rules.lane_of(rows, row)

    def _at_once(self, rows: SpanRows, picked: Sequence[int]) -> None:
        """A verdict on each span by itself; its trace state and attributes stay as they are."""
        flags, mode = rows.flags, self.mode
        kept = picked if mode == "all" else [row for row in picked if flags[row] & SAMPLED]
        dropped = [] if mode == "all" else [row for row in picked if not flags[row] & SAMPLED]
        for some, keep in ((kept, True), (dropped, False)):
            if some:
                places = rows.places
                spans = [places[row] for row in some] if keep else []
                judged = Judged("", keep, None, "", spans, spans_seen=len(some))
                self._ready.append(judged)
                self._count(judged)

    def recall(self, verdicts: Iterable[tuple[str, bool, int | None, str]], now: float) -> None:
        """What another judge decided before: trace id (or its last 16 digits), kept, threshold, reason."""
        for trace_id, keep, threshold, reason in verdicts:
            found = Verdict(keep, threshold, reason, reason == "error", reason == "slow")
            self._verdicts.put(number_of(trace_id), found, now)

    def apply(self, policy: TracePolicy | None) -> None:
        """Another policy from now on. Raises ValueError, and changes nothing, when a rule cannot be used."""
        self._decider.apply(policy)

    # what is known

    @property
    def available(self) -> float:
        """Traces a second that the budget leaves to chance at the samplers."""
        return self._decider.charging.available

    @property
    def spent(self) -> tuple[float, float | None]:
        """Traces, and if they have a budget spans, a second that were kept of late."""
        charging = self._decider.charging
        return charging.traces.spent, None if charging.spans is None else charging.spans.spent

    @property
    def pending(self) -> int:
        """Traces that are not judged yet."""
        return len(self._queue)

    @property
    def counts(self) -> dict[str, int]:
        """Traces by what became of them and why ("kept_error", "dropped_head", …); "spans_kept" and "spans_dropped";
        "upgraded" traces; "late" spans; and what was judged early or forgotten for want of room.
        """
        forgotten = {
            "judged_early": self._queue.crowded,
            "verdicts_forgotten": self._verdicts.forgotten,
            "places_forgotten": self._dropped.forgotten + self._places_forgotten,
        }
        return {**self._counts, **forgotten}

    def is_kept_error(self, trace_id: str) -> bool:
        """Whether the trace was kept with an error, so that all its log records are."""
        known = self._verdicts.get(number_of(trace_id))
        return known is not None and known.keep and known.error

    def undecided(self) -> dict[str, int]:
        """Of each segment, the first sequence of a span that no verdict is about."""
        firsts: dict[str, int] = {}
        waiting = (places_of(trace.places) for trace in self._queue)
        for places in chain(waiting, (judged.spans for judged in self._ready)):
            for segment, number in places:
                if number < firsts.get(segment, math.inf):
                    firsts[segment] = number
        return firsts

    # what is decided

    def judge(self, now: float, *, last: bool = False) -> list[Judged]:
        """Verdicts on what is due, or with ``last`` on all there is."""
        self._decider.settle(now)
        found, self._ready = self._ready, []
        for trace in self._queue.take_late():
            found += self._follow(trace, now)
        due = self._queue.take_all() if last else self._queue.take_due(now)
        # budgets go by time: what is judged at once came one after the other
        begin = max(self._judged_at, now - SPREAD)
        step, self._judged_at = (now - begin) / max(len(due), 1), now
        return found + [self._first(trace, begin + step * number) for number, trace in enumerate(due, 1)]

    def _first(self, trace: Pending, now: float) -> Judged:
        """The verdict on a trace."""
        verdict = self._decider.decide(trace, now)
        self._remember(trace, verdict, now)
        judged = _judged(trace, verdict)
        self._count(judged)
        return judged

    def _follow(self, trace: Pending, now: float) -> list[Judged]:
        """The verdict on what came late. It may be the first reason to keep the trace: then all of it is."""
        verdict = self._decider.decide(trace, now)
        found = [_judged(trace, verdict)]
        earlier = self._pop_dropped(trace.number) if verdict.keep else ()
        if earlier:
            # those of its kind that chance kept stand for these already
            spans = places_of(earlier)
            brought = Judged(trace.trace_id, True, None, verdict.reason, spans, trace.key, late=True, counts=False)
            found.insert(0, brought)
        self._remember(trace, verdict, now)
        for judged in found:
            self._count(judged)
        if verdict.keep and trace.known is not None and not trace.known.keep:
            self._counts["upgraded"] += 1
            self._counts[f"kept_{verdict.reason}"] += 1
        return found

    def _remember(self, trace: Pending, verdict: Verdict, now: float) -> None:
        """So that what comes late follows; what is not kept now may be later."""
        number = trace.number
        if verdict is not DROPPED:
            self._verdicts.put(number, verdict, now)
        if not verdict.keep and not verdict.is_final:
            earlier = () if trace.known is None else self._pop_dropped(number)
            run, count = (*earlier, *trace.places), count_of(earlier) + trace.count
            most = self._most_places
            if count > most:
                self._places_forgotten += count - most
                run, count = newest_of(run, most), most
            self._dropped.put(number, run, now, count)

    def _pop_dropped(self, number: int) -> Run:
        run = self._dropped.get(number) or ()
        if run:
            self._dropped.pop(number, count_of(run))
        return run

    def _count(self, judged: Judged) -> None:
        counts, verb = self._counts, "kept" if judged.keep else "dropped"
        counts["spans_kept" if judged.keep else "spans_dropped"] += len(judged.spans) or judged.spans_seen
        if judged.late:
            counts["late"] += judged.spans_seen
        elif judged.trace_id:
            counts[f"{verb}_{judged.reason}"] += 1


def _judged(trace: Pending, verdict: Verdict) -> Judged:
    is_late = trace.known is not None
    if not verdict.keep:
        return Judged(trace.trace_id, False, None, verdict.reason, [], trace.key, trace.count, is_late)
    spans = places_of(trace.places)
    return Judged(
        trace.trace_id, True, verdict.threshold, verdict.reason, spans, trace.key, trace.count, is_late, verdict.error
    )


def _routes(rows: SpanRows, roots: Sequence[int]) -> list[Any]:
    """The routes of some rows."""
    if rows.is_sealed and len(roots) * FEW > rows.count:
        return list(map(rows.values_of("http.route").__getitem__, roots))
    attributes = rows.attributes
    return [attributes[row].get("http.route") for row in roots]


def _key(service: str, name: str, route: Any) -> str:
    """What a trace is budgeted under: service, and the root span's name with its route."""
    text = f"{service} {name[:LONGEST]}"
    return f"{text} {route[:LONGEST]}" if type(route) is str and route not in name else text

"""The records of a store in the order in which they came, with samplers that decide anew: what a simulation is of."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from tidegate.gate.budget import SharedBudget
from tidegate.gate.tail.memory import Generations
from tidegate.gate.tail.pending import SAMPLED, number_of, ot_of
from tidegate.gate.tail.rules import Rules
from tidegate.gate.threshold import probability_to_threshold, randomness
from tidegate.gate.traces.plan import Lane
from tidegate.gate.traces.tracestate import KEY, with_threshold

#: A record: the time at which it was committed at the earliest (ns), the columns of its block, its number there.
Entry = tuple[int, Any, int]

#: Spans come when they end, but a minute after their start at the latest; and so many wait for that at most.
LONGEST_NS = 60 * 10**9
MAX_WAITING = 200_000

#: Traces of which it is remembered what samplers decided, and for how many seconds.
DECIDED, DECIDED_FOR = 200_000, 600.0


def in_time(steps: Iterator[tuple[Any, int] | None]) -> Iterator[Entry | None]:
    """Log records, oldest first, with their times."""
    return (None if step is None else (step[0].times[step[1]], *step) for step in steps)


def by_end(steps: Iterator[tuple[Any, int] | None], heads: Samplers) -> Iterator[Entry | None]:
    """Spans, oldest first, in the order in which they ended; samplers see them when they start."""
    waiting: list[tuple[int, int, Any, int]] = []
    numbers = count()
    for step in steps:
        if step is None:
            yield None
            continue
        rows, row = step
        start = rows.times[row]
        while waiting and (waiting[0][0] <= start or len(waiting) >= MAX_WAITING):
            end, _, *one = heapq.heappop(waiting)
            yield end, *one
        heads.look(rows, row, start / 1e9)
        lasts = min(max(rows.durations[row], 0), LONGEST_NS)
        heapq.heappush(waiting, (start + lasts, next(numbers), rows, row))
    while waiting:
        end, _, *one = heapq.heappop(waiting)
        yield end, *one


class Samplers:
    """Those of all processes together: by a policy, and a budget that is shared among all keys of the host.

    Traces that began elsewhere, or before the first record, are sampled as they were.
    """

    def __init__(self, budget: float, rules: Rules) -> None:
        self.law = SharedBudget(budget)
        self._rules = rules
        self._states: Generations[int, str | None] = Generations(DECIDED, DECIDED_FOR)

    def look(self, rows: Any, row: int, now: float) -> None:
        """A span starts; if it is the first of its trace and has no parent, the trace is sampled or not."""
        number = number_of(rows.trace_ids[row])
        if number in self._states:
            return
        state = None if rows.parents[row] != "" else self._decided(rows, row, number, now)
        self._states.put(number, state, now)

    def _decided(self, rows: Any, row: int, number: int, now: float) -> str:
        """The trace state of a trace that is sampled, "" for one that is not."""
        ot = ot_of(rows.trace_states[row])
        lane: Lane | None = self._rules.lane_of(rows, row) if self._rules else None
        key = rows.resources[rows.resource[row]].service, rows.names[row]
        threshold = lane.threshold if lane is not None else probability_to_threshold(self.law.offer(key, now))
        if (randomness(number) if ot.randomness is None else ot.randomness) < threshold:
            return ""
        if lane is None or lane.budget is None:
            self.law.charge(now, 1.0, key, certain=lane is not None)
        return f"{KEY}={with_threshold(threshold, ot.rest) or ot.rest}"

    def sampled(self, rows: Any, picked: Sequence[int]) -> Sampled:
        """The rows as they would be."""
        flags, states = {}, {}
        for row in picked:
            number = number_of(rows.trace_ids[row])
            state = self._states.get(number)
            if state is None:
                flags[row], states[row] = rows.flags[row], rows.trace_states[row]
            else:
                flags[row], states[row] = SAMPLED if state else 0, state
        return Sampled(rows, flags, states)


@dataclass(slots=True)
class Sampled:
    """Rows of a block of which some are sampled otherwise."""

    _rows: Any
    flags: Mapping[int, int]
    trace_states: Mapping[int, str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

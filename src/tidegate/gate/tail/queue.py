"""Traces that wait for their verdict, and which of them are due."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from tidegate.gate.tail.pending import Pending

#: Seconds between two looks at what waits for its root.
LOOK = 1.0


class Queue:
    """Traces by number: due ``quiet`` seconds after their last span once they have a root, else at their deadline.

    At most ``most`` wait, with ``most_spans`` in all; beyond it the one that waits longest is due. What came after a
    verdict is due at once.
    """

    __slots__ = (
        *("_late", "_looked", "_most", "_most_spans", "_overdue", "_quiet", "_touched", "_waiting"),
        *("crowded", "spans"),
    )

    def __init__(self, quiet: float, most: int, most_spans: int) -> None:
        self._quiet, self._most, self._most_spans = quiet, most, most_spans
        #: Those touched of late, the one longest quiet first; those that are quiet, but have no root yet; what came
        #: after a verdict; and those that go on and on, to be judged as they are.
        self._touched: dict[int, Pending] = {}
        self._waiting: dict[int, Pending] = {}
        self._late: dict[int, Pending] = {}
        self._overdue: dict[int, None] = {}
        self._looked = 0.0
        #: How many were due for want of room.
        self.crowded = 0
        #: How many spans all have together; whoever adds to a trace adds to this.
        self.spans = 0

    def __len__(self) -> int:
        return len(self._touched) + len(self._waiting) + len(self._late)

    def __iter__(self) -> Iterator[Pending]:
        return chain(self._touched.values(), self._waiting.values(), self._late.values())

    def touch(self, number: int, now: float) -> Pending | None:
        """The trace, of which something came now; `put` it when there is none."""
        trace = self._touched.pop(number, None) or self._waiting.pop(number, None)
        if trace is None:
            return self._late.get(number)
        trace.last = now
        self._touched[number] = trace
        return trace

    def put(self, trace: Pending) -> None:
        (self._touched if trace.known is None else self._late)[trace.number] = trace

    def hurry(self, trace: Pending) -> None:
        """It is due as it is."""
        self._overdue[trace.number] = None

    def take_late(self) -> list[Pending]:
        late, self._late = self._late, {}
        return self._taken(list(late.values()))

    def take_all(self) -> list[Pending]:
        """All but what is late."""
        traces = [*self._waiting.values(), *self._touched.values()]
        self._waiting, self._touched, self._overdue = {}, {}, {}
        return self._taken(traces)

    def take_due(self, now: float) -> list[Pending]:
        found = (self._touched.pop(number, None) for number in self._overdue)
        due = [trace for trace in found if trace is not None]
        self._overdue = {}
        return self._taken(due + self._take_quiet(now) + self._take_rootless(now)) + self._take_crowd()

    def _taken(self, traces: list[Pending]) -> list[Pending]:
        self.spans -= sum([trace.count for trace in traces])
        return traces

    def _take_quiet(self, now: float) -> list[Pending]:
        """Those with a root of which nothing came for a while; those without one begin to wait."""
        quiet = []
        for trace in self._touched.values():
            if trace.last > now - self._quiet:
                break
            quiet.append(trace)
        for trace in quiet:
            del self._touched[trace.number]
            if trace.root is None:
                self._waiting[trace.number] = trace
        return [trace for trace in quiet if trace.root is not None]

    def _take_rootless(self, now: float) -> list[Pending]:
        if now - self._looked < LOOK:
            return []
        self._looked = now
        due = [trace for trace in self._waiting.values() if now >= trace.deadline]
        for trace in due:
            del self._waiting[trace.number]
        return due

    def _take_crowd(self) -> list[Pending]:
        crowd: list[Pending] = []
        while (number := len(self._waiting) + len(self._touched)) and (
            number > self._most or self.spans > self._most_spans
        ):
            traces = self._waiting or self._touched
            crowd += self._taken([traces.pop(next(iter(traces)))])
        self.crowded += len(crowd)
        return crowd

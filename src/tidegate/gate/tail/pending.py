"""What is known of a trace that is not judged yet: a summary, never its spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidegate.gate.tail.verdict import Place, Verdict
from tidegate.gate.threshold import MAX, randomness
from tidegate.gate.traces.tracestate import KEY, NOTHING, Ot, parse

if TYPE_CHECKING:
    from tidegate.gate.traces.plan import Lane
    from tidegate.store.rows import SpanRows

#: Trace states whose ``ot`` is remembered; then they start over.
REMEMBERED = 1024

#: The bit of a span's flags that says it was sampled.
SAMPLED = 1

#: Places of spans: each segment followed by sequences in it. Flat, since the garbage collector looks at every list.
Run = Sequence["str | int"]


class Pending:
    """One trace, or what came of it after its verdict (``known``). Times are the judge's seconds."""

    __slots__ = (
        *(
            "_is_explicit",
            "_sampled_by",
            "_segment",
            "_state",
            "came_in",
            "count",
            "deadline",
            "error",
            "head",
            "is_here",
        ),
        *("key", "known", "lane", "last", "number", "places", "random", "root", "sampled", "slow", "trace_id"),
    )

    def __init__(self, trace_id: str, number: int, now: float, deadline: float, known: Verdict | None) -> None:
        self.trace_id = trace_id
        self.number = number
        #: The randomness by which samplers judged it.
        self.random = randomness(number)
        self.deadline = deadline
        self.last = now
        #: The verdict on what came before.
        self.known = known
        #: Where its spans are, and how many there are.
        self.places: list[str | int] = []
        self.count = 0
        self._segment: str | None = None
        self._state: str | None = None
        self._sampled_by = ""
        self._is_explicit = False
        self.error = self.slow = self.sampled = False
        #: The lowest threshold by which a sampler kept it; None while none is known.
        self.head: int | None = None
        #: Its topmost local root so far (`rank`).
        self.root: int | None = None
        #: Whether it has a root here, and one whose parent is in another process.
        self.is_here = self.came_in = False
        #: What it is budgeted under, and what the rule that its root matches makes of it.
        self.key = ""
        self.lane: Lane | None = None

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether it began on another host, as far as is known."""
        return self.came_in and not self.is_here

    def add(self, segment: str, number: int) -> None:
        """One more of its spans is there."""
        if segment != self._segment:
            self._segment = segment
            self.places.append(segment)
        self.places.append(number)
        self.count += 1

    def carry(self, state: str) -> None:
        """One of its spans has this trace state. The first that tells a randomness of its own tells all."""
        if self._is_explicit or state == self._state:
            return
        self._state = state
        given = ot_of(state).randomness
        if given is not None:
            self.random, self._is_explicit = given, True

    def sample(self, state: str) -> None:
        """One of its spans was sampled, with this trace state."""
        if self.sampled and state == self._sampled_by:
            return
        self.carry(state)
        self.sampled, self._sampled_by = True, state
        threshold = ot_of(state).threshold
        # what contradicts the trace's randomness says nothing
        if threshold is not None and threshold <= self.random and threshold < (self.head or MAX):
            self.head = threshold


def rank(has_parent: bool, start: int) -> int:
    """Of two roots of a trace, the one with the lower is further up: one without a parent, else the earlier (ns)."""
    return has_parent << 64 | start


def number_of(trace_id: str) -> int:
    """The last 64 bits of a trace id, which tell traces apart."""
    return int(trace_id[-16:] or "0", 16)


def roots_of(rows: SpanRows, picked: Sequence[int]) -> list[int]:
    """Rows whose span begins its trace in its process: without a parent, or with one in another."""
    parents, remote = rows.parents, rows.remote
    if 1 in remote:
        return [row for row in picked if parents[row] == "" or remote[row]]
    return [row for row in picked if parents[row] == ""]


def places_of(run: Run) -> list[Place]:
    """One by one."""
    if len(run) == 2:
        return [(run[0], run[1])]  # type: ignore[list-item]
    found: list[Place] = []
    segment = ""
    for each in run:
        if isinstance(each, str):
            segment = each
        else:
            found.append((segment, each))
    return found


def count_of(run: Run) -> int:
    """How many places there are."""
    return len(run) // 2 if len(run) <= 2 else sum([isinstance(each, int) for each in run])


def newest_of(run: Run, most: int) -> tuple[str | int, ...]:
    """The last of them, at most so many."""
    left = most
    for at in range(len(run) - 1, -1, -1):
        left -= isinstance(run[at], int)
        if left < 0:
            segment = next(each for each in reversed(run[: at + 1]) if isinstance(each, str))
            return (segment, *run[at + 1 :])
    return tuple(run)


def ot_of(state: str) -> Ot:
    """What a trace state's ``ot`` says."""
    if not state:
        return NOTHING
    known = _parsed.get(state)
    if known is None:
        if len(_parsed) >= REMEMBERED:
            _parsed.clear()
        members = (member.strip().partition("=") for member in state.split(","))
        value = next((value for key, _, value in members if key == KEY), "")
        known = _parsed[state] = parse(value)
    return known


_parsed: dict[str, Ot] = {}

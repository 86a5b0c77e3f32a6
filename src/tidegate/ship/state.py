"""What a leader tells of its route, to whoever looks.

state.json      how it sends, and what it decided: `State`
unsent.json     the segments of which something is not judged or not sent yet, which retention removes last
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from tidegate.ship import files
from tidegate.ship.election import Leadership
from tidegate.ship.files import Notice
from tidegate.ship.frames import Counts
from tidegate.store.unsent import FORMAT

T = TypeVar("T")

#: Time in seconds between two states, while things change.
STATE_S = 1.0

#: Time in seconds between two lists of what is unsent.
UNSENT_S = 3.0

_MINUTE_NS = 60 * 10**9


@dataclass(slots=True)
class DestinationState:
    """How sending to a destination goes: its breaker, what failed last and what succeeded (times in ns, 0 for never),
    and when it is tried again. What was sent and refused is counted by its cursor."""

    signal: str = ""
    exporter: str = ""
    endpoint: str = ""
    breaker: str = "closed"
    failures: int = 0
    retries: int = 0
    error: str = ""
    error_time: int = 0
    success_time: int = 0
    retry_time: int = 0


@dataclass(slots=True)
class State:
    """How a route is led. ``process`` names the leader, ``since`` is when it began (ns).

    ``budget`` and ``span_budget`` are per second, ``available`` is what of the budget is left to chance; ``counts`` is
    the sum of the frames' counts, such as ``{"kept": {"spans": {"error": 3}}, "dropped": {…}}``; ``problem`` says what
    keeps it from deciding or sending, beside what a destination says itself.
    """

    process: str = ""
    service: str = ""
    standalone: bool = False
    generation: int = 0
    since: int = 0
    traces: str = ""
    logs: str = ""
    budget: float | None = None
    span_budget: float | None = None
    available: float | None = None
    counts: Counts = field(default_factory=dict)
    problem: str = ""
    destinations: dict[str, DestinationState] = field(default_factory=dict)


class Telling:
    """The two files of the route in ``directory``, as its leader keeps them up to date. Neither raises."""

    def __init__(self, directory: str, leadership: Leadership, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = Notice(os.path.join(directory, "state.json"), leadership.holds, STATE_S, clock)
        self._unsent = Notice(os.path.join(directory, "unsent.json"), leadership.holds, UNSENT_S, clock)

    def state(self, state: State, *, last: bool = False) -> None:
        """How things are; written at once at the ``last``, otherwise once a second if they have changed."""
        self._state.put(state, last=last)

    def unsent(self, segments: Callable[[], Iterable[str]], *, last: bool = False) -> None:
        """What is not judged or sent yet; asked for only when it is time to write it down (`tidegate.store.unsent`)."""
        self._unsent.put(lambda: {"format": FORMAT, "segments": sorted(segments()), "since": _minute()}, last=last)


def _minute() -> int:
    """When this minute began (ns): nobody has looked at segments that are begun after it."""
    return time.time_ns() // _MINUTE_NS * _MINUTE_NS


def read(directory: str) -> tuple[State, int]:
    """What the last leader of the route in a directory has told, and when (ns); 0 where there was none."""
    body = files.read(os.path.join(directory, "state.json"))
    state = _made(State, body)
    told = body.get("destinations")
    if isinstance(told, dict):
        state.destinations = {name: _made(DestinationState, each) for name, each in told.items()}
    try:
        return state, int(body.get("time", 0))
    except (TypeError, ValueError):
        return state, 0


def _made(kind: type[T], body: Any) -> T:
    """As much of a dataclass as a file of another version, or none, says."""
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in body.items() if name in known} if isinstance(body, dict) else {})

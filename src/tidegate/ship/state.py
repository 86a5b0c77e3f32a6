"""What a leader tells of its route, to whoever looks.

state.json      how it sends, and what it decided: `State`
unsent.json     the segments of which something is not judged or not sent yet, which retention removes last
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from tidegate.ship import files
from tidegate.ship.election import Leadership, Superseded
from tidegate.ship.frames import Counts
from tidegate.store import locks
from tidegate.store.sinks import own_segments
from tidegate.store.unsent import UNSENT

#: Version of both files.
FORMAT = 1

#: Time in seconds between two states, while things change.
STATE_S = 1.0

#: Time in seconds between two lists of what is unsent.
UNSENT_S = 3.0

#: A notice that stays the same is put up again after so many seconds, should somebody else have replaced it.
_RENEW_S = 60.0

_MINUTE_NS = 60 * 10**9


@dataclass(slots=True)
class State:
    """How a route is led. ``process`` names the leader, ``since`` is when it began (ns).

    ``destinations`` holds by name what each `Sender.state` says.
    ``budget`` and ``span_budget`` are per second, ``available`` is what of the budget is left to chance; ``counts`` is
    the sum of the frames' counts, such as ``{"kept": {"spans": {"error": 3}}, "dropped": {…}}``; ``problem`` says what
    keeps it from deciding or sending, beside what a destination says itself; ``policy_problem`` is what is wrong with
    the newest policy, so that a former one is in force.
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
    policy_problem: str = ""
    destinations: dict[str, dict[str, Any]] = field(default_factory=dict)


def process_name() -> str:
    """What this process is called by who looks on: the program that it runs, and its id."""
    program = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python"
    return f"{program} ({os.getpid()})"


class Notice:
    """A file that a leader replaces when it has something else to say, at most every ``interval`` seconds."""

    def __init__(
        self, path: str, leadership: Leadership, interval: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._leadership, self._interval, self._clock = path, leadership, interval, clock
        files.clear(*os.path.split(path))
        self._said: bytes | None = None
        self._at = self._asked = float("-inf")

    def put(self, body: Callable[[], Any], *, last: bool = False) -> None:
        """Say so, when it is time, or at the ``last``. Without room on disk, or descriptors, it is not said;
        another leader is not contradicted."""
        now = self._clock()
        if not last and now - self._asked < self._interval:
            return
        self._asked = now
        with contextlib.suppress(OSError, Superseded):
            said = orjson.dumps(body())
            if said == self._said and now - self._at < _RENEW_S:
                return
            files.write(self._path, {"time": str(time.time_ns()), **orjson.loads(said)}, self._leadership.check)
            self._said, self._at = said, now


class Telling:
    """The two files of the route in ``directory``, as its leader keeps them up to date. Neither raises."""

    def __init__(self, directory: str, leadership: Leadership, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._route = os.path.dirname(os.path.dirname(directory)), os.path.basename(directory)
        self._state = Notice(os.path.join(directory, "state.json"), leadership, STATE_S, clock)
        self._unsent = Notice(os.path.join(directory, UNSENT), leadership, UNSENT_S, clock)

    def state(self, state: State, *, last: bool = False) -> None:
        """How things are; written at once at the ``last``, otherwise once a second if they have changed."""
        self._state.put(
            lambda: {"format": FORMAT, **{each.name: getattr(state, each.name) for each in fields(state)}}, last=last
        )

    def unsent(self, segments: Callable[[], Iterable[str]], *, last: bool = False) -> None:
        """What is not judged or sent yet; asked for only when it is time to write it down.

        To be given are all such segments of the route that began until a minute ago: later ones count as unsent, and
        so do those that still grow, but for this process's own ones at the ``last``.
        """

        def body() -> dict[str, Any]:
            growing = {id for id in locks.living(self._store, self._route) if not (last and id in own_segments)}
            return {"format": FORMAT, "segments": sorted(growing.union(segments())), "since": _recently()}

        self._unsent.put(body, last=last)


def _recently() -> int:
    """Within the last two minutes, in ns; it changes once a minute, so that who has nothing to say writes nothing."""
    return (time.time_ns() // _MINUTE_NS - 1) * _MINUTE_NS


def read(directory: str) -> tuple[State, int]:
    """What the last leader of the route in a directory has told, and when (ns); 0 where there was none."""
    body = files.read(os.path.join(directory, "state.json"))
    if body.get("format") != FORMAT or not all(isinstance(body.get(name), dict) for name in ("counts", "destinations")):
        return State(), 0
    known = {each.name for each in fields(State)}
    try:
        return State(**{name: value for name, value in body.items() if name in known}), int(body["time"])
    except (LookupError, TypeError, ValueError):
        return State(), 0

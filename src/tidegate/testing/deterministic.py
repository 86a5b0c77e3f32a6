"""Ids that count up and a clock that ticks by being looked at."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace.id_generator import IdGenerator

from tidegate.api import decorators, timing
from tidegate.otel import attached

#: Where the clock starts, in ns since the epoch: 2000-01-01T00:00:00Z.
START_NS = 946_684_800 * 10**9

#: How far it goes on at each look, in ns.
TICK_NS = 10**6


class _Counted:
    """The ids of one capture."""

    def __init__(self) -> None:
        self.traces, self.spans = itertools.count(1), itertools.count(1)


#: What measures how long something took.
_STOPWATCHES = (decorators, timing)

#: Of the captures that want determined ids; the last one's are used.
_counted: list[_Counted] = []


class SharedIds(IdGenerator):
    """In place of a provider's generator: counts while a capture wants that, and asks ``former`` otherwise."""

    def __init__(self, former: Any) -> None:
        self.former = former

    @staticmethod
    def without(generator: Any) -> Any:
        """What was there before."""
        return generator.former if isinstance(generator, SharedIds) else generator

    def generate_trace_id(self) -> int:
        return next(_counted[-1].traces) if _counted else int(self.former.generate_trace_id())

    def generate_span_id(self) -> int:
        return next(_counted[-1].spans) if _counted else int(self.former.generate_span_id())

    def is_trace_id_random(self) -> bool:
        return not _counted and bool(self.former.is_trace_id_random())


@contextmanager
def ids_and_clock() -> Iterator[None]:
    """Determine both meanwhile."""
    ticks = itertools.count(START_NS, TICK_NS)
    counted = _Counted()
    _counted.append(counted)
    try:
        with attached.clock(ticks.__next__, _STOPWATCHES, since=START_NS):
            yield
    finally:
        _counted.remove(counted)

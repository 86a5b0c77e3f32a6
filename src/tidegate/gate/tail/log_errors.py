"""How many log records an error brings: a trace may go on for as long as its process does."""

from __future__ import annotations

from collections import OrderedDict

#: Records that an error of a trace brings, within so many seconds after it.
RECORDS, SECONDS = 10_000, 300.0
#: Traces of which it is known how much was brought; the one of which nothing was brought for longest goes first.
MAX_TRACES = 10_000


class Allowance:
    """What the error of each trace may still bring. Times are seconds of one clock."""

    def __init__(self) -> None:
        #: Since when, and how many are left.
        self._traces: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def begin(self, trace_id: str, now: float) -> None:
        """An error was logged. It brings as much as the first one did when that is long past, else what is left."""
        known = self._traces.get(trace_id)
        if known is None or now - known[0] >= SECONDS:
            self._put(trace_id, now, RECORDS)

    def lasts(self, trace_id: str, now: float) -> bool:
        """Whether one more may be brought."""
        known = self._traces.get(trace_id)
        return known is None or (known[1] > 0 and now - known[0] < SECONDS)

    def take(self, trace_id: str, now: float, number: int = 1) -> int:
        """How many of so many are brought. The first ones begin the time, if no error did."""
        since, left = self._traces.get(trace_id) or (now, RECORDS)
        taken = min(number, left) if now - since < SECONDS else 0
        self._put(trace_id, since, left - taken)
        return taken

    def _put(self, trace_id: str, since: float, left: int) -> None:
        self._traces[trace_id] = since, left
        self._traces.move_to_end(trace_id)
        if len(self._traces) > MAX_TRACES:
            self._traces.popitem(last=False)

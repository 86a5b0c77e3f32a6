"""The time that rates and budgets of log records are measured by: the records' own, made to rise.

Blocks of several processes overlap, and what one of them committed late is older than what was judged before. Were such
records all taken to come at one moment, this would look like a burst; so they are spread over the time since.
A backlog that is read fast goes by as it came. What says it is from the future came now.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Seconds by which records may be older than the latest that was judged, and still be told apart by their times.
LAG = 2.0

NS = 1e9


class RecordClock:
    """Seconds since 1970 that never fall, unless the clock of the host was set back."""

    def __init__(self) -> None:
        self._last: float | None = None

    def of(self, times: Sequence[int], now: float) -> list[float]:
        """When records came that have these times (ns, rising), for the gate. ``now``: seconds since 1970."""
        if not times:
            return []
        first, end = times[0] / NS, min(times[-1] / NS, now)
        last = self._last
        if last is None or now < last - LAG:
            last = min(first, end)
        begin = min(max(first, last - LAG), end)
        high = end if end > last else max(min(now, last + end - begin), last)
        self._last = high
        if first >= last and times[-1] <= now * NS:
            return [time / NS for time in times]
        scale = (high - max(last, begin)) / (end - begin) if end > begin else 0.0
        low = max(last, begin)
        return [low + (min(max(time / NS, begin), end) - begin) * scale for time in times]

"""When the log gate speaks of itself: metrics when they are collected, reports by the clock, jumps at once.

There is no thread that waits. Whoever finds a report due, on the way of some record, starts a thread
that makes it and ends, so that no caller pays for it and it belongs to no trace.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from tidegate import otel
from tidegate.gate.logs.anomaly import Announcement
from tidegate.gate.logs.reporting import METRICS, Report, Row, Series
from tidegate.records import SEVERITIES

REPORT, ANOMALY = "tidegate.log.pattern.report", "tidegate.log.pattern.anomaly"

_INFO, _WARN = ("INFO", SEVERITIES["INFO"]), ("WARN", SEVERITIES["WARN"])


class Emit(Protocol):
    def __call__(
        self, name: str, severity: str, severity_number: int, body: str, attributes: Mapping[str, Any]
    ) -> None: ...


class Source(Protocol):
    """What is told of: a `tidegate.gate.logs.sieve.Sieve`, or what judges stored records.

    ``clock`` tells seconds; what is in ``on_fork`` is called in a forked child, where counting begins anew.
    """

    clock: Callable[[], float]
    on_fork: list[Callable[[], None]]

    @property
    def announcements(self) -> deque[Announcement]: ...

    def rows(self) -> list[Row]: ...


class Publisher:
    """The metrics, and reports through ``emit``: each ``interval`` seconds of the source's clock (0: never), and last.

    A report tells what was held back, so there is none while all is kept.
    """

    def __init__(self, source: Source, interval: float, emit: Emit, meter_provider: Any) -> None:
        self._source = source
        self._interval = interval
        self._emit = emit
        self._report = Report()
        self._series = Series()
        self._speaking = threading.Lock()
        self._since = source.clock()
        self._due = self._since + interval if interval > 0 else float("inf")
        self._closed = False
        source.on_fork.append(self._after_fork)
        prepare(meter_provider).add(self)

    def points(self, field: str) -> Sequence[tuple[int, Mapping[str, str]]]:
        """What a metric shows now, after the end too: a meter provider is shut down after the log records'."""
        rows = self._source.rows()
        with self._speaking:
            return self._series.points(rows, field)

    def tick(self) -> None:
        """Speak if there is something to say. Costs a look at the clock."""
        now = self._source.clock()
        if now < self._due and not self._source.announcements:
            if now < self._since:  # a clock that jumped back
                self._since, self._due = now, now + self._interval
            return
        if self._closed or not self._speaking.acquire(blocking=False):
            return
        self._speaking.release()
        is_due = now >= self._due
        if is_due:
            self._due = now + self._interval
        try:
            threading.Thread(target=self.speak, args=(is_due,), name="tidegate-report", daemon=True).start()
        except RuntimeError:  # the interpreter is ending, or there can be no more threads
            pass

    def speak(self, is_due: bool = True) -> None:
        """Tell of jumps, and make a report if it ``is_due``. Never raises."""
        try:
            with self._speaking:
                self._tell_jumps()
                if is_due:
                    self._tell_counts()
        except Exception:  # what the gate says of itself is not worth a trace on the application's console
            pass

    def close(self) -> None:
        """The last report."""
        if not self._closed:
            self.speak()
            self._closed = True

    def _after_fork(self) -> None:
        """In the child counting begins anew."""
        self._speaking = threading.Lock()
        self._report = Report()
        self._since = self._source.clock()

    def _tell_jumps(self) -> None:
        waiting = self._source.announcements
        while waiting:
            jump = waiting.popleft()
            what = "errors" if jump.kind == "error_surge" else "a pattern"
            attributes = {
                "tidegate.anomaly.kind": jump.kind,
                "tidegate.pattern.id": jump.pattern_id,
                "log.record.template": jump.template,
                "tidegate.anomaly.former_rate": jump.former_rate,
                "tidegate.anomaly.rate": jump.rate,
            }
            body = f"{what} jumped from {jump.former_rate:.3g} to {jump.rate:.3g} records a second: {jump.template}"
            self._emit(ANOMALY, *_WARN, body, attributes)

    def _tell_counts(self) -> None:
        rows, now = self._source.rows(), self._source.clock()
        found = self._report.next(rows)
        seconds, self._since = max(now - self._since, 0.0), now
        if not found or found["tidegate.log.kept"] == found["tidegate.log.seen"]:
            return  # nothing was held back: a short program's only record would have a companion
        body = (
            f"{found['tidegate.log.kept']:,} of {found['tidegate.log.seen']:,} log records kept"
            f" in {seconds:,.0f} s, of {found['tidegate.log.patterns']:,} patterns"
        )
        self._emit(REPORT, *_INFO, body, {"tidegate.log.interval": seconds, **found})


_publishers: WeakKeyDictionary[Any, WeakSet[Publisher]] = WeakKeyDictionary()


def prepare(provider: Any = None) -> WeakSet[Publisher]:
    """Make the instruments of a meter provider, by default the global one: one that was shut down makes none any more.
    Returns who is asked for points.

    One set of instruments for a provider, whatever number of gates it has; their points add up.
    """
    provider = otel.meter_provider(provider)
    living = _publishers.get(provider)
    if living is None:
        living = _publishers[provider] = WeakSet()
        for field, description in METRICS.items():
            name = f"tidegate.log.pattern.{field}"
            otel.observable_counter(provider, name, description, partial(_points, living, field))
    return living


def _points(publishers: WeakSet[Publisher], field: str) -> list[tuple[int, Mapping[str, str]]]:
    """Never raises: a metric reader is the application's."""
    total: dict[tuple[tuple[str, str], ...], int] = {}
    for publisher in list(publishers):
        try:
            for value, attributes in publisher.points(field):
                key = tuple(attributes.items())
                total[key] = total.get(key, 0) + value
        except Exception:
            continue
    return [(value, dict(key)) for key, value in total.items()]

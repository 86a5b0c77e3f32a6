"""What the leader's log gate says of itself: the metrics and events that `PatternLogRecordProcessor` has as well."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tidegate import otel
from tidegate.gate.logs.publishing import Publisher

if TYPE_CHECKING:
    from tidegate.gate.logs.anomaly import Announcement
    from tidegate.gate.logs.reporting import Row
    from tidegate.gate.tail.logs import LogTail


class _Judged:
    """What a `LogTail` has judged. A forked child has none."""

    def __init__(self, tail: LogTail) -> None:
        self._tail = tail
        self.clock: Callable[[], float] = time.monotonic
        self.on_fork: list[Callable[[], None]] = []

    @property
    def announcements(self) -> deque[Announcement]:
        return self._tail.gate.announcements

    def rows(self) -> list[Row]:
        return self._tail.rows()


def publisher(tail: LogTail, interval: float, meter_provider: Any = None) -> Publisher:
    """Publishes what ``tail`` counts: metrics of ``meter_provider``, by default the global one, and each ``interval``
    seconds (0: never) a report. It is to be told to `tick` now and then, and to `close` at the end."""
    return Publisher(_Judged(tail), interval, _emit, meter_provider)


def _emit(name: str, severity: str, severity_number: int, body: str, attributes: Mapping[str, Any]) -> None:
    otel.emit_event(otel.event(name, time.time_ns(), severity, severity_number, body, attributes))

"""What is known of one pattern of a service in some time: how often it came, and how often it comes now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from tidegate.gate.logs.anomaly import EVIDENCE, FACTOR, LEAST, evidence
from tidegate.gate.logs.frequency import SHORT
from tidegate.gate.logs.severities import severity_name
from tidegate.patterns.pattern import living
from tidegate.ship.ledger import Described
from tidegate.ship.ledger_hours import Tally
from tidegate.ship.pattern_scan import Stored, Window

S, MINUTE = 10**9, 60 * 10**9

#: The part of the time that is "now"; the rest is what was before.
NOW = 0.1

#: Bytes of a gigabyte, as prices mean it.
GB = 1e9


@dataclass(slots=True)
class PatternCount:
    """One pattern of a service. Times in ns; rates in records per second.

    ``counts`` are those of each interval of the answer; ``rate`` is that of the last tenth of the time, ``former_rate``
    that of the rest. ``bytes`` is about how much its records are as OTLP, None where none is stored to be measured.
    ``kept`` and ``sent`` are None for a service that sends nothing; ``saved`` is what was not kept in bytes, by the
    size of those that are stored.
    """

    id: str
    service: str
    template: str
    kind: str
    severities: dict[str, int]
    counts: list[int]
    first_time_unix_nano: int
    last_time_unix_nano: int
    rate: float = 0.0
    former_rate: float = 0.0
    is_new: bool = False
    is_spiking: bool = False
    bytes: int | None = None
    kept: int | None = None
    sent: int | None = None
    saved: int | None = None

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def severity(self) -> str:
        """The one that most of its records have."""
        return max(self.severities, key=lambda name: self.severities[name], default="")

    @property
    def change(self) -> float:
        """By how much its rate has changed, as a factor."""
        return self.rate / self.former_rate if self.former_rate else float("inf") if self.rate else 0.0

    def to_dict(self, price: float | None = None) -> dict[str, Any]:
        """As JSON shows it; with a ``price`` per GB, what was ``saved`` in money, too."""
        body = {name: getattr(self, name) for name in PatternCount.__slots__}
        if price is not None:
            body["savings"] = None if self.saved is None else self.saved / GB * price
        return {**body, "count": self.count, "severity": self.severity}


def empty(service: str, id: str, told: Described, window: Window) -> PatternCount:
    times = told.first * MINUTE, told.last * MINUTE
    return PatternCount(id, service, told.template, told.kind, {}, [0] * window.number, *times, kept=0, sent=0)


def add(row: PatternCount, tally: Tally, window: Window) -> None:
    name = _named(tally.severity)
    row.counts[window.place(tally.minute * MINUTE)] += tally.seen
    row.severities[name] = row.severities.get(name, 0) + tally.seen
    row.kept, row.sent = (row.kept or 0) + tally.kept, (row.sent or 0) + tally.sent


def of_stored(stored: Stored) -> PatternCount:
    """What is stored of a pattern and service."""
    pattern = living(stored.pattern)
    severities = Counter[str]()
    for number, count in stored.severities.items():
        severities[_named(number)] += count
    row = PatternCount(
        pattern.id, stored.service, pattern.template, pattern.kind, dict(severities), stored.counts, *stored.times
    )
    row.bytes = round(stored.bytes * row.count / stored.measured)
    return row


def _named(severity: int) -> str:
    return severity_name(severity) or "UNSPECIFIED"


def both(stored: PatternCount, counted: PatternCount) -> PatternCount:
    """What is stored and what was counted of the same records: whichever knows more of them."""
    more = counted if counted.count > stored.count else stored
    size = (stored.bytes or 0) / stored.count
    first, minute = stored.first_time_unix_nano, counted.first_time_unix_nano
    return replace(
        more,
        first_time_unix_nano=first if first < minute + MINUTE else minute,  # minutes are all that is counted by
        last_time_unix_nano=max(stored.last_time_unix_nano, counted.last_time_unix_nano),
        bytes=round(size * more.count),
        kept=counted.kept,
        sent=counted.sent,
    )


def boundary_of(window: Window) -> int:
    """The first interval that is now; 0 when the time is too short to have a before."""
    return window.place(round(window.until - NOW * (window.until - window.since)))


def compare(row: PatternCount, window: Window, boundary: int, began: int) -> None:
    """How often it comes now, and came before, since the interval in which its service ``began``. All patterns of a
    service that begins only now are no news."""
    moment = max(window.start + boundary * window.length, window.since)
    now = (window.until - moment) / S
    before = (moment - max(window.start + began * window.length, window.since)) / S
    came, comes = sum(row.counts[:boundary]), sum(row.counts[boundary:])
    row.rate, row.former_rate = comes / now, came / before if before > 0 else 0.0
    if before <= 0 or not comes:
        return
    row.is_new = not came and row.first_time_unix_nano >= moment
    if not row.is_new and comes >= LEAST and row.rate >= FACTOR * row.former_rate:
        row.is_spiking = evidence(comes, came, before * SHORT / now) >= EVIDENCE

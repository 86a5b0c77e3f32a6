"""Patterns of log records for people: what the ledgers have counted and what the store has, put together.

Of what is sent somewhere the ledger of its route knows every record that came, was kept and sent, however little of it
is still stored. All else is counted from the records that are stored, from which come sizes and examples, too.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.errors import ConfigurationError, QueryError
from tidegate.patterns import Miner, saving
from tidegate.records import Log
from tidegate.ship.ledger import Described, LedgerReader
from tidegate.ship.ledger_hours import OTHER
from tidegate.ship.pattern_rows import MINUTE, PatternCount, S, add, both, boundary_of, compare, empty, of_stored
from tidegate.ship.pattern_scan import Scan, Stored, Window
from tidegate.ship.route import routes
from tidegate.store.questions.counting import readable
from tidegate.store.reader import Reader

#: How far back patterns are looked for when nobody says (ns).
SINCE = 3600 * S

#: Intervals of a count over time, none shorter than a minute: the ledger knows no less.
INTERVALS = 30


@dataclass(slots=True)
class Patterns:
    """What came from ``since`` to before ``until``; interval ``i`` begins at ``start + i * interval`` (ns)."""

    since: int
    until: int
    start: int
    interval: int
    rows: list[PatternCount]


@dataclass(slots=True)
class PatternDetail:
    """One pattern: of each service that has it, its counts; the calls that write it; its newest records."""

    since: int
    until: int
    start: int
    interval: int
    rows: list[PatternCount]
    sites: list[str] = field(default_factory=list)
    examples: list[Log] = field(default_factory=list)

    def to_dict(self, price: float | None = None) -> dict[str, Any]:
        """As JSON shows it; see `PatternCount.to_dict`."""
        return {
            **{name: getattr(self, name) for name in ("since", "until", "start", "interval", "sites")},
            "rows": [row.to_dict(price) for row in self.rows],
            "examples": [{**log.to_dict(), "cursor": log.cursor} for log in self.examples],
        }


#: By what patterns are sorted.
SORTS: Mapping[str, Callable[[PatternCount], Any]] = {
    "count": lambda row: -row.count,
    "bytes": lambda row: -(row.bytes or 0),
    "rate": lambda row: -row.rate,
    "change": lambda row: (not row.is_spiking, not row.is_new, -row.change),
    "new": lambda row: -row.first_time_unix_nano,
    "saved": lambda row: -(row.saved or 0),
}


def patterns(
    reader: Reader,
    *,
    since: int | None = None,
    until: int | None = None,
    service: str | None = None,
    sort: str = "count",
    timeout: Any = None,
    now: int | None = None,
) -> Patterns:
    """The patterns of all log records that came, by service. ``since`` is an hour ago if it is not said, ``until``
    is now (ns).

    Raises `QueryError` for what makes no sense, `QueryTimeout`, and `FormatError` for a newer ledger.
    """
    if sort not in SORTS:
        raise QueryError(f"sort is {sort!r}; it must be one of {', '.join(SORTS)}.")
    view = _View(reader, _window(since, until, now), service)
    rows = sorted(view.rows(view.scan(timeout)), key=lambda row: (SORTS[sort](row), row.service, row.id))
    window = view.window
    return Patterns(window.since, window.until, window.start, window.length, rows)


def pattern(
    reader: Reader,
    id: str,
    *,
    since: int | None = None,
    until: int | None = None,
    service: str | None = None,
    examples: int = 5,
    timeout: Any = None,
    now: int | None = None,
) -> PatternDetail | None:
    """One pattern by the beginning of its id, or None. Raises what `patterns` raises, and `QueryError` when there are
    several."""
    view = _View(reader, _window(since, until, now), service)
    wanted = view.became(id.lower())
    stored = view.scan(timeout, wanted, examples)
    rows = [row for row in view.rows(stored) if row.id.startswith(wanted)]
    if len({row.id for row in rows}) > 1:
        raise QueryError(f"{len({row.id for row in rows})} patterns begin with {id!r}; give more digits.")
    if not rows:
        return None
    mine = [each for each in stored if each.key[1] == rows[0].id]
    found = sorted((each for one in mine for each in one.examples), reverse=True)[:examples]
    sites = sum((each.sites for each in mine), Counter[str]())
    window = view.window
    return PatternDetail(
        window.since,
        window.until,
        window.start,
        window.length,
        sorted(rows, key=SORTS["count"]),
        [site for site, _ in sites.most_common()],
        [record for *_, record in found],
    )


def _window(since: int | None, until: int | None, now: int | None) -> Window:
    until = (time.time_ns() if now is None else now) if until is None else until
    since = until - SINCE if since is None else since
    if since >= until:
        raise QueryError("since must be before until.")
    length = max(readable(since, until - 1, INTERVALS), MINUTE)
    start = since // length * length
    return Window(since, until, start, length, (until - 1 - start) // length + 1)


class _View:
    """What a store and its ledgers say of one time, and of one service if it is given."""

    def __init__(self, reader: Reader, window: Window, service: str | None) -> None:
        self._reader, self.window = reader, window
        self._service = service
        self._of = {each for each in (service, reader.service) if each is not None}
        self._ledgers = [
            LedgerReader(os.path.join(reader.location, "routes", each)) for each in routes(reader.location)
        ]

    def became(self, id: str) -> str:
        """What a pattern has become that was known by this id."""
        return next((each[id] for each in (ledger.became() for ledger in self._ledgers) if id in each), id)

    def scan(self, timeout: Any, wanted: str = "", examples: int = 0) -> list[Stored]:
        window = self.window
        filters = {"since": window.since, "until": window.until, "service": self._service, "timeout": timeout}
        return self._reader.gather(
            "logs", lambda parts: Scan(self._miner(), window, wanted, examples).run(parts), **filters
        )

    def _miner(self) -> Miner:
        """One that knows what the gate of a route knows, so that patterns have the ids that they are sent with."""
        states = [ledger.state().get("miner") for ledger in self._ledgers]
        known = max((each for each in states if isinstance(each, dict)), key=len, default=None)
        try:
            return saving.restore(Miner, known, "the state of the log gate") if known is not None else Miner()
        except ConfigurationError:  # a damaged one: they are found anew
            return Miner()

    def rows(self, stored: Iterable[Stored]) -> list[PatternCount]:
        """A row for each pattern and service."""
        found = {each.key: of_stored(each) for each in stored}
        for key, counted in self._counted().items():
            found[key] = both(found[key], counted) if key in found else counted
        boundary = boundary_of(self.window)
        began = _began(found.values())
        for row in found.values():
            compare(row, self.window, boundary, began[row.service])
            if row.bytes is not None and row.kept is not None and row.count:
                row.saved = round(row.bytes * max(row.count - row.kept, 0) / row.count)
        return list(found.values())

    def _counted(self) -> dict[tuple[str, str], PatternCount]:
        """What the ledgers of all routes have counted."""
        window, rows = self.window, dict[tuple[str, str], PatternCount]()
        for ledger in self._ledgers:
            counted = ledger.read(-(-window.since // MINUTE), -(-window.until // MINUTE))
            for tally in counted.tallies:
                if self._of and {tally.service} != self._of:
                    continue
                key = (tally.service, tally.pattern)
                if key not in rows:
                    told = counted.patterns.get(tally.pattern, Described("other", OTHER, tally.minute, tally.minute))
                    rows[key] = empty(*key, told, window)
                add(rows[key], tally, window)
        return rows


def _began(rows: Iterable[PatternCount]) -> dict[str, int]:
    """In which interval the first record of each service came."""
    began: dict[str, int] = {}
    for row in rows:
        first = next((place for place, count in enumerate(row.counts) if count), len(row.counts))
        began[row.service] = min(began.get(row.service, first), first)
    return began

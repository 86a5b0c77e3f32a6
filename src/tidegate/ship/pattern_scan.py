"""Patterns of the log records that a store has: how often each came, how large its records are, and some of them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tidegate.patterns import Miner, Pattern
from tidegate.patterns.pattern import living
from tidegate.patterns.sites import place_in
from tidegate.records import Log, Origin
from tidegate.ship.wire.logs import messages
from tidegate.store.block import unpack
from tidegate.store.query import cursor_of
from tidegate.store.questions.scan import Part
from tidegate.store.rows import LogRows

#: Records of each pattern and service that are measured: as OTLP messages, without their resource and scope.
MEASURED = 50

#: Calls of one pattern that are told apart.
MAX_SITES = 100


@dataclass(frozen=True, slots=True)
class Window:
    """A time from ``since`` to before ``until`` (ns), in ``number`` intervals of ``length`` from ``start``."""

    since: int
    until: int
    start: int
    length: int
    number: int

    def place(self, time: int) -> int:
        """In which interval a time is; the nearest for what is beyond."""
        return min(max((time - self.start) // self.length, 0), self.number - 1)


@dataclass(slots=True)
class Stored:
    """What is stored of one pattern of a service; ``sites`` are the calls that write it."""

    pattern: Pattern
    service: str
    counts: list[int]
    severities: Counter[int] = field(default_factory=Counter)
    first: int = 1 << 63
    last: int = 0
    bytes: int = 0
    measured: int = 0
    sites: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str, int, Log]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def key(self) -> tuple[str, str]:
        return self.service, living(self.pattern).id

    @property
    def times(self) -> tuple[int, int]:
        """Of the first and the last record (ns)."""
        return self.first, self.last

    def absorb(self, other: Stored, examples: int) -> None:
        """Take what was counted of a pattern that became this one."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.severities += other.severities
        self.sites += other.sites
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.bytes, self.measured = self.bytes + other.bytes, self.measured + other.measured
        self.examples = heapq.nlargest(examples, [*self.examples, *other.examples])


class Scan:
    """Goes over the records in ``window``. Of patterns whose ids begin with ``wanted``, so many of the newest records
    become ``examples``, and the calls are counted that write them."""

    def __init__(self, miner: Miner, window: Window, wanted: str = "", examples: int = 0) -> None:
        self._miner, self._window = miner, window
        self._wanted, self._examples = wanted, examples
        self._found: dict[tuple[Pattern, str], Stored] = {}

    def run(self, parts: Iterable[Part]) -> list[Stored]:
        for part in parts:
            if isinstance(part.rows, LogRows):
                self._take(part, part.rows)
        merged: dict[tuple[str, str], Stored] = {}
        for each in self._found.values():
            before = merged.setdefault(each.key, each)
            if before is not each:
                before.absorb(each, self._examples)
        return list(merged.values())

    def _take(self, part: Part, rows: LogRows) -> None:
        services = [resource.service for resource in rows.resources]
        times, severities, resources, place = rows.times, rows.severity, rows.resource, self._window.place
        to_measure: dict[int, Stored] = {}
        for row, (pattern, origin) in zip(part.found, self._patterns(part, rows), strict=True):
            stored, time = self._of(pattern, services[resources[row]]), times[row]
            stored.counts[place(time)] += 1
            stored.severities[severities[row]] += 1
            stored.first, stored.last = min(stored.first, time), max(stored.last, time)
            if stored.measured < MEASURED:
                stored.measured += 1
                to_measure[row] = stored
            if self._wanted and living(pattern).id.startswith(self._wanted):
                self._show(stored, origin, rows, row)
        for stored, message in zip(to_measure.values(), messages(rows, list(to_measure), None), strict=True):
            stored.bytes += len(message)

    def _of(self, pattern: Pattern, service: str) -> Stored:
        stored = self._found.get((pattern, service))
        if stored is None:
            stored = self._found[pattern, service] = Stored(pattern, service, [0] * self._window.number)
        return stored

    def _patterns(self, part: Part, rows: LogRows) -> Iterator[tuple[Pattern, Origin]]:
        """Pattern and origin of each row that was found. Of a template with values filled in it is looked up once."""
        origins = [Origin(*each) for each in rows.origins]
        known: dict[int, tuple[Pattern, Origin]] = {}
        miner, bodies, places = self._miner, rows.bodies, unpack(rows.columns, "origin", rows.count, 0)
        for row in part.found:
            place, body = places[row], bodies[row]
            if body is None:
                body = rows.event_names[row]
            origin = origins[place]
            if origin.template and body != origin.template:
                yield known.get(place) or known.setdefault(place, (miner.match_template(origin.template), origin))
                continue
            if not origin.path:
                origin = Origin("", *place_in(rows.attributes[row]))
            yield miner.match_record(body, *origin), origin

    def _show(self, stored: Stored, origin: Origin, rows: LogRows, row: int) -> None:
        """Remember a record as an example, and where its call stands."""
        if origin.path and len(stored.sites) < MAX_SITES:
            stored.sites[f"{origin.path}:{origin.line}" + f" in {origin.function}" * bool(origin.function)] += 1
        entry = (rows.times[row], *rows.places[row])
        has_room = len(stored.examples) < self._examples
        if has_room or (self._examples and entry > stored.examples[0][:3]):
            record = rows.record(row)
            record.cursor = cursor_of(*entry)
            (heapq.heappush if has_room else heapq.heapreplace)(stored.examples, (*entry, record))

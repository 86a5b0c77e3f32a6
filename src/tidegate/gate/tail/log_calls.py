"""Rows of log records by the logging call that they are from: what is the same for all of them is found out once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import repeat
from operator import itemgetter, ne
from typing import Any, NamedTuple

from tidegate.errors import FormatError
from tidegate.gate.logs.marks import COUNT
from tidegate.gate.logs.runs import Run
from tidegate.gate.logs.severities import severity_of_text
from tidegate.gate.tail.log_counts import When
from tidegate.gate.tail.log_sources import Source, SourcesGate
from tidegate.patterns import Pattern
from tidegate.patterns.sites import PLACES, place_in
from tidegate.records import Origin
from tidegate.store.block import unpack
from tidegate.store.rows import LogRows

#: Calls that are remembered; beyond it this memory starts over.
MAX_CALLS = 20_000

_EXCEPTION = "exception.type"

#: Attributes for which a record is looked at by itself.
_SPECIAL = {COUNT, _EXCEPTION, *(path for path, _, _ in PLACES)}


class Call:
    """Records of one logging call, severity, logger and service. ``is_filled``: they have a template that values
    were filled into, and so one pattern. ``is_special``: each is to be looked at by itself. ``run``: drops that were
    drawn in advance, until the time ``until``. ``came``: when one was judged last."""

    __slots__ = (
        *("_key", "_pattern", "_when", "is_filled", "is_own", "is_special"),
        *("came", "origin", "run", "severity", "source", "until"),
    )

    def __init__(self, origin: Origin, severity: int, source: Source, service: str, flags: tuple[bool, bool]) -> None:
        self.origin, self.severity, self.source = origin, severity, source
        self.is_own = source.logger == "tidegate" or source.logger.startswith("tidegate.")
        is_filled, is_special = flags
        self.is_filled = is_filled and origin.template != ""
        self.is_special = is_special or self.is_own
        self._when: When = (0, service)
        self.run: Run | None = None
        self.until = self.came = 0.0
        self._pattern: Pattern | None = None
        self._key: Hashable = None

    def when(self, minute: int) -> When:
        """When and where its records are counted that come in this minute (since 1970)."""
        if self._when[0] != minute:
            self._when = minute, self._when[1]
        return self._when

    def key(self, pattern: Pattern) -> Hashable:
        """What the gate remembers a lane under."""
        if pattern is not self._pattern:
            self._pattern, self._key = pattern, (pattern.id, self.severity, self.source)
        return self._key


class Facts(NamedTuple):
    """What is to be known of a record that is looked at by itself. ``is_judged``: another gate has seen it, or it is
    what Tidegate says itself."""

    origin: Origin
    severity: int
    event_name: str = ""
    has_exception: bool = False
    is_judged: bool = False


#: Time (ns), call, trace id, rows and row there.
Entry = tuple[int, Call, str, LogRows, int]


class Reading:
    """Finds the calls of rows."""

    def __init__(self, gate: SourcesGate) -> None:
        self._gate = gate
        self._calls: dict[Hashable, Call] = {}
        #: Records in damaged blocks.
        self.damaged = 0

    def forget(self) -> None:
        """The policy is another one."""
        self._calls.clear()

    def entries(self, portions: Iterable[Any]) -> list[Entry]:
        """The picked rows of all portions, in the order of time. A block that is damaged is left out, and counted."""
        found: list[Entry] = []
        for portion in portions:
            try:
                found += self._entries(portion.rows, portion.picked)
            except (FormatError, LookupError, TypeError, ValueError):
                self.damaged += len(portion.picked)
        found.sort(key=itemgetter(0))
        return found

    def _entries(self, rows: LogRows, picked: Sequence[int]) -> list[Entry]:
        each = zip(rows.times, self._of(rows), rows.trace_ids, repeat(rows), range(rows.count), strict=False)
        every = list(each)
        return every if len(picked) == rows.count else [every[row] for row in picked]

    def _of(self, rows: LogRows) -> list[Call]:
        """Each row's call."""
        origin = unpack(rows.columns, "origin", rows.count, 0)
        templates = [each[0] for each in rows.origins]
        filled = map(ne, rows.bodies, map(templates.__getitem__, origin))
        known: dict[tuple[Any, ...], Call] = {}
        columns = (origin, rows.severity, rows.scope, rows.resource, filled, _special(rows))
        return [known.get(each) or self._new(each, rows, known) for each in zip(*columns, strict=False)]

    def _new(self, at: tuple[Any, ...], rows: LogRows, known: dict[tuple[Any, ...], Call]) -> Call:
        place, severity, scope, resource, is_filled, is_special = at
        origin, of = Origin(*rows.origins[place]), rows.resources[resource]
        source = self._gate.source(of.attributes, rows.scopes[scope].name)
        key = (origin, severity, source, is_filled, is_special)
        call = self._calls.get(key)
        if call is None:
            if len(self._calls) >= MAX_CALLS:
                self._calls.clear()
            call = self._calls[key] = Call(origin, severity, source, of.service, (is_filled, is_special))
        known[at] = call
        return call


def _special(rows: LogRows) -> Iterable[bool]:
    """Of each row, whether it is to be looked at by itself."""
    shapes = rows.columns.get("shapes")
    mappings: Iterable[Iterable[str]] = rows.attributes if shapes is None else shapes
    keys = _SPECIAL.intersection(set[str]().union(*mappings))
    events, severities = rows.event_names, rows.severity
    if not keys and not any(events) and all(severities):
        return repeat(False)
    found = [bool(event) or not severity for event, severity in zip(events, severities, strict=True)]
    if keys:
        return [is_one or not keys.isdisjoint(each) for is_one, each in zip(found, rows.attributes, strict=True)]
    return found


def facts(call: Call, rows: LogRows, row: int) -> Facts:
    """What a record says of itself."""
    attributes = rows.attributes[row]
    return Facts(
        call.origin if call.origin.path else Origin(call.origin.template, *place_in(attributes)),
        call.severity or severity_of_text(rows.fields(row)["severity_text"]),
        rows.event_names[row],
        _EXCEPTION in attributes,
        call.is_own or COUNT in attributes,
    )


def field_of(rows: LogRows, row: int, name: str, key: str) -> Any:
    """What a rule may ask of a record."""
    if name == "attribute":
        return rows.fields(row)["attributes"].get(key)
    return {"body": rows.bodies, "event_name": rows.event_names}[name][row] or None

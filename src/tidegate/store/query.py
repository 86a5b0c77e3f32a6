"""Questions as values: what a record must match, and the parsing of times, severities and cursors."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from tidegate.errors import QueryError
from tidegate.records import SEVERITIES, Log, Point, Span
from tidegate.store.conditions import SEVERITY_NUMBERS, SEVERITY_RANGE, UNITS, Condition, Where, conditions
from tidegate.store.deadline import Deadline
from tidegate.store.rows import Record
from tidegate.store.sealed.shapes import MISSING
from tidegate.store.texts import leaves

if TYPE_CHECKING:
    from tidegate.store.catalog import AnyGroup, AnyRef

Time = int | str | datetime

#: What each signal can be asked for.
_COMMON = ("since", "until", "service", "where", "text", "limit", "order", "cursor", "timeout")
FILTERS = {
    "spans": (*_COMMON, "name", "trace_id", "errors"),
    "logs": (*_COMMON, "event_name", "trace_id", "level", "min_level"),
    "metrics": (*_COMMON, "name"),
}

#: What makes no sense of records that are still to come.
OF_PAGES = ("limit", "order", "cursor", "timeout")

ORDERS = ("newest", "oldest")

#: Greatest severity number of the OpenTelemetry log data model.
MAX_SEVERITY = 24

_RELATIVE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)")
_EPOCH = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_FRACTION = re.compile(r"(?<=:[0-9]{2})[.,]([0-9]+)")


def parse_time(value: Time, now_ns: int | None = None) -> int:
    """Nanoseconds since the epoch.

    Takes nanoseconds (int), a datetime, or text: an age such as ``15m`` (units ms, s, m, h, d, w),
    ISO-8601, or seconds since the epoch. Raises `QueryError`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, str, datetime)):
        raise QueryError(f"a time is {value!r}; it must be ns since the epoch, a datetime, or text such as 15m.")
    if isinstance(value, int):
        return value
    try:
        if isinstance(value, datetime):
            return round(value.timestamp() * 10**6) * 1000
        text = value.strip()
        if age := _RELATIVE.fullmatch(text):
            now = time.time_ns() if now_ns is None else now_ns
            return now - round(float(age[1]) * UNITS[age[2]])
        if _EPOCH.fullmatch(text):
            seconds, _, fraction = text.partition(".")
            return int(seconds) * 10**9 + _nanoseconds(fraction)
        # a datetime has microseconds at most; before Python 3.11 fromisoformat does not know "Z"
        fraction = found[1] if (found := _FRACTION.search(text)) else ""
        whole = re.sub("[zZ]$", "+00:00", _FRACTION.sub("", text, count=1))
        return parse_time(datetime.fromisoformat(whole)) + _nanoseconds(fraction)
    except (OSError, OverflowError, ValueError):
        raise QueryError(
            f"a time is {value!r}; it must be an age such as 15m or 2h, ISO-8601, or seconds since the epoch."
        ) from None


def _nanoseconds(fraction: str) -> int:
    """Of a second whose decimals these are."""
    return int(fraction.ljust(9, "0")[:9])


def parse_severity(name: str) -> int:
    """The lowest severity number of a name such as ``info`` or ``WARNING``; raises `QueryError`."""
    try:
        return SEVERITY_NUMBERS[name.strip().upper()]
    except (KeyError, AttributeError):
        raise QueryError(f"a severity is {name!r}; it must be one of {', '.join(SEVERITIES)}.") from None


def parse_trace_id(text: str) -> str:
    """A trace id, or its beginning, in lower case; raises `QueryError`."""
    digits = str(text).strip().lower()
    if not re.fullmatch("[0-9a-f]{4,32}", digits):
        raise QueryError(f"the trace id is {text!r}; it must be 4 to 32 hexadecimal digits.")
    return digits


def cursor_of(time: int, segment: str, sequence: int) -> str:
    """The text by which `Position.parse` finds a record again."""
    return f"{time:x}.{segment}.{sequence:x}"


@dataclass(frozen=True, slots=True)
class Position:
    """A record's place in the order of a query: time, then segment, then sequence."""

    time: int
    segment: str
    sequence: int

    def key(self) -> tuple[int, str, int]:
        return (self.time, self.segment, self.sequence)

    @classmethod
    def parse(cls, cursor: str) -> Position:
        try:
            moment, segment, sequence = cursor.split(".")
            return cls(int(moment, 16), segment, int(sequence, 16))
        except (ValueError, AttributeError):
            raise QueryError(f"the cursor is {cursor!r}; it must be that of a record of an earlier page.") from None


@dataclass(frozen=True)
class Query:
    """What is asked of one signal. Times in ns, ``until`` excluded; severities as numbers, both included.

    ``name`` is a span's, a metric's, or a log record's event name.
    """

    signal: str
    since: int | None = None
    until: int | None = None
    service: str | None = None
    name: str | None = None
    trace_id: str | None = None
    errors: bool = False
    low: int = 0
    high: int = MAX_SEVERITY
    where: tuple[Condition, ...] = ()
    text: str = ""
    limit: int | None = None
    after: Position | None = None
    oldest_first: bool = False
    deadline: Deadline = field(default_factory=Deadline, compare=False)

    @classmethod
    def build(
        cls,
        signal: str,
        *,
        since: Time | None = None,
        until: Time | None = None,
        level: str | None = None,
        min_level: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        trace_id: str | None = None,
        text: str | None = None,
        where: Where | None = None,
        name: str | None = None,
        event_name: str | None = None,
        order: str = "newest",
        timeout: float | Deadline | None = None,
        **rest: Any,
    ) -> Query:
        """From what a caller gives; raises `QueryError` that names what is wrong."""
        low, high = 0, MAX_SEVERITY
        if min_level is not None:
            low = parse_severity(min_level)
        if level is not None:
            exact = parse_severity(level)
            low, high = max(low, exact), exact + SEVERITY_RANGE - 1
        if limit is not None and (type(limit) is not int or limit < 1):
            raise QueryError(f"the limit is {limit!r}; it must be a whole number from 1.")
        if order not in ORDERS:
            raise QueryError(f"the order is {order!r}; it must be {' or '.join(ORDERS)}.")
        return cls(
            signal,
            since=None if since is None else parse_time(since),
            until=None if until is None else parse_time(until),
            low=low,
            high=high,
            limit=limit,
            after=Position.parse(cursor) if cursor else None,
            trace_id=None if trace_id is None else parse_trace_id(trace_id),
            text=(text or "").casefold(),
            where=conditions(where),
            name=name if event_name is None else event_name,
            oldest_first=order == "oldest",
            deadline=Deadline.of(timeout),
            **rest,
        )

    def wants(self, ref: AnyGroup | AnyRef) -> bool:
        """Whether a block may hold a match, from its index alone."""
        index = ref.index
        return (
            index.signal == self.signal
            and (self.since is None or index.last >= self.since)
            and (self.until is None or index.first < self.until)
            and (self.after is None or self._may_follow(index.first, index.last, self.after.time))
            and (self.service is None or ref.service == self.service)
            and (not self.low or index.severity >= self.low)
            and (not self.errors or index.errors > 0)
            and (self.trace_id is None or ref.has_trace(self.trace_id))
        )

    def _may_follow(self, first: int, last: int, after: int) -> bool:
        return last >= after if self.oldest_first else first <= after

    def follows(self, place: tuple[int, str, int]) -> bool:
        """Whether a record with this time, segment and sequence comes after the cursor."""
        if self.after is None:
            return True
        return place > self.after.key() if self.oldest_first else place < self.after.key()

    @cached_property
    def needs(self) -> tuple[tuple[str, str | None], ...]:
        """Keys that a matching record has as attributes, its own or its resource's, each with the value as text
        if that is asked for. What may be a field of the record is not among them."""
        found = [condition.needs() for condition in self.where if condition.key not in FIELDS]
        return tuple(need for need in found if need is not None)

    @property
    def bounds(self) -> tuple[int | float, int | float]:
        """Since and until, as numbers to compare with."""
        return -math.inf if self.since is None else self.since, math.inf if self.until is None else self.until

    def covers(self, first: int, last: int) -> bool:
        """Whether all between these times is within the time that is asked for."""
        return (self.since is None or first >= self.since) and (self.until is None or last < self.until)

    def wants_time(self, moment: int) -> bool:
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)

    def may_match(self, raw: bytes) -> bool:
        """Whether a block with this JSON may hold the text that is asked for."""
        if not self._needle or raw.startswith(_TAGGED):
            return True
        if raw.isascii():
            return self._needle in raw.lower()
        # folding may make ASCII of other letters, and does not look beyond a single one
        return self._needle.decode() in raw.decode().casefold()

    @cached_property
    def _needle(self) -> bytes:
        """The text as it stands in JSON, or nothing when that cannot be said."""
        if _EXPONENT.fullmatch(self.text):
            return b""
        try:
            return orjson.dumps(self.text)[1:-1].lower()
        except TypeError:  # a lone surrogate; blocks with such texts are tagged
            return b""

    @property
    def looks_inside(self) -> bool:
        """Whether `matches` has anything to check."""
        return self.name is not None or bool(self.where or self.text)

    def matches(self, record: Record) -> bool:
        """Name, attributes and text; the cheaper conditions have been met already."""
        if self.name is not None and _name(record) != self.name:
            return False
        if any(not condition.test()(value_of(record, condition.key, condition.field)) for condition in self.where):
            return False
        return self.matches_text(record)

    def matches_text(self, record: Record) -> bool:
        """Whether the text that is asked for is in it."""
        return not self.text or any(self.text in part.casefold() for part in _texts(record))


def query_of(signal: str, filters: dict[str, Any], *, without: tuple[str, ...] = ()) -> Query:
    """The question that these filters ask, all but those ``without``; raises `QueryError`."""
    if signal not in FILTERS:
        raise QueryError(f"the signal is {signal!r}; it must be one of {', '.join(FILTERS)}.")
    known = [name for name in FILTERS[signal] if name not in without]
    for name in filters:
        if name not in known:
            raise QueryError(f"{name!r} is not a filter of this question; it has {', '.join(sorted(known))}.")
    return Query.build(signal, **filters)


#: A part of a number such as 1e+16, which others write 1e16.
_EXPONENT = re.compile(r"[-+.0-9]*e[-+.0-9]*")

#: How blocks begin whose texts may be hidden behind tags.
_TAGGED = b'{"tagged"'


def _name(record: Record) -> str:
    if isinstance(record, Span):
        return record.name
    return record.metric.name if isinstance(record, Point) else record.event_name


def value_of(record: Record, key: str, field: str = "") -> Any:
    """What ``where`` compares: an attribute of the record, of its resource, or a field, by another name if there is
    one; `MISSING` for none."""
    for attributes in (record.attributes, record.resource.attributes):
        if key in attributes:
            return attributes[key]
    read = FIELDS.get(field or key)
    found = MISSING if read is None else read(record)
    return MISSING if found == "" else found


def _severity_number(record: Record) -> Any:
    number = getattr(record, "severity_number", 0)
    return number if number > 0 else MISSING


def _severity(record: Record) -> Any:
    number = _severity_number(record)
    return MISSING if number is MISSING else severity_name(number)


def _body(record: Record) -> Any:
    body = getattr(record, "body", None)
    return MISSING if body is None else body


def severity_name(number: int) -> str:
    """The name that OpenTelemetry's log data model gives to the range that this severity number is in."""
    return SEVERITY_NAMES[min(number - 1, MAX_SEVERITY - 1) // SEVERITY_RANGE]


SEVERITY_NAMES = tuple(SEVERITIES)

#: Fields that have a key by which ``where`` and groups know them, unless an attribute has it or they are empty.
FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "name": _name,
    "event_name": lambda record: getattr(record, "event_name", MISSING),
    "scope": lambda record: record.scope.name,
    "service": lambda record: record.service,
    "span_id": lambda record: getattr(record, "span_id", MISSING),
    "kind": lambda record: getattr(record, "kind", MISSING),
    "status": lambda record: getattr(record, "status_code", MISSING),
    "duration": lambda record: getattr(record, "duration_ns", MISSING),
    "severity": _severity,
    "severity_number": _severity_number,
    "body": _body,
    "template": lambda record: getattr(record, "template", MISSING),
}


def _texts(record: Record) -> Iterator[str]:
    """Every text in which ``text`` is looked for."""
    if isinstance(record, Log):
        yield record.event_name
        yield from leaves(record.body)
    elif isinstance(record, Span):
        yield record.name
        yield record.status_message
        for event in record.events:
            yield event.name
            yield from leaves(event.attributes.values())
    else:
        yield record.metric.name
    yield from leaves(record.attributes.values())

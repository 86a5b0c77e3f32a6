"""Columns of a block to records: a column is read, and a row becomes an object, only when it is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate, repeat
from typing import TYPE_CHECKING, Any

from tidegate.errors import FormatError
from tidegate.records import SPAN_KINDS, STATUS_CODES, Event, Link, Log, Metric, Point, Resource, Scope, Span
from tidegate.store import values
from tidegate.store.block import ID_DIGITS, NO_ID, unpack, unpack_ids
from tidegate.store.sealed.lines import ColumnLines
from tidegate.store.sealed.places import Places, unpack_places
from tidegate.store.sealed.shapes import MISSING, ShapedAttributes

if TYPE_CHECKING:
    from tidegate.store.sealed.file import SealedRef
    from tidegate.store.segment import BlockRef

Record = Span | Log | Point

#: The attributes of a log record that its origin holds behind the template.
ORIGIN_KEYS = ("code.file.path", "code.line.number", "code.function.name")


def _column(name: str, default: Any) -> cached_property[Sequence[Any]]:
    """A column, unpacked when it is first asked for."""
    return cached_property(lambda rows: unpack(rows.columns, name, rows.count, default))


class Rows:
    """The records of one block, active or sealed. Raises `FormatError` where a column is not as long as the block.

    ``times`` are ns (a span's start), ``trace_ids`` hexadecimal, and ``scope`` and ``resource`` each
    row's place among ``scopes`` and ``resources``. ``size`` is in bytes, without compression.
    """

    size = 0

    def __init__(self, columns: Mapping[str, Any], ref: BlockRef | SealedRef) -> None:
        self.columns = columns
        self.count = ref.index.count
        self.signal = ref.index.signal
        self._ref = ref
        self.is_sealed = "segments" in columns

    scope = _column("scope", 0)
    resource = _column("resource", 0)
    _trace = _column("trace", 0)

    @cached_property
    def base(self) -> int:
        """The time that others in the block are counted from."""
        return int(self.columns["t0"])

    @cached_property
    def times(self) -> Sequence[int]:
        base = self.base
        if self.is_sealed:
            return list(accumulate(unpack(self.columns, "time_step", self.count, 0), initial=base))[1:]
        return [base + delta for delta in unpack(self.columns, "time", self.count, 0)]

    @cached_property
    def scopes(self) -> Sequence[Scope]:
        return [Scope(**scope) for scope in self.columns.get("scopes", ())] or [Scope()]

    @cached_property
    def resources(self) -> Sequence[Resource]:
        found = self.columns.get("resources")
        return [self._ref.header.resource] if found is None else [Resource(**each) for each in found]  # type: ignore[union-attr]

    @cached_property
    def trace_ids(self) -> Sequence[str]:
        traces: Sequence[str] = self.columns.get("traces", [""])
        return [traces[place] for place in self._trace]

    @cached_property
    def attributes(self) -> Sequence[Mapping[str, Any]]:
        if "shapes" in self.columns:
            return ShapedAttributes(self.columns, self.count)
        return unpack(self.columns, "attributes", self.count, {})

    @cached_property
    def places(self) -> Places:
        """Each row's identity: the id of the segment that it was written to, and its number there."""
        if self.is_sealed:
            return unpack_places(self.columns, self.count)
        header, first = self._ref.header, self._ref.index.sequence  # type: ignore[union-attr]
        return Places([header.segment], None, range(first, first + self.count))

    @property
    def process(self) -> str:
        """The id of the process that recorded an active block; "" for a sealed one, which may be of several."""
        return "" if self.is_sealed else str(self._ref.header.process.get("id", ""))  # type: ignore[union-attr]

    def values_of(self, key: str) -> Sequence[Any]:
        """Each row's attribute by this name, `MISSING` where there is none, without making all attributes."""
        attributes = self.attributes
        if isinstance(attributes, ShapedAttributes):
            return attributes.values_of(key)
        return [each.get(key, MISSING) for each in attributes]


class _InTraces(Rows):
    """Rows that may have the id of a span."""

    @cached_property
    def span_ids(self) -> Sequence[str]:
        return unpack_ids(self.columns, "span_id", self.count)

    @cached_property
    def digits(self) -> str:
        """The ids of all rows, `NO_ID` for none, one after the other."""
        digits: str = self.columns.get("span_id", NO_ID * self.count)
        if len(digits) != self.count * ID_DIGITS:
            raise FormatError(f"column 'span_id' does not have {self.count} values")
        return digits

    @cached_property
    def packed_ids(self) -> bytes:
        """The same in eight bytes each."""
        return bytes.fromhex(self.digits)

    def span_id(self, row: int) -> str:
        """One of `span_ids`, without the others."""
        found = self.digits[row * ID_DIGITS : (row + 1) * ID_DIGITS]
        return "" if found == NO_ID else found


class SpanRows(_InTraces):
    names = _column("name", "")
    status = _column("status", 0)
    remote = _column("parent_is_remote", 0)
    durations = _column("duration", 0)
    kinds = _column("kind", 0)
    flags = _column("flags", 0)
    trace_states = _column("trace_state", "")
    messages = _column("status_message", "")
    links = _column("links", ())
    dropped_attributes = _column("dropped_attributes", 0)
    dropped_events = _column("dropped_events", 0)
    dropped_links = _column("dropped_links", 0)

    @cached_property
    def parents(self) -> Sequence[Any]:
        """Of all rows, as the block has them: "" for no parent, else an id or, in the same block, a number."""
        return unpack(self.columns, "parent_step" if self.is_sealed else "parent", self.count, "")

    @cached_property
    def events(self) -> Sequence[Any]:
        return unpack(self.columns, "span_events" if self.is_sealed else "events", self.count, ())

    def parent_id(self, row: int) -> str:
        """The id of a span's parent, "" for none; one in the same block is kept as its row, or by the way there."""
        parent: str | int = self.parents[row]
        if isinstance(parent, str):
            return parent
        return self.span_id(row + parent if self.is_sealed else parent)

    @cached_property
    def parent_steps(self) -> Sequence[str | int]:
        """Of all rows, the parent's id, or if it is in the block, how many rows further it is."""
        if self.is_sealed:
            return self.parents
        return [parent if type(parent) is str else parent - row for row, parent in enumerate(self.parents)]

    @cached_property
    def parent_ids(self) -> Sequence[str]:
        """Of all rows, what `parent_id` says of one."""
        ids, rows = self.span_ids, range(self.count) if self.is_sealed else repeat(0)
        return [
            parent if isinstance(parent, str) else ids[row + parent]
            for row, parent in zip(rows, self.parents, strict=False)
        ]

    @cached_property
    def span_events(self) -> Sequence[Any]:
        """Each span's events as they are sealed: name, ns since the span's start, attributes, dropped attributes."""
        return [self._events_since_start(row) if each else () for row, each in enumerate(self.events)]

    def _events_since_start(self, row: int) -> list[list[Any]]:
        shift = self._events_from(row) - self.times[row]
        return [[name, delta + shift, attributes, lost] for name, delta, attributes, lost in self.events[row]]

    def _events_from(self, row: int) -> int:
        """The time that the events of a span are counted from."""
        return self.times[row] if self.is_sealed else self.base

    def is_error(self, row: int) -> bool:
        return bool(self.status[row] == 2)

    def fields(self, row: int) -> dict[str, Any]:
        """What ``record(row).to_dict()`` gives; resource and scope may be missing."""
        return self.record(row).to_dict()

    def record(self, row: int) -> Span:
        start, events_from = self.times[row], self._events_from(row)
        return Span(
            trace_id=self.trace_ids[row],
            span_id=self.span_id(row),
            name=self.names[row],
            start_time_unix_nano=start,
            end_time_unix_nano=start + self.durations[row],
            resource=self.resources[self.resource[row]],
            scope=self.scopes[self.scope[row]],
            parent_span_id=self.parent_id(row),
            parent_is_remote=bool(self.remote[row]),
            kind=SPAN_KINDS[self.kinds[row]],
            flags=self.flags[row],
            trace_state=self.trace_states[row],
            status_code=STATUS_CODES[self.status[row]],
            status_message=self.messages[row],
            attributes=self.attributes[row],
            events=[Event(name, events_from + delta, attrs, lost) for name, delta, attrs, lost in self.events[row]],
            links=[Link(*link) for link in self.links[row]],
            dropped_attributes_count=self.dropped_attributes[row],
            dropped_events_count=self.dropped_events[row],
            dropped_links_count=self.dropped_links[row],
        )


class LogRows(_InTraces):
    severity = _column("severity", 0)
    observed = _column("observed", 0)
    timeless = _column("timeless", 0)
    severity_texts = _column("severity_text", "")
    bodies = _column("body", None)
    event_names = _column("event_name", "")
    flags = _column("flags", 0)
    origin = _column("origin", 0)
    dropped_attributes = _column("dropped", 0)

    @cached_property
    def origins(self) -> Sequence[Sequence[Any]]:
        found: Sequence[Sequence[Any]] = self.columns.get("origins", [["", "", 0, ""]])
        return found

    def values_of(self, key: str) -> Sequence[Any]:
        found = super().values_of(key)
        if key not in ORIGIN_KEYS:
            return found
        place = ORIGIN_KEYS.index(key) + 1
        of_origin = [origin[place] if origin[1] else MISSING for origin in self.origins]
        return [
            of_origin[origin] if value is MISSING else value for value, origin in zip(found, self.origin, strict=True)
        ]

    def is_error(self, row: int) -> bool:
        return bool(self.severity[row] >= 17)

    def fields(self, row: int) -> dict[str, Any]:
        """What ``record(row).to_dict()`` gives, without resource and scope, and without making the record."""
        time = self.times[row]
        origin = self.origins[self.origin[row]]
        return {
            # a record without a time of its own is ordered by when it was observed
            "time_unix_nano": 0 if self.timeless[row] else time,
            "observed_time_unix_nano": time + self.observed[row],
            "severity_number": self.severity[row],
            "severity_text": self.severity_texts[row],
            "body": self.bodies[row],
            "event_name": self.event_names[row],
            "attributes": _located(self.attributes[row], origin),
            "trace_id": self.trace_ids[row],
            "span_id": self.span_id(row),
            "flags": self.flags[row],
            "template": origin[0],
            "dropped_attributes_count": self.dropped_attributes[row],
        }

    def record(self, row: int) -> Log:
        time = self.times[row]
        origin = self.origins[self.origin[row]]
        return Log(
            time_unix_nano=0 if self.timeless[row] else time,
            observed_time_unix_nano=time + self.observed[row],
            resource=self.resources[self.resource[row]],
            scope=self.scopes[self.scope[row]],
            severity_number=self.severity[row],
            severity_text=self.severity_texts[row],
            body=self.bodies[row],
            event_name=self.event_names[row],
            attributes=_located(self.attributes[row], origin),
            trace_id=self.trace_ids[row],
            span_id=self.span_id(row),
            flags=self.flags[row],
            template=origin[0],
            dropped_attributes_count=self.dropped_attributes[row],
        )


def _located(attributes: Mapping[str, Any], origin: Sequence[Any]) -> Mapping[str, Any]:
    """A log record's attributes, and before them where the call stands, if that is known."""
    _, path, line, function = origin
    if not path:
        return attributes
    return {"code.file.path": path, "code.line.number": line, "code.function.name": function, **attributes}


class PointRows(Rows):
    @cached_property
    def metrics(self) -> Sequence[Metric]:
        return [Metric(**metric) for metric in self.columns.get("metrics", ())]

    metric = _column("metric", 0)
    _age = _column("age", 0)
    _value = _column("value", {})
    _exemplars = _column("exemplars", ())
    _flags = _column("flags", 0)

    def is_error(self, row: int) -> bool:
        return False

    def fields(self, row: int) -> dict[str, Any]:
        """What ``record(row).to_dict()`` gives; resource and scope may be missing."""
        return self.record(row).to_dict()

    def record(self, row: int) -> Point:
        time = self.times[row]
        age = self._age[row]
        return Point(
            metric=self.metrics[self.metric[row]],
            time_unix_nano=time,
            start_time_unix_nano=0 if age is None else time - age,
            resource=self.resources[self.resource[row]],
            scope=self.scopes[self.scope[row]],
            value=self._value[row],
            attributes=self.attributes[row],
            exemplars=self._exemplars[row],
            flags=self._flags[row],
        )


ROWS: dict[str, type[SpanRows | LogRows | PointRows]] = {
    "spans": SpanRows,
    "logs": LogRows,
    "metrics": PointRows,
}

AnyRows = SpanRows | LogRows | PointRows


def open_block(raw: bytes, ref: BlockRef | SealedRef) -> AnyRows:
    """The rows of a block of either format, by what its frame holds once decompressed.

    Raises `FormatError`, LookupError, TypeError or ValueError when that is not what an encoder writes.
    """
    columns: Mapping[str, Any] = ColumnLines(raw) if raw.endswith(b"\n") else values.loads(raw)
    rows = ROWS[ref.index.signal](columns, ref)
    rows.size = len(raw)
    # whoever opens a block learns here whether it is one, without the cost of a column of a large one
    if rows.is_sealed and (columns["count"], columns["signal"]) != (rows.count, rows.signal):
        raise FormatError(f"block {ref.key} is another one than its index says")
    if not rows.is_sealed:
        rows.times  # noqa: B018
    return rows


def open_traces(raw: bytes, ref: BlockRef) -> AnyRows:
    """The rows of an active block without attributes, which take most of the time to parse, where they come first.

    Raises what `open_block` raises.
    """
    # only what begins in the block's own object is an object again, with nothing left behind it
    at = raw.find(b',"traces":')
    try:
        return ROWS[ref.index.signal](values.loads(b"{" + raw[at + 1 :]), ref) if at >= 0 else open_block(raw, ref)
    except ValueError:
        return open_block(raw, ref)

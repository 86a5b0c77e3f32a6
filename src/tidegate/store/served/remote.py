"""A served store read by its URL: the questions of a `Reader`, asked over HTTP."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any, Literal, TypeVar

from tidegate import fields
from tidegate.errors import QueryError, QueryTimeout, StoreError
from tidegate.records import Log, Point, Service, Span, Trace
from tidegate.store.conditions import Condition
from tidegate.store.deadline import Deadline
from tidegate.store.follow import MAX_BACKLOG, SHARED_LOOK_S, Follower
from tidegate.store.query import OF_PAGES, Query, Time, parse_trace_id, query_of
from tidegate.store.reader import Reader, Signal
from tidegate.store.rows import Record
from tidegate.store.served import live
from tidegate.store.served.address import Address
from tidegate.store.served.client import JSON, PROBLEM, Client, Parameters, Unreachable, Unsupported
from tidegate.store.watermark import Watermark

T = TypeVar("T")

#: The latest time (ns) that a record can have.
_MAX_TIME = (1 << 63) - 1

#: Seconds for which a server is waited for at least, since none does not mean at all to a socket.
_LEAST_S = 0.01

#: Seconds in which a server must say how it is.
HEALTH_S = 8.0


def _point(data: Mapping[str, Any]) -> Point:
    point = Point.from_dict(data)
    bounds = point.value.get("explicit_bounds")
    if isinstance(bounds, list) and None in bounds:  # JSON has no infinity
        point.value = {**point.value, "explicit_bounds": [math.inf if each is None else each for each in bounds]}
    for name, figure in point.value.items():
        _check_figure(name, figure)
    return point


def _check_figure(name: str, figure: Any) -> None:
    """Raise ValueError unless this can be a part of a metric point's value."""
    if name in ("bucket_counts", "explicit_bounds"):
        is_right = isinstance(figure, list) and all(isinstance(each, (int, float)) for each in figure)
    elif name in ("positive", "negative", "quantile_values"):
        parts = figure if name == "quantile_values" else [figure]
        is_right = isinstance(parts, list) and all(isinstance(part, dict) for part in parts)
        for part in parts if is_right else ():
            for each in part:
                _check_figure(each, part[each])
    elif name in _EXPONENTS:
        is_right = isinstance(figure, int) and abs(figure) <= _EXPONENTS[name]
    else:
        is_right = figure is None or isinstance(figure, (int, float))
    if not is_right:
        raise ValueError(f"{name} is {repr(figure)[:80]}")


#: Greatest exponents of exponential histograms: 32 bits in OTLP, and a scale that numbers can be raised to.
_EXPONENTS = {"offset": 1 << 31, "scale": 64}

_MAKE: Mapping[str, Callable[[Any], Record]] = {"spans": Span.from_dict, "logs": Log.from_dict, "metrics": _point}


class RemoteReader(Reader):
    """Reads what `tidegate serve` or a mount serves; get one from `tidegate.store.open` with its URL.

    It has the questions, filters and errors of a `Reader`. Each question is asked when its answer is iterated,
    and the answer streams: of a million records one line at a time is in memory. What JSON cannot carry comes
    as the nearest thing that it can: NaN and infinities as None, bytes as Base64 text, integers beyond 64 bits
    as decimal text, a lone surrogate as its escape. ``where`` cannot ask for a key with ``=``, ``<`` or ``>``.

    Raises `StoreNotFound` when the URL is not that of a served store, `StoreError` when it cannot be read.
    ``token`` is what the server wants to be shown. ``notice`` is called with a sentence when `follow` loses
    its connection, has it back, or hears of records that were passed by.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._client = Client(Address.parse(url), token)
        self.notice: Callable[[str], object] = str

    @property
    def location(self) -> str:
        return str(self._client.address)

    @property
    def damaged(self) -> int:
        """Always 0; the server knows."""
        return 0

    def close(self) -> None:
        """Close all connections; the reader can be used again."""
        self._client.close()

    def spans(self, **filters: Any) -> Iterator[Span]:
        return self._records("/spans", query_of("spans", filters), filters, Span.from_dict)

    def logs(self, **filters: Any) -> Iterator[Log]:
        return self._records("/logs", query_of("logs", filters), filters, Log.from_dict)

    def metrics(self, **filters: Any) -> Iterator[Point]:
        return self._records("/metrics", query_of("metrics", filters), filters, _point)

    def current_metrics(self, **filters: Any) -> list[Point]:
        query = query_of("metrics", filters, without=("until", *OF_PAGES))
        return list(self._records("/metrics/current", query, filters, _point))

    def lines(self, signal: Signal, **filters: Any) -> Iterator[bytes]:
        query = query_of(signal, filters)
        return (line + b"\n" for line in self._lines(f"/{signal}", query, parameters(query, filters)))

    def line_steps(self, signal: Signal, **filters: Any) -> Iterator[bytes | None]:
        return self.lines(signal, **filters)

    def traces(self, **filters: Any) -> Iterator[Trace]:
        query = query_of("spans", filters, without=("trace_id",))
        return self._records("/traces", query, filters, Trace.from_dict, ("spans", "true"))

    def trace_steps(self, **filters: Any) -> Iterator[Trace | None]:
        return self.traces(**filters)

    def trace(self, trace_id: str, *, logs: bool = True, timeout: float | Deadline | None = None) -> Trace | None:
        deadline = Deadline.of(timeout)
        try:
            found = self._trace(parse_trace_id(trace_id), _patience(deadline), logs=logs)
            if not deadline.is_over:
                return found
        except Unreachable:
            if not deadline.is_over:
                raise
        raise QueryTimeout(deadline.sentence("before there was an answer"))

    def _trace(self, prefix: str, patience: float | None, *, logs: bool) -> Trace | None:
        answer = self._client.ask(f"/traces/{prefix}", accept=JSON, patience=patience)
        if answer.status == 404 and answer.content_type == PROBLEM:
            answer.close()
            return None
        found = self._client.one(self._client.checked(answer, JSON), Trace.from_dict)
        return found if logs else Trace(found.trace_id, found.spans)

    def services(self) -> list[Service]:
        return [self._client.made(line, Service.from_dict) for line in self._client.lines("/services", [])]

    def health(self) -> dict[str, Any]:
        """The server's report: its ``status``, and for those who may see them its ``components``."""
        answer = self._client.ask("/health", accept=JSON, patience=HEALTH_S)
        if (answer.status, answer.content_type) != (503, JSON):  # which is a report too
            answer = self._client.checked(answer, JSON)
        return self._client.one(answer, _report)

    def _records(
        self, path: str, query: Query, filters: Mapping[str, Any], make: Callable[[Any], T], *more: tuple[str, str]
    ) -> Iterator[T]:
        found = parameters(query, filters)
        lines = self._lines(path, query, None if found is None else [*found, *more])
        return (self._client.made(line, make) for line in lines)

    def _lines(self, path: str, query: Query, found: Parameters | None) -> Iterator[bytes]:
        """The lines that come before the query's deadline is over; raises `QueryTimeout`."""
        if found is None:
            return
        deadline, number = query.deadline, 0
        try:
            for line in self._client.lines(path, found, _patience(deadline)):
                if deadline.is_over:
                    break
                yield line
                number += 1
            else:
                return
        except Unreachable:
            if not deadline.is_over:
                raise
        raise QueryTimeout(deadline.sentence(f"after {number:,} records"))

    def _answer(self, query: Query, ask: Any) -> Any:
        raise QueryError(
            f"{self.location} is a served store, of which records can be asked, but no numbers of them; ask this"
            " where the store is: tidegate.store.open(DIRECTORY)."
        )

    def delete_before(self, time: Time) -> None:
        raise QueryError(
            f"{self.location} is a served store, in which nothing can be deleted; do it where the store is:"
            " tidegate.store.open(DIRECTORY)."
        )

    def follow(
        self,
        signal: Signal = "logs",
        *,
        poll: float = 0.25,
        stop: Callable[[], bool] | None = None,
        after: Watermark | None = None,
        **filters: Any,
    ) -> Iterator[Record]:
        """Records committed after this call, as they come; goes on until ``stop()`` is true.

        ``stop`` is asked every ``poll`` seconds. Log records come as a stream, which goes on where it broke off
        when the server was away for a while. Spans, points, and log records of a server that cannot stream are
        asked for again and again; what is committed later than `live.OVERLAP_NS` after its own time is not
        seen then, and there is no ``after``.
        """
        query = query_of(signal, filters, without=OF_PAGES)
        found = parameters(replace(query, since=None, until=None), filters) or []
        return self._following(self._source(signal, found, after), query, poll, stop)

    def _source(self, signal: Signal, found: Parameters, after: Watermark | None) -> live.Stream | live.Looks:
        if signal == "logs":
            try:
                return live.Stream(self._client, found, self._tell, after.text() if after else "")
            except Unsupported:
                pass
        if after is not None:
            raise QueryError("after= is for log records of a server that can stream them; leave it out.")
        return live.Looks(self._client, f"/{signal}", found, _MAKE[signal], self._tell)

    def _following(
        self, source: live.Stream | live.Looks, query: Query, poll: float, stop: Callable[[], bool] | None
    ) -> Iterator[Record]:
        with closing(source):
            while stop is None or not stop():
                for record in source.take(max(poll, live.SHORTEST_S)):
                    if query.wants_time(live.time_of(record)):
                        yield record

    def _tell(self, sentence: str) -> None:
        self.notice(sentence)

    def follower(
        self,
        signal: Literal[Signal, "traces"] = "logs",
        *,
        after: Watermark | None = None,
        max_backlog: int = MAX_BACKLOG,
        within: float = SHARED_LOOK_S,
        **filters: Any,
    ) -> Follower:
        raise StoreError(f"{self.location} is a served store, which has no followers here; use follow().")


def _patience(deadline: Deadline) -> float | None:
    """Seconds for which a server is waited for; None: as long as it is without a timeout."""
    return None if math.isinf(deadline.left) else max(_LEAST_S, deadline.left)


def _report(found: Mapping[str, Any]) -> dict[str, Any]:
    components = fields.typed(found, "components", dict)
    each = {name: dict(components[name]) for name in components}
    return {**found, "status": fields.typed(found, "status", str), **({"components": each} if each else {})}


def parameters(query: Query, filters: Mapping[str, Any]) -> Parameters | None:
    """A question as a server takes it, or None when nothing can match; raises `QueryError`."""
    since, until = (None if time is None else min(max(time, 0), _MAX_TIME) for time in (query.since, query.until))
    if until is not None and (since or 0) >= until:
        return None
    found = [(name, str(value)) for name, value in filters.items() if name in _PLAIN and _selects(name, value)]
    found += [("errors", "true")] if query.errors else []
    found += [(name, _seconds(time)) for name, time in (("since", since), ("until", until)) if time is not None]
    return [*found, *(("where", _condition(condition)) for condition in query.where)]


def _condition(condition: Condition) -> str:
    """A condition as text; a key that is from a mapping may have what no text can say."""
    text = str(condition)
    if not condition.key or Condition.parse(text) != condition:
        raise QueryError(
            f"the key {condition.key[:100]!r} cannot be asked for over HTTP; it must be without =, < and >."
        )
    return text


#: Filters that are sent as they are given.
_PLAIN = ("service", "name", "event_name", "trace_id", "level", "min_level", "text", "limit", "order", "cursor")

#: Filters that say what is so without them.
_NEUTRAL = {("text", ""), ("cursor", ""), ("order", "newest")}


def _selects(name: str, value: Any) -> bool:
    return value is not None and (name, value) not in _NEUTRAL


def _seconds(time: int) -> str:
    return f"{time // 10**9}.{time % 10**9:09}"

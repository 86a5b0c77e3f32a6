"""Readers: questions over everything that all processes have committed, streamed newest first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from tidegate.errors import QueryError
from tidegate.records import Log, Point, Service, Span, Trace
from tidegate.store.catalog import AnyRef, BlockCache, Catalog, ServiceCatalog, processes_of, steadily
from tidegate.store.deadline import Deadline
from tidegate.store.follow import MAX_BACKLOG, SHARED_LOOK_S, Follower, TraceFollower, forever
from tidegate.store.lines import lines
from tidegate.store.metrics.current import Current
from tidegate.store.query import OF_PAGES, Query, Time, parse_time, parse_trace_id, query_of
from tidegate.store.questions.asking import Questions
from tidegate.store.rows import AnyRows, Record
from tidegate.store.stream import records, steps, stream
from tidegate.store.subscription import MAX_QUEUE, POLL_S, Subscription
from tidegate.store.tailing import Portion, RowsFollower, Whereabouts
from tidegate.store.tracing import traces
from tidegate.store.watermark import Watermark

Signal = Literal["spans", "logs", "metrics"]


class Reader(Questions):
    """Reads one store; get one from `tidegate.store.open`.

    Every question streams: records come newest first (a span by its start), memory stays bounded by
    the blocks whose times overlap. Filters are keywords: ``since`` and ``until`` (ns, a datetime, or
    text such as ``15m``), ``service``, ``where`` (a mapping for attributes that are equal, compared as
    text, or conditions such as ``["http.response.status_code>=500", "user.id?"]``), ``text`` (a part of
    the message, name or an attribute value, whatever the case), ``order`` (``newest`` or ``oldest``
    first), ``limit``, ``cursor`` (of the last record of the former page, in the same order), and
    ``timeout`` (in seconds, after which `QueryTimeout` is raised). A filter that makes no sense raises
    `QueryError`. Several threads may use one reader at once.
    """

    _service: str | None = None

    def __init__(self, catalog: Catalog, service: str | None = None) -> None:
        """With ``service``, a reader of what this service recorded and nothing else."""
        self._catalog = catalog if service is None else ServiceCatalog(catalog, service)
        self._service = service
        self._forget()

    @property
    def location(self) -> str:
        return self._catalog.location

    @property
    def service(self) -> str | None:
        """Whose records it shows and nobody else's; None: everybody's."""
        return self._service

    @property
    def damaged(self) -> int:
        """Blocks, segments and checkpoints that could not be read so far."""
        return self._catalog.damaged + len(self._cache.broken) + self._current.damaged

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget what was read, and let go of files; the reader can be used again."""
        self._catalog.close()
        self._forget()

    def _forget(self) -> None:
        self._cache = BlockCache(self._catalog)
        self._whereabouts = Whereabouts(self._cache)
        self._current = Current(self._cache, self._service)

    def spans(self, **filters: Any) -> Iterator[Span]:
        """Spans; further filters ``name``, ``trace_id`` and ``errors`` (only those with status ERROR).

        A ``trace_id`` may be cut to its first four digits or more.
        """
        return cast("Iterator[Span]", self._stream(query_of("spans", filters)))

    def logs(self, **filters: Any) -> Iterator[Log]:
        """Log records; further filters ``level`` (exactly this one), ``min_level``, ``event_name``, ``trace_id``."""
        return cast("Iterator[Log]", self._stream(query_of("logs", filters)))

    def metrics(self, **filters: Any) -> Iterator[Point]:
        """Metric points; further filter ``name``."""
        return cast("Iterator[Point]", self._stream(query_of("metrics", filters)))

    def lines(self, signal: Signal, **filters: Any) -> Iterator[bytes]:
        """What `spans`, `logs` or `metrics` would give, as lines of JSON: ``to_dict()`` and ``cursor`` of each record.

        See `tidegate.ndjson.dumps` for what JSON cannot carry. Several times as fast as going through records.
        """
        return filter(None, self.line_steps(signal, **filters))

    def line_steps(self, signal: Signal, **filters: Any) -> Iterator[bytes | None]:
        """The same in steps: None comes after each block that was searched, whether or not something was found."""
        query = query_of(signal, filters)
        return steps(self._cache, query, self._catalog.candidates(query), lines)

    def row_steps(self, signal: Signal, **filters: Any) -> Iterator[tuple[AnyRows, int] | None]:
        """What `spans`, `logs` or `metrics` would give, as a block's columns and the number of a row there, in steps.

        For whoever goes through many records and needs little of each.
        """
        query = query_of(signal, filters)
        return steps(self._cache, query, self._catalog.candidates(query), _rows)

    def traces(self, **filters: Any) -> Iterator[Trace]:
        """Whole traces of which a span matches, by the newest such span; further filters ``name`` and ``errors``."""
        return filter(None, self.trace_steps(**filters))

    def trace_steps(self, **filters: Any) -> Iterator[Trace | None]:
        """The same in steps: None comes after each block that was searched and each span that was looked at."""
        query = query_of("spans", filters, without=("trace_id",))
        return traces(self._cache, query)

    def trace(self, trace_id: str, *, logs: bool = True, timeout: float | Deadline | None = None) -> Trace | None:
        """Everything of one trace, or None. A unique beginning of its id, of four digits or more, will do."""
        prefix, deadline = parse_trace_id(trace_id), Deadline.of(timeout)
        spans = cast("list[Span]", list(self._stream(Query("spans", trace_id=prefix, deadline=deadline))))
        inside = (
            cast("list[Log]", list(self._stream(Query("logs", trace_id=prefix, deadline=deadline))))
            if logs or not spans
            else []
        )
        found = {span.trace_id for span in spans} | {log.trace_id for log in inside}
        if len(found) > 1:
            raise QueryError(f"{len(found)} traces begin with {trace_id!r}; give more digits.")
        if not spans:
            return None
        # they come newest first
        return Trace(found.pop(), spans[::-1], inside[::-1])

    def services(self) -> list[Service]:
        """What is stored of each service, by name; read from indexes alone."""
        return steadily(self._services)

    def _services(self) -> list[Service]:
        services: dict[str, Service] = {}
        processes: dict[str, set[str]] = {}
        for each in self._catalog.groups():
            name, index = each.service, each.index
            service = services.setdefault(name, Service(name, first_time_unix_nano=index.first))
            processes.setdefault(name, set()).update(processes_of(self._catalog, each))
            service.spans += index.count if index.signal == "spans" else 0
            service.logs += index.count if index.signal == "logs" else 0
            service.points += index.count if index.signal == "metrics" else 0
            service.errors += index.errors
            service.first_time_unix_nano = min(service.first_time_unix_nano, index.first)
            service.last_time_unix_nano = max(service.last_time_unix_nano, index.last)
        for name, service in services.items():
            service.processes = len(processes[name])
        return sorted(services.values(), key=lambda service: service.name)

    def follow(
        self,
        signal: Signal = "logs",
        *,
        poll: float = 0.25,
        stop: Callable[[], bool] | None = None,
        after: Watermark | None = None,
        **filters: Any,
    ) -> Iterator[Record]:
        """Records committed after this call by any process, oldest first; goes on until ``stop()`` is true.

        ``poll`` is the time in seconds between two looks at the store. With ``after``, the
        `Follower.watermark` of an earlier follower, it goes on where that one was.
        """
        query = query_of(signal, filters, without=OF_PAGES)
        follower = Follower(self._catalog, self._cache, query, after=after, max_backlog=sys.maxsize, within=0.0)
        return cast("Iterator[Record]", forever(follower, poll, stop))

    def subscribe(self, signal: Signal = "logs", *, max_queue: int = MAX_QUEUE, **filters: Any) -> Subscription:
        """Records committed from now on, by any process, in a queue of so many; see `Subscription`."""
        return Subscription(lambda stop: self.follow(signal, poll=POLL_S, stop=stop, **filters), max_queue)

    def follower(
        self,
        signal: Literal[Signal, "traces"] = "logs",
        *,
        after: Watermark | None = None,
        max_backlog: int = MAX_BACKLOG,
        within: float = SHARED_LOOK_S,
        **filters: Any,
    ) -> Follower:
        """What hands out the records that come from now on, or after a `Watermark`, poll by poll.

        ``"traces"`` are the whole traces of which a matching root span, or one whose parent is in
        another process, has come. See `Follower` for ``max_backlog`` and ``within``.
        """
        of_traces = signal == "traces"
        without = (*OF_PAGES, *(("trace_id",) if of_traces else ()))
        query = query_of("spans" if of_traces else signal, filters, without=without)
        kind = TraceFollower if of_traces else Follower
        return kind(self._catalog, self._cache, query, after=after, max_backlog=max_backlog, within=within)

    def rows_follower(
        self, signal: Signal, *, route: str = "", after: Watermark | None = None, within: float = SHARED_LOOK_S
    ) -> RowsFollower:
        """What hands out the rows that processes of a route commit from now on, or after a `Watermark`, poll by poll.

        ``route`` is what the segments' headers say; "" stands for those without one. `Watermark()` is the place before
        all that the store has.
        """
        return RowsFollower(self._catalog, self._cache, signal, route, after=after, within=within)

    def rows_at(self, signal: Signal, places: Mapping[str, Iterable[int]]) -> Iterator[Portion]:
        """The rows with these sequences in these segments, by the blocks where they are now, each block once.

        What is gone is not handed out. Raises `StoreError` when the files of the store change all the while.
        """
        return self._whereabouts.rows_at(signal, places)

    def current_metrics(self, **filters: Any) -> list[Point]:
        """What every metric amounts to now, one point per series, sorted by metric name, service, scope, attributes.

        Monotonic sums and histograms are added over all processes of a service, those that ended included,
        and never fall; other sums are added over living processes, and a gauge has a point for each of
        those, told apart by ``service.instance.id``. A series keeps its `Point` object from call to call.
        Filters: ``service``, ``name``, ``where``, ``text``, and ``since``, which leaves out series without
        a newer point. Raises `FormatError` when a newer version keeps the store's totals.
        """
        query = query_of("metrics", filters, without=("until", *OF_PAGES))
        points = self._current.points()
        return [point for point in points if _is_wanted(query, point)] if filters else points

    def delete_before(self, time: Time) -> None:
        """Delete the records with a time before this one that have been committed so far.

        Readers of all processes see them no more; upkeep takes them off the disk. A span's time is its start. Totals
        of metrics still count what they counted. Raises `StoreError` when that cannot be written.
        """
        self._catalog.delete_before(parse_time(time))

    @property
    def evicted_series(self) -> int:
        """Series of ended processes that `current_metrics` no longer has, for want of room or for their age."""
        return self._current.evicted

    def _stream(self, query: Query) -> Iterator[Record]:
        return stream(self._cache, query, self._catalog.candidates(query), records)


def _rows(rows: AnyRows, ref: AnyRef) -> Callable[[int], tuple[AnyRows, int]]:
    return lambda row: (rows, row)


def _is_wanted(query: Query, point: Point) -> bool:
    return (
        (query.since is None or point.time_unix_nano >= query.since)
        and (query.service is None or point.service == query.service)
        and (not query.looks_inside or query.matches(point))
    )

"""The questions of a reader that are answered by numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tidegate.errors import QueryError
from tidegate.store.catalog import AnyRef, BlockCache, Catalog, steadily
from tidegate.store.conditions import parse_length
from tidegate.store.query import Query, query_of
from tidegate.store.stream import stream

if TYPE_CHECKING:
    from tidegate.store.questions.answers import Edge, Histogram, Lines, QuantilesBy, Top
    from tidegate.store.questions.scan import Part

T = TypeVar("T")

Signal = Literal["spans", "logs", "metrics"]

#: Filters that make no sense where all that matches is counted.
_OF_RECORDS = ("limit", "order", "cursor")

#: What finds an answer in a store's blocks.
_Ask = Callable[[BlockCache, Query, Sequence[AnyRef]], T]


class Questions:
    """Answers in numbers. All take the filters of their signal's records but ``limit``, ``order`` and ``cursor``.

    ``by`` and ``of`` are keys as ``where`` knows them: an attribute's, a resource attribute's, or a field
    (``name``, ``scope``, ``service``; of spans ``kind``, ``status``, ``duration``; of log records
    ``severity``, ``severity_number``, ``body``, ``event_name``, ``template``). Values are told apart as
    text; of what does not have the key the group is None. Of more than 500 values the most frequent have
    groups of their own, all others are together in ``other``: exact up to 100,000 values, beyond within
    the answer's ``error``.
    """

    _catalog: Catalog
    _cache: BlockCache

    def count(self, signal: Signal, **filters: Any) -> int:
        """How many records match; quick where time, service and severity or errors are all that is asked for."""
        from tidegate.store.questions import counting

        return self._answer(_query(signal, filters), counting.count)

    def histogram(
        self, signal: Signal, *, interval: str | int | None = None, by: str | None = None, **filters: Any
    ) -> Histogram:
        """Counts over time, in intervals of one length (``1m``, or ns) that begin at its multiples since the epoch.

        Without ``interval`` it is one that makes 60 intervals at most of the time between ``since`` and ``until``,
        or the first and the last record. Raises `QueryError` where there would be more than 10,000.
        """
        from tidegate.store.questions import counting

        length = None if interval is None else parse_length(interval, "interval")
        query = _query(signal, filters)
        return self._answer(query, partial(counting.histogram, interval=length, by=_optional(by)))

    def quantiles(
        self,
        signal: Signal = "spans",
        *,
        of: str = "duration",
        by: str | None = None,
        q: float | Sequence[float] = (0.5, 0.95, 0.99),
        **filters: Any,
    ) -> QuantilesBy:
        """Quantiles of a number (of spans: their durations in ns), how many there are, and how many are errors.

        A quantile is the least value with at least that share of all at or below it. Up to 200,000 values it is
        exact; of more, within the `QuantilesBy.relative_error`. Records without a number are left out and counted
        (`QuantilesBy.missing`); raises `QueryError` when none has a number, but other values.
        """
        from tidegate.store.questions import distribution

        if of == "duration" and signal != "spans":
            raise QueryError(f"{signal} have no duration; name an attribute that is a number: of='size'.")
        query = _query(signal, filters)
        return self._answer(query, partial(distribution.quantiles, of=_key(of, "of"), by=_optional(by), q=_shares(q)))

    def top(self, key: str, signal: Signal = "spans", *, limit: int = 10, **filters: Any) -> Top:
        """The most frequent values of a key. Exact up to 100,000 different values; beyond, within `Top.error`."""
        from tidegate.store.questions import counting

        if type(limit) is not int or limit < 1:
            raise QueryError(f"the limit is {limit!r}; it must be a whole number from 1.")
        return self._answer(_query(signal, filters), partial(counting.top, key=_key(key, "key"), limit=limit))

    def series(
        self,
        name: str,
        *,
        step: str | int | None = None,
        rate: bool = True,
        q: float | Sequence[float] = (),
        by: Sequence[str] | None = None,
        **filters: Any,
    ) -> Lines:
        """A metric over time, in steps as the intervals of `histogram`.

        Monotonic sums and histograms are shown by how much they grew, per second (``rate=False``: in each step),
        added over processes; a counter that begins anew counts from there. Of histograms, explicit and
        exponential, ``q`` asks for quantiles, estimated within buckets; their rate is that of measurements. Other
        sums are added over processes, the last value in the step of each; gauges are one series for each process.
        ``by``: attributes that tell series apart, all others are added up. Bounds: 1,000 series, 20,000 of all
        processes, a million values; the points of what is beyond them are counted as ``left_out``. A delta is
        counted when its point was recorded.
        """
        if isinstance(by, str):
            raise QueryError(f"by is {by!r}; it must be a list of attributes, such as [{by!r}].")
        length = None if step is None else parse_length(step, "step")
        query = query_of("metrics", {**filters, "name": name}, without=_OF_RECORDS)
        return self._answer(query, partial(self._drawn, length=length, by=by, q=_shares(q), rate=rate))

    def _drawn(
        self,
        cache: BlockCache,
        query: Query,
        refs: Sequence[AnyRef],
        *,
        length: int | None,
        by: Sequence[str] | None,
        q: Sequence[float],
        rate: bool,
    ) -> Lines:
        from tidegate.store.questions import counting, lines

        start, step, number = counting.intervals(query, refs, length)
        drawing = lines.Drawing(start, step, number, by)
        before = None if query.since is None else query.since - lines.LOOKBACK_NS
        asked = replace(query, since=before, oldest_first=True)
        lines.draw(stream(cache, asked, self._catalog.candidates(asked), lines.points), drawing)
        return drawing.answer(q, rate=rate)

    def edges(self, **filters: Any) -> list[Edge]:
        """Which service calls which, how often, and how often with an error: from spans whose parents are spans of
        other services, by their counts. The filters are for the called ones. A parent that is not stored, or started
        an hour before ``since``, is the caller None. Beyond 10,000 pairs of services all others are one edge."""
        query = query_of("spans", filters, without=_OF_RECORDS)
        return self._answer(query, self._edges)

    def _edges(self, cache: BlockCache, query: Query, refs: Sequence[AnyRef]) -> list[Edge]:
        from tidegate.store.questions import calls

        return calls.edges(cache, query, refs, self._catalog.candidates(calls.parents_of(query)))

    def gather(self, signal: Signal, make: Callable[[Iterator[Part]], T], **filters: Any) -> T:
        """What ``make`` makes of all that matches, block by block, in columns and in no order.

        It is called anew, with all of it, where the files of the store were exchanged meanwhile.
        """
        from tidegate.store.questions.scan import scan

        return self._answer(_query(signal, filters), lambda cache, query, refs: make(scan(cache, query, refs)))

    def _answer(self, query: Query, ask: _Ask[T]) -> T:
        """Begins anew when the files of the store were exchanged meanwhile."""
        return steadily(lambda: ask(self._cache, query, self._catalog.candidates(query)))

    # --- without blocking an event loop

    def astream(self, question: str, *args: Any, **filters: Any) -> AsyncIterator[Any]:
        """``async for`` over what `spans`, `logs`, `metrics`, `traces`, `lines` or `follow` gives::

            async for log in reader.astream("logs", min_level="error"): ...

        Threads search, a portion at a time, so that no more waits in memory than one; who leaves the loop, or
        is cancelled, ends the search.
        """
        from tidegate.store.asynchronous import stream_of  # asyncio is for those who use it

        return stream_of(self, question, args, filters)

    async def aask(self, question: str, *args: Any, **filters: Any) -> Any:
        """The answer to any other question, found in a thread: ``await reader.aask("count", "logs")``.

        When the task is cancelled, so is the search.
        """
        from tidegate.store.asynchronous import ask

        return await ask(self, question, args, filters)


def _query(signal: str, filters: dict[str, Any]) -> Query:
    return query_of(signal, filters, without=_OF_RECORDS)


def _shares(q: Any) -> Sequence[float]:
    shares = (q,) if isinstance(q, (int, float, str)) or not isinstance(q, Iterable) else tuple(q)
    if not all(type(share) in (int, float) and 0 <= share <= 1 for share in shares):
        raise QueryError(f"q is {q!r}; it must be a number from 0 to 1, or several, such as (0.5, 0.95).")
    return shares


def _optional(by: Any) -> str | None:
    return None if by is None else _key(by, "by")


def _key(key: Any, name: str) -> str:
    if not isinstance(key, str) or not key:
        raise QueryError(f"{name} is {key!r}; it must be a key, such as http.route or severity.")
    return key

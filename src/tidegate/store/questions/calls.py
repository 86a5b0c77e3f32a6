"""Who calls whom: the edges between services, from spans whose parents are other services' spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tidegate.store.catalog import AnyRef, BlockCache
from tidegate.store.query import Query
from tidegate.store.questions.answers import Edge
from tidegate.store.questions.scan import Part, scan
from tidegate.store.rows import SpanRows
from tidegate.store.selection import by_resource, span_ids

#: Spans that wait for their parents to be found; then the parents are looked for, and it goes on.
MAX_WAITING = 100_000

#: Pairs of services that are told apart; the calls of all others are one edge between `OTHER` and `OTHER`.
MAX_EDGES = 10_000

OTHER = "(other)"

#: A parent that started so long (ns) before ``since``, or after ``until``, is not looked for.
MARGIN_NS = 3600 * 10**9

#: Caller, None where it is not stored, and callee.
Pair = tuple[str | None, str]

#: A span: its trace id and span id, one after the other.
_Id = str


class Calls:
    """Counts of calls and of failed ones, by caller and callee."""

    def __init__(self) -> None:
        self.counts: Counter[Pair] = Counter()
        self.errors: Counter[Pair] = Counter()

    def add(self, caller: str | None, callee: str, is_error: bool) -> None:
        edge: Pair = (caller, callee)
        if edge not in self.counts and len(self.counts) >= MAX_EDGES:
            edge = (OTHER, OTHER)
        self.counts[edge] += 1
        self.errors[edge] += is_error

    def edges(self) -> list[Edge]:
        found = sorted(self.counts.items(), key=lambda item: (-item[1], item[0][0] or "", item[0][1]))
        return [Edge(*edge, number, self.errors[edge]) for edge, number in found]


#: What waits for its parent: the services of the children, and whether each is an error.
Waiting = dict[_Id, list[tuple[str, bool]]]


def parents_of(query: Query) -> Query:
    """Where the parents of the spans that match are looked for."""
    since = None if query.since is None else query.since - MARGIN_NS
    until = None if query.until is None else query.until + MARGIN_NS
    return Query("spans", since, until, trace_id=query.trace_id, deadline=query.deadline)


def edges(cache: BlockCache, query: Query, refs: Sequence[AnyRef], among: Sequence[AnyRef]) -> list[Edge]:
    """Edges of the spans that match to their parents, which are ``among`` the blocks of `parents_of` the query."""
    calls, parents = Calls(), parents_of(query)
    waiting: Waiting = {}
    number = 0
    for part in scan(cache, query, refs):
        for parent, service, is_error in _children(part):
            waiting.setdefault(parent, []).append((service, is_error))
            number += 1
        if number >= MAX_WAITING:
            _settle(calls, waiting, scan(cache, parents, among))
            waiting, number = {}, 0
    if waiting:
        _settle(calls, waiting, scan(cache, parents, among))
    return calls.edges()


def _children(part: Part) -> Iterator[tuple[_Id, str, bool]]:
    """Spans with a parent that is not in the same block, where it is of the same service."""
    rows = part.rows
    if not isinstance(rows, SpanRows):
        return
    parents, services, traces, here = rows.parent_ids, _services(part), rows.trace_ids, set(_ids(part))
    errors = part.errors() or [False] * len(part.found)
    for row, is_error in zip(part.found, errors, strict=True):
        if parents[row] and (parent := traces[row] + parents[row]) not in here:
            yield parent, services[row], is_error


def _ids(part: Part) -> list[_Id]:
    return [trace + span for trace, span in zip(part.rows.trace_ids, span_ids(part.rows), strict=True)]


def _services(part: Part) -> Sequence[str]:
    return by_resource(part.rows, [resource.service for resource in part.rows.resources])


def _settle(calls: Calls, waiting: Waiting, parts: Iterator[Part]) -> None:
    """Count the calls whose callers are in these parts, and then those without one."""
    for part in parts:
        ids = _ids(part)
        if not waiting.keys().isdisjoint(ids):
            for parent, caller in zip(ids, _services(part), strict=True):
                for callee, is_error in waiting.pop(parent, ()):
                    if caller != callee:
                        calls.add(caller, callee, is_error)
        if not waiting:
            return
    for children in waiting.values():
        for callee, is_error in children:
            calls.add(None, callee, is_error)

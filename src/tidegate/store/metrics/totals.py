"""Metrics that add up: what each process has counted so far, and the series of a service over all of them.

A process's newest point of a series is its total. Totals of monotonic sums and of histograms are added
over all processes, ended ones included; those of other sums over living ones; a gauge stays with its
process. Processes that ended are folded into one base per series, so that what is kept does not grow
with their number. No clock, file or lock in here: who lives, and what time it is, is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tidegate.records import AttributeMap, Metric, Point, Resource, Scope
from tidegate.store.block import unpack
from tidegate.store.metrics.series import INSTANCE, Group, Identity, Series, State, canonical, identity, newest

#: Series with a base, which need no living process. Beyond it those go that were updated longest ago.
MAX_BASES = 100_000

#: Folded processes that are known by their ids. Of older ones only the time of the last block is.
MAX_FOLDED = 10_000

Columns = dict[str, Any]

#: Where in its records a process is: number of its segment, start of that in ns, sequence in it.
Position = tuple[int, int, int]

#: A segment: its number in its process, start in ns, and id.
Segment = tuple[int, int, str]

#: A series of a process, and which one of several with the same identity.
StateKey = tuple[Identity, int]

_LAYOUT = ("metrics", "scopes", "attributes", "metric", "scope")


class Source:
    """What one process records under one resource. ``rows`` are the states in the order of its last block."""

    __slots__ = ("group", "layout", "process", "resource", "rows", "states")

    def __init__(self, process: str, resource: Resource, group: Group) -> None:
        self.process, self.resource, self.group = process, resource, group
        self.states: dict[StateKey, State] = {}
        self.rows: list[State] = []
        self.layout: tuple[Any, ...] = ()


class Process:
    """A process. ``position`` is that of its last block that was counted and ``time`` that block's, ``segment``
    its newest, ``ended`` when it was found to have ended, 0 as long as it lives. Times in ns."""

    __slots__ = ("ended", "id", "position", "segment", "sources", "time")

    def __init__(self, id: str) -> None:
        self.id = id
        self.position: Position = (-1, 0, 0)
        self.segment: Segment = (-1, 0, "")
        self.ended = self.time = 0
        self.sources: dict[bytes, Source] = {}

    def states(self) -> Iterator[tuple[Source, StateKey, State]]:
        for source in self.sources.values():
            for key, state in source.states.items():
                yield source, key, state


class Totals:
    """Processes, services and series.

    ``folded`` are the times of the last blocks of folded processes, ``horizon`` is the last of those
    that were forgotten; ``evicted`` counts bases dropped for want of room, or because of their age.
    """

    def __init__(self, former: Totals | None = None) -> None:
        """Use the points of ``former`` totals, whose place these take."""
        self.processes: dict[str, Process] = {}
        self.folded: dict[str, int] = {}
        self.horizon = self.evicted = 0
        self.groups: dict[tuple[str, str], Group] = {}
        self.series: dict[Any, Series] = {}
        self._former = {} if former is None else {key: series.point for key, series in former.series.items()}
        self._stale: set[Series] = set()
        self._points: list[Point] | None = None

    def points(self) -> list[Point]:
        """One point per series, by metric name, service, scope and attributes; always the same object for one."""
        for series in self._stale:
            if series.parts or series.base is not None:
                series.renew()
        self._stale.clear()
        self._former = {}
        if self._points is None:
            found = sorted(self.series.values(), key=lambda series: series.order)
            self._points = [series.point for series in found]
        return list(self._points)

    # --- what comes in

    def process(self, id: str) -> Process:
        return self.processes.setdefault(id, Process(id))

    def is_folded(self, process: str, time: int) -> bool:
        """Whether a block that ends at this time is of a process that was folded."""
        return process in self.folded or (time <= self.horizon and process not in self.processes)

    def absorb(self, process: Process, resource: Resource, columns: Columns, count: int) -> None:
        """Count a block of metric points. A process's blocks must come in the order of their writing.

        Raises AttributeError, LookupError, TypeError or ValueError for columns that are none.
        """
        source = self.source(process, resource)
        layout = tuple(columns.get(name) for name in _LAYOUT)
        if layout != source.layout:
            source.rows = self._lay_out(source, columns, count)
            source.layout = layout
        base = int(columns["t0"])
        given, deltas = unpack(columns, "value", count, {}), unpack(columns, "time", count, 0)
        ages = unpack(columns, "age", count, 0)
        for state, value, delta, age in zip(source.rows, given, deltas, ages, strict=True):
            time = base + delta
            state.advance(value, 0 if age is None else time - age, time)
        for state, exemplars in zip(source.rows, unpack(columns, "exemplars", count, ()), strict=True):
            if exemplars:
                state.exemplars = newest([*exemplars, *state.exemplars])
        process.time = max(process.time, base + max(deltas))
        self._stale.update([state.series for state in source.rows])

    def source(self, process: Process, resource: Resource) -> Source:
        key = canonical(resource.attributes)
        known = process.sources.get(key)
        if known is None:
            known = process.sources[key] = Source(process.id, resource, self.group(resource))
        return known

    def group(self, resource: Resource) -> Group:
        """The service of a resource; what it has otherwise than others is no longer said of all."""
        key = (resource.service, str(resource.attributes.get("service.namespace", "")))
        shared = {
            name: value
            for name, value in resource.attributes.items()
            if name != INSTANCE and not name.startswith("process.")
        }
        agreed = Resource(shared, resource.schema_url)
        group = self.groups.setdefault(key, Group(key, agreed))
        group.agree(agreed)
        return group

    def _lay_out(self, source: Source, columns: Columns, count: int) -> list[State]:
        """The states of a block's rows. Series that the process no longer has go, unless they stay counted."""
        metrics = [Metric(**metric) for metric in columns.get("metrics", ())]
        scopes = [Scope(**scope) for scope in columns.get("scopes", ())] or [Scope()]
        numbers = zip(unpack(columns, "metric", count, 0), unpack(columns, "scope", count, 0), strict=True)
        here: dict[StateKey, State] = {}
        for (metric, scope), attributes in zip(numbers, unpack(columns, "attributes", count, {}), strict=True):
            key: StateKey = (identity(metrics[metric], scopes[scope], attributes), 0)
            while key in here:  # instruments that conflict have a series several times in one collection
                key = (key[0], key[1] + 1)
            here[key] = self.state(source, key, metrics[metric], scopes[scope], attributes)
        for key in [key for key, state in source.states.items() if key not in here and not state.series.keeps]:
            self._remove(source.states.pop(key))
        return list(here.values())

    def state(self, source: Source, key: StateKey, metric: Metric, scope: Scope, attributes: AttributeMap) -> State:
        """A process's state of a series; a new one is empty."""
        known = source.states.get(key)
        if known is None:
            of = (*key, source) if metric.type == "gauge" else None
            series = self.one_series(source.group, key[0], metric, scope, attributes, of)
            # the series' own identity: equal ones of thousands of processes are then there once
            known = source.states[series.key[1], key[1]] = State(series, metric.temporality == "delta")
            series.parts.append(known)
        return known

    def one_series(
        self,
        group: Group,
        identity: Identity,
        metric: Metric,
        scope: Scope,
        attributes: AttributeMap,
        of: tuple[Any, int, Source] | None = None,
    ) -> Series:
        """A series of a service, or ``of`` one process: (…, occurrence, source)."""
        own = (b"", "", 0) if of is None else (canonical(of[2].resource.attributes), of[2].process, of[1])
        key = (group.key, identity, own)
        known = self.series.get(key)
        if known is None:
            resource = group.resource if of is None else _instance(of[2])
            if metric.temporality == "delta":
                metric = replace(metric, temporality="cumulative")
            point = self._former.get(key) or Point(metric, 0, 0, resource, scope, attributes=attributes)
            point.resource = resource
            order = (metric.name, group.key, *identity[1:], identity[0], own)
            known = self.series[key] = Series(key, group, point, order)
            if of is None:
                group.members.add(known)
            self._points = None
        self._stale.add(known)
        return known

    # --- what ends

    def living(self) -> list[Process]:
        return [process for process in self.processes.values() if not process.ended]

    def end(self, process: Process, time: int) -> None:
        """Say that a process has ended, as was found at this time (ns): what it has now, it has no more."""
        process.ended = time
        for source, key, state in list(process.states()):
            source.layout = ()
            if not state.series.keeps:
                self._remove(source.states.pop(key))

    def fold(self, process: Process) -> None:
        """Put a process that ended into the base."""
        del self.processes[process.id]
        for _, _, state in process.states():
            if state.series.keeps:
                state.series.fold(state)
            else:
                self._remove(state)
        self.folded[process.id] = process.time
        while len(self.folded) > MAX_FOLDED:
            self.horizon = max(self.horizon, self.folded.pop(next(iter(self.folded))))

    def trim(self, oldest: int) -> None:
        """Drop the bases of services whose newest point is before this time (ns), and those beyond `MAX_BASES`."""
        alive = {id(source.group) for process in self.processes.values() for source in process.sources.values()}
        based = [series for series in self.series.values() if series.base is not None]
        last: dict[int, int] = {}
        for series in based:
            last[id(series.group)] = max(last.get(id(series.group), 0), series.time)
        kept = [each for each in based if id(each.group) in alive or last[id(each.group)] >= oldest]
        # what a process still adds to would fall
        kept.sort(key=lambda series: (bool(series.parts), series.time), reverse=True)
        for series in set(based).difference(kept[:MAX_BASES]):
            series.base = None
            self.evicted += 1
            self._settle(series)

    def _remove(self, state: State) -> None:
        state.series.parts.remove(state)
        self._settle(state.series)

    def _settle(self, series: Series) -> None:
        """See to a series of which something was taken away."""
        self._stale.add(series)
        if not series.parts and series.base is None:
            del self.series[series.key]
            series.group.members.discard(series)
            self._points = None


def _instance(source: Source) -> Resource:
    """The resource of a process by which its gauges are told from others'."""
    attributes = source.resource.attributes
    if INSTANCE in attributes:
        return source.resource
    return replace(source.resource, attributes={**attributes, INSTANCE: source.process})

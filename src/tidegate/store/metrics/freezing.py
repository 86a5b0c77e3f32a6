"""Totals as columns and back, as a checkpoint holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from tidegate.errors import FormatError
from tidegate.records import Metric, Resource, Scope
from tidegate.store import codec, values
from tidegate.store.metrics.feeding import BROKEN
from tidegate.store.metrics.series import Base, Series, State, canonical, identity
from tidegate.store.metrics.totals import Process, Source, Totals

#: Version of the format; a newer one is refused and left alone.
FORMAT = 1

#: What is kept of a base and of a process's state.
_OF_BASE = ("value", "began", "time", "exemplars")
_OF_STATE = (*_OF_BASE, "carried", "start", "is_delta")


def dump(totals: Totals) -> bytes:
    """A zstd frame of JSON."""
    tables = _Tables()
    body: dict[str, Any] = {
        "format": FORMAT,
        "horizon": totals.horizon,
        "evicted": totals.evicted,
        "folded": totals.folded,
        "base": _base_columns(totals, tables),
        "processes": [_of_process(process, tables) for process in totals.processes.values()],
        **tables.rows,
    }
    return codec.compress(values.dumps(body))


def load(content: bytes, path: str, service: str | None = None, former: Totals | None = None) -> Totals | None:
    """The totals of a file's content, empty when it is; None when it is damaged.

    With ``service``, only what this service has counted. They use the points of the ``former`` totals.
    Raises `FormatError` for a newer format.
    """
    totals = Totals(former)
    if not content:
        return totals
    try:
        body = values.loads(codec.decompress(content))
        version = int(body["format"])
        if version <= FORMAT:
            _restore(totals, body, service)
            return totals
    except BROKEN:
        return None
    raise FormatError(f"{path} has format {version}; this version reads up to {FORMAT}. Upgrade tidegate.")


class _Tables:
    """What many rows share, each once."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {"metrics": [], "scopes": [], "resources": []}
        self._places: dict[Any, int] = {}

    def place(self, table: str, key: Any, shared: Metric | Scope | Resource) -> int:
        rows = self.rows[table]
        place = self._places.setdefault((table, key), len(rows))
        if place == len(rows):
            rows.append({name: value for name, value in asdict(shared).items() if value})
        return place


def _columns(rows: Iterable[tuple[Series, Resource, Base | State]], names: tuple[str, ...], tables: _Tables) -> Any:
    found = list(rows)
    columns: dict[str, list[Any]] = {
        "metric": [tables.place("metrics", series.point.metric, series.point.metric) for series, _, _ in found],
        "scope": [tables.place("scopes", series.key[1][1], series.point.scope) for series, _, _ in found],
        "resource": [tables.place("resources", canonical(resource.attributes), resource) for _, resource, _ in found],
        "attributes": [series.point.attributes for series, _, _ in found],
    }
    return columns | {name: [getattr(each, name) for _, _, each in found] for name in names}


def _base_columns(totals: Totals, tables: _Tables) -> Any:
    based = ((series, series.group.resource, series.base) for series in totals.series.values() if series.base)
    return _columns(based, _OF_BASE, tables)


def _of_process(process: Process, tables: _Tables) -> dict[str, Any]:
    states = list(process.states())
    columns = _columns(((state.series, source.resource, state) for source, _, state in states), _OF_STATE, tables)
    columns["occurrence"] = [occurrence for _, (_, occurrence), _ in states]
    return {
        **{name: getattr(process, name) for name in ("id", "position", "segment", "ended", "time")},
        "series": columns,
    }


def _restore(totals: Totals, body: dict[str, Any], service: str | None) -> None:
    totals.horizon, totals.evicted, totals.folded = body["horizon"], body["evicted"], body["folded"]
    shared = _Shared(body, service)
    for metric, scope, resource, attributes, base in shared.rows(body["base"]):
        group = totals.group(resource)
        series = totals.one_series(group, identity(metric, scope, attributes), metric, scope, attributes)
        series.base = Base(*(base[name] for name in _OF_BASE))
    for found in body["processes"]:
        process = totals.process(found["id"])
        process.position, process.segment = tuple(found["position"]), tuple(found["segment"])
        process.ended, process.time = found["ended"], found["time"]
        _restore_states(totals, process, shared, found["series"])


def _restore_states(totals: Totals, process: Process, shared: _Shared, columns: dict[str, Any]) -> None:
    sources: dict[int, Source] = {}
    for metric, scope, resource, attributes, found in shared.rows(columns):
        source = sources.get(id(resource)) or sources.setdefault(id(resource), totals.source(process, resource))
        key = (identity(metric, scope, attributes), found["occurrence"])
        state = totals.state(source, key, metric, scope, attributes)
        for name in _OF_STATE:
            setattr(state, name, found[name])
        state.restore()


class _Shared:
    """The inverse of `_Tables`."""

    def __init__(self, body: dict[str, Any], service: str | None) -> None:
        self._metrics = [Metric(**row) for row in body["metrics"]]
        self._scopes = [Scope(**row) for row in body["scopes"]]
        self._resources = [Resource(**row) for row in body["resources"]]
        self._service = service

    def rows(self, columns: dict[str, list[Any]]) -> Iterable[tuple[Metric, Scope, Resource, Any, dict[str, Any]]]:
        names = list(columns)
        for row in zip(*columns.values(), strict=True):
            found = dict(zip(names, row, strict=True))
            resource = self._resources[found["resource"]]
            if self._service in (None, resource.service):
                yield self._metrics[found["metric"]], self._scopes[found["scope"]], resource, found["attributes"], found

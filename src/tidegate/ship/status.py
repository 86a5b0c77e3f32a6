"""How sending from a store stands, as its files tell: no process need be running, and none is asked."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass, field
from typing import Any

from tidegate.errors import FormatError
from tidegate.ship import cursors, election, files, route, state
from tidegate.ship.cursors import Reached
from tidegate.ship.frames import Counts
from tidegate.ship.state import State
from tidegate.ship.verdicts import VerdictReader
from tidegate.store import locks, unsent


@dataclass(slots=True)
class DestinationStatus:
    """How far a destination is. ``waiting`` rows of ``behind`` frames are to be sent, the first of them since
    ``waiting_since`` (ns, 0 for none). ``counts`` are of all leaders so far: ``sent``, ``refused`` by reason, ``gone``
    from the store and ``lost`` from the log before they were sent."""

    waiting: int = 0
    behind: int = 0
    waiting_since: int = 0
    counts: Counts = field(default_factory=dict)
    sender: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class RouteStatus:
    """A route of the store. ``route`` is what its file describes it as; ``led`` says whether a process with a heartbeat
    leads it now, ``state`` what the last one that did has told, at ``told`` (ns, 0 for never). ``removed`` is what
    retention has removed although some of it was to be sent: ``files``, ``records``, ``bytes`` of all in them."""

    id: str
    route: dict[str, Any]
    led: bool
    told: int
    state: State
    destinations: dict[str, DestinationStatus]
    removed: dict[str, int]
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        said = asdict(self)
        del said["state"]["destinations"]  # they are with what is counted
        return said


def status(store: str) -> list[RouteStatus]:
    """The routes of the store in this directory, those that were led last first."""
    found = [_route(store, each, said) for each, said in route.routes(store).items()]
    return sorted(found, key=lambda each: (each.led, each.told), reverse=True)


def _route(store: str, id: str, said: dict[str, Any]) -> RouteStatus:
    directory = os.path.join(store, "routes", id)
    told, time = state.read(directory)
    lost = files.read(os.path.join(directory, unsent.LOST))
    removed = {name: lost.get(name, 0) for name in ("files", "records", "bytes")}
    out = RouteStatus(id, said, election.leads(directory), time, told, {}, removed)
    places: dict[str, Reached] = cursors.read(os.path.join(directory, "cursors"))
    try:
        log = VerdictReader(directory)
        number, rows = log.totals()
        for name in sorted({*places, *told.destinations}):
            out.destinations[name] = _destination(places.get(name), log, number, rows)
            out.destinations[name].sender = told.destinations.get(name, {})
    except (FormatError, OSError) as error:
        out.problem = str(error)
    if not out.led and not out.problem and locks.others(store, id):
        free = shutil.disk_usage(directory).free
        out.problem = (
            "programs run whose records are to be sent, and none of them leads yet: if that stays so, their logs say"
            f" why; the disk has {free >> 10:,} KiB free"
        )
    return out


def _destination(place: Reached | None, log: VerdictReader, number: int, rows: dict[str, int]) -> DestinationStatus:
    if place is None:
        return DestinationStatus()
    waiting = max(rows.get(place.signal, 0) - place.rows, 0)
    out = DestinationStatus(waiting, counts=place.counts)
    if waiting:
        out.behind = max(number - place.number, 0)
        out.waiting_since = next((i.time for _, i in log.indexes(place.position) if place.signal in i.rows), 0)
    return out

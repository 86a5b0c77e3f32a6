"""Which points of metrics are sent: of each series the newest one of an interval.

A process collects all its series at once, every few seconds, so the newest points of a process are those of its last
collection: the rows of each resource that have the last time of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.store.sealed.places import Place
    from tidegate.store.tailing import Portion

#: Rows of metrics by segment: from the first to before the end.
Ranges = dict[str, list[tuple[int, int]]]


class NewestPoints:
    """Chooses every ``interval`` seconds what came last: ``offset`` seconds after a whole number of them by the wall
    clock, so that it does not matter how often another process comes to lead."""

    def __init__(self, interval: float, offset: float = 0.0) -> None:
        self._interval, self._offset = interval, offset
        self._slot: float | None = None
        #: By process and resource, the time of the last collection, and the places of its rows.
        self._newest: dict[tuple[str, str], tuple[int, list[Place]]] = {}

    def see(self, portion: Portion) -> None:
        """Points that were committed."""
        rows = portion.rows
        places, times, resources = rows.places, rows.times, rows.resource
        names = [repr(each.attributes) for each in rows.resources]
        for row in portion.picked:
            place, time = places[row], times[row]
            # a process may have gone on to another segment
            key = (rows.process or place[0], names[resources[row]])
            known = self._newest.get(key)
            if known is None or time > known[0]:
                self._newest[key] = (time, [place])
            elif time == known[0]:
                known[1].append(place)

    def due(self, now: float, *, last: bool = False) -> Ranges:
        """What is to be sent now: with the ``last`` call, or when the interval is over."""
        slot, former = (now - self._offset) // self._interval, self._slot
        self._slot = slot
        if not self._newest or not (last or former not in (None, slot)):
            return {}
        chosen: dict[str, list[int]] = {}
        for _, places in self._newest.values():
            for segment, sequence in places:
                chosen.setdefault(segment, []).append(sequence)
        self._newest.clear()
        return {segment: _ranges(sorted(sequences)) for segment, sequences in chosen.items()}


def _ranges(ascending: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for each in ascending:
        if found and found[-1][1] == each:
            found[-1] = (found[-1][0], each + 1)
        else:
            found.append((each, each + 1))
    return found

"""How many requests are answered at a time."""

from __future__ import annotations

from weakref import WeakSet

from tidegate.serve.message import Problem

#: Requests answered at one time.
MAX_REQUESTS = 64


class Places:
    """The places of one process. They have no lock, which a fork could leave locked in the child: whoever
    comes sits down first and looks then, so that two who come at once may both be turned away."""

    def __init__(self, most: int = MAX_REQUESTS) -> None:
        self._most = most
        self.busy: WeakSet[Place] = WeakSet()
        self.live: WeakSet[Place] = WeakSet()

    def take(self) -> Place:
        """A place; raises `Problem` 503 when there is none."""
        place = Place(self)
        self.busy.add(place)
        if len(self.busy) > self._most:
            place.leave()
            raise _full(f"{self._most} requests are answered already")
        return place


class Place:
    """One request's place. Who forgets it leaves it, so that a request that is broken off keeps none."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def stay(self, most: int) -> None:
        """Be one that goes on; raises `Problem` 503 when there are as many as there may be."""
        self._places.live.add(self)
        if len(self._places.live) > most:
            self.leave()
            raise _full(f"{most} clients follow already")

    def leave(self) -> None:
        self._places.busy.discard(self)
        self._places.live.discard(self)


def _full(what: str) -> Problem:
    return Problem(503, f"{what}, which is the bound; come again.", {"retry-after": "5"})

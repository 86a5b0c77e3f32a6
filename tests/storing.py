"""A store as tests use it: written by sinks, as recorders write it, and read by readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tidegate.store
from tidegate.store.reader import Reader
from tidegate.store.sinks import Sink


class Store:
    """One store: any number of `writer`s, each like a process of its own, and `reader`s."""

    def __init__(self, location: str, make: Callable[..., Sink]) -> None:
        self.location = location
        self._make = make
        self._writers: list[Sink] = []

    def writer(self, **options: Any) -> Sink:
        self._writers.append(self._make(**options))
        return self._writers[-1]

    def reader(self) -> Reader:
        return tidegate.store.open(self.location, missing_ok=True)

    def close(self) -> None:
        for writer in self._writers:
            writer.close()

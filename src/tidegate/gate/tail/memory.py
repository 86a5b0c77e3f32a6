"""What is remembered for a while, in bounded room."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Generations(Generic[K, T]):
    """Values by key, at most ``most`` (weighted), for ``longest`` seconds at most, and at least half of both.

    There are two generations, of which the elder is forgotten as a whole. ``forgotten`` counts what had to go for want
    of room.
    """

    __slots__ = ("_elder", "_longest", "_most", "_since", "_weights", "_younger", "forgotten")

    def __init__(self, most: int, longest: float) -> None:
        self._most, self._longest = most, longest
        self._younger: dict[K, T] = {}
        self._elder: dict[K, T] = {}
        self._weights = [0, 0]
        self._since = 0.0
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._younger) + len(self._elder)

    def __contains__(self, key: K) -> bool:
        return key in self._younger or key in self._elder

    def get(self, key: K) -> T | None:
        found = self._younger.get(key)
        return self._elder.get(key) if found is None else found

    def pop(self, key: K, weight: int = 1) -> T | None:
        """Give it back and forget it, with the ``weight`` that it was put with."""
        found = self._younger.pop(key, None)
        elder = self._elder.pop(key, None)
        if found is None and elder is not None:
            self._weights[1] -= weight
        elif found is not None:
            self._weights[0] -= weight
        return elder if found is None else found

    def put(self, key: K, value: T, now: float, weight: int = 1) -> None:
        if self._weights[0] + weight > self._most / 2:
            self.forgotten += self._weights[1] if self._elder else 0
            self._age(now)
        elif now - self._since >= self._longest / 2:
            self._age(now)
        self._younger[key] = value
        self._weights[0] += weight

    def _age(self, now: float) -> None:
        self._elder, self._younger = self._younger, {}
        self._weights = [0, self._weights[0]]
        self._since = now

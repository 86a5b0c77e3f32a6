"""An error brings its context: log records that were not kept wait here until their trace has an error or ends.

One `Context` is for traces; another, with ``seconds``, is for the last seconds of a task outside any
trace. Records are opaque; whoever holds one says how many bytes it takes. Everything is bounded:
what is beyond a bound goes oldest first, and is counted.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from math import inf
from typing import Generic, TypeVar

R = TypeVar("R")

#: Seconds between two looks, while records come to wait, at what has waited for too long.
EXPIRE = 0.1


class _Held(Generic[R]):
    """The waiting records of one trace: (record, size, time), oldest first."""

    __slots__ = ("last", "records", "size")

    def __init__(self) -> None:
        self.records: deque[tuple[R, int, float]] = deque()
        self.size = 0
        self.last = 0.0


class Context(Generic[R]):
    """Waiting records by trace (or task).

    ``max_bytes`` and ``max_records`` bound one trace, ``total_bytes`` and ``total_records`` all of
    them. A trace in which nothing happened for ``idle`` seconds is forgotten. A trace in error is
    remembered for ``error_seconds`` (0: not at all), at most ``max_errors`` of them. With ``seconds``
    only what is younger than that is released.

    Counted: ``dropped`` records that had to go for a bound, ``evicted`` traces that had to, and
    ``forgotten`` records of traces that ended quietly.
    """

    def __init__(
        self,
        *,
        max_bytes: int = 64 << 10,
        total_bytes: int = 8 << 20,
        max_records: int = 1000,
        total_records: int = 50_000,
        idle: float = 60.0,
        error_seconds: float = 300.0,
        max_errors: int = 10_000,
        seconds: float | None = None,
    ) -> None:
        self.max_bytes, self.total_bytes = max_bytes, total_bytes
        self.max_records, self.total_records = max_records, total_records
        self.idle, self.seconds = idle, seconds
        self.error_seconds, self.max_errors = error_seconds, max_errors
        self.bytes = self.records = 0
        self.dropped = self.evicted = self.forgotten = 0
        self._held: OrderedDict[Hashable, _Held[R]] = OrderedDict()  # the one that was used last is last
        self._errors: OrderedDict[Hashable, float] = OrderedDict()  # until when
        self._expired = -inf

    def hold(self, key: Hashable, record: R, size: int, now: float) -> None:
        """Let ``record`` wait for an error of its trace."""
        if not 0 <= now - self._expired < EXPIRE:
            self.expire(now)
        if size > self.max_bytes or size > self.total_bytes:
            self.dropped += 1
            return
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held()
        else:
            self._held.move_to_end(key)
        held.records.append((record, size, now))
        held.last = now
        self._account(held, size, 1)
        self._trim(held, now)
        while self._held and (self.bytes > self.total_bytes or self.records > self.total_records):
            self.evicted += 1
            self.dropped += self._remove(next(iter(self._held)))

    def release(self, key: Hashable, now: float) -> list[R]:
        """The waiting records of a trace that has an error, oldest first; from now on it `is_in_error`."""
        records = self.take(key, now)
        if self.error_seconds > 0:
            self._errors.pop(key, None)
            self._errors[key] = now + self.error_seconds
            while len(self._errors) > self.max_errors:
                self._errors.popitem(last=False)
        return records

    def take(self, key: Hashable, now: float) -> list[R]:
        """The waiting records of a trace, oldest first; what is still to come of it has to wait."""
        self.expire(now)
        held = self._held.get(key)
        if held is None:
            return []
        self._trim(held, now)
        records = [record for record, _, _ in held.records]
        self._remove(key)
        return records

    def is_in_error(self, key: Hashable, now: float) -> bool:
        """Whether this trace had an error in the last ``error_seconds``."""
        until = self._errors.get(key)
        return until is not None and now < until

    def forget(self, key: Hashable) -> None:
        """A trace (or task) has ended: nothing of it waits any longer."""
        self.forgotten += self._remove(key)

    def expire(self, now: float) -> None:
        """Forget the traces in which nothing happened for long, and the errors that are long past."""
        self._expired = now
        while self._held:
            key, held = next(iter(self._held.items()))
            if held.last + self.idle > now:
                break
            self.forget(key)
        while self._errors and next(iter(self._errors.values())) <= now:
            self._errors.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, as in a child process whose parent holds the same."""
        self._held.clear()
        self._errors.clear()
        self.bytes = self.records = 0

    def _trim(self, held: _Held[R], now: float) -> None:
        while held.size > self.max_bytes or len(held.records) > self.max_records:
            self.dropped += 1
            self._shift(held)
        while self.seconds is not None and held.records and held.records[0][2] < now - self.seconds:
            self.forgotten += 1
            self._shift(held)

    def _shift(self, held: _Held[R]) -> None:
        self._account(held, -held.records.popleft()[1], -1)

    def _account(self, held: _Held[R], size: int, number: int) -> None:
        held.size += size
        self.bytes += size
        self.records += number

    def _remove(self, key: Hashable) -> int:
        held = self._held.pop(key, None)
        if held is None:
            return 0
        number = len(held.records)
        self._account(held, -held.size, -number)
        return number

"""Sealed files on their way: one of each class, all of one exchange, filled block by block in bounded memory."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tidegate.store import exchange, segment
from tidegate.store.block import window
from tidegate.store.rows import AnyRows
from tidegate.store.sealed.file import SealedRef, Source
from tidegate.store.sealed.gathering import Gathered
from tidegate.store.sealed.writing import Writer
from tidegate.store.upkeep.files import SEALED
from tidegate.store.upkeep.pace import Pace

#: Rows, and bytes of JSON that they came from, that make a block.
BLOCK_ROWS, BLOCK_BYTES = 2048, 2 << 20

#: Bytes of JSON that all rows together may have come from that wait to become blocks; the largest go first.
WAITING_BYTES = 2 << 20

#: Signal, class and service, of which a block has one each, as it has one window of time.
Group = tuple[str, str, str]


class HasPath(Protocol):
    @property
    def path(self) -> str: ...


class _Waiting:
    """Rows that wait, and the bytes of JSON that they came from."""

    def __init__(self, signal: str) -> None:
        self.rows = Gathered(signal)
        self.size = 0


class Outputs:
    """Sealed files not in their place yet. ``start`` and ``end`` are the commit times of what they are made from."""

    def __init__(self, directory: str, start: int, end: int, pace: Pace) -> None:
        self._directory, self._pace = directory, pace
        self._start, self._end = min(start, end), max(start, end)  # the clock may have been set back meanwhile
        self._writers: dict[str, Writer] = {}
        self._names: dict[str, str] = {}
        self._waiting: dict[tuple[Group, int], _Waiting] = {}
        self._size = 0

    def add(self, group: Group, rows: AnyRows, picked: Sequence[int] | None, size: int) -> None:
        """Rows of an open block, all or those that were picked, which came from about so many bytes of JSON."""
        times = rows.times
        there = window(min(times, default=0))
        if there == window(max(times, default=0)):
            self._add((group, there), rows, picked, size)
            return
        windows: dict[int, list[int]] = defaultdict(list)  # of a block that did not keep to one
        for row in range(rows.count) if picked is None else picked:
            windows[window(times[row])].append(row)
        for there, own in windows.items():
            self._add((group, there), rows, own, size // len(windows))

    def _add(self, place: tuple[Group, int], rows: AnyRows, picked: Sequence[int] | None, size: int) -> None:
        waiting = self._waiting.get(place) or self._waiting.setdefault(place, _Waiting(place[0][0]))
        waiting.rows.add(rows, picked)
        waiting.size += size
        self._size += size
        if waiting.rows.count >= BLOCK_ROWS or waiting.size >= BLOCK_BYTES:
            self._encode(place)
        while self._size > WAITING_BYTES:
            self._encode(max(self._waiting, key=lambda each: self._waiting[each].size))

    def copy(self, kind: str, ref: SealedRef) -> None:
        """A sealed block as it is."""
        self._writer(kind).copy(ref)

    def finish(self, sources: Iterable[tuple[str, Source]]) -> None:
        """Write what waits, and the sources of each class; then the files are complete, and last."""
        for place in list(self._waiting):
            self._encode(place)
        for kind, source in sources:
            if kind in self._writers:
                self._writers[kind].source(source)
        for writer in self._writers.values():
            writer.finish()
            self._pace.step(is_nearly_done=True)

    def take_the_place_of(self, files: Iterable[HasPath]) -> None:
        """The exchange of these files for the finished ones."""
        exchange.commit(self._directory, self._names.values(), [os.path.basename(file.path) for file in files])

    @contextlib.contextmanager
    def or_nothing(self) -> Iterator[None]:
        """Leave nothing behind when something goes wrong before the exchange is decided."""
        try:
            yield
        except BaseException:
            if not exchange.is_decided(self._directory):
                for writer in self._writers.values():
                    writer.abort()
            raise

    def _encode(self, place: tuple[Group, int]) -> None:
        waiting = self._waiting.pop(place)
        self._size -= waiting.size
        if waiting.rows.count:
            signal, kind, service = place[0]
            self._writer(kind).add(signal, service, waiting.rows.encode())
            self._pace.step()

    def _writer(self, kind: str) -> Writer:
        if kind not in self._writers:
            self._names[kind] = f"{self._start:020d}-{self._end:020d}-{secrets.token_hex(8)}.{kind}{SEALED}"
            path = os.path.join(self._directory, self._names[kind] + segment.FRESH)
            self._writers[kind] = Writer(path, kind, self._start, self._end)
        return self._writers[kind]

"""Any slice of a store to any endpoint, again: records as they are stored, oldest first, with no gate between.

What was decided about them, and how far each destination has come, is left alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from tidegate.ship.sender import Result, Sender
from tidegate.ship.wire import Picked, encode

if TYPE_CHECKING:
    from tidegate.ship.destinations import Destination
    from tidegate.store import Reader

#: Records that are found before they are sent.
CHUNK = 512

#: Seconds for which a receiver that has taken something is tried again after a failure.
PATIENCE = 30.0

#: Of a signal, what is asked of the reader.
Questions = Iterable[tuple[str, Mapping[str, Any]]]


class Stopped(Exception):
    """The receiver does not take more; says why."""


def found(reader: Reader, signal: Any, filters: Mapping[str, Any]) -> Iterator[tuple[int, list[Picked]]]:
    """What matches, oldest first, by the blocks that it is in; with the number of records."""
    rows = (each for each in reader.row_steps(signal, **{"order": "oldest", **filters}) if each is not None)
    while chunk := list(islice(rows, CHUNK)):
        blocks: dict[int, Picked] = {}
        for block, row in chunk:
            blocks.setdefault(id(block), Picked(block, [])).picked.append(row)  # type: ignore[attr-defined]
        yield len(chunk), list(blocks.values())


class Counting:
    """A dry run: what there is to send, in records and in bytes of protobuf, before compression."""

    def __init__(self) -> None:
        self.records: Counter[str] = Counter()
        self.bytes = 0

    def run(self, reader: Reader, questions: Questions) -> Iterator[int]:
        """Yields the number of records after each step."""
        for signal, filters in questions:
            for count, picked in found(reader, signal, filters):
                self.records[signal] += count
                self.bytes += len(encode(signal, picked))
                yield count


class Replay:
    """Sends what a reader finds to the destination of each signal.

    ``sent`` counts by signal what was taken, ``refused`` by status what was refused for good. A failure that may pass
    is waited out for `PATIENCE`, once the receiver has taken something. ``clock`` gives seconds that only grow, and
    ``wait`` takes some.
    """

    def __init__(
        self,
        destinations: Iterable[Destination],
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._senders = {each.signal: Sender(each, clock=clock) for each in destinations}
        self.sent: Counter[str] = Counter()
        self._clock, self._wait = clock, wait

    @property
    def refused(self) -> Counter[str]:
        return sum((each.refused for each in self._senders.values()), Counter())

    def run(self, reader: Reader, questions: Questions) -> Iterator[int]:
        """Yields the number of records after each step; raises `Stopped`."""
        for signal, filters in questions:
            self._senders[signal].destination.sends_all_since(filters.get("since") or 0)
            for count, picked in found(reader, signal, filters):
                self._send(signal, picked)
                yield count

    def _send(self, signal: str, picked: list[Picked]) -> None:
        from tidegate.ship.batches import count, part

        sender, since = self._senders[signal], self._clock()
        while picked:
            before = self._clock()
            result = sender.send(picked)
            self.sent[signal] += result.sent
            picked = part(picked, result.dealt, count(picked))
            since = before if result.dealt else since
            if picked:
                self._be_patient(sender, result, since)

    def _be_patient(self, sender: Sender, result: Result, since: float) -> None:
        """Wait until there may be another attempt, if that is worth while."""
        now = self._clock()
        ready = sender.ready_at(now)
        if sender.advice or not self.sent.total() or ready - since > PATIENCE:
            raise Stopped(f"{sender.last_error or result.reason}{f'; {sender.advice}' if sender.advice else ''}")
        self._wait(ready - now)

    def close(self) -> None:
        for each in self._senders.values():
            each.close()

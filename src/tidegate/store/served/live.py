"""Following a served store: by its stream of events, or where there is none by asking again and again."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from queue import Empty, Full, Queue
from typing import Any, cast

from tidegate.records import Log, Span
from tidegate.store.rows import Record
from tidegate.store.served.client import EVENTS, Answer, Client, Parameters, Unreachable, broken
from tidegate.store.watermark import MAX_TEXT

#: Shortest time in seconds that is waited for something to come.
SHORTEST_S = 0.05

#: First and longest pause in seconds before a lost connection is tried again.
PAUSE_S, MAX_PAUSE_S = 0.25, 10.0

#: Batches of lines that wait to be taken; the rest waits in the network.
_BATCHES = 2

#: Records since the last event with an id that are known, so as not to come twice. One poll of a server has fewer.
_MAX_UNMARKED = 100_000

_ID = re.compile(rf"[0-9A-Za-z_-]{{1,{MAX_TEXT}}}")

#: Seconds after which a stream that says nothing is lost: it has a heartbeat.
SILENCE_S = 40.0

#: Between two looks, in seconds.
LOOK_S = 2.0

#: How far back each look goes (ns), for what was committed late.
OVERLAP_NS = 60 * 10**9

#: Records of one look at most.
MAX_LOOK = 10_000


class Stream:
    """Log records as Server-Sent Events. Connected when it is made; a lost connection is made again, and goes
    on after the last event that had an id. What came after that event comes again and is left out."""

    def __init__(self, client: Client, parameters: Parameters, tell: Callable[[str], None], last: str = "") -> None:
        self._client, self._parameters, self._tell, self._last = client, parameters, tell, last
        self._unmarked: set[str] = set()
        self._pause = PAUSE_S
        self._due = 0.0
        self._event: dict[bytes, bytes] = {}
        self._pump: _Pump | None = _Pump(self._connect())

    def _connect(self) -> Answer:
        headers = {"Accept-Encoding": "identity", **({"Last-Event-ID": self._last} if self._last else {})}
        answer = self._client.ask("/logs/stream", self._parameters, accept=EVENTS, headers=headers, patience=SILENCE_S)
        return self._client.checked(answer, EVENTS)

    def close(self) -> None:
        if self._pump is not None:
            self._pump.close()
            self._pump = None

    def take(self, timeout: float) -> Iterator[Log]:
        """What has come, after ``timeout`` seconds at most, or nothing; raises `StoreError` when it is of no use
        to go on."""
        if self._pump is None:
            self._reconnect(timeout)
            return
        try:
            batch = self._pump.take(timeout)
        except Unreachable as error:
            self.close()
            self._event = {}
            self._due = time.monotonic() + self._pause
            self._tell(f"{error} Connecting again.")
            return
        self._pause = PAUSE_S if batch else self._pause
        for line in batch:
            yield from self._read(line.rstrip(b"\r"))

    def _reconnect(self, timeout: float) -> None:
        left = self._due - time.monotonic()
        if left > 0:
            time.sleep(min(left, timeout))
            return
        try:
            self._pump = _Pump(self._connect())
        except Unreachable:
            self._pause = min(self._pause * 2, MAX_PAUSE_S)
            self._due = time.monotonic() + self._pause
            return
        self._tell(f"Connected to {self._client.address} again.")

    def _read(self, line: bytes) -> Iterator[Log]:
        """One line of an event; the record of an event that ends."""
        if line:
            name, _, value = line.partition(b":")
            self._event[name[:8]] = value.removeprefix(b" ")
            if len(self._event) > 8:  # an event has three fields
                self._event = {}
            return
        event, self._event = self._event, {}
        kind, data = event.get(b"event"), event.get(b"data")
        if kind == b"dropped" and data:
            count = self._client.made(data, lambda found: int(found["dropped"]))
            self._tell(f"{count:,} records were passed by: more had come than may wait for one client.")
        elif kind == b"log" and data:
            record = self._client.made(data, Log.from_dict)
            if record.cursor not in self._unmarked:
                self._unmarked.add(record.cursor)
                yield record
        self._mark(event.get(b"id", b"").decode("ascii", "replace"))

    def _mark(self, identifier: str) -> None:
        if _ID.fullmatch(identifier):
            self._last = identifier
            self._unmarked.clear()
        elif len(self._unmarked) > _MAX_UNMARKED:
            self._unmarked.clear()


class _Pump:
    """Takes the lines of an answer in a thread of its own, so that one can wait for them only so long."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._queue: Queue[list[bytes] | Exception] = Queue(_BATCHES)
        self._is_closed = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, timeout: float) -> list[bytes]:
        """The lines that come next, or none after ``timeout`` seconds; raises what ended the answer."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tidegate-follow", daemon=True)
            self._thread.start()
        try:
            found = self._queue.get(timeout=timeout)
        except Empty:
            return []
        if isinstance(found, Exception):
            raise found
        return found

    def _run(self) -> None:
        try:
            for batch in self._answer.batches():
                self._put(batch)
            self._put(broken(self._answer.address, "the stream has ended"))
        except Exception as error:  # whatever it is, who takes the lines is to know
            self._put(error)

    def _put(self, item: list[bytes] | Exception) -> None:
        while not self._is_closed.is_set():
            try:
                self._queue.put(item, timeout=0.5)
                return
            except Full:
                pass

    def close(self) -> None:
        self._is_closed.set()
        self._answer.interrupt()
        if self._thread is not None:
            self._thread.join()
        self._answer.close()


class Looks:
    """Records that are new since the last look, oldest first; the first look is when it is made."""

    def __init__(
        self,
        client: Client,
        path: str,
        parameters: Parameters,
        make: Callable[[dict[str, Any]], Record],
        tell: Callable[[str], None],
    ) -> None:
        self._client, self._path, self._parameters, self._make, self._tell = client, path, parameters, make, tell
        self._floor = self._newest = 0
        self._is_lost = False
        newest = self._ask([("limit", "1")])
        self._move(newest)
        self._seen = {record.cursor for record in self._look()}
        self._due = time.monotonic() + LOOK_S

    def close(self) -> None:
        """There is nothing that stays open."""

    def take(self, timeout: float) -> list[Record]:
        """What a look finds if it is time for one, else nothing after ``timeout`` seconds."""
        left = self._due - time.monotonic()
        if left > 0:
            time.sleep(min(left, timeout))
            return []
        self._due = time.monotonic() + LOOK_S
        try:
            found = self._look()
        except Unreachable as error:
            self._tell_once(lost=True, sentence=f"{error} Trying again.")
            return []
        self._tell_once(lost=False, sentence=f"{self._client.address} answers again.")
        fresh = [record for record in reversed(found) if record.cursor not in self._seen]
        self._seen = {record.cursor for record in found}
        if len(fresh) >= MAX_LOOK:
            self._tell(f"More than {MAX_LOOK:,} records came at once; older ones were passed by.")
        return fresh

    def _tell_once(self, *, lost: bool, sentence: str) -> None:
        if lost != self._is_lost:
            self._is_lost = lost
            self._tell(sentence)

    def _look(self) -> list[Record]:
        since = max(self._newest - OVERLAP_NS, self._floor, 0)
        found = self._ask([("since", f"{since // 10**9}.{since % 10**9:09}"), ("limit", str(MAX_LOOK))])
        self._move(found)
        return found

    def _ask(self, more: Parameters) -> list[Record]:
        with closing(cast("Any", self._client.lines(self._path, [*self._parameters, *more]))) as lines:
            return [self._client.made(line, self._make) for line in lines]

    def _move(self, found: list[Record]) -> None:
        """Go on to the newest record; one from the future, by a clock that is wrong, does not hide the others."""
        if found:
            self._newest = max(self._newest, min(time_of(found[0]), time.time_ns()))
        if len(found) >= MAX_LOOK:
            self._floor = max(self._floor, time_of(found[-1]))


def time_of(record: Record) -> int:
    """The time by which records are ordered, in ns."""
    if isinstance(record, Span):
        return record.start_time_unix_nano
    return record.time_unix_nano or getattr(record, "observed_time_unix_nano", 0)

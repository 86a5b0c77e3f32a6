"""The recorder: one bounded queue and one writer thread per process, and what a fork does to them.

Callers append SDK objects to a queue and go on; the thread turns them into blocks. Nothing on the
caller's side takes a lock that Python code could hold: a signal handler may record and flush while
the code it interrupted was doing the same.
"""

from __future__ import annotations

import _thread
import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tidegate.errors import StoreError
from tidegate.records import Resource
from tidegate.store.block import Batch
from tidegate.store.sinks import Sink

_logger = logging.getLogger("tidegate")

#: Records that make a block; a longer queue is written as several.
BLOCK_RECORDS = 512

#: An error waits this many seconds for others before it is committed.
ERROR_DELAY = 0.05

#: Time in seconds between two runs of the upkeep.
UPKEEP_INTERVAL = 600.0

#: Longest wait in seconds of a fork for the writer to finish its block.
FORK_WAIT = 2.0

#: Resources known by identity; an application has one, a forking server one per fork.
MAX_RESOURCES = 64

Encode = Callable[[Sequence[Any]], Batch]


class Ticket:
    """A request to commit everything that was queued before it; waits without Python-level locks.

    ``collect`` is called by the writer first, and what it puts is committed too.
    """

    def __init__(self, collect: Callable[[], None] | None = None) -> None:
        self.collect = collect
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def done(self) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            pass

    def wait(self, timeout: float) -> bool:
        return self._lock.acquire(timeout=max(timeout, 0))


class Recorder:
    """Writes what `put` is given to a sink.

    ``encoders`` turn records of one signal and one resource into a `Batch`; ``redact`` changes a
    batch before it is written; ``upkeep`` is run by the writer now and then. Times in seconds.
    """

    def __init__(
        self,
        sink: Sink,
        encoders: dict[str, Encode],
        *,
        commit_interval: float,
        queue_size: int,
        redact: Callable[[Batch], None] | None = None,
        upkeep: Callable[[], None] | None = None,
        fallback: Callable[[], Sink] | None = None,
    ) -> None:
        self.sink = sink
        self.dropped: Counter[str] = Counter()
        self.recorded: Counter[str] = Counter()
        self.problem = ""
        self._encoders = encoders
        self._redact = redact
        self._upkeep = upkeep
        self._fallback = fallback
        self._interval = commit_interval
        self._queue_size = queue_size
        self._closing = False
        self._start_afresh()

    def _start_afresh(self) -> None:
        """State that belongs to one process; a forked child makes its own."""
        self._pid = os.getpid()
        self._queue: deque[tuple[str, Any]] = deque()
        self._tickets: deque[Ticket] = deque()
        self._write_lock = threading.Lock()
        self._start_lock = threading.Lock()
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        self._idle = False
        self._thread: threading.Thread | None = None
        self._resources: dict[int, tuple[Any, Resource]] = {}
        self._next_upkeep = 0.0
        self._forking = 0
        self._urgent = False

    # --- the caller's side

    def put(self, signal: str, record: Any, urgent: bool = False) -> None:
        """Queue one record. Never blocks; a full queue drops it, counted as ``queue_full``."""
        if self._pid != os.getpid():
            self.after_fork_in_child()  # a fork that ran no hooks of Python's
        queue = self._queue
        if len(queue) >= self._queue_size:
            self.dropped["queue_full"] += 1
            self._wake_writer()
            return
        queue.append((signal, record))
        if urgent:
            self._urgent = True
        if self._closing:
            self.write_pending()
        elif self._idle or urgent or len(queue) >= BLOCK_RECORDS:
            self._wake_writer()
        elif self._thread is None:
            self._start_thread()

    def _wake_writer(self) -> None:
        self._idle = False
        if self._thread is None:
            self._start_thread()
        try:
            self._wake.release()
        except RuntimeError:  # awake already
            pass

    def _start_thread(self) -> None:
        if not self._start_lock.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="tidegate-writer", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:  # no thread can be started while the interpreter ends
            self._closing = True
            self.write_pending()
        finally:
            self._start_lock.release()

    def flush(self, timeout: float = 5.0, collect: Callable[[], None] | None = None) -> bool:
        """Commit everything queued so far; False if that took longer than ``timeout`` seconds.

        ``collect`` may put more records first; it runs in the writer's thread, so that a lock which
        the caller holds costs the timeout at worst.
        """
        if self._pid != os.getpid():
            self.after_fork_in_child()
        if not self._queue and not self._write_lock.locked() and collect is None:
            return True
        if self._thread is None and collect is not None:
            self._start_thread()
        thread = self._thread
        if self._closing or thread is None or not thread.is_alive() or thread is threading.current_thread():
            return self.write_pending(timeout)
        ticket = Ticket(collect)
        self._queue.append(("", ticket))
        self._urgent = True
        self._wake_writer()
        return ticket.wait(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Flush, and from now on write in the calling thread: the interpreter is about to end."""
        self.flush(timeout)
        self._closing = True
        if self._thread is not None:
            self._wake_writer()
        self.write_pending(timeout)
        with self._locked(timeout) as locked:
            if locked:
                self.sink.close()
        if not self._next_upkeep and self.recorded:
            self._run_upkeep()  # a short script; somebody has to tidy up after thousands of them

    # --- the writer's side

    def _run(self) -> None:
        while not self._closing and self._pid == os.getpid():
            self._idle = True
            if not self._queue:
                self._wake.acquire(timeout=60)
            self._idle = False
            if self._queue and not self._urgent and len(self._queue) < BLOCK_RECORDS:
                self._wake.acquire(timeout=self._interval)
            if self._urgent and not self._has_ticket():
                time.sleep(ERROR_DELAY)
            self._urgent = False
            self.write_pending()
            self._answer_tickets()
            self._run_upkeep()

    def _answer_tickets(self) -> None:
        while self._tickets:
            ticket = self._tickets.popleft()
            if ticket.collect is not None:
                ticket.collect()
                self.write_pending()
            ticket.done()

    def _has_ticket(self) -> bool:
        try:
            return any(signal == "" for signal, _ in self._queue)
        except RuntimeError:  # the queue grew meanwhile
            return False

    def write_pending(self, timeout: float = 5.0) -> bool:
        """Write what is queued, in the calling thread; False if another thread would not let go."""
        with self._locked(timeout) as locked:
            if not locked:
                return False
            remaining = len(self._queue)
            while remaining > 0:
                remaining -= self._write_block(min(remaining, BLOCK_RECORDS))
            return True

    @contextmanager
    def _locked(self, timeout: float) -> Iterator[bool]:
        locked = self._write_lock.acquire(timeout=max(timeout, 0))
        try:
            yield locked
        finally:
            if locked:
                self._write_lock.release()

    def _write_block(self, count: int) -> int:
        groups: dict[tuple[str, int], list[Any]] = {}
        for _ in range(count):
            signal, record = self._queue.popleft()
            if isinstance(record, Ticket):
                self._tickets.append(record)
            elif isinstance(record, tuple):  # metrics come as batches already
                self._commit(signal, record[0], record[1])
            else:
                groups.setdefault((signal, id(record.resource)), []).append(record)
        for (signal, _), records in groups.items():
            self._commit_records(signal, records)
        return count

    def _commit_records(self, signal: str, records: list[Any]) -> None:
        """One block; when a record cannot be encoded, the others still are."""
        try:
            batch = self._encoders[signal](records)
        except Exception as error:
            if len(records) == 1:
                self._lose("encoding", 1, error)
                return
            middle = len(records) // 2
            self._commit_records(signal, records[:middle])
            self._commit_records(signal, records[middle:])
            return
        self._commit(signal, records[0].resource, batch)

    def _commit(self, signal: str, resource: Any, batch: Batch) -> None:
        try:
            if self._redact is not None:
                self._redact(batch)
            known = self._resource(resource)
            try:
                self.sink.append(known, batch)
            except (OSError, StoreError) as error:
                if not self._fall_back(error):
                    self._lose("disk", batch.count, error)
                    return
                self.sink.append(known, batch)
            self.recorded[signal] += batch.count
        except Exception as error:
            self._lose("encoding", batch.count, error)

    def _resource(self, resource: Any) -> Resource:
        known = self._resources.get(id(resource))
        if known is None:
            if len(self._resources) >= MAX_RESOURCES:
                self._resources.clear()
            attributes = Batch("resource", 1, {"attributes": [dict(resource.attributes)]}, 0, 0)
            if self._redact is not None:
                self._redact(attributes)
            # the SDK's object is kept, so that its identity is not given to another one
            known = (resource, Resource(attributes.columns["attributes"][0], resource.schema_url or ""))
            self._resources[id(resource)] = known
        return known[1]

    def _lose(self, reason: str, count: int, error: Exception) -> None:
        self.dropped[reason] += count
        if not self.problem:
            self.problem = f"{count} records could not be recorded ({reason}): {error}"
            _logger.warning("%s", self.problem)

    def _fall_back(self, error: Exception) -> bool:
        """A directory that never took a record is given up for memory; one that did may recover."""
        if self._fallback is None or self.recorded:
            return False
        self.problem = f"nothing can be written to the store ({error}); recording in memory instead"
        _logger.warning("%s", self.problem)
        self.sink, self._fallback = self._fallback(), None
        return True

    def _run_upkeep(self) -> None:
        if self._upkeep is None or time.monotonic() < self._next_upkeep:
            return
        self._next_upkeep = time.monotonic() + UPKEEP_INTERVAL
        try:
            self._upkeep()
        except Exception as error:  # the next run may do better, and recording goes on
            _logger.debug("upkeep of the store failed: %s", error)

    # --- forks

    def before_fork(self) -> None:
        """Wait until the writer is between two blocks, so that no lock is held in the child."""
        if self._write_lock.acquire(timeout=FORK_WAIT):
            self._forking = threading.get_ident()

    def after_fork_in_parent(self) -> None:
        if self._forking == threading.get_ident():
            self._forking = 0
            self._write_lock.release()

    def after_fork_in_child(self) -> None:
        """The parent writes what the parent queued; the child begins with nothing."""
        self._closing = False
        self.dropped = Counter()
        self.recorded = Counter()
        self._start_afresh()
        self.sink.abandon()

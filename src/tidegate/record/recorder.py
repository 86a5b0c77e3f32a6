"""The recorder: one bounded queue and one writer thread per process, and what a fork does to them.

Callers append what is recorded to a queue and go on; the thread turns it into blocks. Nothing on the
caller's side takes a lock that Python code could hold: a signal handler may record and flush while
the code it interrupted was doing the same.
"""

from __future__ import annotations

import _thread
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tidegate.record.blocks import Blocks, Encode
from tidegate.record.keeper import Keeper
from tidegate.record.workers import Worker
from tidegate.store.block import Batch
from tidegate.store.sinks import Sink
from tidegate.store.upkeep.pace import Pace

#: Records that make a block; a longer queue is written as several.
BLOCK_RECORDS = 512

#: An error waits this many seconds for others before it is committed.
ERROR_DELAY = 0.05

#: Time in seconds after which a writer that has nothing to write looks whether the store needs upkeep.
IDLE = 600.0


def _nothing() -> None:
    pass


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
    batch before it is written; ``upkeep`` is run now and then in a thread of its own, sooner when
    ``written`` grows (`Keeper`). Times in seconds.
    """

    def __init__(
        self,
        sink: Sink,
        encoders: dict[str, Encode],
        *,
        commit_interval: float,
        queue_size: int,
        redact: Callable[[Batch], None] | None = None,
        upkeep: Callable[[Pace], object] | None = None,
        written: Callable[[], float] = float,
        fallback: Callable[[], Sink] | None = None,
    ) -> None:
        self._blocks = Blocks(sink, encoders, redact, fallback)
        self._keeper = Keeper(upkeep, written) if upkeep is not None else None
        self.commit_interval = commit_interval
        self.queue_size = queue_size
        self._threadless = self._alone = False
        #: Called after each commit, before whoever asked for it hears of it; not any more once the process ends.
        self.committed: Callable[[], None] = _nothing
        #: Called in the child of a fork that ran no hooks, as soon as it records or flushes.
        self.renewed: Callable[[], None] = _nothing
        self._writer = Worker("tidegate-writer", self._run)
        self._start_afresh()

    def _start_afresh(self) -> None:
        """State that belongs to one process; a forked child makes its own."""
        self._pid = os.getpid()
        self._queue: deque[tuple[str, Any]] = deque()
        self._tickets: deque[Ticket] = deque()
        self._write_lock = threading.Lock()
        self._forking = 0
        self._idle = True
        self._urgent = self._asked = False
        self._since = 0.0

    @property
    def sink(self) -> Sink:
        """Where the blocks go: what was given, or the ring in memory that took its place."""
        return self._blocks.sink

    def send_by(self, route: str) -> None:
        """Let what is recorded from now on go this way, also what the disk does not take and memory does."""
        self._blocks.send_by(route)

    def redact_by(self, redact: Callable[[Batch], None]) -> None:
        """Change batches so from now on."""
        self._blocks.redact_by(redact)

    @property
    def is_full(self) -> bool:
        """Whether the last block went to memory, since the disk did not take it."""
        return self._blocks.is_full

    @property
    def dropped(self) -> Counter[str]:
        """Records lost in this process, by reason."""
        return self._blocks.dropped

    @property
    def problem(self) -> str:
        """The first thing that could not be recorded, and why; empty when there was none."""
        return self._blocks.problem

    @property
    def queued(self) -> int:
        """Records that wait to be written."""
        return len(self._queue)

    @property
    def lag(self) -> float:
        """For how many seconds the writer has known of a record that is not committed."""
        since = self._since
        pending = self._queue or self._write_lock.locked()
        return time.monotonic() - since if since and pending else 0.0

    @property
    def is_alone(self) -> bool:
        """Whether this is the child of a fork that ran no hooks, where no thread is started."""
        return self._alone or self._pid != os.getpid()

    # --- the caller's side

    def put(self, signal: str, record: Any, urgent: bool = False) -> None:
        """Queue one record. Never blocks; a full queue drops it, counted as ``queue_full``."""
        if self._pid != os.getpid():
            self._renew_without_hooks()  # a fork that ran no hooks of Python's
        queue = self._queue
        if len(queue) >= self.queue_size:
            self.dropped["queue_full"] += 1
            self._wake_writer()
            return
        queue.append((signal, record))
        if self._threadless:
            self.write_pending()
        elif self._idle or (urgent and not self._urgent) or len(queue) >= BLOCK_RECORDS:
            self._urgent = self._urgent or urgent
            self._wake_writer()

    def _wake_writer(self) -> None:
        self._idle = False
        if not self._writer.start():
            self._threadless = True
            self.write_pending()
        self._writer.wake()

    def flush(self, timeout: float = 5.0, collect: Callable[[], None] | None = None) -> bool:
        """Commit everything queued so far; False if that took longer than ``timeout`` seconds.

        ``collect`` may put more records first; it runs in the writer's thread, so that a lock which
        the caller holds costs the timeout at worst; in the caller's where no thread can be started.
        """
        if self._pid != os.getpid():
            self._renew_without_hooks()
        if not self._queue and not self._write_lock.locked() and collect is None:
            return True
        if not self._threadless:
            self._writer.start()
        if self._alone and collect is not None:
            collect()
        if self._threadless or not self._writer.running:
            return self.write_pending(timeout)
        ticket = Ticket(collect)
        self._queue.append(("", ticket))
        self._asked = True
        self._wake_writer()
        return ticket.wait(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Flush, and from now on write in the calling thread: the interpreter is about to end."""
        self.flush(timeout)
        self._threadless = True
        self._writer.stop(timeout)
        self.write_pending(timeout)
        self.let_go(timeout)
        if self._keeper is not None:
            self._keeper.finish(timeout, recorded=bool(self._blocks.recorded))

    def let_go(self, timeout: float = 5.0) -> None:
        """Let go of the file that is written: to others, this process has ended. What comes begins another one."""
        with self._locked(timeout) as locked:
            if locked:
                self.sink.close()

    # --- the writer's side

    def _run(self, writer: Worker) -> None:
        self._idle = True
        while self._wait(writer):
            self._urgent = self._asked = False
            self.write_pending()
            self._blocks.warn_of_overrun(self.queue_size)
            self._since = 0.0
            self._answer_tickets()
            if self._keeper is not None:
                self._keeper.look()
            self._idle = True

    def _wait(self, writer: Worker) -> bool:
        """Until there is a block to write: full, old enough, or asked for. False when this thread is to end."""
        if not self._queue:
            writer.wait(IDLE)
        self._idle = False
        if self._queue and not self._since:
            # kept over a fork, which stops this thread: a process that forks all the time commits all the same
            self._since = time.monotonic()
        while self._queue and not self._asked and len(self._queue) < BLOCK_RECORDS and writer.going():
            age = time.monotonic() - self._since
            wait = (ERROR_DELAY if self._urgent else self.commit_interval) - age
            if wait <= 0:
                break
            writer.wait(wait)
        return writer.going()

    def _answer_tickets(self) -> None:
        while self._tickets:
            ticket = self._tickets.popleft()
            if ticket.collect is not None:
                ticket.collect()
                self.write_pending()
            ticket.done()

    def write_pending(self, timeout: float = 5.0) -> bool:
        """Write what is queued, in the calling thread; False if another thread would not let go."""
        with self._locked(timeout) as locked:
            if not locked:
                return False
            remaining = found = len(self._queue)
            while remaining > 0:
                remaining -= self._write_block(min(remaining, BLOCK_RECORDS))
        if found and not self._threadless:
            self.committed()
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
        records: list[tuple[str, Any]] = []
        for _ in range(count):
            signal, record = self._queue.popleft()
            if isinstance(record, Ticket):
                self._tickets.append(record)
            else:
                records.append((signal, record))
        self._blocks.write(records)
        return count

    # --- forks

    def before_fork(self, timeout: float) -> None:
        """Wait until nobody is in the middle of a block, so that no lock is held in the child."""
        if self._write_lock.acquire(timeout=timeout):
            self._forking = threading.get_ident()

    def after_fork_in_parent(self) -> None:
        if self._forking == threading.get_ident():
            self._forking = 0
            self._write_lock.release()

    def after_fork_in_child(self) -> None:
        """The parent writes what the parent queued; the child begins with nothing."""
        self._threadless = self._alone = False
        self._blocks.abandon()
        self._start_afresh()

    def _renew_without_hooks(self) -> None:
        """Go on in the child of a fork behind the interpreter's back, where no thread can be started safely."""
        self._writer.renew()
        if self._keeper is not None:
            self._keeper.renew()
        self.after_fork_in_child()
        self._threadless = self._alone = True
        self.renewed()

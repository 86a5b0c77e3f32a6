"""Subscriptions: records as they are committed, into a queue that never holds up anybody."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tidegate.errors import QueryError
from tidegate.store.rows import Record

if TYPE_CHECKING:
    import asyncio

#: Records that wait for a subscriber unless it says otherwise; when more come, the oldest are dropped.
MAX_QUEUE = 10_000

#: Seconds between two looks at the store.
POLL_S = 0.25

#: Makes what follows the store, until what it is given says that it is enough.
Follow = Callable[[Callable[[], bool]], Iterator[Record]]


class Subscription:
    """The records that match and are committed after it was made, by any process, each once::

        with reader.subscribe("logs", min_level="error") as errors:
            for log in errors: ...

    Iterate in one thread, or with ``async for``. It ends after `close`, with what was waiting then; what ended the
    search in the store is raised there. A thread looks at the store four times a second. Who is too slow loses the
    oldest of what waits, counted in ``dropped``. Made by `Reader.subscribe`.
    """

    def __init__(self, follow: Follow, max_queue: int = MAX_QUEUE) -> None:
        if type(max_queue) is not int or max_queue < 1:
            raise QueryError(f"max_queue is {max_queue!r}; it must be a whole number from 1.")
        queue = self._queue = _Queue(max_queue)
        found = follow(queue.is_closed)
        self._thread = threading.Thread(target=queue.fill, args=(found,), name="tidegate-subscription", daemon=True)
        # the thread knows the queue alone, so that a subscription that nobody has any more ends it
        weakref.finalize(self, queue.close)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Records that were not handed out since more came than may wait."""
        return self._queue.dropped

    def close(self) -> None:
        """End it; takes as long as a look at the store at most."""
        self._queue.close()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> Record:
        return self._queue.take()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Record:
        import asyncio  # who follows without a loop does not load it

        while (waiter := self._queue.ready(asyncio.get_running_loop())) is not None:
            try:
                await waiter
            finally:
                self._queue.forget(waiter)
        try:
            return self._queue.take()
        except StopIteration:
            raise StopAsyncIteration from None


class _Queue:
    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._records: deque[Record] = deque()
        self._limit = limit
        self._changed = threading.Condition()
        self._closed = self._ended = False
        self._error: BaseException | None = None
        self._waiters: dict[asyncio.Future[None], asyncio.AbstractEventLoop] = {}

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True

    def fill(self, found: Iterator[Record]) -> None:
        """Put all records in; what ends them is for who takes the last."""
        try:
            for record in found:
                self._put(record)
        except Exception as error:  # whatever it is, the subscriber is to know
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._tell()

    def _put(self, record: Record) -> None:
        with self._changed:
            if len(self._records) >= self._limit:
                self._records.popleft()
                self.dropped += 1
            self._records.append(record)
            self._tell()

    def _tell(self) -> None:
        self._changed.notify_all()
        waiters, self._waiters = self._waiters, {}
        for waiter, loop in waiters.items():
            with contextlib.suppress(RuntimeError):  # of a loop that was closed, nobody waits any more
                loop.call_soon_threadsafe(_wake, waiter)

    def take(self) -> Record:
        """The next record, when there is one; raises StopIteration at the end, or what ended it."""
        with self._changed:
            while not self._records and not self._ended:
                self._changed.wait()
            if self._records:
                return self._records.popleft()
            error, self._error = self._error, None
        raise error or StopIteration

    def ready(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None] | None:
        """What to wait for before `take` does not block; None for nothing."""
        with self._changed:
            if self._records or self._ended:
                return None
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters[waiter] = loop
            return waiter

    def forget(self, waiter: asyncio.Future[None]) -> None:
        with self._changed:
            self._waiters.pop(waiter, None)


def _wake(waiter: asyncio.Future[Any]) -> None:
    if not waiter.done():
        waiter.set_result(None)

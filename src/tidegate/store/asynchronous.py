"""Questions of a reader from asyncio: the same ones, asked in threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from tidegate.errors import QueryError, QueryTimeout
from tidegate.store.deadline import Deadline

T = TypeVar("T")

#: Records that a thread finds before the loop has them; fewer when that takes longer than so many seconds.
PORTION = 512
PORTION_S = 0.05

STREAMS = ("spans", "logs", "metrics", "traces", "lines", "follow")
ANSWERS = ("trace", "count", "histogram", "quantiles", "top", "series", "edges")
#: These are short, and cannot be ended.
SHORT = ("services", "current_metrics")


async def ask(reader: Any, question: str, args: Sequence[Any], filters: Mapping[str, Any]) -> Any:
    """See `tidegate.store.Reader.aask`."""
    if question in SHORT:
        return await asyncio.to_thread(getattr(reader, question), *args, **filters)
    if question not in ANSWERS:
        raise _unknown(question, (*ANSWERS, *SHORT), STREAMS, "astream()")
    deadline = _deadline(filters)
    return await _in_thread(partial(getattr(reader, question), *args, **{**filters, "timeout": deadline}), deadline)


async def stream_of(reader: Any, question: str, args: Sequence[Any], filters: Mapping[str, Any]) -> AsyncIterator[Any]:
    """See `tidegate.store.Reader.astream`."""
    if question not in STREAMS:
        raise _unknown(question, STREAMS, (*ANSWERS, *SHORT), "aask()")
    if question == "follow":
        async for record in _follow(reader, args, **filters):
            yield record
        return
    deadline = _deadline(filters)
    source = _Source(partial(getattr(reader, question), *args, **{**filters, "timeout": deadline}), deadline)
    try:
        while True:
            portion, is_last = await _in_thread(source.take, deadline)
            for record in portion:
                yield record
            if is_last:
                return
    finally:
        deadline.cancel()
        await asyncio.shield(asyncio.to_thread(source.close))


class _Source:
    """A question's answer in portions. One thread at a time is in it; who closes it waits for the other."""

    def __init__(self, question: Callable[[], Iterator[Any]], deadline: Deadline) -> None:
        from threading import Lock

        self._question, self._deadline = question, deadline
        self._found: Iterator[Any] | None = None
        self._lock = Lock()

    def take(self) -> tuple[list[Any], bool]:
        """The next records, and whether these were the last."""
        with self._lock:
            if self._found is None:
                self._found = self._question()
            portion: list[Any] = []
            end = time.monotonic() + PORTION_S
            for record in self._found:
                portion.append(record)
                if len(portion) >= PORTION or time.monotonic() >= end:
                    return portion, False
            return portion, True

    def close(self) -> None:
        with self._lock:
            close = getattr(self._found, "close", None)
            if close is not None:
                close()


async def _follow(reader: Any, args: Sequence[Any], *, poll: float = 0.25, **filters: Any) -> AsyncIterator[Any]:
    """Records as they are committed; between two looks nobody waits in a thread."""
    follower = await asyncio.to_thread(partial(reader.follower, *args, **filters))
    while True:
        for record in await asyncio.to_thread(follower.poll):
            yield record
        if not follower.pending:
            await asyncio.sleep(poll)


async def _in_thread(work: Callable[[], T], deadline: Deadline) -> T:
    """What ``work`` gives; a task that is cancelled does not wait for it, and lets it end."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        deadline.cancel()
        task.add_done_callback(_look_at)
        raise


def _look_at(task: asyncio.Future[Any]) -> None:
    """Nobody waits for how a cancelled search ends."""
    if not task.cancelled() and not isinstance(task.exception(), (QueryTimeout, type(None))):
        task.get_loop().call_exception_handler({"message": "a search failed", "exception": task.exception()})


def _deadline(filters: Mapping[str, Any]) -> Deadline:
    return Deadline.of(filters.get("timeout"))


def _unknown(question: str, known: Sequence[str], others: Sequence[str], there: str) -> QueryError:
    hint = f" Ask it with {there}." if question in others else ""
    return QueryError(f"the question is {question!r}; it must be one of {', '.join(known)}.{hint}")

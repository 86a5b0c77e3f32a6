"""A few threads for what may take a moment, so that an event loop never waits for it."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_Call = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Threads:
    """They start with the first call, in a forked child anew; being daemons they never hold up an exit,
    which an executor's threads would until a long question is answered.

    After each call a thread rests ``rest`` times as long as it computed, and leaves the interpreter to others.
    """

    def __init__(self, name: str, count: int, rest: float = 0.0) -> None:
        self._name = name
        self._count = count
        self._rest = rest
        self._pid = 0
        self._calls: queue.SimpleQueue[_Call] = queue.SimpleQueue()

    def run(self, call: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """The result to come of a call that has its turn as soon as a thread is free."""
        if self._pid != os.getpid():
            self._start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._calls.put((loop, done, call, arguments))
        return done

    def _start(self) -> None:
        self._pid, self._calls = os.getpid(), queue.SimpleQueue()
        for number in range(self._count):
            name = f"tidegate-{self._name}-{number}"
            threading.Thread(target=_work, args=(self._calls, self._rest), name=name, daemon=True).start()


def _work(calls: queue.SimpleQueue[_Call], rest: float) -> None:
    while True:
        loop, done, call, arguments = calls.get()
        if done.cancelled():
            continue
        began = time.thread_time()
        result, error = None, None
        try:
            result = call(*arguments)
        except Exception as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(_finish, done, result, error)
        except RuntimeError:  # the loop has ended, and nobody waits
            pass
        del loop, done, call, arguments, result, error  # while this waits for the next, nothing is kept
        time.sleep(rest * (time.thread_time() - began))


def _finish(done: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if done.cancelled():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)

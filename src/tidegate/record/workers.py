"""Threads of ours: daemons that stand still while the process forks.

A thread that writes while another one forks leaves the child with locks that nobody releases. And
Python 3.12 and later warn an application that forks while there are threads, which must not be told
to one that has none itself. So every fork stops these threads and starts them again afterwards, in
the child too where the parent had them.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

_workers: weakref.WeakSet[Worker] = weakref.WeakSet()

#: Whether a fork is under way; threads that are wanted meanwhile are started after it.
_forking = False

#: Longest time in seconds that a fork waits for our threads to finish what they are at.
FORK_WAIT = 2.0

#: Time in seconds after which a thread that nobody woke looks whether it is still wanted.
_LONG_S = 3600.0

#: Whether `record.process` calls what belongs to forks here, amid what else it has to do then.
led = False
_installed = False


class Worker:
    """One thread, which runs ``run(self)``: a loop that goes on while `wait` or `going` is true.

    ``wake`` ends what the loop waits in, if that is something else than `wait`. ``forked`` is called
    in a child, before the thread is started there. A fork waits ``patience`` seconds at most for it.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[Worker], None],
        wake: Callable[[], None] | None = None,
        forked: Callable[[], None] | None = None,
        patience: float = FORK_WAIT,
    ) -> None:
        self.name = name
        self.patience = patience
        self._run = run
        self._wake = wake
        self._forked = forked
        self.renew()
        _workers.add(self)

    def renew(self) -> None:
        """Forget the thread, which a fork has not copied, and locks that it may have held."""
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._wanted = False
        self._starting = _thread.allocate_lock()
        self._bell = _thread.allocate_lock()
        self._bell.acquire()

    @property
    def running(self) -> bool:
        """Whether there is a thread, other than the calling one, that will look at what it is woken for."""
        thread = self._thread
        return thread is not None and thread.is_alive() and thread is not threading.current_thread()

    def start(self) -> bool:
        """Start the thread unless there is one; False when the interpreter is ending and starts none any more."""
        if self._thread is not None or not self._starting.acquire(blocking=False):
            return True
        try:
            if _forking:
                self._wanted = True
                return True
            self._thread = threading.Thread(target=self._run, args=[self], name=self.name, daemon=True)
            self._thread.start()
            return True
        except RuntimeError:
            self._thread = None
            return False
        finally:
            self._starting.release()

    def going(self) -> bool:
        """Whether the calling thread is still the one to do the work."""
        return self._thread is threading.current_thread()

    def wait(self, timeout: float) -> bool:
        """Sleep for ``timeout`` seconds or until `wake`; then the same as `going`."""
        self._bell.acquire(timeout=timeout)
        return self.going()

    def wake(self) -> None:
        """End the loop's wait, now or the next one."""
        try:
            self._bell.release()
        except RuntimeError:  # it has been rung already
            pass
        if self._wake is not None:
            self._wake()

    def stop(self, timeout: float) -> None:
        """Let the thread finish what it is at and end; wait for that ``timeout`` seconds at most."""
        if self._pid != os.getpid():  # a fork that ran no hooks, and copied no thread
            self.renew()
        thread, self._thread = self._thread, None
        # one that another thread is about to start will see at once that it is not wanted
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            self.wake()
            thread.join(max(timeout, 0))


class Background:
    """Calls ``work`` in a thread of its own after each `wake`, soon. Does nothing where no thread can be started."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self.work = work
        self._pid = os.getpid()
        self._worker = Worker(name, self._run, forked=self._forget)

    def wake(self) -> None:
        if self._pid != os.getpid():  # a fork that ran no hooks
            self._forget()
        if self._worker.start():
            self._worker.wake()

    def end(self) -> None:
        """Let the thread end. A later wake starts another."""
        self._worker.stop(0)

    def _forget(self) -> None:
        """A forked child has no thread before it needs one."""
        self._pid = os.getpid()
        self._worker.renew()

    def _run(self, worker: Worker) -> None:
        while worker.wait(_LONG_S):
            self.work()


def install() -> None:
    """Have forks stop the workers and start them again, in a process that perhaps records nothing."""
    global _installed
    if _installed:
        return
    _installed = True
    os.register_at_fork(
        before=lambda: None if led else before_fork(FORK_WAIT),
        after_in_parent=lambda: None if led else after_fork_in_parent(),
        after_in_child=lambda: None if led else after_fork_in_child(),
    )
    if sys.version_info >= (3, 12):
        for name in ("fork", "forkpty"):
            resume_after_counting(name)


def before_fork(timeout: float) -> None:
    """Stop all workers, within ``timeout`` seconds."""
    global _forking
    _forking = True
    deadline = time.monotonic() + timeout
    for worker in list(_workers):
        worker._wanted = worker._wanted or worker._thread is not None
        worker.stop(min(worker.patience, deadline - time.monotonic()))


def after_fork_in_parent() -> None:
    """Start again those that were stopped."""
    global _forking
    _forking = False
    if _announced != threading.get_ident():
        _resume()


def after_fork_in_child() -> None:
    """Start anew in the child what the parent had."""
    global _forking, _announced
    _forking, _announced = False, 0
    for worker in list(_workers):
        wanted = worker._wanted
        worker.renew()
        worker._wanted = wanted
        if worker._forked is not None:
            worker._forked()
    _resume()


def _resume() -> None:
    for worker in list(_workers):
        if worker._wanted:
            worker._wanted = False
            worker.start()


#: The thread that is in ``os.fork``, which counts threads after the hooks in the parent.
_announced = 0


def resume_after_counting(name: str) -> None:
    """Have ``os.fork`` or ``os.forkpty`` start our threads again in the parent after it has counted threads.

    It warns at the line that called it, so that no frame of ours may stand between: the replacement is
    put together from what C runs, a function before, the original, and a function after.
    """

    def announce() -> None:
        global _announced
        _announced = threading.get_ident()

    def finish(_: None, result: Any) -> Any:
        global _announced
        _announced = 0
        _resume()
        return result

    never = object()
    original = getattr(os, name)
    setattr(os, name, partial(next, map(finish, iter(announce, never), iter(original, never))))

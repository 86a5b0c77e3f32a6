"""The ends of a process: everything queued is committed before each of them.

``atexit`` does not run after ``os._exit`` (multiprocessing's forked children), across ``exec``, or
when a process ends by a signal (uvicorn re-raises the one it caught). So the calls that lead there
flush first, and SIGTERM and SIGHUP get a handler that only flushes, where the application has none.
It stays out of sight of ``signal.getsignal`` and ``signal.signal``, so that frameworks which ask
before they install their own see what they would see without it.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

#: Longest time in seconds that an end of the process waits for the disk.
GRACE = 2.0

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

Flush = Callable[..., bool]

_signal = signal.signal
_raise_signal = signal.raise_signal


def install(flush: Flush, close: Callable[[], None], on_signal: bool) -> None:
    """Flush at every end of this process; called once."""
    atexit.register(close)
    for module, name in ((os, "_exit"), (os, "execv"), (os, "execve"), (os, "abort"), (signal, "raise_signal")):
        _flush_before(module, name, flush)
    _flush_before(os, "kill", flush, lambda pid, number: pid == os.getpid() and number != 0)
    if on_signal:
        _install_handlers(flush)


def _flush_before(module: Any, name: str, flush: Flush, when: Callable[..., bool] = lambda *args: True) -> None:
    original = getattr(module, name)

    # keeps name and module, since multiprocessing pickles functions by them
    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        try:
            if when(*args, **kwargs):
                flush(GRACE, collect=True)
        except Exception:  # whatever happens to telemetry, the call that was asked for is made
            pass
        return original(*args, **kwargs)

    setattr(module, name, replacement)


def _install_handlers(flush: Flush) -> None:
    def on_signal(number: int, frame: Any) -> None:
        try:
            flush(GRACE, collect=True)
        except Exception:
            pass
        _signal(number, signal.SIG_DFL)
        _raise_signal(number)
        # only a process that the default action does not end comes here, such as PID 1
        _signal(number, on_signal)

    getsignal = signal.getsignal

    @functools.wraps(_signal)
    def seen_signal(signalnum: Any, handler: Any) -> Any:
        if handler == signal.SIG_DFL and signalnum in _SIGNALS:
            handler = on_signal
        return _visible(_signal(signalnum, handler))

    @functools.wraps(getsignal)
    def seen_getsignal(signalnum: Any) -> Any:
        return _visible(getsignal(signalnum))

    def _visible(handler: Any) -> Any:
        return signal.SIG_DFL if handler is on_signal else handler

    signal.signal = seen_signal
    signal.getsignal = seen_getsignal
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if getsignal(number) == signal.SIG_DFL:
                _signal(number, on_signal)

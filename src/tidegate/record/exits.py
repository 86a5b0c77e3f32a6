"""The ends of a process: everything queued is committed before each of them.

``atexit`` does not run after ``os._exit`` (multiprocessing's forked children), across ``exec``, or
when a process ends by a signal (uvicorn re-raises the one it caught). So the calls that lead there
flush first.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

#: Signals whose default action ends nothing.
_HARMLESS = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}


def install(flush: Callable[[], Any]) -> None:
    """Flush before every call that ends this process without ``atexit``; called once."""
    for name in ("_exit", "abort", "execv", "execve"):
        _flush_before(os, name, flush)
    _flush_before(os, "kill", flush, lambda process, number: process in _us() and _ends(number))
    _flush_before(os, "killpg", flush, lambda group, number: -group in _us() and _ends(number))
    _flush_before(signal, "raise_signal", flush, _ends)
    _flush_before(signal, "pthread_kill", flush, lambda thread, number: _ends(number))


def _us() -> tuple[int, ...]:
    """What kill(2) takes for this process: its id, its group's, its group's by 0, and everybody."""
    return (os.getpid(), -os.getpgrp(), 0, -1)


def _ends(number: int) -> bool:
    """Whether this signal would end the process; one that the application handles comes back to us if it does."""
    return number != 0 and number not in _HARMLESS and signal.getsignal(number) in (signal.SIG_DFL, None)


def _flush_before(
    module: Any, name: str, flush: Callable[[], Any], when: Callable[..., bool] = lambda *args: True
) -> None:
    original = getattr(module, name)

    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        try:
            if when(*args, **kwargs):
                flush()
        except Exception:  # whatever happens to telemetry, the call that was asked for is made
            pass
        return original(*args, **kwargs)

    replacement.__module__ = module.__name__  # where pickle finds it: it may be the target of a process
    setattr(module, name, replacement)

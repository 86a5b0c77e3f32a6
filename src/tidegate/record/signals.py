"""SIGTERM and SIGHUP where the application handles neither: flush, then end as if we were not there.

Our handler stays out of sight of ``signal.getsignal`` and ``signal.signal``, so that frameworks which
ask before they install their own see what they would see without it. Python runs handlers in the main
thread between two instructions only, and would leave a process alone that is in a long call of C; so
a thread of ours hears of the signal as well, through the wake-up descriptor, and ends the process when
the main thread does not.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from tidegate.record.workers import Worker

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

#: Time in seconds that the main thread has to run the handler, before the watching thread does it.
_TURN = 0.1

#: pid, uid and gid of whoever wrote to the channel: a fork that runs no hooks shares it with its parent.
_CREDENTIALS = struct.Struct("3i")

_Channel = tuple[socket.socket, socket.socket]

_signal, _getsignal, _set_wakeup_fd = signal.signal, signal.getsignal, signal.set_wakeup_fd
_raise_signal, _kill = signal.raise_signal, os.kill


def install(flush: Callable[[], Any]) -> Signals | None:
    """Handle the signals that nobody handles; None outside the main thread, where Python allows it to nobody."""
    if threading.current_thread() is not threading.main_thread():
        return None
    return Signals(flush)


class Signals:
    """Our handler, its disguise, and the thread that watches over it. One a process."""

    def __init__(self, flush: Callable[[], Any]) -> None:
        self._flush = flush
        self._worker = Worker("tidegate-signals", self._watch, self._ring)
        self._channel: _Channel | None = None
        for original, seen in (
            (_signal, self._seen_signal),
            (_getsignal, self._seen_getsignal),
            (_set_wakeup_fd, self._seen_set_wakeup_fd),
        ):
            _replace(original, seen)
        for number in _SIGNALS:
            if _getsignal(number) == signal.SIG_DFL:
                _signal(number, self.handle)
        if self.open_channel():
            self._worker.start()

    def handle(self, number: int, frame: Any) -> None:
        """End the process by ``number`` after a flush. Returns only where the signal's default action does nothing,
        which is so for process 1 of a container."""
        self._flush()
        _signal(number, signal.SIG_DFL)
        _raise_signal(number)
        _signal(number, self.handle)

    # --- the disguise

    def _seen_signal(self, signalnum: Any, handler: Any) -> Any:
        ours = handler == signal.SIG_DFL and signalnum in _SIGNALS
        return self._visible(_signal(signalnum, self.handle if ours else handler))

    def _seen_getsignal(self, signalnum: Any) -> Any:
        return self._visible(_getsignal(signalnum))

    def _visible(self, handler: Any) -> Any:
        return signal.SIG_DFL if handler == self.handle else handler

    def _seen_set_wakeup_fd(self, fd: int, *, warn_on_full_buffer: bool = True) -> int:
        ours = self._channel[1].fileno() if self._channel is not None else -1
        if fd == -1:
            former = _set_wakeup_fd(ours, warn_on_full_buffer=False)
        else:
            former = _set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)
        return -1 if former == ours else former

    # --- the watching thread

    def open_channel(self) -> bool:
        """Have signals written to a pair of sockets of this process's own; a forked child opens its own."""
        inherited = self._channel or ()
        self._channel = _make_channel()
        former = _set_wakeup_fd(self._channel[1].fileno() if self._channel else -1, warn_on_full_buffer=False)
        if former != -1 and former not in [end.fileno() for end in inherited]:
            _set_wakeup_fd(former)  # the application's, such as an asyncio loop's
        for end in inherited:
            end.close()
        return self._channel is not None

    def _ring(self) -> None:
        try:
            if self._channel is not None:
                self._channel[1].send(b"\0")
        except OSError:  # full: there is enough to wake it
            pass

    def _watch(self, worker: Worker) -> None:
        while self._channel is not None and worker.going():
            data, ancillary, _, _ = self._channel[0].recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
            sender = _CREDENTIALS.unpack(ancillary[0][2][: _CREDENTIALS.size])[0] if ancillary else 0
            if worker.going() and sender == os.getpid() and data[0] in _SIGNALS:
                self._end_in_place_of_main_thread(data[0])

    def _end_in_place_of_main_thread(self, number: int) -> None:
        if _getsignal(number) != self.handle:
            return
        self._flush()
        time.sleep(_TURN)
        if _getsignal(number) == self.handle:
            _take_default_action(number)


def _make_channel() -> _Channel | None:
    """Two ends of which the second one is written to; None where the system does not say by whom."""
    if not hasattr(socket, "SO_PASSCRED"):
        return None
    try:
        inbox, outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:  # no descriptors are left
        return None
    inbox.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    outbox.setblocking(False)
    return inbox, outbox


def _replace(original: Callable[..., Any], seen: Callable[..., Any]) -> None:
    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        return seen(*args, **kwargs)

    replacement.__module__ = signal.__name__
    setattr(signal, original.__name__, replacement)


def _take_default_action(number: int) -> None:
    """What Python's own functions do in the main thread only."""
    try:
        from ctypes import c_int, c_void_p, pythonapi

        set_action = pythonapi.PyOS_setsig
    except (ImportError, AttributeError):  # the main thread will come to it
        return
    set_action.argtypes, set_action.restype = [c_int, c_void_p], c_void_p
    former = set_action(number, None)
    _kill(os.getpid(), number)
    set_action(number, former)

"""What a process has once: its recorders, their fork hooks, and the flush that ends it."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from tidegate.errors import StoreError
from tidegate.record import exits, logs, signals, spans, workers
from tidegate.record.blocks import Encode
from tidegate.record.recorder import Recorder
from tidegate.record.redaction import Redactor
from tidegate.settings import Settings, load
from tidegate.store.location import MEMORY, OFF, check_writable, default_location
from tidegate.store.retention import Policy
from tidegate.store.sinks import ROTATE_BYTES, FileSink, MemorySink, Sink
from tidegate.store.upkeep.pace import Pace

_logger = logging.getLogger("tidegate")

#: Signals that our processors record in this process; exporters of the same name then do nothing.
direct: set[str] = set()

#: Called before the last flush, to put what is not in a queue yet (metrics are collected then).
collectors: list[Callable[[], None]] = []

#: Called in a forked child before anything is collected there, to forget what the parent has counted.
inherited: list[Callable[[], object]] = []

#: Called at each end of the process when all is committed, to send what is left; they keep to times of their own.
endings: list[Callable[[], None]] = []

#: Signals that are held back over a fork: CPython forgets those that reach a child too early.
_HELD_SIGNALS = {signal.SIGTERM, signal.SIGHUP}

#: Longest time in seconds that an end of the process waits for the disk.
END_WAIT = 2.0

#: A store has room for at least so many segments, or retention could only remove all or nothing.
SEGMENTS = 8

_recorders: dict[str, Recorder] = {}
_lock = threading.Lock()
_hooks_installed = False
_signals: signals.Signals | None = None
_masks: dict[int, Any] = {}
_pid = os.getpid()
_held_longer = False


def prepare(settings: Settings) -> None:
    """Be the first to hear of the end of the process, and so the last to act on it."""
    with _lock:
        _install_hooks(settings.flush_on_signal)


def hold_signals_until_now() -> None:
    """Give signals back to a forked child after all hooks that are there by now: the SDK's say who the child is, and
    a signal before them would have it speak in its parent's name."""
    global _held_longer
    if not _held_longer:
        os.register_at_fork(after_in_child=_restore_mask)
        _held_longer = True


def is_helper_process() -> bool:
    """Whether this is multiprocessing's resource tracker, which runs none of the application's code."""
    arguments = getattr(sys, "orig_argv", [])
    return any("multiprocessing.resource_tracker" in argument for argument in arguments)


def recorder(store: str | None = None, settings: Settings | None = None, route: str = "") -> Recorder:
    """The process's recorder for a store, made at the first call. ``store`` overrules the settings; ``route`` is where
    its records are sent, "" for nowhere.

    A directory that cannot be written is one warning, and the ring in memory takes its place.
    """
    settings = settings or load({"store": store})
    place = settings.store or default_location()
    with _lock:
        if place not in _recorders:
            _recorders[place] = _build(place, settings, route)
            _recorders[place].renewed = _forget_inherited
            _install_hooks(settings.flush_on_signal)
        return _recorders[place]


def _build(place: str, settings: Settings, route: str) -> Recorder:
    encoders: dict[str, Encode] = {"spans": spans.batch, "logs": logs.batch}

    def ring() -> Sink:
        return MemorySink(settings.memory_size, settings.memory_records, route)

    def written() -> float:
        return float(getattr(sink, "written", 0) / settings.store_size)

    def tidy(pace: Pace) -> None:
        from tidegate.store.upkeep.once import upkeep  # most processes end before they need it

        upkeep(place, Policy.of(settings.retention, settings.store_size), pace)

    on_disk = place not in (MEMORY, OFF)
    sink: Sink
    try:
        if on_disk:
            check_writable(place)
        sink = FileSink(place, min(ROTATE_BYTES, settings.store_size // SEGMENTS), route) if on_disk else ring()
    except StoreError as error:
        _logger.warning("%s Recording in memory instead.", error)
        sink, on_disk = ring(), False
    return Recorder(
        sink,
        encoders,
        commit_interval=settings.commit_interval,
        queue_size=settings.queue_size,
        redact=Redactor.of(settings).redact if settings.redact else None,
        upkeep=tidy if on_disk else None,
        written=written,
        fallback=ring if on_disk else None,
    )


def redact_by(settings: Settings) -> None:
    """Hide what these settings say from now on, wherever this process records."""
    for each in list(_recorders.values()):
        each.redact_by(Redactor.of(settings).redact)


def flush(timeout: float = 5.0, collect: bool = False) -> bool:
    """Commit what every recorder has queued, metrics collected first if ``collect``; False when late."""
    done = [each.flush(timeout, _collect if collect and collectors else None) for each in list(_recorders.values())]
    return all(done)


def _forget_inherited() -> None:
    """Once in a child: by our hook, or before that when a signal or an end comes first, or there are no hooks."""
    global _pid
    if _pid != os.getpid():
        _pid = os.getpid()
        for forget in inherited:
            forget()


def _collect() -> None:
    _forget_inherited()
    for collector in collectors:
        try:
            collector()
        except Exception as error:  # an application's callback may fail; its spans must not suffer
            _logger.debug("metrics could not be collected: %s", error)


def dropped() -> dict[str, int]:
    """Records lost in this process so far, by reason."""
    total: dict[str, int] = {}
    for each in list(_recorders.values()):
        for reason, count in each.dropped.items():
            total[reason] = total.get(reason, 0) + count
    return total


def close() -> None:
    """Commit everything, send what is left, and write in the calling thread from now on."""
    flush()
    _end()
    for each in list(_recorders.values()):
        each.close()


def _end() -> None:
    """Send what is left, as one that does not count among the living any more: of several that end at the same time,
    none must leave that to another."""
    for each in list(_recorders.values()) if endings else ():
        each.let_go()
    for ending in endings:
        try:
            ending()
        except Exception as error:
            _logger.debug("what was left could not be sent: %s", error)


def _flush_at_end(collect: bool = True) -> None:
    try:
        flush(END_WAIT, collect)
        _end()
    except Exception:  # the end of the process must not be held up by it
        pass


def _flush_at_signal() -> None:
    # without a thread of ours, collecting could wait for ever for a lock of the code that the signal interrupted
    _flush_at_end(collect=not any(each.is_alone for each in list(_recorders.values())))


def _install_hooks(flush_on_signal: bool) -> None:
    global _hooks_installed, _signals
    if _hooks_installed:
        return
    _hooks_installed = True
    atexit.register(close)
    exits.install(_flush_at_end)
    if flush_on_signal:
        _signals = signals.install(_flush_at_signal)
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
    workers.led = True
    workers.install()


def _before_fork() -> None:
    _masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_SIGNALS)
    workers.before_fork(workers.FORK_WAIT)
    for each in list(_recorders.values()):
        each.before_fork(workers.FORK_WAIT)


def _after_in_parent() -> None:
    for each in list(_recorders.values()):
        each.after_fork_in_parent()
    workers.after_fork_in_parent()
    _restore_mask()


def _after_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    _forget_inherited()
    for each in list(_recorders.values()):
        each.after_fork_in_child()
    if _signals is not None:
        _signals.open_channel()
    workers.after_fork_in_child()
    if not _held_longer:
        _restore_mask()


def _restore_mask() -> None:
    mask = _masks.pop(threading.get_ident(), None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

"""The built-in checks: of the recording in this process, and of a store that is only read here.

None is critical: telemetry is a guest, and without it the application does its work all the same.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tidegate.store.location import FILE_MODE, MEMORY, OFF, default_location, make_directory
from tidegate.watch.check import Check
from tidegate.watch.status import DEGRADED, HEALTHY, Result

if TYPE_CHECKING:
    from tidegate.record.recorder import Recorder
    from tidegate.settings import Settings

#: A file system with less room than this is said to be short of it. The application may need it too.
LOW_DISK = 256 << 20

#: Part of the queue that may be full.
FULL_QUEUE = 0.8

#: Commit intervals, and seconds at least, that a record may wait to be committed.
LATE_COMMITS, LATE_SECONDS = 10, 5.0

#: Bytes that are written to see whether there is room: a block of most file systems.
_PROBE_BYTES = 4096

#: Upkeep removes files of such a name, readers do not look at them.
PROBE_SUFFIX = ".partial"


def for_process(
    recorder: Recorder | None,
    settings: Settings,
    policy: str = "",
    problem: Callable[[], str] = str,
    problems: Callable[[], list[str]] | None = None,
) -> list[Check]:
    """The checks of a process that records with ``recorder``, or sends only.

    ``policy`` is where the gates' policy comes from, ``problem`` says what is wrong with it. ``problems`` says of
    each destination what it waits for, where there are some.
    """
    from tidegate.watch.destinations import destinations, reach

    checks = []
    if recorder is not None:
        place = settings.store or default_location()
        checks += [
            _check("store", partial(recording, recorder, place)),
            _check("queue", Queue(recorder)),
            _check("lag", partial(lag, recorder)),
        ]
        checks += [_check("disk", partial(disk, place))] if place not in (MEMORY, OFF) else []
    checks += [_check("policy", partial(policy_in_force, policy, problem))] if policy else []
    checks += [_check("exporter", partial(sending, problems))] if problems is not None else []
    targets = destinations(settings)
    return checks + ([_check("destination", partial(reach, targets))] if targets else [])


def for_store(location: str) -> list[Check]:
    """The checks of a process that only reads the store at ``location``."""
    if location == MEMORY:
        return []
    from tidegate.ship.problems import problems

    return [
        _check("store", partial(readable, location)),
        _check("disk", partial(disk, location)),
        _check("exporter", partial(sending, partial(problems, location))),
    ]


def _check(name: str, call: Callable[[], Result]) -> Check:
    return Check(name, call, critical=False)


def recording(recorder: Recorder, place: str) -> Result:
    """Whether records reach the store at ``place``; raises OSError or `StoreError` when they do not."""
    if place == OFF:
        return Result(DEGRADED, "switched off; what is to be sent waits in memory alone")
    if recorder.is_full:
        return Result(DEGRADED, recorder.problem)
    if recorder.sink.location == place:
        return Result(HEALTHY, "in memory") if place == MEMORY else writable(place)
    return Result(DEGRADED, recorder.problem or f"nothing can be written to {place}; recording in memory instead")


def writable(directory: str) -> Result:
    """Write a small file and read it back; raises OSError or `StoreError` when that fails.

    A directory that is not there is made, as it would be for the next record.
    """
    make_directory(directory)
    data = secrets.token_bytes(_PROBE_BYTES)
    path = os.path.join(directory, f"health-{secrets.token_hex(8)}{PROBE_SUFFIX}")
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE), "r+b", buffering=0) as file:
        os.unlink(path)  # before anything can fail: nothing is left behind
        if file.write(data) != len(data):
            raise OSError(f"{directory} took only a part of {len(data)} bytes")
        file.seek(0)
        if file.read() != data:
            raise OSError(f"{directory} gave back other bytes than were written")
    return Result(HEALTHY, directory)


def readable(directory: str) -> Result:
    """Whether the store can be read; raises OSError when it cannot."""
    if not os.path.isdir(directory):
        return Result(DEGRADED, f"nothing has been recorded in {directory}")
    with os.scandir(directory) as entries:
        files = [entry.path for entry in entries if entry.is_file()]
    if files:
        with open(max(files), "rb") as file:
            file.read(1)
    return Result(HEALTHY, directory)


def disk(place: str) -> Result:
    """How much room the store's file system has."""
    while not os.path.exists(place) and place != os.path.dirname(place):
        place = os.path.dirname(place)
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    status = HEALTHY if free >= LOW_DISK else DEGRADED
    return Result(status, f"{free >> 20} MiB free at {place}; {LOW_DISK >> 20} MiB are enough")


def policy_in_force(location: str, problem: Callable[[], str]) -> Result:
    """Whether the policy at ``location`` is the one in force: what is refused leaves the last good one."""
    wrong = problem()
    return Result(DEGRADED, f"not taken over: {wrong}") if wrong else Result(HEALTHY, location)


def sending(problems: Callable[[], list[str]]) -> Result:
    """Whether what was kept goes on to the destinations; ``problems`` says of each what it waits for."""
    found = problems()
    return Result(DEGRADED, "; ".join(found)) if found else Result(HEALTHY)


class Queue:
    """How full the recorder's queue is, and what was dropped since the last look."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._seen: Counter[str] = Counter()

    def __call__(self) -> Result:
        recorder = self._recorder
        dropped = Counter(recorder.dropped)
        # a forked child counts from zero
        new = dropped - self._seen if dropped >= self._seen else dropped
        self._seen = dropped
        detail = f"{recorder.queued} of {recorder.queue_size} places taken"
        if new:
            reasons = ", ".join(f"{count} ({reason})" for reason, count in sorted(new.items()))
            return Result(DEGRADED, f"records dropped since the last look: {reasons}; {detail}")
        return Result(HEALTHY if recorder.queued < FULL_QUEUE * recorder.queue_size else DEGRADED, detail)


def lag(recorder: Recorder) -> Result:
    """How long the oldest record has waited to be committed."""
    waited = recorder.lag
    late = waited > max(LATE_COMMITS * recorder.commit_interval, LATE_SECONDS)
    detail = f"the oldest record has waited for {waited:.1f} s; commits are {recorder.commit_interval:g} s apart"
    return Result(DEGRADED if late else HEALTHY, detail)

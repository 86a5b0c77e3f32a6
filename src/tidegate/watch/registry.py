"""The checks of a process, and the one thread that starts them and takes their results.

Only that thread changes a component, and it stands still while the process forks (`record.workers`):
there is no lock that a child could inherit. A child begins with every component unknown, and with
the time of its next check as in its parent, so that thousands of short-lived ones check nothing.
"""

from __future__ import annotations

import atexit
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate.errors import ConfigurationError
from tidegate.record import workers
from tidegate.watch.check import Check
from tidegate.watch.running import Run
from tidegate.watch.status import DEGRADED, HEALTHY, UNHEALTHY, UNKNOWN, Component, Result, after, overall

#: Checks of a process, and threads of checks that have not returned.
MAX_CHECKS = 100

#: Longest time in seconds that a fork waits for running checks to end, once for each.
FORK_GRACE = 0.1

#: Time in seconds between two looks at what a report waits for.
POLL = 0.01

#: The event's name, and its severity (OpenTelemetry's numbers) by the new status.
EVENT = "tidegate.health.changed"
_SEVERITIES = {DEGRADED: ("WARN", 13), UNHEALTHY: ("ERROR", 17)}
_INFO = ("INFO", 9)

_IDLE = 3600.0


@dataclass(frozen=True, slots=True)
class Report:
    """How everything was at one moment. ``components`` are the checks' subjects by name."""

    components: dict[str, Component]

    @property
    def status(self) -> str:
        """Healthy, degraded, unhealthy or unknown: `overall` of the components."""
        return overall(self.components.values())

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        components = {name: component.to_dict() for name, component in self.components.items()}
        return {"status": self.status, "components": components}


class _Entry:
    """One check in the registry. ``builtin`` ones run when a report asks, others by themselves too."""

    def __init__(self, check: Check, builtin: bool) -> None:
        self.check = check
        self.builtin = builtin
        self.due = 0.0
        self.forget()

    def forget(self) -> None:
        self.component = Component(self.check.critical)
        self.run: Run | None = None
        self.asked = False

    def is_overdue(self, now: float) -> bool:
        """Whether what is known is not enough for a report at ``now``."""
        return self.component.status == UNKNOWN or (self.builtin and now >= self.due)

    def is_wanted(self, now: float) -> bool:
        return self.asked or (not self.builtin and now >= self.due)

    def next_look(self) -> float:
        if self.run is not None and not self.run.counted:
            return self.run.deadline
        return math.inf if self.builtin else self.due


class Registry:
    """Checks by name. ``builtin`` makes those that are there without being registered, each once."""

    def __init__(self, builtin: list[Callable[[], list[Check]]]) -> None:
        self._builtin = builtin
        self._entries: dict[str, _Entry] = {}
        self._running: list[Run] = []
        self._worker = workers.Worker("tidegate-health", self._schedule, forked=self._begin_in_child)
        self._started = False

    def register(self, check: Check, replace: bool = False) -> None:
        """Run a check from now on, in place of a built-in one of the same name, or of any with ``replace``."""
        entry, name = _Entry(check, builtin=False), check.name
        present = self._entries.get(name)
        if present is not None and not present.builtin and not replace:
            raise ConfigurationError(
                f"a health check {name!r} is registered already; choose another name, or give replace=True."
            )
        if present is None and len(self._entries) >= MAX_CHECKS:
            raise ConfigurationError(
                f"the health check {name!r} is one too many; {MAX_CHECKS} can be registered, join some of them."
            )
        self._entries[name] = entry
        self._wake()

    def unregister(self, name: str) -> bool:
        """Run a check no more; False if there is none of that name."""
        return self._entries.pop(name, None) is not None

    def report(self, wait: float) -> Report:
        """How everything is. Checks that are overdue are run now, and waited for up to ``wait`` seconds."""
        self._add_builtin()
        now = time.monotonic()
        overdue = [entry for entry in self._entries.values() if entry.is_overdue(now)]
        for entry in overdue:
            entry.asked = True
        if overdue:
            self._wake()
        while any(entry.is_overdue(now) for entry in overdue) and time.monotonic() - now < wait:
            time.sleep(POLL)
        return Report({name: entry.component for name, entry in list(self._entries.items())})

    def close(self) -> None:
        """Start no check any more, until something is registered or reported again."""
        self._worker.stop(0)

    def _add_builtin(self) -> None:
        while self._builtin:
            for check in self._builtin.pop(0)():
                self._entries.setdefault(check.name, _Entry(check, builtin=True))

    def _wake(self) -> None:
        if not self._started:
            self._started = True
            workers.install()
            atexit.register(self.close)
        self._worker.start()
        self._worker.wake()

    # --- the scheduler's side

    def _schedule(self, worker: workers.Worker) -> None:
        while worker.wait(self._look()):
            pass
        deadline = time.monotonic() + FORK_GRACE
        for run in self._running:
            run.wait_once(deadline - time.monotonic())

    def _begin_in_child(self) -> None:
        self._running = []
        for entry in self._entries.values():
            entry.forget()

    def _look(self) -> float:
        """Take results, start what is to be started; returns for how many seconds there is nothing to do."""
        self._running = [run for run in self._running if run.result is None]
        for entry in list(self._entries.values()):
            self._take(entry)
            if entry.is_wanted(time.monotonic()):
                self._start(entry)
        next_look = min((entry.next_look() for entry in list(self._entries.values())), default=math.inf)
        return min(max(next_look - time.monotonic(), 0), _IDLE)

    def _take(self, entry: _Entry) -> None:
        """The result of a run that has ended, or is taking too long."""
        run = entry.run
        if run is None:
            return
        if not run.counted and run.is_late:
            run.counted = True
            self._settle(entry, Result(UNHEALTHY, f"took longer than {run.check.timeout:g} s"), run)
        if run.result is not None:
            entry.run = None
            if not run.counted:
                self._settle(entry, run.result, run)

    def _start(self, entry: _Entry) -> None:
        if entry.run is None:
            entry.asked = False
            self._run(entry)
        elif entry.run.counted:
            took = time.monotonic() - entry.run.began
            self._settle(entry, Result(UNHEALTHY, f"has not returned for {took:.0f} s"), entry.run)

    def _run(self, entry: _Entry) -> None:
        if len(self._running) >= MAX_CHECKS:  # replaced while they hung
            self._settle(entry, Result(UNHEALTHY, f"not started: {MAX_CHECKS} checks have not returned"))
            return
        try:
            entry.run = Run(entry.check, self._worker.wake)
            self._running.append(entry.run)
        except RuntimeError as error:  # no thread can be started: too many, or the interpreter is ending
            self._settle(entry, Result(UNHEALTHY, f"not started: {error}"))

    def _settle(self, entry: _Entry, result: Result, run: Run | None = None) -> None:
        now = time.monotonic()
        seconds = (run.ended if run.result is not None else now) - run.began if run is not None else 0.0
        former, check = entry.component, entry.check
        entry.component = after(former, result, check.failures, time.time_ns(), round(seconds * 1000, 3))
        entry.due, entry.asked = now + check.interval, False
        changed = former.status != entry.component.status
        if changed and (former.status, entry.component.status) != (UNKNOWN, HEALTHY):  # which is no news
            _tell(check.name, entry.component, former.status)


def _tell(name: str, component: Component, previous: str) -> None:
    """Emit the change as an event."""
    if "opentelemetry.sdk._logs" not in sys.modules:
        return  # then nobody has configured a provider, and loading the SDK would be for nothing
    from tidegate import otel

    attributes = {
        "health.check": name,
        "health.status": component.status,
        "health.previous_status": previous,
        "health.critical": component.critical,
        "health.detail": component.detail,
    }
    body = f"health check {name!r}: {previous} → {component.status}"
    severity, number = _SEVERITIES.get(component.status, _INFO)
    otel.emit_event(otel.event(EVENT, component.checked_time_unix_nano, severity, number, body, attributes))

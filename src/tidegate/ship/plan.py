"""What is to be done for a route, as a process's settings say."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.gate.policy import LogPolicy, TracePolicy

if TYPE_CHECKING:
    from tidegate.gate.tail.logs import LogTail
    from tidegate.gate.tail.traces import TraceTail
    from tidegate.settings import Settings
    from tidegate.ship.destinations import Destination
    from tidegate.ship.points import NewestPoints
    from tidegate.ship.route import Route


def _nothing() -> None:
    pass


@dataclass
class Plan:
    """``traces`` and ``logs`` are modes; budgets are per second, those of a policy go before. ``trace_policy`` and
    ``log_policy`` are in force, of the policy's ``revision``; whoever watches it puts another in their place. ``tick``
    is called now and then; ``collect`` has this process's metrics committed; ``policy_problem`` says what is wrong with
    the policy's newest version, if anything is. Every ``report_interval`` seconds there is a report on patterns."""

    route: Route
    destinations: Sequence[Destination]
    traces: str = "gated"
    logs: str = "gated"
    trace_budget: float = 100.0
    span_budget: float | None = None
    slow: str | float = "auto"
    log_context: bool = True
    log_options: Mapping[str, Any] = field(default_factory=dict)
    trace_policy: TracePolicy | None = None
    log_policy: LogPolicy = field(default_factory=LogPolicy)
    revision: str = ""
    report_interval: float = 600.0
    tick: Callable[[], None] = _nothing
    collect: Callable[[], object] = _nothing
    policy_problem: Callable[[], str] = str

    @property
    def budget(self) -> float:
        """Traces a second."""
        policy = self.trace_policy
        return policy.budget if policy is not None and policy.budget is not None else self.trace_budget

    def sends(self, signal: str) -> bool:
        return any(each.signal == signal for each in self.destinations)

    def trace_tail(self) -> TraceTail | None:
        """What judges traces; None where none is sent, and no log record brought by one."""
        if not self.sends("spans") and not (self.sends("logs") and self.logs == "gated" and self.log_context):
            return None
        from tidegate.gate.tail.traces import TraceTail

        tail = TraceTail(mode=self.traces, budget=self.trace_budget, span_budget=self.span_budget, slow=self.slow)
        tail.apply(self.trace_policy)
        return tail

    def points(self) -> NewestPoints | None:
        """What chooses the points of metrics; None where none are sent."""
        intervals = [each.interval for each in self.destinations if each.signal == "metrics"]
        if not intervals:
            return None
        from tidegate.ship.points import NewestPoints

        # not all routes and hosts at the same moment
        interval, spread = min(intervals), zlib.crc32(f"{self.route.id} {socket.gethostname()}".encode())
        return NewestPoints(interval, spread % 1000 / 1000 * interval)

    def log_tail(self, state: Mapping[str, Any] | None = None) -> LogTail | None:
        """What judges log records; None where none is sent."""
        if not self.sends("logs"):
            return None
        from tidegate.gate.tail.logs import LogTail

        return LogTail(
            mode=self.logs, policy=self.log_policy, context=self.log_context, state=state, **self.log_options
        )


def in_force(settings: Settings, traces: str, trace_budget: float) -> str:
    """What is sent of traces and log records, in words."""
    spans = f" and {settings.span_budget:g} spans" if settings.span_budget is not None else ""
    budget = f"up to {trace_budget:g}{spans} a second and host, first those with errors, slow and new ones"
    by_sampler = f"as the sampler {settings.sampler or 'of the configuration file'} says"
    said = {"sampled": by_sampler, "all": "all", "gated": budget}[traces]
    logs = "all" if settings.send == "all" else "errors, and the others by pattern"
    if settings.send != "all" and settings.log_budget is not None:
        logs += f", up to {settings.log_budget:g} a second"
    return f"traces: {said}; log records: {logs}"

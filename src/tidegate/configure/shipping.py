"""What this process sends: the exporters that the SDK built become destinations, which are served from the store."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk.trace import TracerProvider

from tidegate import otel
from tidegate.configure.gates import is_adaptive
from tidegate.configure.providers import Built
from tidegate.errors import TidegateError
from tidegate.gate.logs.steering import Steering, log_policy
from tidegate.record import process
from tidegate.record.workers import Background
from tidegate.settings import Settings, variables
from tidegate.store.location import MEMORY, OFF, default_location

if TYPE_CHECKING:
    from tidegate.gate.policies.watcher import Watcher
    from tidegate.gate.policy import LogPolicy, Policy
    from tidegate.gate.sampler import AdaptiveSampler
    from tidegate.record.recorder import Recorder
    from tidegate.ship.destinations import Destination
    from tidegate.ship.plan import Plan
    from tidegate.ship.sender import Sender
    from tidegate.ship.shipper import Shipper

_logger = logging.getLogger("tidegate")

#: OpenTelemetry's names of the signals.
_STANDARD = {"spans": "traces", "logs": "logs", "metrics": "metrics"}


def shipping_of(settings: Settings, built: Built) -> Shipping | None:
    """What sends what is recorded here; None where the SDK has built nothing to send by."""
    provider = trace.get_tracer_provider()
    taken = otel.take_exporters(provider, metrics.get_meter_provider(), get_logger_provider())
    if not any(taken.values()):
        return None
    from tidegate.ship.destinations import destinations
    from tidegate.ship.identity import fingerprint

    exporters = [*taken["spans"], *taken["logs"], *(exporter for exporter, _ in taken["metrics"])]
    identity = fingerprint(exporters, {**variables(""), **built.variables}, built.config)
    found = destinations(taken)
    mode, sampler = _head(settings, built, provider)
    return Shipping(settings, built, identity, found, mode, sampler)


def _head(settings: Settings, built: Built, provider: Any) -> tuple[str, AdaptiveSampler | None]:
    """Which traces are sent, and our sampler if it decides at their beginning."""
    if not isinstance(provider, TracerProvider):
        return "all", None
    if is_adaptive(sampler := otel.root_sampler(provider.sampler)):
        return "gated", sampler
    if built.names_sampler:
        return "sampled", None
    if settings.send == "all":
        return "all", None
    from tidegate.gate.sampler import AdaptiveSampler

    sampler = AdaptiveSampler(settings.trace_budget, parent_based=True)
    otel.set_sampler(provider, sampler)
    return "gated", sampler


class Shipping:
    """Of a process that has a destination: its plan, and the shippers that carry it out."""

    def __init__(
        self,
        settings: Settings,
        built: Built,
        identity: str,
        destinations: list[Destination],
        traces: str,
        sampler: AdaptiveSampler | None,
    ) -> None:
        self._settings, self._sampler = settings, sampler
        self._steering: Steering | None = None
        self._shippers: list[Shipper] = []
        self._is_steered = False
        self._poll: Callable[[], object] | None = None
        budget = sampler.traces_per_second if sampler is not None else settings.trace_budget
        self.destinations = destinations
        self.plan = _plan(settings, built, identity, destinations, traces, budget)

    @property
    def senders(self) -> list[Sender]:
        """Those at work in this process, while it leads."""
        return [sender for each in self._shippers if (lead := each.lead) is not None for sender in lead.senders]

    def problems(self) -> list[str]:
        """What keeps this process from deciding, and of each destination that records wait for, why; as the process
        tells that leads the route."""
        leads = [lead for each in self._shippers if (lead := each.lead) is not None]
        own = [each.problem for each in self._shippers]
        own += [each.problem for each in leads] + [each.problem for each in self.senders]
        if leads or any(own):
            return [problem for problem in own if problem]
        from tidegate.ship.problems import problems

        store = self._settings.store or default_location()
        return problems(store, self.plan.route.id) if store not in (MEMORY, OFF) else []

    @property
    def metrics(self) -> dict[str, Any]:
        """How metrics are collected: the aggregation that the first of their exporters prefers, if it does, and how
        often they are sent (seconds)."""
        found = [each for each in self.destinations if each.signal == "metrics"]
        if not found:
            return {}
        return {"aggregation": found[0].aggregation, "sent_every": min(each.interval for each in found)}

    def follow(self, watcher: Watcher | None) -> None:
        """Let the policy that is watched decide, for all processes if this one leads."""
        if watcher is None:
            return
        self._poll = watcher.poll
        self.plan.policy_problem = lambda: watcher.problem
        settings = self._settings
        self._steering = Steering(
            self.plan.log_policy, self._take_logs, watcher, settings.fallback_sample_rate, "", None
        )
        self.plan.tick = self._steering.tick
        watcher.subscribe(self._take)

    def _take(self, policy: Policy) -> None:
        self.plan.trace_policy, self.plan.revision = policy.traces, policy.revision

    def _take_logs(self, policy: LogPolicy) -> None:
        self.plan.log_policy = policy

    def begin(self, recorder: Recorder) -> None:
        """Send what is recorded; what is not sent yet at an end of the process, then."""
        from tidegate.ship.measures import observe
        from tidegate.ship.pace import Share
        from tidegate.ship.places import InMemory, OnDisk
        from tidegate.ship.shipper import Shipper

        recorder.send_by(self.plan.route.id)
        share, place = Share(self._settings.ship_share), recorder.sink.location
        self._shippers = [Shipper(InMemory(self.plan, share), share)]
        if place != MEMORY:
            self._shippers.append(Shipper(OnDisk(self.plan, place, share), share))
            if os.path.isdir(os.path.join(place, "routes", self.plan.route.id)):
                self._steer(place)
        self.plan.collect = partial(process.flush, process.END_WAIT, collect=True)
        recorder.committed = partial(self._committed, recorder)
        process.endings.append(self.finish)
        observe(metrics.get_meter_provider(), lambda: self.senders)
        if self.plan.logs == "gated" and self.plan.sends("logs"):
            from tidegate.gate.logs.publishing import prepare

            prepare()

    def _committed(self, recorder: Recorder) -> None:
        in_memory, *on_disk = self._shippers
        place = recorder.sink.location
        if place == MEMORY or recorder.is_full:
            in_memory.committed()
        if place != MEMORY:
            if not self._is_steered:
                self._steer(place)
            for each in on_disk:
                each.committed()

    def _page(self, store: str) -> Any:
        from tidegate.gate.page import NAME, ControlPage

        return ControlPage(os.path.join(self.plan.route.directory(store), NAME))

    def _steer(self, store: str) -> None:
        """Share the budget with the other processes of the route."""
        self._is_steered = True
        if self._sampler is not None:
            try:
                background = partial(Background, "tidegate-page")
                self._sampler.steer(self._page(store), on_revision=self._poll, background=background)
            except (OSError, TidegateError) as error:
                _logger.debug("the budget is not shared with other processes: %s", error)

    def finish(self, seconds: float | None = None) -> None:
        """See to it that what was committed is sent, within the grace or so many seconds in all.

        Exporters are flushed, not shut down: a process that is told to end may go on, and sends by them again.
        """
        until = time.monotonic() + (self._settings.exit_grace if seconds is None else seconds)
        for each in self._shippers:
            each.finish(max(until - time.monotonic(), 0))
        for destination in self.destinations:
            destination.flush(until - time.monotonic())

    def flush(self, timeout: float) -> bool:
        """Send what was committed, in so many seconds; False if something is left."""
        until = time.monotonic() + timeout
        done = [each.flush(max(until - time.monotonic(), 0)) for each in self._shippers]
        return all(done)

    def describe(self) -> str:
        """What is in force, in a line."""
        from tidegate.ship.plan import in_force

        plan, settings = self.plan, self._settings
        places = [f"{each.name} ({each.endpoint})" if each.endpoint else each.name for each in plan.destinations]
        policy = f"; policy: {settings.policy}" if self._steering is not None else ""
        said = in_force(settings, plan.traces, plan.trace_budget)
        return f"sending to {', '.join(places)}; {said}{policy}; route {plan.route.id}"


def _plan(
    settings: Settings, built: Built, identity: str, destinations: list[Destination], traces: str, budget: float
) -> Plan:
    from tidegate.ship.plan import Plan
    from tidegate.ship.route import Target, route_of

    targets = [Target(_STANDARD[each.signal], each.name, each.endpoint) for each in destinations]
    rules: dict[str, Any] = {"traces": traces, "trace_budget": budget}
    route = route_of(settings, targets, built.variables, file=built.file, identity=identity, **rules)
    if route is None:  # there are destinations
        raise ValueError(targets)
    return Plan(
        route,
        destinations,
        traces,
        "all" if settings.send == "all" else "gated",
        budget,
        settings.span_budget,
        settings.slow,
        settings.log_context != "off",
        {
            "task_context": settings.log_context == "task",
            "max_patterns": settings.max_pattern_cache_size,
            "keep_status_codes": settings.keep_status_codes,
        },
        log_policy=log_policy(budget=settings.log_budget, min_rate=settings.log_min_rate),
        report_interval=settings.pattern_report_interval,
    )

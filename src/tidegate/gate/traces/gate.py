"""Which traces are kept, free of OpenTelemetry: `TraceGate` turns a trace's start into a threshold."""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.matching import LONGEST_SEEN, Attributes, text
from tidegate.gate.policy import Policy
from tidegate.gate.threshold import MAX, probability_to_threshold, threshold_to_probability
from tidegate.gate.traces.entries import Entries
from tidegate.gate.traces.plan import Plan
from tidegate.gate.traces.rules import Rule, trace_rules

if TYPE_CHECKING:
    from tidegate.gate.page import ControlPage
    from tidegate.gate.steering import Steering
    from tidegate.gate.worker import Steered

#: What a decision was made by. Each has a number in `TraceGate.counts`.
REASONS = (
    "kept_by_budget",
    "dropped_by_budget",
    "kept_by_rule",
    "dropped_by_rule",
    "kept_by_parent",
    "dropped_by_parent",
    "failed",
)

#: Characters by which names and routes are told apart, so that keys are bounded in bytes too.
LONGEST = 256

#: What is kept of each when a decision fails before the budget made any.
FALLBACK = 0.01


class TraceGate:
    """Rules and budgets in force, and decisions by them; safe for threads and forks.

    A fork's child has budgets and counts of its own. Raises ValueError when an argument is wrong.
    """

    def __init__(
        self,
        rate: float,
        rules: Iterable[Rule],
        *,
        clock: Callable[[], float],
        policy: Policy | None = None,
        service: str = "",
        resource: Mapping[str, Any] | None = None,
        max_keys: int = 1000,
    ) -> None:
        self._own_rate = checked_rate(rate)
        self._own_rules = trace_rules(rules)
        _check(clock, policy, service, resource, max_keys)
        self._about = (service, dict(resource or {}), max_keys)
        self._clock = clock
        self._policy = policy
        #: The budget's last threshold, for when a decision fails.
        self.last = probability_to_threshold(FALLBACK)
        self._rate = self._rate_of(policy)
        self._page: tuple[ControlPage, dict[str, Any]] | None = None
        self._begin(self._planned(policy))
        _gates.add(self)

    def _begin(self, plan: Plan) -> None:
        self._lock = threading.RLock()  # a signal handler or a destructor may start a span inside
        self.counts = dict.fromkeys(REASONS, 0)
        self._entries = Entries()
        self._plan = plan
        #: What keeps the budgets at this process's share; None when there is no page.
        self.steering: Steering | None = None
        self._follow_page()

    def _planned(self, policy: Policy | None, former: Plan | None = None) -> Plan:
        traces = policy.traces if policy is not None else None
        rules = trace_rules(traces.rules if traces is not None else ()) + self._own_rules
        return Plan(self._rate_of(policy), rules, *self._about, former)

    def _rate_of(self, policy: Policy | None) -> float:
        traces = policy.traces if policy is not None else None
        return self._own_rate if traces is None or traces.budget is None else checked_rate(traces.budget)

    @property
    def rate(self) -> float:
        """The common budget in traces per second; of all processes together where a page steers them."""
        return self._rate

    @rate.setter
    def rate(self, value: float) -> None:
        rate = checked_rate(value)
        with self._lock:
            self._own_rate = rate
            self._set_rate(rate)

    @property
    def share(self) -> float:
        """What this process may keep of it, traces per second."""
        return self._plan.common.rate

    def _set_rate(self, rate: float) -> None:
        self._rate = rate
        if self.steering is None:
            self._plan.common.rate = rate
        else:
            self._plan.common.rate = min(rate, self._plan.common.rate)
            self.steering.hurry()

    @property
    def rules(self) -> int:
        """How many rules are in force."""
        return len(self._plan.rules)

    def apply(self, policy: Policy) -> None:
        """As `AdaptiveSampler.apply`."""
        _check_policy(policy)
        plan = self._planned(policy, self._plan)
        with self._lock:
            self._policy = policy
            self._put(plan)
            self._set_rate(self._rate_of(policy))

    def identify(self, resource: Mapping[str, Any]) -> None:
        """As `AdaptiveSampler.identify`."""
        self._about = (str(resource.get("service.name", "")), dict(resource), self._about[2])
        plan = self._planned(self._policy, self._plan)
        with self._lock:
            self._put(plan)

    def after_fork(self) -> None:
        """Start anew, in a child process."""
        self._begin(self._planned(self._policy))

    def steer(self, page: ControlPage | None, **options: Any) -> None:
        """As `AdaptiveSampler.steer`."""
        with self._lock:
            if self.steering is not None:
                self.steering.end()
            self._page = None if page is None else (page, options)
            self._follow_page()

    def _follow_page(self) -> None:
        self.steering, self._time = None, self._clock
        if self._page is not None:
            from tidegate.gate.steering import Steering

            page, options = self._page
            about: Any = {"lock": self._lock, "clock": self._clock, "service": self._about[0]}
            self.steering = Steering(page, self._steered, **about, **options)
            self._time = self.steering.time
        self._put(self._plan)
        self._set_rate(self._rate)

    def _put(self, plan: Plan) -> None:
        self._plan = plan
        for lane in plan.lanes:
            if lane.budget is not None:
                lane.budget.is_new = self.steering.is_new if self.steering is not None else None

    def _steered(self) -> list[Steered]:
        """The budgets in force, the common one first."""
        from tidegate.gate.worker import Steered

        plan = self._plan
        steered = {"": Steered("", plan.common, self._rate)}
        for rule, lane in zip(plan.rules, plan.lanes, strict=False):
            if lane.budget is not None and rule.budget is not None:
                name = repr(rule)
                steered.setdefault(name, Steered(name, lane.budget, rule.budget))  # the first is the one that matches
        return list(steered.values())

    def judge(
        self,
        random: int,
        least: int,
        name: Any,
        kind: Any,
        attributes: Attributes | None,
        *,
        start: int = 0,
        entry: int = 0,
    ) -> int | None:
        """The threshold by which a trace is kept, at least ``least`` (of who judged before); None drops it.

        ``start`` is the id of a trace that starts here and may come back, ``entry`` of one that comes in and may do so
        again: budgets judge it once, and all its entries alike.
        """
        if type(name) is not str or len(name) > LONGEST_SEEN:
            name = text(name)[:LONGEST_SEEN]
        plan = self._plan
        lane = plan.common_lane if plan.match is None else plan.lanes[plan.match(name, kind, attributes)]
        budget, threshold = lane.budget, lane.threshold
        if budget is None:
            return self._certain(plan, max(threshold, least), random, start)
        key, rate, weight = _key(name, attributes), lane.rate, lane.rate
        if least:
            threshold = max(threshold, least)
            rate = threshold_to_probability(threshold)
            weight = rate / threshold_to_probability(least)
        with self._lock:
            now = self._time()
            known = self._entries.chance(entry, budget, least, now) if entry else None
            chance = budget.offer(key, now, weight) if known is None else known
            # most are dropped, by so much that their threshold need not be known
            if random >= threshold and random >= _SURELY - chance * rate * _ROUNDED:
                if chance < 1.0:
                    self.last = threshold = max(threshold, probability_to_threshold(rate * chance))
                if random >= threshold:
                    self.counts["kept_by_budget"] += 1
                    if known is None:
                        budget.charge(now, 1.0, key)
                        if start or entry:
                            self._entries.put(start or (entry, budget), chance, threshold, now)
                    return threshold
            self.counts["dropped_by_budget"] += 1
            if entry and known is None:
                self._entries.put((entry, budget), chance, MAX, now)
        return None

    def _certain(self, plan: Plan, threshold: int, random: int, start: int) -> int | None:
        """As `judge`, by a rule alone. What it keeps is paid from the common budget."""
        if random < threshold:
            self.counts["dropped_by_rule"] += 1
            return None
        with self._lock:
            self.counts["kept_by_rule"] += 1
            now = self._time()
            plan.common.charge(now, certain=True)
            if start:
                self._entries.put(start, 1.0, threshold, now)
        return threshold


def _key(name: str, attributes: Attributes | None) -> tuple[str, str | None]:
    """A span's name and route."""
    route = attributes.get("http.route") if attributes else None
    if route is None:
        return name[:LONGEST], None
    return name[:LONGEST], (route if type(route) is str else text(route))[:LONGEST]


#: A threshold is never lower than that of its probability and what rounding may add to it.
_SURELY, _ROUNDED = float(MAX), MAX * (1 + 2.0**-11)


def checked_rate(value: Any) -> float:
    """A budget in traces per second, or `ConfigurationError`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ConfigurationError(
            f"traces_per_second is {value!r}; it must be a number from 0, such as 100. With 0 only rules keep traces."
        )
    return float(value)


def _check(clock: Any, policy: Any, service: Any, resource: Any, max_keys: Any) -> None:
    """Raises `ConfigurationError` for an argument that would fail later, or silently."""
    if policy is not None:
        _check_policy(policy)
    if not callable(clock):
        raise ConfigurationError(f"clock is {clock!r}; it must be a function that tells seconds, as time.monotonic.")
    if not isinstance(service, str):
        raise ConfigurationError(f"service is {service!r}; it must be the service's name, as text.")
    if resource is not None and not isinstance(resource, Mapping):
        raise ConfigurationError(
            f'resource is {resource!r}; it must be a mapping of attributes such as {{"service.name": "shop"}}.'
        )
    if isinstance(max_keys, bool) or not isinstance(max_keys, int) or max_keys < 1:
        raise ConfigurationError(f"max_keys is {max_keys!r}; it must be a whole number from 1.")


def _check_policy(policy: Any) -> None:
    if not isinstance(policy, Policy):
        raise ConfigurationError(
            f"policy is {policy!r:.200}; it must be a tidegate.gate.policy.Policy. Set OTEL_PYTHON_TIDEGATE_POLICY to a"
            " file or URL, or read one with tidegate.gate.policies.document.parse(text, name)."
        )


_gates: weakref.WeakSet[TraceGate] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for gate in list(_gates):
        gate.after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)

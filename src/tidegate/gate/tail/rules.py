"""A policy's rules for traces, asked of the final attributes of roots, whichever service they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.gate.policies.matching import TraceMatcher
from tidegate.gate.policy import TracePolicy
from tidegate.gate.threshold import MAX, probability_to_threshold
from tidegate.gate.traces.plan import Lane, Plan
from tidegate.records import SPAN_KINDS, Resource

if TYPE_CHECKING:
    from tidegate.store.rows import SpanRows

#: Resources whose matchers are remembered; then they start over.
REMEMBERED = 256


class Rules:
    """What a policy says of traces. Budgets of a ``former`` policy's rules go on where the rule is the same.

    Raises ValueError when a rule cannot be used.
    """

    def __init__(self, policy: TracePolicy | None, max_keys: int, former: Rules | None = None) -> None:
        rules = policy.rules if policy is not None else ()
        known: Plan | None = former._plan if former is not None else None
        self._plan: Plan = Plan(0.0, rules, max_keys=max_keys, former=known)
        self._matchers: dict[str, TraceMatcher] = {}

    def __bool__(self) -> bool:
        return bool(self._plan.rules)

    def lane_of(self, rows: SpanRows, row: int) -> Lane | None:
        """What becomes of a trace with this root; None where no rule matches."""
        resource = rows.resources[rows.resource[row]]
        kind = SPAN_KINDS[rows.kinds[row]]
        number = self._matcher(resource).match(rows.names[row], kind, rows.attributes[row])
        return self._plan.lanes[number] if number >= 0 else None

    def _matcher(self, resource: Resource) -> TraceMatcher:
        key = repr(resource.attributes)
        matcher = self._matchers.get(key)
        if matcher is None:
            if len(self._matchers) >= REMEMBERED:
                self._matchers.clear()
            matcher = self._matchers[key] = TraceMatcher(self._plan.rules, resource.service, resource.attributes)
        return matcher


def threshold_of(lane: Lane, key: str, now: float) -> int:
    """By which a trace of ``key`` is kept; `threshold.MAX` drops it."""
    if lane.rate == 0:
        return MAX
    if lane.budget is None:
        return lane.threshold
    chance = lane.budget.offer(key, now, lane.rate)
    return max(lane.threshold, probability_to_threshold(lane.rate * chance))

"""What a sampler does with traces that start: rules and budgets, compiled, and replaced as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tidegate.gate.budget import SharedBudget
from tidegate.gate.policies.matching import Attributes, TraceMatcher
from tidegate.gate.policy import TraceRule
from tidegate.gate.threshold import probability_to_threshold, threshold_to_probability


class Lane:
    """What becomes of the traces that one rule matches, or of those that none does.

    ``threshold`` is the rate's. What it lets through is shared among keys by ``budget``, if there is one.
    """

    __slots__ = ("budget", "rate", "threshold")

    def __init__(self, rate: float, budget: SharedBudget | None) -> None:
        self.threshold = probability_to_threshold(rate)
        self.rate = threshold_to_probability(self.threshold)
        self.budget = budget


class Plan:
    """A lane for each rule, and the last one for what no rule matches.

    Budgets of a ``former`` plan go on where the rule is the same, so that a policy that is read
    again does not start them anew. Raises ValueError when a rule or the rate cannot be used.
    """

    def __init__(
        self,
        rate: float,
        rules: Sequence[TraceRule],
        service: str = "",
        resource: Attributes | None = None,
        max_keys: int = 1000,
        former: Plan | None = None,
    ) -> None:
        matcher = TraceMatcher(rules, service, resource)
        #: The index of a span's lane; None where there is but the last.
        self.match: Callable[[str, Any, Attributes | None], int] | None = matcher.match if matcher else None
        self.rules = tuple(rules)
        self.common: SharedBudget = former.common if former else SharedBudget(rate, max_keys=max_keys)
        known = (
            {repr(rule): lane.budget for rule, lane in zip(former.rules, former.lanes, strict=False)} if former else {}
        )
        lanes = [Lane(rule.rate, _budget(rule, known, max_keys)) for rule in rules]
        self.common_lane = Lane(1.0, self.common)
        self.lanes: list[Lane] = [*lanes, self.common_lane]


def _budget(rule: TraceRule, known: dict[str, SharedBudget | None], max_keys: int) -> SharedBudget | None:
    if rule.budget is None:
        return None
    former = known.get(repr(rule))
    return SharedBudget(rule.budget, max_keys=max_keys) if former is None else former

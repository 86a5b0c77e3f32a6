"""Rules for traces as an application writes them: made in code, or as a policy document has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.presets import TRACE_PRESETS
from tidegate.gate.policy import Condition, TraceRule

#: One rule, the rule of a policy document as a dict, or a group of rules such as `DROP_HEALTH_CHECKS`.
Rule = TraceRule | Mapping[str, Any] | Sequence[Any]

#: Drops what orchestrators, load balancers and metrics scrapers ask: ``rules=[DROP_HEALTH_CHECKS]``.
#: A policy document says ``drop: health checks`` and ``drop: scrapes``.
DROP_HEALTH_CHECKS: tuple[TraceRule, ...] = tuple(
    TraceRule(conditions, 0.0, name=f"drop {preset}") for preset, group in TRACE_PRESETS.items() for conditions in group
)


def trace_rules(rules: Iterable[Rule] | Mapping[str, Any] | TraceRule) -> tuple[TraceRule, ...]:
    """All rules in order, groups opened. Raises `ConfigurationError` for one that is wrong."""
    if isinstance(rules, TraceRule):
        return (_checked(rules),)
    if isinstance(rules, Mapping):
        return _from_document(rules)
    if isinstance(rules, (str, bytes)) or not isinstance(rules, Iterable):
        raise ConfigurationError(
            f'a rule is {rules!r}; it must be a TraceRule, or a dict such as {{"match": {{"route": "/pay/*"}},'
            ' "keep": True}.'
        )
    return tuple(found for rule in rules for found in trace_rules(rule))


def _checked(rule: TraceRule) -> TraceRule:
    conditions: Any = rule.conditions
    if not isinstance(conditions, (tuple, list)) or not all(isinstance(each, Condition) for each in conditions):
        raise ConfigurationError(f"a rule's conditions are {conditions!r}; they must be a tuple of Condition.")
    if not _is_number(rule.rate) or not 0 <= rule.rate <= 1:
        raise ConfigurationError(f"a rule's rate is {rule.rate!r}; it must be from 0 (drop) to 1 (keep).")
    if rule.budget is not None and not (_is_number(rule.budget) and 0 <= rule.budget < float("inf")):
        raise ConfigurationError(f"a rule's budget is {rule.budget!r}; it must be a number of traces per second.")
    return rule


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _from_document(rule: Mapping[str, Any]) -> tuple[TraceRule, ...]:
    import json

    from tidegate.gate.policies.document import parse

    try:
        document = json.dumps({"traces": {"rules": [rule]}})
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the rule {rule!r} has what no policy document can have: {error}; write text, numbers and lists."
        ) from None
    traces = parse(document, "rules").traces
    return traces.rules if traces else ()

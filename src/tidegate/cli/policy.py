"""A policy in plain words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.document import parse
from tidegate.gate.policies.sources import source
from tidegate.gate.policy import Condition, LogPolicy, LogRule, Policy, TracePolicy, TraceRule
from tidegate.safe import hide_password
from tidegate.settings import Settings

Rule = TraceRule | LogRule

#: Values of a condition that are shown; a preset has many.
_SHOWN = 4


def fetched(settings: Settings, location: str = "", service: str = "") -> tuple[Policy, str]:
    """The policy at a location, by default the one in the settings, and the location as it is shown.

    Raises `ConfigurationError` when there is none or it is refused, `Unavailable` when it cannot be had now.
    """
    location = location or settings.policy
    if not location:
        raise ConfigurationError("no policy is named; give a file or URL, or set OTEL_PYTHON_TIDEGATE_POLICY.")
    service = service or settings.service_name or settings.resource_attributes.get("service.name", "")
    one = source(location, token=settings.policy_token, service=service)
    found = one.fetch()
    if found is None:
        raise ConfigurationError(f"{hide_password(one.location)} has no policy to give now.")
    return (found if isinstance(found, Policy) else parse(found, one.location)), one.location


def lines(policy: Policy, location: str) -> Iterator[str]:
    yield f"{policy.name or location}: a good policy (revision {policy.revision or 'of its own'})."
    if policy.traces is not None:
        yield from ("", "Traces", *_traces(policy.traces))
    if policy.logs is not None:
        yield from ("", "Log records", *_logs(policy.logs))
    for name, part in (("traces", policy.traces), ("log records", policy.logs)):
        if part is None:
            yield from ("", f"Nothing is said of {name}; they are sent as they would be without this policy.")
    if policy.ignored:
        yield from ("", "Not obeyed", *(f"  {each}" for each in policy.ignored))


def _traces(policy: TracePolicy) -> Iterator[str]:
    yield from _rules(policy.rules)
    if policy.rules and not policy.rules[-1].conditions:
        return
    amount = "the sampler's own budget" if policy.budget is None else f"a budget of {policy.budget:g} a second"
    yield f"  {'all others' if policy.rules else 'all'}: share {amount} fairly among services, routes and span names"


def _logs(policy: LogPolicy) -> Iterator[str]:
    yield "  ERROR and above, and events: always sent"
    yield from _rules(policy.rules)
    for kind, rates in (("pattern", policy.pattern_rates), ("logger", policy.logger_rates)):
        yield from (f"  {kind} {name}: {_rate(rate)}" for name, rate in rates.items())
    slow = f" of patterns above {policy.min_rate:g} a second; all of the others" if policy.min_rate else ""
    for rate, names in groupby(policy.severity_rates.items(), key=lambda item: item[1]):
        yield f"  {', '.join(name for name, _ in names)}: {_rate(rate)}{slow}"
    yield f"  whatever is left: {_rate(policy.global_rate)}{slow if policy.global_rate < 1 else ''}"
    if policy.budget is not None:
        yield f"  at most {policy.budget:g} a second of all that is not always sent, shared fairly among patterns"
    yield f"  a pattern whose rate jumps is sent {policy.anomaly_boost:g} times as often"


def _rules(rules: Sequence[Rule]) -> Iterator[str]:
    for number, rule in enumerate(rules, 1):
        name = f" ({rule.name})" if rule.name else ""
        where = " and ".join(map(_condition, rule.conditions)) or "whatever comes here"
        yield f"  {number}. {_effect(rule)}: {where}{name}"


def _effect(rule: Rule) -> str:
    if rule.budget is None:
        return _rate(rule.rate)
    first = "" if rule.rate == 1 else f"{_rate(rule.rate)}, of these "
    return f"{first}at most {rule.budget:g} a second"


def _rate(rate: float) -> str:
    return "none" if rate == 0 else "all" if rate == 1 else f"{rate * 100:.6g} %"


def _condition(condition: Condition) -> str:
    field = f"{condition.field} {condition.key}".rstrip()
    if condition.operator == "exists":
        return f"{field} is {'not ' * condition.negate}there"
    several = isinstance(condition.value, (list, tuple))
    values = [_value(value) for value in (condition.value if several else (condition.value,))]
    shown = " or ".join(values[:_SHOWN]) + (f" or {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")
    verb = {"regex": "matches the regular expression", "equals": "is exactly", "in": "is exactly"}
    return f"{field} {verb.get(condition.operator, 'is')} {'not ' * condition.negate}{shown}"


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_json(policy: Policy) -> Mapping[str, Any]:
    """The policy's fields, without those of a gate that it does not speak of."""
    found: dict[str, Any] = {"name": policy.name, "revision": policy.revision}
    if policy.traces is not None:
        found["traces"] = {"budget": policy.traces.budget, "rules": [_rule_json(each) for each in policy.traces.rules]}
    if policy.logs is not None:
        names = ("global_rate", "budget", "min_rate", "anomaly_boost")
        rates = {name: dict(getattr(policy.logs, name)) for name in ("severity_rates", "pattern_rates", "logger_rates")}
        plain = {name: getattr(policy.logs, name) for name in names}
        found["logs"] = {**rates, **plain, "rules": [_rule_json(each) for each in policy.logs.rules]}
    return {**found, "ignored": list(policy.ignored)}


def _rule_json(rule: Rule) -> dict[str, Any]:
    conditions = [
        {"field": each.field, "key": each.key, "operator": each.operator, "value": each.value, "negate": each.negate}
        for each in rule.conditions
    ]
    return {"name": rule.name, "conditions": conditions, "rate": rule.rate, "budget": rule.budget}

"""A `LogPolicy` as one question: which rate has a record of this pattern, severity and logger?

What a rule asks of pattern, severity, logger, service and resource is answered once; what it asks of
a record's body, event name or attributes is left as tests, to be tried on each record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from sys import float_info
from typing import TYPE_CHECKING, Any, NamedTuple

from tidegate.errors import ConfigurationError
from tidegate.gate.logs.severities import severity_name
from tidegate.gate.policy import Condition, LogPolicy, LogRule
from tidegate.records import SEVERITIES

if TYPE_CHECKING:
    from tidegate.gate.policies.matching import Predicate

#: Gives a record's value of ("body", ""), ("event_name", "") or ("attribute", key); None where it has none.
Field = Callable[[str, str], Any]

#: Asked of each record, since records of one pattern differ in them.
_VARYING = frozenset(("body", "event_name", "attribute"))

_SPELLINGS = {"WARN": "WARNING", "FATAL": "CRITICAL"}


class Rate(NamedTuple):
    """``value`` from 0 to 1; ``explicit`` when it was chosen for this pattern or logger or by a rule,
    and so holds for rare patterns too; ``rule`` is the index of the rule that gave it, or -1."""

    value: float
    explicit: bool = False
    rule: int = -1


Tests = Sequence[tuple[str, str, "Predicate"]]

#: Rates to be tried in order; the last has no tests.
Alternatives = list[tuple[Tests, Rate]]


class _Rule(NamedTuple):
    rate: Rate
    fixed: Tests
    varying: Tests


class Rates:
    """``policy`` compiled. Raises ConfigurationError for numbers out of range and expressions that are wrong."""

    def __init__(self, policy: LogPolicy, resource: Mapping[str, Any]) -> None:
        check(policy)
        self._policy = policy
        rules = [_compile_rule(index, rule, resource) for index, rule in enumerate(policy.rules)]
        self._rules = [rule for rule in rules if rule is not None]
        self._severities = _by_severity(policy.severity_rates)
        self._patterns = _globs("template", policy.pattern_rates)
        self._loggers = _globs("logger", policy.logger_rates)

    def find(self, pattern_id: str, template: str, severity: int, logger: str) -> Alternatives:
        """The rates that a record may have; the last one holds when no earlier one's tests do."""
        if not self._rules:
            return [((), self._without_rules(pattern_id, template, severity, logger))]
        known = {"pattern": pattern_id, "template": template, "logger": logger, "severity": _spellings(severity)}
        found: Alternatives = []
        for rule in self._rules:
            if all(holds(known[field]) for field, _, holds in rule.fixed):
                found.append((rule.varying, rule.rate))
                if not rule.varying:
                    return found
        return [*found, ((), self._without_rules(pattern_id, template, severity, logger))]

    def _without_rules(self, pattern_id: str, template: str, severity: int, logger: str) -> Rate:
        policy = self._policy
        chosen = policy.pattern_rates.get(pattern_id)
        if chosen is None:
            chosen = _look_up(template, policy.pattern_rates, self._patterns)
        if chosen is None:
            chosen = _look_up(logger, policy.logger_rates, self._loggers)
        if chosen is not None:
            return Rate(float(chosen), explicit=True)
        return Rate(float(self._severities.get(severity_name(severity), policy.global_rate)))


def check(policy: LogPolicy) -> None:
    """Raise ConfigurationError for a number that is none or out of its range."""
    rates = {f"severity_rates[{name!r}]": rate for name, rate in policy.severity_rates.items()}
    rates |= {f"pattern_rates[{name!r}]": rate for name, rate in policy.pattern_rates.items()}
    rates |= {f"logger_rates[{name!r}]": rate for name, rate in policy.logger_rates.items()}
    rates |= {f"rules[{index}].rate": rule.rate for index, rule in enumerate(policy.rules)}
    rates["global_rate"] = policy.global_rate
    for name, rate in rates.items():
        _within(name, rate, 0.0, 1.0, "a share of the records, from 0 (drop) to 1 (keep)")
    budgets = {f"rules[{index}].budget": rule.budget for index, rule in enumerate(policy.rules)}
    for name, budget in {**budgets, "budget": policy.budget}.items():
        if budget is not None:
            _within(name, budget, 0.0, float_info.max, "records per second, 0 or more")
    _within("min_rate", policy.min_rate, 0.0, float_info.max, "records per second, 0 or more")
    _within("anomaly_boost", policy.anomaly_boost, 1.0, float_info.max, "a factor, 1 or more")


def _within(name: str, value: Any, lowest: float, highest: float, rule: str) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not lowest <= value <= highest:
        raise ConfigurationError(f"{name} is {value!r}: it must be {rule}. Correct it in the policy for logs.")


def _by_severity(rates: Mapping[str, float]) -> dict[str, float]:
    """By severity's name; ERROR and above have no rate, whatever is said of them."""
    names = {spelling: name for name, spelling in _SPELLINGS.items()}
    found: dict[str, float] = {}
    for spelling, rate in rates.items():
        name = names.get(spelling.upper(), spelling.upper())
        if name not in SEVERITIES:
            raise ConfigurationError(
                f"severity_rates has {spelling!r}: severities are {', '.join(SEVERITIES)}. Use one of these names."
            )
        found[name] = rate
    return found


def _spellings(severity: int) -> tuple[str, ...]:
    """What a rule may call a severity: its name, the standard library's name, its number."""
    name = severity_name(severity)
    return tuple(spelling for spelling in (name, _SPELLINGS.get(name), str(severity)) if spelling)


def _compile_rule(index: int, rule: LogRule, resource: Mapping[str, Any]) -> _Rule | None:
    """What is left to ask of patterns and of records; None when the resource already does not match."""
    fixed: list[tuple[str, str, Predicate]] = []
    varying: list[tuple[str, str, Predicate]] = []
    for condition in rule.conditions:
        try:
            holds = _predicate(condition)
        except ValueError as error:
            raise ConfigurationError(f"rules[{index}], condition on {condition.field!r}: {error}") from error
        if condition.field in {"service", "resource"}:
            if not holds(resource.get("service.name" if condition.field == "service" else condition.key)):
                return None
        else:
            tests = varying if condition.field in _VARYING else fixed
            tests.append((condition.field, condition.key, holds))
    return _Rule(Rate(float(rule.rate), explicit=True, rule=index), fixed, varying)


def _predicate(condition: Condition) -> Predicate:
    from tidegate.gate.policies.matching import predicate  # most policies have neither rules nor globs

    return predicate(condition)


def _globs(field: str, rates: Mapping[str, float]) -> list[tuple[Predicate, float]]:
    """Names with ``*`` or ``?``, the longest first."""
    names = sorted((name for name in rates if "*" in name or "?" in name), key=len, reverse=True)
    return [(_predicate(Condition(field, name)), rates[name]) for name in names]


def _look_up(text: str, exact: Mapping[str, float], globs: Sequence[tuple[Predicate, float]]) -> float | None:
    if text in exact:
        return exact[text]
    return next((rate for holds, rate in globs if holds(text)), None)

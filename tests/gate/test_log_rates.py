from __future__ import annotations

from typing import Any

import pytest

from log_gating import DEBUG, ERROR, INFO, TRACE, WARN
from tidegate.errors import ConfigurationError
from tidegate.gate.logs.rates import Rate, Rates
from tidegate.gate.logs.severities import severity_name
from tidegate.gate.policy import Condition, LogPolicy, LogRule

ID = "0123456789abcdef0123456789abcdef"
TEMPLATE = "User <*> logged in"
RESOURCE = {"service.name": "shop", "host.name": "h1"}


def _rate(policy: LogPolicy, severity: int = INFO, logger: str = "app.db.pool", template: str = TEMPLATE) -> Rate:
    return Rates(policy, RESOURCE).find(ID, template, severity, logger)[-1][1]


@pytest.mark.parametrize(
    ("severity", "rate"), [(TRACE, 0.05), (DEBUG, 0.05), (8, 0.05), (INFO, 0.2), (12, 0.2), (WARN, 0.5), (16, 0.5)]
)
def test_the_built_in_table_knows_every_number_of_a_severity(severity: int, rate: float) -> None:
    assert _rate(LogPolicy(), severity) == Rate(rate)


@pytest.mark.parametrize("severity", [0, -1, INFO])
def test_the_global_rate_is_for_severities_without_one(severity: int) -> None:
    assert _rate(LogPolicy(severity_rates={"DEBUG": 0.1}, global_rate=0.7), severity) == Rate(0.7)


def test_severities_may_be_named_as_the_standard_library_does() -> None:
    assert _rate(LogPolicy(severity_rates={"warning": 0.3, "critical": 0.1}), WARN) == Rate(0.3)


@pytest.mark.parametrize("name", [ID, TEMPLATE, "User*", "*logged in", "User <?> *"])
def test_a_pattern_has_its_rate_by_id_template_or_glob(name: str) -> None:
    assert _rate(LogPolicy(pattern_rates={name: 0.01})) == Rate(0.01, explicit=True)


@pytest.mark.parametrize("name", ["User", "user*", "logged in", ID[:8]])
def test_a_name_that_is_not_the_patterns_gives_it_no_rate(name: str) -> None:
    assert _rate(LogPolicy(pattern_rates={name: 0.01})) == Rate(0.2)


def test_the_id_wins_over_the_template_and_the_template_over_globs() -> None:
    rates = {"*": 0.1, TEMPLATE: 0.2, ID: 0.3}
    found = [_rate(LogPolicy(pattern_rates=dict(list(rates.items())[:number]))).value for number in (1, 2, 3)]
    assert found == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("rates", [{"*": 0.1, "app.*": 0.2, "app.db.*": 0.3}, {"app.db.*": 0.3, "app.*": 0.2}])
def test_of_several_globs_the_longest_holds(rates: dict[str, float]) -> None:
    assert _rate(LogPolicy(logger_rates=rates)) == Rate(0.3, explicit=True)


def test_a_loggers_name_wins_over_globs() -> None:
    assert _rate(LogPolicy(logger_rates={"app.db.pool": 0.9, "app.db.*********": 0.1})).value == 0.9


def test_a_pattern_wins_over_a_logger_and_a_rule_over_both() -> None:
    policy = LogPolicy(pattern_rates={"User*": 0.1}, logger_rates={"app*": 0.2})
    assert _rate(policy).value == 0.1
    rule = LogRule((Condition("logger", "app*"),), rate=0.9)
    assert _rate(LogPolicy(pattern_rates={"User*": 0.1}, rules=(rule,))) == Rate(0.9, explicit=True, rule=0)


@pytest.mark.parametrize(
    "condition",
    [
        Condition("logger", "app.db.*"),
        Condition("template", "*logged in"),
        Condition("pattern", ID, "equals"),
        Condition("severity", "INFO"),
        Condition("severity", ["INFO", "DEBUG"], "in"),
        Condition("severity", "9", "equals"),
        Condition("severity", "WARNING", negate=True),
        Condition("service", "sh?p"),
        Condition("resource", "h1", "equals", "host.name"),
        Condition("resource", key="host.name", operator="exists"),
        Condition("resource", key="cloud", operator="exists", negate=True),
    ],
)
def test_a_rule_may_ask_for_what_a_pattern_has(condition: Condition) -> None:
    policy = LogPolicy(rules=(LogRule((condition,), rate=0.42),))
    assert _rate(policy).value == 0.42
    opposite = Condition(condition.field, condition.value, condition.operator, condition.key, not condition.negate)
    assert _rate(LogPolicy(rules=(LogRule((opposite,), rate=0.42),))).value == 0.2


def test_all_conditions_of_a_rule_must_hold() -> None:
    conditions = (Condition("logger", "app*"), Condition("severity", "DEBUG"))
    assert _rate(LogPolicy(rules=(LogRule(conditions, rate=0.42),))).value == 0.2


def test_the_first_rule_that_holds_decides() -> None:
    rules = (LogRule((Condition("logger", "x"),), 0.1), LogRule((), 0.2), LogRule((), 0.3))
    assert _rate(LogPolicy(rules=rules)) == Rate(0.2, explicit=True, rule=1)


def test_what_is_asked_of_a_record_is_left_to_be_tried() -> None:
    rules = (
        LogRule((Condition("attribute", "x", key="user"), Condition("logger", "app*")), 0.1),
        LogRule((Condition("body", "x"), Condition("logger", "other*")), 0.9),
        LogRule((Condition("severity", "INFO"),), 0.3),
    )
    first, last = Rates(LogPolicy(rules=rules), RESOURCE).find(ID, TEMPLATE, INFO, "app")
    assert [(name, key) for name, key, _ in first[0]] == [("attribute", "user")]
    assert (first[1].value, last[0], last[1].value) == (0.1, [], 0.3)


def test_rules_with_globs_see_all_of_a_body_as_text() -> None:
    rule = LogRule((Condition("body", "*42*"),), 0.1)
    ((tests, _), _) = Rates(LogPolicy(rules=(rule,)), RESOURCE).find(ID, TEMPLATE, INFO, "app")
    holds: Any = tests[0][2]
    assert [holds(body) for body in ("it is 42", 42, b"42", None, {"a": 1})] == [True, True, True, False, False]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), float("inf"), "1", None, True, 10**400])
@pytest.mark.parametrize("place", ["severity", "pattern", "logger", "rule", "global"])
def test_a_rate_is_between_0_and_1(place: str, wrong: Any) -> None:
    policy = {
        "severity": LogPolicy(severity_rates={"INFO": wrong}),
        "pattern": LogPolicy(pattern_rates={"a": wrong}),
        "logger": LogPolicy(logger_rates={"a": wrong}),
        "rule": LogPolicy(rules=(LogRule(rate=wrong),)),
        "global": LogPolicy(global_rate=wrong),
    }[place]
    with pytest.raises(ConfigurationError, match=f"{place}.* is .*: it must be a share of the records"):
        Rates(policy, {})


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (LogPolicy(budget=-1), "budget is -1: it must be records per second, 0 or more"),
        (LogPolicy(rules=(LogRule(budget=float("nan")),)), r"rules\[0\].budget is nan"),
        (LogPolicy(min_rate=-1), "min_rate is -1"),
        (LogPolicy(anomaly_boost=0.5), "anomaly_boost is 0.5: it must be a factor, 1 or more"),
        (LogPolicy(severity_rates={"LOUD": 1}), "severity_rates has 'LOUD': severities are TRACE, DEBUG"),
        (LogPolicy(rules=(LogRule((Condition("body", "(", "regex"),)),)), r"rules\[0\], condition on 'body'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_rule(policy: LogPolicy, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Rates(policy, {})


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, ""), (1, "TRACE"), (5, "DEBUG"), (12, "INFO"), (13, "WARN"), (ERROR, "ERROR"), (99, "FATAL")],
)
def test_severities_have_names(number: int, name: str) -> None:
    assert severity_name(number) == name

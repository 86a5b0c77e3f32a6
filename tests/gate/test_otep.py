"""Telemetry Policies (OTEP 4738) become rules, the most restrictive first, and what cannot be obeyed is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.document import parse
from tidegate.gate.policies.matching import predicate
from tidegate.gate.policy import SEVERITY_RATES, Condition, LogRule, Policy, TraceRule


def log(id: str, keep: Any, *matchers: dict[str, Any], **others: Any) -> dict[str, Any]:
    match = matchers or ({"log_field": "body", "exact": id},)
    return {"id": id, "name": id, "log": {"match": list(match), "keep": keep, **others}}


def trace(id: str, keep: Any, *matchers: dict[str, Any]) -> dict[str, Any]:
    return {"id": id, "name": id, "trace": {"match": list(matchers), "keep": keep}}


def read(*policies: dict[str, Any]) -> Policy:
    return parse(json.dumps({"policies": policies}), "p.json")


def log_rules(*policies: dict[str, Any]) -> tuple[LogRule, ...]:
    found = read(*policies)
    assert found.logs
    return found.logs.rules


def trace_rules(*policies: dict[str, Any]) -> tuple[TraceRule, ...]:
    found = read(*policies)
    assert found.traces
    return found.traces.rules


def log_condition(**matcher: Any) -> Condition:
    return log_rules(log("a", "none", matcher))[0].conditions[0]


def trace_condition(**matcher: Any) -> Condition:
    return trace_rules(trace("a", "none", matcher))[0].conditions[0]


def ignored(*policies: dict[str, Any]) -> str:
    """Why these are not obeyed, beside one that is."""
    found = read(*policies, log("good", "none"))
    assert found.logs
    assert [rule.name for rule in found.logs.rules] == ["good"]
    (reason,) = found.ignored
    return reason


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(log("a", "none")),
        json.dumps([log("a", "none")]),
        json.dumps({"policies": [log("a", "none")], "hash": "x"}),
        "id: a\nname: a\nlog:\n  match:\n  - {log_field: body, exact: a}\n  keep: none\n",
    ],
    ids=["one", "a list", "a provider's answer", "yaml"],
)
def test_one_policy_and_several_are_read(text: str) -> None:
    found = parse(text, "p.txt")
    assert found.logs
    assert found.logs.rules == (LogRule((Condition("body", "a", "equals"),), 0, name="a"),)


@pytest.mark.parametrize(
    ("keep", "rate", "budget"),
    [
        ("all", 1, None),
        ("none", 0, None),
        (True, 1, None),
        (False, 0, None),
        ("5%", 0.05, None),
        ("12.5%", 0.125, None),
        ("100/s", 1, 100),
        ("30/m", 1, 0.5),
        ({"percentage": 5}, 0.05, None),
        ({"percentage": 5, "mode": "equalizing"}, 0.05, None),
        ({"percentage": 0}, 0, None),
        ({"percentage": 100, "sampling_precision": 4}, 1, None),
    ],
)
def test_keep_becomes_a_rate_or_a_budget(keep: Any, rate: float, budget: float | None) -> None:
    (rule,) = log_rules(log("a", keep))
    assert (rule.rate, rule.budget) == (rate, budget)
    assert read(log("a", keep)).ignored == ()


def test_the_most_restrictive_is_tried_first_whatever_the_order() -> None:
    policies = [log(keep, keep) for keep in ("all", "50%", "10/m", "5%", "100/s", "none", "7/s")]
    for order in (policies, policies[::-1], sorted(policies, key=str)):
        assert [rule.name for rule in log_rules(*order)] == ["none", "7/s", "100/s", "10/m", "5%", "50%", "all"]


def test_equal_ones_are_tried_by_their_id() -> None:
    assert [rule.name for rule in log_rules(log("b", "5%"), log("a", "5%"))] == ["a", "b"]
    assert len(log_rules(log("a", "5%"), log("a", "5%", {"log_field": "body", "exact": "x"}))) == 2


def test_traces_and_logs_go_to_their_gates() -> None:
    found = read(log("a", "none"), trace("b", {"percentage": 0}, {"trace_field": "name", "exact": "x"}))
    assert found.logs
    assert found.traces
    assert [rule.name for rule in found.logs.rules] == ["a"]
    assert found.traces.rules == (TraceRule((Condition("name", "x", "equals"),), 0, name="b"),)


def test_what_no_policy_matches_follows_the_built_in_table() -> None:
    found = read(log("a", "none"))
    assert found.traces is None
    assert found.logs
    assert found.logs.severity_rates == SEVERITY_RATES


@pytest.mark.parametrize(
    ("matcher", "meant"),
    [
        ({"log_field": "LOG_FIELD_BODY", "exact": "a"}, Condition("body", "a", "equals")),
        ({"log_field": "event_name", "exists": True}, Condition("event_name", None, "exists")),
        ({"log_field": "event_name", "exists": False}, Condition("event_name", None, "exists", negate=True)),
        ({"log_field": "severity_text", "exact": "WARNING"}, Condition("severity", "WARN", "equals")),
        (
            {"log_field": "severity_text", "exact": "ERROR", "negate": True},
            Condition("severity", "ERROR", "equals", negate=True),
        ),
        ({"log_attribute": "user.id", "exact": "7"}, Condition("attribute", "7", "equals", "user.id")),
        ({"log_attribute": ["user.id"], "exact": "7"}, Condition("attribute", "7", "equals", "user.id")),
        ({"log_attribute": {"segments": ["user.id"]}, "exact": "7"}, Condition("attribute", "7", "equals", "user.id")),
        ({"resource_attribute": "service.name", "exact": "shop"}, Condition("service", "shop", "equals")),
        ({"resource_attribute": "host.name", "exact": "a"}, Condition("resource", "a", "equals", "host.name")),
        ({"log_field": "body", "regex": "cache (hit|miss)"}, Condition("body", "cache (hit|miss)", "regex")),
    ],
)  # fmt: skip
def test_matchers_of_logs_become_conditions(matcher: dict[str, Any], meant: Condition) -> None:
    assert log_condition(**matcher) == meant


@pytest.mark.parametrize(
    ("matcher", "meant"),
    [
        ({"trace_field": "TRACE_FIELD_NAME", "exact": "a"}, Condition("name", "a", "equals")),
        ({"span_attribute": "http.route", "exact": "/a"}, Condition("attribute", "/a", "equals", "http.route")),
        ({"span_kind": "SPAN_KIND_SERVER"}, Condition("kind", "SERVER", "equals")),
        ({"span_kind": "client", "exists": True}, Condition("kind", "CLIENT", "equals")),
        ({"span_kind": "client", "negate": True}, Condition("kind", "CLIENT", "equals", negate=True)),
        ({"span_kind": "client", "exists": False}, Condition("kind", "CLIENT", "equals", negate=True)),
    ],
)
def test_matchers_of_traces_become_conditions(matcher: dict[str, Any], meant: Condition) -> None:
    assert trace_condition(**matcher) == meant


@pytest.mark.parametrize(
    ("comparison", "holds", "fails"),
    [
        ({"exact": "a.b"}, ["a.b"], ["a.b ", "axb", "A.B"]),
        ({"exact": "a.b", "case_insensitive": True}, ["A.b"], ["a.bc", "a.b\n"]),
        ({"starts_with": "a."}, ["a.b"], ["ab", " a.b"]),
        ({"ends_with": ".b"}, ["a.b"], ["ab", "a.b\n"]),
        ({"contains": "(b"}, ["a (b)"], ["a b"]),
        ({"contains": "B", "case_insensitive": True}, ["abc"], ["ac"]),
        ({"regex": "b+"}, ["abbc"], ["ac"]),
        ({"regex": "b+", "negate": True}, ["ac"], ["abbc"]),
        ({"contains": "*"}, ["a*b"], ["ab"]),
    ],
)
def test_comparisons_hold_as_they_say(comparison: dict[str, Any], holds: list[str], fails: list[str]) -> None:
    test = predicate(log_condition(log_field="body", **comparison))
    assert all(map(test, holds))
    assert not any(map(test, fails))


def test_all_matchers_of_a_policy_must_hold() -> None:
    matchers = ({"log_field": "body", "exact": "a"}, {"log_attribute": "b", "exists": True})
    assert len(log_rules(log("a", "none", *matchers))[0].conditions) == 2


def test_a_disabled_policy_does_not_exist() -> None:
    found = read({**log("a", "none"), "enabled": False}, log("b", "none"))
    assert found.logs
    assert [rule.name for rule in found.logs.rules] == ["b"]
    assert found.ignored == ()


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"id": "x", "name": "x", "metric": {"match": [], "keep": False}}, "metrics are not sampled here"),
        ({"id": "x", "name": "x"}, "exactly one of log, trace, metric"),
        ({**log("x", "none"), "trace": {}}, "exactly one of log, trace, metric"),
        ({"name": "x", "log": {"match": [], "keep": "none"}}, "'id' is missing"),
        ({"id": "x", "log": {"match": [{"log_field": "body", "exact": "a"}], "transform": {}}}, "has no 'keep'"),
        ({"id": "x", "log": {"match": [], "keep": "none"}}, "at least one matcher"),
        ({"id": "x", "log": {"keep": "none"}}, "'match' is missing"),
        (log("x", "some"), "it must be all, none"),
        (log("x", "101%"), "log.keep is '101%'"),
        (log("x", "-5%"), "log.keep is '-5%'"),
        (log("x", {"percentage": 101}), "from 0 to 100"),
        (log("x", {"percentage": True}), "from 0 to 100"),
        (log("x", {}), "keep is empty"),
        (log("x", 5), "keep is 5"),
        (log("x", "none", {"log_field": "trace_id", "exact": "a"}), "cannot be looked at here"),
        (log("x", "none", {"scope_attribute": "a", "exact": "a"}), "cannot be looked at here"),
        (log("x", "none", {"log_attribute": ["a", "b"], "exact": "a"}), "nested"),
        (log("x", "none", {"log_field": "body"}), "exactly one field and one of"),
        (log("x", "none", {"log_field": "body", "exact": "a", "regex": "b"}), "exactly one field and one of"),
        (log("x", "none", {"log_field": "body", "gt": 5}), "exactly one field and one of"),
        (log("x", "none", {"log_field": "body", "exact": "a", "negate": "yes"}), "true or false"),
        (log("x", "none", {"log_field": "body", "regex": "(a"}), "'(a'"),
        (log("x", "none", {"log_field": "body", "regex": "(a+)+$"}), "'(a+)+$'"),
        (log("x", "none", {"log_field": "severity_text", "exact": "ERROR"}), "is always kept"),
        (trace("x", "none", {"span_status": "ERROR", "exists": True}), "not known in time"),
        (trace("x", "none", {"event_name": "exception", "exists": True}), "not known in time"),
        ({"id": "x", "trace": 5}, "is 5"),
        (trace("x", "none", {"trace_field": "scope_name", "exact": "a", "negate": True}), "cannot be looked at here"),
        (
            trace("x", "none", {"span_kind": "SERVR", "negate": True}),
            "'SERVR' is no kind of span; did you mean 'SERVER'?",
        ),
        (log("x", "none", {"log_field": "severity_text", "exact": "INF", "negate": True}), "'INF' is no severity"),
        ({**log("x", "none"), "enabled": "false"}, "enabled is 'false'; it must be true or false"),
        ({**log("x", "none"), "enabled": 0}, "enabled is 0; it must be true or false"),
    ],
)
def test_what_cannot_be_obeyed_is_told_and_the_others_are(policy: dict[str, Any], reason: str) -> None:
    told = ignored(policy)
    assert reason in told
    assert "line 1: " in told


def test_what_is_told_names_the_policy_and_its_line() -> None:
    text = json.dumps({"policies": [log("good", "none"), {"id": "cpu", "metric": {}}]}, indent=1)
    (reason,) = parse(text, "p.json").ignored
    line = 1 + next(number for number, line in enumerate(text.splitlines()) if "metric" in line)
    assert reason == f"policy 'cpu', line {line}: metrics are not sampled here."


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        (log("a", "5%", transform={"redact": []}), "'transform' is not done here"),
        (log("a", "5%", sample_key="x"), "'sample_key' is not done here"),
        ({**log("a", "5%"), "extensions": []}, "'extensions' is not done here"),
        (log("a", {"percentage": 5, "mode": "hash_seed"}), "'mode'; the trace's own randomness decides"),
    ],
)
def test_what_is_beside_the_rule_is_told_and_the_rule_obeyed(policy: dict[str, Any], what: str) -> None:
    found = read(policy)
    assert found.logs
    assert found.logs.rules[0].rate == 0.05
    assert what in found.ignored[0]


@pytest.mark.parametrize("own", ["traces", "logs"])
def test_our_own_words_beside_policies_are_refused(own: str) -> None:
    with pytest.raises(
        ConfigurationError, match=f"'{own}' would not be obeyed beside 'policies'; write one of the two"
    ):
        parse(json.dumps({"policies": [log("a", "none")], own: {"budget": 5}}), "p.json")


def test_what_is_beside_the_policies_is_told() -> None:
    found = parse(json.dumps({"policies": [log("a", "none")], "hash": "5f"}), "p.json")
    assert found.ignored == ("line 1: 'hash' is not done here.",)


@pytest.mark.parametrize("policies", [[], [{"id": "x", "metric": {}}], [{**log("a", "none"), "enabled": False}], [5]])
def test_a_document_of_which_nothing_can_be_obeyed_is_refused(policies: list[Any]) -> None:
    with pytest.raises(ConfigurationError, match="none of its policies can be obeyed"):
        parse(json.dumps({"policies": policies}), "p.json")


def test_too_many_policies_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at most 1,000"):
        read(*(log(str(number), "none") for number in range(1001)))


def test_policies_that_are_no_list_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="it must be a list of policies"):
        parse('{"policies": {}}', "p.json")

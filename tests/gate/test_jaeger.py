"""Jaeger's sampling strategies become a policy for traces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.document import parse
from tidegate.gate.policies.matching import compile_trace_rules
from tidegate.gate.policy import Policy, TracePolicy

#: What Jaeger answers, with every field there is (its own JSON writes defaults and nulls).
PER_OPERATION = {
    "strategyType": "PROBABILISTIC",
    "probabilisticSampling": {"samplingRate": 0.5},
    "rateLimitingSampling": None,
    "operationSampling": {
        "defaultSamplingProbability": 0.2,
        "defaultLowerBoundTracesPerSecond": 0.0166,
        "perOperationStrategies": [
            {"operation": "GET /health", "probabilisticSampling": {"samplingRate": 0}},
            {"operation": "GET /*", "probabilisticSampling": {"samplingRate": 1}},
        ],
        "defaultUpperBoundTracesPerSecond": 0,
    },
}

#: The example of Jaeger's documentation.
STRATEGIES = {
    "service_strategies": [
        {
            "service": "foo",
            "type": "probabilistic",
            "param": 0.8,
            "operation_strategies": [
                {"operation": "op1", "type": "probabilistic", "param": 0.2},
                {"operation": "op2", "type": "probabilistic", "param": 0.4},
            ],
        },
        {"service": "bar", "type": "ratelimiting", "param": 5},
    ],
    "default_strategy": {
        "type": "probabilistic",
        "param": 0.5,
        "operation_strategies": [
            {"operation": "/health", "type": "probabilistic", "param": 0.0},
            {"operation": "op1", "type": "probabilistic", "param": 0.9},
        ],
    },
}


def read(document: Any) -> Policy:
    return parse(json.dumps(document), "jaeger")


def traces(document: Any) -> TracePolicy:
    found = read(document).traces
    assert found
    return found


def rate(policy: TracePolicy, name: str, service: str = "") -> tuple[float, float | None]:
    """Rate and budget of what a span of this name gets."""
    rule = policy.rules[compile_trace_rules(policy.rules, service)(name, "SERVER", {})]
    return rule.rate, rule.budget


def test_a_probability_is_a_rate_for_all() -> None:
    policy = traces({"strategyType": "PROBABILISTIC", "probabilisticSampling": {"samplingRate": 0.25}})
    assert rate(policy, "x") == (0.25, None)


def test_a_limit_is_the_budget() -> None:
    policy = traces({"strategyType": "RATE_LIMITING", "rateLimitingSampling": {"maxTracesPerSecond": 100}})
    assert policy == TracePolicy(100, ())


def test_operations_have_rates_of_their_own() -> None:
    policy = traces(PER_OPERATION)
    assert [rate(policy, name)[0] for name in ("GET /health", "GET /*", "GET /a")] == [0, 1, 0.2]


def test_the_lower_bound_that_rules_do_not_have_is_told() -> None:
    assert read(PER_OPERATION).ignored == (
        "line 1: defaultLowerBoundTracesPerSecond is not obeyed, as rules have no lower bound.",
    )


def test_an_upper_bound_is_a_budget() -> None:
    operations = {"defaultSamplingProbability": 0.2, "defaultUpperBoundTracesPerSecond": 3}
    assert rate(traces({"operationSampling": operations}), "x") == (0.2, 3)


def test_nothing_is_said_of_logs() -> None:
    assert read(PER_OPERATION).logs is None


@pytest.mark.parametrize(
    ("service", "name", "meant"),
    [
        ("foo", "op1", (0.2, None)),
        ("foo", "op2", (0.4, None)),
        ("foo", "/health", (0, None)),
        ("foo", "other", (0.8, None)),
        ("bar", "other", (1, 5)),
        ("bar", "/health", (0, None)),
        ("bar", "op1", (0.9, None)),
        ("else", "/health", (0, None)),
        ("else", "op1", (0.9, None)),
        ("else", "other", (0.5, None)),
    ],
)
def test_a_file_of_strategies_means_what_it_means_to_jaeger(
    service: str, name: str, meant: tuple[float, float | None]
) -> None:
    assert rate(traces(STRATEGIES), name, service) == meant


def test_a_file_without_a_default_means_one_in_a_thousand() -> None:
    strategies = [{"service": "foo", "type": "probabilistic", "param": 1}]
    assert rate(traces({"service_strategies": strategies}), "x", "else") == (0.001, None)
    assert rate(traces({"service_strategies": [], "default_strategy": None}), "x") == (0.001, None)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"strategyType": "PROBABILISTIC"}, "it says nothing about sampling"),
        ({"strategyType": "PROBABILISTIC", "probabilisticSampling": None}, "it says nothing about sampling"),
        ({"probabilisticSampling": {}}, "probabilisticSampling is empty"),
        ({"probabilisticSampling": {"samplingRate": 1.5}}, "probabilisticSampling.samplingRate is 1.5"),
        ({"probabilisticSampling": {"samplingRate": None}}, "probabilisticSampling.samplingRate is empty"),
        ({"rateLimitingSampling": {"maxTracesPerSecond": -1}}, "maxTracesPerSecond is -1"),
        ({"rateLimitingSampling": {"other": 1}}, "has no 'maxTracesPerSecond'"),
        ({"operationSampling": {"perOperationStrategies": []}}, "has no 'defaultSamplingProbability'"),
        ({"operationSampling": {"perOperationStrategies": 5}}, "perOperationStrategies is 5; it must be a list"),
        ({"operationSampling": {"perOperationStrategies": [{"operation": "a"}]}}, "has no 'probabilisticSampling'"),
        ({"default_strategy": {"type": "const", "param": 1}}, "it must be probabilistic or ratelimiting"),
        ({"default_strategy": {"type": "probabilistic", "param": "1"}}, "default_strategy.param is '1'"),
        ({"default_strategy": {}}, "default_strategy is empty"),
        ({"service_strategies": [{"type": "probabilistic", "param": 1}]}, "has no 'service'"),
        ({"service_strategies": [{"service": "a", "param": 1}]}, "neither a type nor operation_strategies"),
    ],
)
def test_what_jaeger_would_not_write_is_refused(document: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(document)
    assert str(refused.value).startswith("jaeger, line 1: ")
    assert said in str(refused.value)


def test_so_many_strategies_that_they_multiply_are_refused() -> None:
    common = [{"operation": str(number), "type": "probabilistic", "param": 1} for number in range(1500)]
    services = [{"service": str(number), "type": "probabilistic", "param": 1} for number in range(1500)]
    default = {"type": "probabilistic", "param": 1, "operation_strategies": common}
    with pytest.raises(ConfigurationError, match="more than 2,000 strategies"):
        read({"service_strategies": services, "default_strategy": default})


@pytest.mark.parametrize("strategies", [{"service_strategies": []}, {"probabilisticSampling": {"samplingRate": 0.5}}])
@pytest.mark.parametrize("own", ["traces", "logs"])
def test_our_own_words_beside_strategies_are_refused(strategies: dict[str, Any], own: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{own}' would not be obeyed beside '{next(iter(strategies))}'"):
        read({**strategies, own: {"budget": 5}})


def test_what_is_beside_the_strategies_is_told() -> None:
    assert read({"service_strategies": [], "colour": 1}).ignored == ("line 1: 'colour' is not done here.",)

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import SpanKind

from sampling import Clock, Service, estimate, is_sampled, remote, start
from tidegate.errors import ConfigurationError
from tidegate.gate import DROP_HEALTH_CHECKS, AdaptiveSampler
from tidegate.gate.policy import Condition, Policy, TracePolicy, TraceRule
from tidegate.record.processors import RecordingSampler

KEEP = Decision.RECORD_AND_SAMPLE


def kept(sampler: AdaptiveSampler, name: str = "GET /", seed: int = 0, **options: Any) -> bool:
    """Whether one more trace is kept."""
    trace_id = random.Random(f"{seed}").getrandbits(128)
    return sampler.should_sample(None, trace_id, name, **options).decision is KEEP


def run(sampler: AdaptiveSampler, clock: Clock, *, rate: float, seconds: float, names: Any = None) -> Counter[str]:
    """Traces at a steady rate; how many were kept of each name."""
    source, found = random.Random(7), Counter[str]()
    for number in range(int(rate * seconds)):
        name = names(source, number) if names else "GET /"
        if sampler.should_sample(None, source.getrandbits(128), name).decision is KEEP:
            found[name] += 1
        clock.now += 1 / rate
    return found


def test_below_the_budget_everything_is_kept() -> None:
    clock = Clock()
    assert run(AdaptiveSampler(100, clock=clock), clock, rate=50, seconds=20).total() == 1000


def test_above_the_budget_as_much_as_it_says_is_kept() -> None:
    clock = Clock()
    assert run(AdaptiveSampler(100, clock=clock), clock, rate=1000, seconds=60).total() == pytest.approx(6000, rel=0.02)


def test_busy_names_do_not_starve_rare_ones() -> None:
    clock = Clock()
    found = run(
        AdaptiveSampler(20, clock=clock),
        clock,
        rate=1000,
        seconds=60,
        names=lambda source, number: "rare" if not number % 500 else "busy",
    )
    assert found["rare"] >= 60
    assert found.total() == pytest.approx(1200, rel=0.05)


def test_routes_of_one_name_are_told_apart() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(20, clock=clock)
    source, found = random.Random(3), Counter[str]()
    for number in range(30_000):
        route = "/rare" if not number % 500 else "/busy"
        result = sampler.should_sample(None, source.getrandbits(128), "GET", attributes={"http.route": route})
        found[route] += result.decision is KEEP
        clock.now += 0.001
    assert found["/rare"] >= 30


@pytest.mark.servers
def test_a_million_names_stay_within_budget_and_memory() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(100, clock=clock, rules=[DROP_HEALTH_CHECKS])
    found = run(sampler, clock, rate=20_000, seconds=50, names=lambda _, number: f"GET /users/{number}")
    assert found.total() == pytest.approx(5000, rel=0.1)
    plan = sampler._gate._plan
    assert plan.common.keys <= 1000
    assert len(plan.match.__self__._memory) <= 1024  # type: ignore[union-attr]


def test_huge_names_and_routes_stay_within_memory() -> None:
    sampler = AdaptiveSampler(rules=[DROP_HEALTH_CHECKS])
    for number in range(100):
        huge = "/" + "x" * 100_000 + str(number)
        sampler.should_sample(None, number, f"GET {huge}", attributes={"http.route": huge})
    plan = sampler._gate._plan
    assert plan.common.keys == 1  # told apart by their beginnings only
    assert not plan.match.__self__._memory  # type: ignore[union-attr]
    assert sampler.counts()["failed"] == 0


def test_the_weights_of_what_is_kept_add_up_to_what_came() -> None:
    clock = Clock()
    service = Service(AdaptiveSampler(50, clock=clock))
    for number in range(20_000):
        start(service, name="rare" if not number % 100 else "busy")
        clock.now += 0.002
    assert estimate(service.spans) == pytest.approx(20_000, rel=0.05)


@pytest.mark.parametrize("jump", [-1e6, -5.0, 5.0, 1e6])
def test_a_clock_that_jumps_costs_neither_much_nor_everything(jump: float) -> None:
    clock = Clock()
    sampler = AdaptiveSampler(100, clock=clock)
    run(sampler, clock, rate=1000, seconds=5)
    clock.now += jump
    assert run(sampler, clock, rate=1000, seconds=5).total() == pytest.approx(500, rel=0.3)


def test_the_budget_can_be_changed_while_running() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(100, clock=clock)
    run(sampler, clock, rate=1000, seconds=5)
    sampler.traces_per_second = 10
    assert run(sampler, clock, rate=1000, seconds=30).total() == pytest.approx(300, rel=0.1)


def test_a_budget_of_zero_keeps_only_what_rules_keep() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(0, [{"match": {"name": "pay"}, "keep": True}], clock=clock)
    found = run(sampler, clock, rate=100, seconds=10, names=lambda _, number: ("pay", "GET /")[number % 2])
    assert found == {"pay": 500}


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "100", None, True, [100]])
def test_a_budget_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"traces_per_second is .*; it must be a number from 0, such as 100"):
        AdaptiveSampler(value)


def test_a_budget_that_is_none_is_refused_while_running() -> None:
    sampler = AdaptiveSampler(5)
    with pytest.raises(ValueError, match="traces_per_second is -1"):
        sampler.traces_per_second = -1
    assert sampler.traces_per_second == 5


HEALTH = ["/health", "/healthz", "/livez", "/readyz", "/ready", "/ping", "/metrics"]


@pytest.mark.parametrize("path", HEALTH)
@pytest.mark.parametrize("key", ["http.route", "url.path", "http.target"])
def test_health_checks_and_scrapes_are_dropped_by_one_line(path: str, key: str) -> None:
    assert not kept(AdaptiveSampler(rules=[DROP_HEALTH_CHECKS]), attributes={key: path})


@pytest.mark.parametrize("name", ["GET /healthz", "HEAD /ready", "grpc.health.v1.Health/Check"])
def test_health_checks_are_known_by_their_spans_names(name: str) -> None:
    assert not kept(AdaptiveSampler(rules=[DROP_HEALTH_CHECKS]), name)


@pytest.mark.parametrize("route", ["/healthcare/patients", "/pingpong", "/users/{id}", "/metrics-of-success"])
def test_what_only_looks_like_a_health_check_is_kept(route: str) -> None:
    assert kept(AdaptiveSampler(rules=[DROP_HEALTH_CHECKS]), attributes={"http.route": route})


@pytest.mark.parametrize(
    "rule",
    [
        TraceRule((Condition("route", "/pay/*"),), 0.0),
        {"match": {"route": "/pay/*"}, "drop": True},
        {"match": {"route": "/pay/*"}, "rate": 0},
        {"match": {"route": "/pay/*"}, "budget": 0},
        {"match": {"attributes": {"http.request.method": "POST"}}, "drop": True},
        {"match": {"kind": "server", "name": "POST *"}, "drop": True},
        {"match": {"service": "shop"}, "drop": True},
        {"match": {"resource": {"env": "prod"}}, "drop": True},
    ],
    ids=str,
)
def test_a_rule_drops_what_it_matches_and_nothing_else(rule: Any) -> None:
    attributes = {"http.route": "/pay/{id}", "http.method": "POST"}
    options: dict[str, Any] = {"kind": SpanKind.SERVER, "attributes": attributes}
    assert not kept(
        AdaptiveSampler(rules=[rule], service="shop", resource={"env": "prod"}), "POST /pay/{id}", **options
    )
    assert kept(AdaptiveSampler(rules=[rule]), "GET /", attributes={"http.route": "/"})


def test_the_first_rule_that_matches_decides() -> None:
    rules = [{"match": {"name": "GET /a"}, "keep": True}, {"match": {"name": "GET /*"}, "drop": True}]
    sampler = AdaptiveSampler(0, rules)
    assert [kept(sampler, name) for name in ("GET /a", "GET /b")] == [True, False]


def test_a_rate_keeps_that_share_and_says_so() -> None:
    service = Service(AdaptiveSampler(0, [{"match": {"name": "GET *"}, "rate": 0.25}]))
    for _ in range(4000):
        start(service)
    assert len(service.spans) == pytest.approx(1000, rel=0.1)
    assert {span.context.trace_state.to_header() for span in service.spans if span.context} == {"ot=th:c"}


def test_a_rules_budget_is_apart_from_the_common_one() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(20, [{"match": {"name": "pay"}, "budget": 5}], clock=clock)
    found = run(sampler, clock, rate=1000, seconds=60, names=lambda source, _: source.choice(("pay", "GET /")))
    assert found == {"pay": pytest.approx(300, rel=0.1), "GET /": pytest.approx(1200, rel=0.05)}


def test_what_rules_keep_counts_against_the_common_budget() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(100, [{"match": {"name": "pay"}, "keep": True}], clock=clock)
    found = run(sampler, clock, rate=1000, seconds=60, names=lambda _, number: "GET /" if number % 20 else "pay")
    assert found["pay"] == 3000
    assert found.total() == pytest.approx(6000, rel=0.05)


@pytest.mark.parametrize(
    "rule",
    [
        {"match": {"route": "/x"}},
        {"match": {"route": "/x"}, "rate": 2},
        {"match": {"colour": "red"}, "drop": True},
        {"match": {"name": {"regex": "(a+)+"}}, "drop": True},
        {"match": {"name": object()}, "drop": True},
        {"match": {"route": "/x"}, "drop": True, "keep": True},
        TraceRule(rate=2.0),
        TraceRule(rate=math.nan),
        TraceRule(budget=-1.0),
        TraceRule(budget=math.inf),
        "drop",
        5,
        None,
    ],
    ids=str,
)
def test_a_rule_that_is_wrong_is_refused(rule: Any) -> None:
    with pytest.raises(ConfigurationError):
        AdaptiveSampler(rules=[rule])


def test_rules_may_learn_of_the_process_later() -> None:
    sampler = AdaptiveSampler(rules=[{"match": {"service": "shop", "resource": {"env": "prod"}}, "drop": True}])
    before = kept(sampler)
    sampler.identify({"service.name": "shop", "env": "prod"})
    assert (before, kept(sampler)) == (True, False)


def policy(budget: float | None = None, *rules: TraceRule) -> Policy:
    return Policy(TracePolicy(budget, rules))


def test_a_policy_replaces_the_budget() -> None:
    sampler = AdaptiveSampler(100)
    sampler.apply(policy(7))
    assert sampler.traces_per_second == 7


def test_a_policy_without_a_budget_leaves_the_samplers_own() -> None:
    sampler = AdaptiveSampler(100, policy=policy(7))
    sampler.apply(policy())
    assert sampler.traces_per_second == 100


def test_a_policy_that_says_nothing_of_traces_leaves_everything_as_it_was_made() -> None:
    sampler = AdaptiveSampler(100, [{"match": {"name": "x"}, "drop": True}])
    sampler.apply(policy(7, TraceRule(rate=0.0)))
    sampler.apply(Policy())
    assert (sampler.traces_per_second, kept(sampler), kept(sampler, "x")) == (100, True, False)


def test_a_policys_rules_come_before_the_samplers_own() -> None:
    sampler = AdaptiveSampler(0, [{"match": {"name": "GET *"}, "drop": True}])
    sampler.apply(policy(None, TraceRule((Condition("name", "GET /pay"),))))
    assert [kept(sampler, name) for name in ("GET /pay", "GET /")] == [True, False]


def test_a_policy_that_is_wrong_changes_nothing() -> None:
    sampler = AdaptiveSampler(100, policy=policy(7))
    with pytest.raises(ValueError, match="regular expression"):
        sampler.apply(policy(9, TraceRule((Condition("name", "[", "regex"),))))
    assert sampler.traces_per_second == 7


def test_a_policy_read_again_does_not_start_its_budgets_anew() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(10, clock=clock)
    source, count = random.Random(1), 0
    for number in range(10_000):
        if not number % 10:
            sampler.apply(policy(10, TraceRule((Condition("name", "pay"),), budget=5.0)))
        name = source.choice(("pay", "GET /"))
        count += sampler.should_sample(None, source.getrandbits(128), name).decision is KEEP
        clock.now += 0.001
    assert count == pytest.approx(150, rel=0.2)


def test_every_decision_is_counted_by_its_reason() -> None:
    sampler = AdaptiveSampler(0, [{"match": {"name": "a"}, "keep": True}, {"match": {"name": "b"}, "drop": True}])
    service = Service(sampler)
    for name in ("a", "b", "c"):
        start(service, name=name)
    start(service, remote(5, sampled=False))
    with service.tracer.start_as_current_span("a"):
        start(service)
    assert {reason: count for reason, count in sampler.counts().items() if count} == {
        "kept_by_rule": 2,
        "dropped_by_rule": 1,
        "dropped_by_budget": 1,
        "kept_by_parent": 1,
        "dropped_by_parent": 1,
    }


def test_the_description_names_the_budget() -> None:
    sampler = AdaptiveSampler(5, [{"match": {"name": "a"}, "keep": True}])
    assert sampler.get_description() == "AdaptiveSampler{traces_per_second=5,rules=1}"


def test_the_description_names_the_parent() -> None:
    assert AdaptiveSampler(parent_based=True).get_description().startswith("ParentBased{root:AdaptiveSampler{")


@pytest.mark.parametrize(
    "wrong",
    [
        {"trace_id": "1"},
        {"trace_id": None},
        {"name": ["unhashable"]},
        {"attributes": [1, 2]},
        {"attributes": {"http.route": ["unhashable"]}},
        {"parent_context": {"current-span": object()}},
        {"trace_state": "ot=th:8"},
        {"kind": []},
    ],
    ids=str,
)
def test_nothing_that_is_wrong_with_a_span_raises(wrong: dict[str, Any]) -> None:
    arguments = {"parent_context": None, "trace_id": 1, "name": "GET /", **wrong}
    sampler = AdaptiveSampler(rules=[{"match": {"kind": "CLIENT", "attributes": {"x": "y"}}, "drop": True}])
    assert isinstance(sampler.should_sample(**arguments).decision, Decision)


@pytest.mark.parametrize("name", [None, 5, ["GET /"], object(), "x" * 10_000_000, type("Text", (str,), {})("GET /")])
@pytest.mark.parametrize("route", ["/", None, 5, ["/a", "/b"], b"/a", "x" * 10_000_000])
def test_rules_and_budget_hold_for_names_and_routes_of_any_kind(name: Any, route: Any) -> None:
    attributes = {"http.route": route, "env": "test"}
    sampler = AdaptiveSampler(0, [{"match": {"attributes": {"env": "prod"}, "name": "*"}, "keep": True}])
    assert not kept(sampler, name, attributes=attributes)
    assert kept(sampler, name, attributes={**attributes, "env": "prod"})
    assert sampler.counts()["dropped_by_budget"] == sampler.counts()["kept_by_rule"] == 1


def test_names_whose_text_cannot_be_had_are_judged_too() -> None:
    class Silent:
        def __str__(self) -> str:
            raise OSError

    sampler = AdaptiveSampler(0)
    assert not kept(sampler, Silent(), attributes={"http.route": Silent()})  # type: ignore[arg-type]
    assert sampler.counts()["dropped_by_budget"] == 1


def test_a_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    sampler = AdaptiveSampler(clock=lambda: 1 / 0)
    for seed in range(3):
        kept(sampler, seed=seed)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("tidegate", "WARNING")
    assert "the sampler failed to judge a trace" in record.getMessage()
    assert "ZeroDivisionError: division by zero" in record.getMessage()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clock": None}, "clock is None; it must be a function that tells seconds"),
        ({"policy": "policy.yaml"}, "policy is 'policy.yaml'; it must be a tidegate.gate.policy.Policy. Set"),
        ({"policy": {"traces": {"budget": 5}}}, "it must be a tidegate.gate.policy.Policy"),
        ({"resource": 5}, "resource is 5; it must be a mapping of attributes such as"),
        ({"service": None}, "service is None; it must be the service's name, as text"),
        ({"max_keys": 0}, "max_keys is 0; it must be a whole number from 1"),
        ({"max_keys": "10"}, "max_keys is '10'; it must be a whole number from 1"),
        ({"rules": [TraceRule(rate="1")]}, "a rule's rate is '1'"),  # type: ignore[arg-type]
        ({"rules": [TraceRule(budget="1")]}, "a rule's budget is '1'"),  # type: ignore[arg-type]
        ({"rules": [TraceRule(conditions=({"name": "x"},))]}, "a rule's conditions are"),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_an_argument_that_is_wrong_is_refused_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        AdaptiveSampler(**arguments)
    assert message in str(refused.value)


def test_a_policy_that_is_none_is_refused_while_running() -> None:
    with pytest.raises(ConfigurationError, match=r"policy is 'policy\.yaml'; it must be"):
        AdaptiveSampler().apply("policy.yaml")  # type: ignore[arg-type]


def test_a_clock_that_fails_leaves_a_plain_ratio() -> None:
    def clock() -> float:
        raise OSError

    sampler = AdaptiveSampler(clock=clock)
    count = sum(kept(sampler, seed=seed) for seed in range(10_000))
    assert count == pytest.approx(100, rel=0.5)
    assert sampler.counts()["failed"] == 10_000


def test_attributes_are_kept_when_a_decision_fails() -> None:
    sampler = AdaptiveSampler(clock=lambda: 1 / 0)
    assert sampler.should_sample(None, 1, "GET /", attributes={"a": 1}).attributes == {"a": 1}


@pytest.mark.parametrize("context", [None, remote(5, sampled=False), remote((1 << 56) - 1), remote(5, state="ot=th:8")])
@pytest.mark.parametrize("budget", [0, 100])
def test_a_spans_attributes_are_always_there(context: Any, budget: float) -> None:
    result = AdaptiveSampler(budget).should_sample(context, 5, "GET /", attributes={"a": 1})
    assert result.attributes == {"a": 1}


def test_spans_that_are_recorded_though_dropped_have_their_attributes_and_foreign_state() -> None:
    service = Service(RecordingSampler(AdaptiveSampler(0)))
    span = service.tracer.start_span("GET /", remote(5, state="ot=th:0;x:1,a=b"), attributes={"a": 1})
    assert (span.is_recording(), is_sampled(span.get_span_context())) == (True, False)
    assert span.attributes == {"a": 1}  # type: ignore[attr-defined]
    assert span.get_span_context().trace_state.to_header() == "ot=x:1,a=b"


def test_spans_that_are_recorded_and_kept_have_their_threshold() -> None:
    service = Service(RecordingSampler(AdaptiveSampler(100)))
    assert start(service).trace_state.to_header() == "ot=th:0"


def test_the_budgets_of_a_large_policy_go_on_when_its_order_changes() -> None:
    rules = tuple(TraceRule((Condition("name", f"GET /{number}"),), budget=5.0) for number in range(1000))
    sampler = AdaptiveSampler(100, policy=policy(100, *rules))
    plan = sampler._gate._plan
    sampler.apply(policy(100, *rules[::-1]))
    assert [lane.budget for lane in sampler._gate._plan.lanes[:-1]] == [lane.budget for lane in plan.lanes[-2::-1]]

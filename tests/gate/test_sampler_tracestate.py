"""What goes on to other services: thresholds, randomness, and what belongs to others."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sampling import Clock, Service, estimate, is_sampled, remote, start
from tidegate.gate import AdaptiveSampler
from tidegate.gate.threshold import MAX, adjusted_count
from tidegate.gate.traces.entries import LONGEST_S, MOST
from tidegate.gate.traces.tracestate import parse

HALF = 1 << 55  # a trace id whose randomness is just enough for a probability of 1/2
RV = f"{MAX - 1:014x}"


def header(context: SpanContext) -> str:
    return context.trace_state.to_header()


def keeps(sampler: AdaptiveSampler, trace_id: int) -> bool:
    return sampler.should_sample(None, trace_id, "GET /").decision is Decision.RECORD_AND_SAMPLE


def following() -> Service:
    return Service(AdaptiveSampler(0, parent_based=True))


def thinning(rate: float = 1.0) -> Service:
    """A service of whose traces a rule keeps this share, whatever they are."""
    return Service(AdaptiveSampler(0, [{"rate": rate}]))


def test_what_is_certain_says_so() -> None:
    assert header(start(thinning(1.0))) == "ot=th:0"


def test_what_is_dropped_says_nothing() -> None:
    context = start(thinning(0.0))
    assert (is_sampled(context), header(context)) == (False, "")


def test_a_trace_is_kept_when_its_randomness_reaches_the_threshold() -> None:
    sampler = AdaptiveSampler(0, [{"rate": 0.5}])
    assert [keeps(sampler, trace_id) for trace_id in (HALF - 1, HALF)] == [False, True]


def test_the_high_bits_of_a_trace_id_say_nothing() -> None:
    sampler = AdaptiveSampler(0, [{"rate": 0.5}])
    assert not keeps(sampler, (0xFFFFFFFF << 96) + HALF - 1)


def test_local_children_have_their_parents_threshold() -> None:
    service = thinning()
    with service.tracer.start_as_current_span("parent") as parent:
        child = start(service)
    assert header(child) == header(parent.get_span_context()) == "ot=th:0"


def test_local_children_of_what_is_dropped_are_dropped() -> None:
    service = thinning(0.0)
    with service.tracer.start_as_current_span("parent"):
        assert not is_sampled(start(service))


@pytest.mark.parametrize("make", [following, thinning])
def test_a_remote_parents_threshold_and_everything_else_goes_on(make: Any) -> None:
    state = f"ot=th:8;rv:{RV};p:1,vendor=a;b,x@y=z"
    assert header(start(make(), remote(1, state=state))) == state


@pytest.mark.parametrize("make", [following, thinning])
def test_what_a_remote_parent_dropped_stays_dropped(make: Any) -> None:
    assert not is_sampled(start(make(), remote(MAX - 1, sampled=False)))


@pytest.mark.parametrize("make", [following, thinning])
def test_the_threshold_of_what_was_dropped_is_removed(make: Any) -> None:
    context = start(make(), remote(5, sampled=False, state=f"a=b,ot=x:1;th:8;rv:{RV},c=d"))
    assert header(context) == f"ot=rv:{RV};x:1,a=b,c=d"


@pytest.mark.parametrize("make", [following, thinning])
def test_of_an_unknown_probability_nothing_is_claimed(make: Any) -> None:
    context = start(make(), remote(5, state="a=b"))
    assert (is_sampled(context), header(context)) == (True, "a=b")


@pytest.mark.parametrize("make", [following, thinning])
def test_a_threshold_that_contradicts_the_sampled_flag_is_erased(make: Any) -> None:
    context = start(make(), remote(HALF - 1, state="a=b,ot=th:8;x:1"))
    assert (is_sampled(context), header(context)) == (True, "ot=x:1,a=b")


@pytest.mark.parametrize("make", [following, thinning])
@pytest.mark.parametrize("ot", ["th:zz", "th:", "th:8;th:8", "th:8;rv:1", "th:8;rv:00000000000000"])
def test_a_malformed_or_contradictory_ot_leaves_nothing_but_its_randomness(make: Any, ot: str) -> None:
    context = start(make(), remote(5, state=f"ot={ot},a=b"))
    assert (is_sampled(context), parse(context.trace_state.get("ot", "")).threshold) == (True, None)
    assert context.trace_state["a"] == "b"


@pytest.mark.parametrize(("trace_id", "rv", "expected"), [(1, RV, True), (MAX - 1, "0" * 14, False)])
def test_explicit_randomness_comes_before_the_trace_id(trace_id: int, rv: str, expected: bool) -> None:
    assert is_sampled(start(thinning(0.5), remote(trace_id, state=f"ot=th:0;rv:{rv}"))) is expected


def test_a_threshold_is_only_ever_raised() -> None:
    raised, kept = (start(thinning(0.5), remote(MAX - 1, state=f"ot=th:{th}")) for th in ("4", "c"))
    assert (header(raised), header(kept)) == ("ot=th:8", "ot=th:c")


def test_a_changed_member_is_the_first_as_w3c_asks() -> None:
    assert header(start(thinning(0.5), remote(MAX - 1, state="a=b,ot=th:4;x:1,c=d"))) == "ot=th:8;x:1,a=b,c=d"


def test_a_full_tracestate_stays_whole() -> None:
    foreign = [f"k{number}=v" for number in range(31)]
    context = start(thinning(0.5), remote(MAX - 1, state=",".join([*foreign, "ot=th:4"])))
    assert header(context) == ",".join(["ot=th:8", *foreign])


def test_where_there_is_no_room_no_threshold_is_claimed() -> None:
    rest = "x:" + "y" * 249
    context = start(thinning(0.9), remote(MAX - 1, state=f"ot=th:1;{rest}"))
    assert (is_sampled(context), header(context)) == (True, f"ot={rest}")


def test_a_state_given_without_a_parent_brings_its_randomness() -> None:
    sampler = AdaptiveSampler(0, [{"rate": 0.5}])
    state = TraceState([("a", "b"), ("ot", f"rv:{RV};th:f")])
    result = sampler.should_sample(None, 0, "GET /", trace_state=state)
    assert result.trace_state is not None
    assert result.trace_state.to_header() == f"ot=th:8;rv:{RV},a=b"


def test_a_full_state_given_without_a_parent_loses_its_last_member() -> None:
    state = TraceState([(f"k{number}", "v") for number in range(32)])
    result = AdaptiveSampler().should_sample(None, 0, "GET /", trace_state=state)
    assert list(result.trace_state or ()) == ["ot", *(f"k{number}" for number in range(31))]


def test_an_invalid_parent_is_none() -> None:
    invalid = set_span_in_context(NonRecordingSpan(SpanContext(0, 0, is_remote=True, trace_flags=TraceFlags(0))))
    assert header(start(thinning(), invalid)) == "ot=th:0"


def test_a_parent_of_another_sampler_is_followed_in_its_process() -> None:
    local = SpanContext(5, 6, is_remote=False, trace_flags=TraceFlags(1), trace_state=TraceState([("a", "b")]))
    context = start(Service(AdaptiveSampler(0)), set_span_in_context(NonRecordingSpan(local)))
    assert (is_sampled(context), header(context)) == (True, "a=b")


members = st.text(alphabet="abthrv012;:=. \u00e9\t,", max_size=40)


@given(ot=members, other=members, sampled=st.booleans(), trace_id=st.integers(min_value=1, max_value=(1 << 128) - 1))
def test_no_junk_in_a_tracestate_is_an_error(ot: str, other: str, sampled: bool, trace_id: int) -> None:
    for sampler in (AdaptiveSampler(1000), AdaptiveSampler(0, parent_based=True)):
        context = start(Service(sampler), remote(trace_id, sampled=sampled, state=f"ot={ot},{other}"))
        assert sampler.counts()["failed"] == 0
        found = parse(context.trace_state.get("ot", ""))
        random_ = found.randomness if found.randomness is not None else trace_id % MAX
        assert found.threshold is None or (is_sampled(context) and random_ >= found.threshold)


def call(caller: Service, callee: Service, name: str = "GET /") -> None:
    """One request that goes from one service to the other by HTTP's headers."""
    carrier: dict[str, str] = {}
    with caller.tracer.start_as_current_span(name):
        TraceContextTextMapPropagator().inject(carrier)
    start(callee, TraceContextTextMapPropagator().extract(carrier), name)


def thresholds(service: Service) -> dict[int, int]:
    """By trace id; what is unknown counts as below all."""
    found = {}
    for span in service.spans:
        assert span.context
        threshold = parse(span.context.trace_state.get("ot", "")).threshold
        found[span.context.trace_id] = -1 if threshold is None else threshold
    return found


def test_a_service_with_less_budget_keeps_a_part_of_what_the_one_before_it_kept() -> None:
    clock = Clock()
    front, back = (Service(AdaptiveSampler(rate, clock=clock), seed) for seed, rate in enumerate((100, 20)))
    for _ in range(30_000):
        call(front, back)
        clock.now += 0.002
    kept = {
        span.context.trace_id: parse(span.context.trace_state["ot"]).threshold for span in front.spans if span.context
    }
    for span in back.spans:
        assert span.context
        threshold = parse(span.context.trace_state["ot"]).threshold
        assert threshold is not None
        assert threshold >= (kept[span.context.trace_id] or 0)
    assert len(front.spans) == pytest.approx(6000, rel=0.03)
    assert len(back.spans) == pytest.approx(1200, rel=0.1)
    assert estimate(front.spans) == pytest.approx(30_000, rel=0.05)
    assert estimate(back.spans) == pytest.approx(30_000, rel=0.1)


def kept_weight(sampler: AdaptiveSampler, trace_id: int, state: str, name: str = "call") -> float:
    """For how many spans one that comes in stands; 0 when it is dropped."""
    result = sampler.should_sample(remote(trace_id, state=state), trace_id, name)
    if result.decision is not Decision.RECORD_AND_SAMPLE:
        return 0.0
    threshold = parse(result.trace_state.get("ot", "") if result.trace_state else "").threshold
    assert threshold is not None
    return adjusted_count(threshold)


def entries(clock: Clock, seed: int, rate: float, times: int, delay: float) -> Iterator[tuple[int, int]]:
    """For a minute, ids of traces that come in several times, and which time it is; the clock goes along."""
    source, waiting = random.Random(seed), list[tuple[float, int, int]]()
    end = clock.now + 60
    for _ in range(int(60 * rate)):
        at, trace_id = end - 60 * source.random(), source.getrandbits(128)
        waiting += [(at + number * delay * source.expovariate(1), number, trace_id) for number in range(times)]
    for clock.now, number, trace_id in sorted(waiting):
        yield trace_id, number


@pytest.mark.parametrize(("rate", "times", "delay"), [(100, 5, 0.002), (100, 5, 0.05), (60, 10, 0.2)])
def test_weights_are_true_where_traces_come_in_several_times(rate: float, times: int, delay: float) -> None:
    errors = []
    for seed in range(4):
        clock = Clock()
        sampler = AdaptiveSampler(30, clock=clock)
        total = sum(
            kept_weight(sampler, trace_id, "ot=th:0") for trace_id, _ in entries(clock, seed, rate, times, delay)
        )
        errors.append(total / (int(60 * rate) * times) - 1)
    assert abs(sum(errors)) / 4 < 0.02


def test_a_trace_that_comes_in_several_times_is_kept_or_dropped_as_a_whole_and_paid_once() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(30, clock=clock)
    found: dict[int, set[float]] = {}
    for trace_id, number in entries(clock, 1, 100, 5, 0.05):
        found.setdefault(trace_id, set()).add(kept_weight(sampler, trace_id, "ot=th:0", f"call {number}"))
    assert {len(weights) for weights in found.values()} == {1}
    assert sum(0 not in weights for weights in found.values()) == pytest.approx(30 * 60, rel=0.05)


def test_entries_of_different_thresholds_are_judged_by_one_chance() -> None:
    """The one with the lower threshold is the first where the other was dropped on its way."""
    clock = Clock()
    sampler = AdaptiveSampler(30, clock=clock)
    counted = came = 0.0
    for number in range(20_000):
        trace_id = random.Random(number).getrandbits(128)
        clock.now += 0.005
        came += 1
        if trace_id % MAX >= MAX // 2:
            kept_weight(sampler, trace_id, "ot=th:8")
        counted += kept_weight(sampler, trace_id, "ot=th:0")
    assert counted == pytest.approx(came, rel=0.03)


@pytest.mark.parametrize("names", [("GET /", "GET /"), ("GET /", "GET /other")])
def test_a_trace_that_comes_back_is_kept_as_it_went_out(names: tuple[str, str]) -> None:
    clock = Clock()
    front, back = Service(AdaptiveSampler(10, clock=clock)), Service(AdaptiveSampler(1e6, clock=clock), seed=2)
    for _ in range(5000):
        with front.tracer.start_as_current_span(names[0]) as span:
            context = span.get_span_context()
        clock.now += 0.01
        if is_sampled(context):
            trace_id, state = context.trace_id, context.trace_state.to_header()
            between = start(back, remote(trace_id, state=state))
            again = start(front, remote(trace_id, state=between.trace_state.to_header()), names[1])
            assert is_sampled(again)
            assert again.trace_state.to_header() == state
    assert len(front.spans) == pytest.approx(2 * 500, rel=0.05)


def test_what_came_in_and_was_thinned_is_not_thinned_again_when_it_comes_back() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(10, clock=clock)
    for number in range(5000):
        trace_id = random.Random(number).getrandbits(128)
        clock.now += 0.01
        result = sampler.should_sample(remote(trace_id, state="ot=th:0"), trace_id, "call")
        if result.decision is Decision.RECORD_AND_SAMPLE and result.trace_state:
            again = sampler.should_sample(remote(trace_id, state=result.trace_state.to_header()), trace_id, "call")
            assert again.decision is Decision.RECORD_AND_SAMPLE
            assert again.trace_state == result.trace_state


def test_the_budget_of_a_rule_judges_a_trace_though_another_one_let_it_in() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(1000, [{"match": {"name": "dear"}, "budget": 1}], clock=clock)
    kept = 0
    for number in range(6000):
        trace_id = random.Random(number).getrandbits(128)
        clock.now += 0.01
        assert kept_weight(sampler, trace_id, "ot=th:0") == 1
        kept += kept_weight(sampler, trace_id, "ot=th:0", "dear") > 0
    assert kept == pytest.approx(60, rel=0.1)


@pytest.mark.parametrize("gap", [0.0, 0.1, -1.0])
def test_few_traces_are_remembered_and_not_for_long(gap: float) -> None:
    clock = Clock()
    sampler = AdaptiveSampler(10, clock=clock)
    for number in range(20_000):
        clock.now += gap
        sampler.should_sample(remote(number + 1, state="ot=th:0"), number + 1, "call")
        assert len(sampler._gate._entries) <= min(MOST, LONGEST_S / abs(gap) + 2 if gap else MOST)


def test_a_service_with_more_budget_keeps_all_that_the_one_before_it_kept() -> None:
    clock = Clock()
    front, back = (Service(AdaptiveSampler(rate, clock=clock), seed) for seed, rate in enumerate((20, 1000)))
    for _ in range(10_000):
        call(front, back)
        clock.now += 0.002
    assert [header(span.context) for span in back.spans if span.context] == [
        header(span.context) for span in front.spans if span.context
    ]


def test_services_that_do_not_know_of_each_other_keep_the_same_traces() -> None:
    source = random.Random(5)
    ids = [source.getrandbits(128) for _ in range(5000)]
    low, high = (AdaptiveSampler(0, [{"rate": rate}]) for rate in (0.1, 0.3))
    assert {id for id in ids if keeps(low, id)} < {id for id in ids if keeps(high, id)}


def test_the_threshold_is_in_the_headers_of_outgoing_requests() -> None:
    carrier: dict[str, str] = {}
    with thinning().tracer.start_as_current_span("GET /"):
        inject(carrier)
    assert carrier["tracestate"] == "ot=th:0"

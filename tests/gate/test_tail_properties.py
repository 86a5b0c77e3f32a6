"""Whatever comes in whichever order: each span is decided on once, and sent once at most."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from judging import Host, Process
from making import span
from tidegate.gate.threshold import MAX

#: A span: trace, parent, whether that is remote, whether it failed, was sampled, and by which process it is committed.
SPANS = st.tuples(
    st.integers(1, 6).map(lambda number: number * MAX // 7),
    st.integers(0, 2),
    st.booleans(),
    st.sampled_from((False, False, False, True)),
    st.booleans(),
    st.integers(0, 1),
)
#: Blocks of spans, and in between, seconds until the judge looks.
COURSES = st.lists(
    st.one_of(st.lists(SPANS, min_size=1, max_size=6), st.sampled_from((0.0, 0.4, 1.0, 40.0))), max_size=25
)


def ran(course: list[object], **options: object) -> tuple[Host, Counter[tuple[str, int]]]:
    """What the judge made of it, and all places there are."""
    host = Host(**options)
    processes = [Process("shop", "a"), Process("stock", "b")]
    for step in course:
        if isinstance(step, float):
            host.judge(step)
            continue
        assert isinstance(step, list)
        for number, process in enumerate(processes):
            made = [
                span(trace=trace, parent=parent, remote=remote and parent > 0, error=failed, sampled=sampled)
                for trace, parent, remote, failed, sampled, by in step
                if by == number
            ]
            if made:
                host.commit(*made, by=process)
    host.judge(1.0, last=True)
    return host, Counter({(each.segment, number): 1 for each in processes for number in range(each.written)})


@settings(max_examples=150, deadline=None)
@given(COURSES, st.sampled_from((0.0, 2.0, 100.0)))
def test_each_span_is_decided_on_once_and_sent_at_most_once(course: list[object], budget: float) -> None:
    host, there = ran(course, budget=budget)
    sent = Counter(place for judged in host.verdicts for place in judged.spans)
    assert sent <= there
    assert sum(judged.spans_seen for judged in host.verdicts) == there.total()
    assert host.tail.undecided() == {}


@settings(max_examples=100, deadline=None)
@given(COURSES)
def test_within_the_reserve_all_of_a_trace_with_an_error_is_sent(course: list[object]) -> None:
    host, _ = ran(course, budget=1000.0)
    failed = {judged.trace_id for judged in host.verdicts if judged.error}
    errors = {f"{each[0]:032x}" for step in course if isinstance(step, list) for each in step if each[3]}
    assert failed == errors
    whole = sum(f"{each[0]:032x}" in errors for step in course if isinstance(step, list) for each in step)
    assert sum(len(judged.spans) for judged in host.verdicts if judged.trace_id in errors) == whole


@settings(max_examples=100, deadline=None)
@given(COURSES)
def test_small_room_loses_no_span_of_what_is_decided(course: list[object]) -> None:
    host, there = ran(course, max_pending=2, max_spans=3, places=4, verdicts=4, max_keys=1)
    sent = Counter(place for judged in host.verdicts for place in judged.spans)
    assert sent <= there
    assert sum(judged.spans_seen for judged in host.verdicts) == there.total()


@settings(max_examples=50, deadline=None)
@given(COURSES, st.sampled_from(("sampled", "all")))
def test_without_the_gate_each_span_goes_by_its_flag(course: list[object], mode: str) -> None:
    host, there = ran(course, mode=mode)
    sampled = sum(each[4] or mode == "all" for step in course if isinstance(step, list) for each in step)
    assert sum(len(judged.spans) for judged in host.verdicts) == sampled
    assert sum(judged.spans_seen for judged in host.verdicts) == there.total()

"""Reading a trace from top to bottom meets everything once, whatever its parents say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cli.samples import TRACE_ID, log, span, trace
from tidegate.cli.walk import walk
from tidegate.records import Event, Log, Span, Trace


def outline(one: Trace) -> list[str]:
    return [row.guides + (str(row.item.body) if isinstance(row.item, Log) else row.item.name) for row in walk(one)]


def test_children_stand_under_their_parent_by_time() -> None:
    one = trace(
        span("root"),
        span("b", parent="root", start=5),
        span("a", parent="root", start=1),
        span("c", parent="a", start=2),
    )
    assert outline(one) == ["root", "├─ a", "│  ╰─ c", "╰─ b"]


def test_log_records_and_events_stand_between_the_children_by_time() -> None:
    event = Event("retry", span("x", start=6).start_time_unix_nano)
    one = trace(
        span("root", events=[event]),
        span("a", parent="root", start=2),
        span("b", parent="root", start=8),
        logs=(log("before", at=1, under="root"), log("within", at=3, under="a"), log("after", at=9, under="root")),
    )
    assert outline(one) == ["root", "│  before", "├─ a", "│     within", "│  retry", "╰─ b", "   after"]


def test_further_lines_of_a_span_run_beside_its_children() -> None:
    one = trace(span("root"), span("a", parent="root", start=1), span("b", parent="root", start=2))
    assert [row.inside for row in walk(one)] == ["│  ", "│     ", "      "]


def test_a_span_whose_parent_is_not_stored_stands_at_the_top() -> None:
    assert outline(trace(span("root"), span("lost", parent="gone", start=1))) == ["root", "lost"]


def test_spans_whose_parents_form_a_circle_are_shown() -> None:
    assert outline(trace(span("root"), span("a", parent="b", start=1), span("b", parent="a", start=2))) == [
        "root",
        "a",
        "╰─ b",
    ]


def test_a_span_that_is_its_own_parent_is_shown() -> None:
    assert outline(trace(span("self", parent="self"))) == ["self"]


def test_a_log_record_of_a_span_that_is_not_stored_comes_last() -> None:
    assert outline(trace(span("root"), logs=(log("stray", at=0, under="gone"),))) == ["root", "stray"]


def test_a_trace_deeper_than_the_stack_is_walked() -> None:
    spans = [span("0"), *(span(str(depth), parent=str(depth - 1), start=depth) for depth in range(1, 3000))]
    assert len(list(walk(trace(*spans)))) == 3000


names = st.sampled_from("abcdefg")


@given(st.lists(st.tuples(names, names, st.integers(0, 9)), min_size=1, max_size=12), st.lists(names, max_size=5))
def test_everything_is_met_exactly_once(spans: list[tuple[str, str, int]], logs: list[str]) -> None:
    one = Trace(
        TRACE_ID,
        [span(name, parent=parent, start=start, attributes={"n": n}) for n, (name, parent, start) in enumerate(spans)],
        [log(n, under=name) for n, name in enumerate(logs)],
    )
    rows = list(walk(one))
    met_spans = sorted(row.item.attributes["n"] for row in rows if isinstance(row.item, Span))
    met_logs = sorted(row.item.body for row in rows if isinstance(row.item, Log))
    assert (met_spans, met_logs) == (list(range(len(spans))), list(range(len(logs))))


def test_two_spans_of_one_id_are_both_shown() -> None:
    assert outline(trace(span("client", id="a" * 16), span("server", id="a" * 16, start=1))) == ["client", "server"]

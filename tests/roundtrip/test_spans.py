"""Spans made by the SDK come back whole."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from recording import RESOURCE, Recording
from tidegate.record.processors import StoreSpanProcessor
from tidegate.records import SPAN_KINDS, Event, Resource, Scope
from tidegate.records import Link as StoredLink

FAR = SpanContext(
    0x0123456789ABCDEF0123456789ABCDEF, 0xFEDCBA9876543210, is_remote=True,
    trace_flags=TraceFlags(3), trace_state=TraceState([("vendor", "a;b:c"), ("ot", "th:8")]),
)  # fmt: skip


def test_a_span_comes_back_with_its_name_and_times(recording: Recording) -> None:
    recording.tracer.start_span("work ☃", start_time=1_700_000_000_000_000_001).end(1_700_000_000_123_456_789)
    span = recording.span()
    assert (span.name, span.start_time_unix_nano, span.end_time_unix_nano, span.duration_ns) == (
        "work ☃", 1_700_000_000_000_000_001, 1_700_000_000_123_456_789, 123_456_788,
    )  # fmt: skip


def test_a_span_keeps_its_identifiers_and_flags(recording: Recording) -> None:
    made = recording.tracer.start_span("work")
    made.end()
    context, span = made.get_span_context(), recording.span()
    assert (span.trace_id, span.span_id) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert span.flags == context.trace_flags


@pytest.mark.parametrize("kind", list(SpanKind))
def test_a_span_keeps_its_kind(recording: Recording, kind: SpanKind) -> None:
    recording.tracer.start_span("work", kind=kind).end()
    assert recording.span().kind == kind.name
    assert kind.name in SPAN_KINDS


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (Status(), "UNSET", ""),
        (Status(StatusCode.OK), "OK", ""),
        (Status(StatusCode.ERROR, "card declined"), "ERROR", "card declined"),
    ],
    ids=["unset", "ok", "error"],
)
def test_a_span_keeps_its_status(recording: Recording, status: Status, code: str, message: str) -> None:
    span = recording.tracer.start_span("work")
    span.set_status(status)
    span.end()
    assert (recording.span().status_code, recording.span().status_message) == (code, message)


def test_a_span_keeps_attributes_of_every_type(recording: Recording) -> None:
    attributes: dict[str, Any] = {
        "text": "é", "int": 1 << 60, "float": 0.5, "bool": True, "bytes": b"\x00\xff", "none": None,
        "texts": ["a", "b"], "ints": [1, 2], "map": {"deep": [1, {"er": b"x"}]}, "nan-like": "nan",
    }  # fmt: skip
    recording.tracer.start_span("work", attributes=attributes).end()
    assert recording.span().attributes == attributes


def test_a_span_knows_its_parent_of_the_same_process(recording: Recording) -> None:
    with recording.tracer.start_as_current_span("parent"), recording.tracer.start_as_current_span("child"):
        pass
    parent, child = recording.spans()
    assert (child.parent_span_id, child.parent_is_remote, parent.parent_span_id) == (parent.span_id, False, "")


def test_a_span_knows_its_parent_of_another_block(recording: Recording) -> None:
    with recording.tracer.start_as_current_span("parent"):
        recording.tracer.start_span("child").end()
        assert recording.recorder.flush()
    parent, child = recording.spans()
    assert child.parent_span_id == parent.span_id


def test_a_span_knows_a_remote_parent_and_its_trace_state(recording: Recording) -> None:
    context = trace.set_span_in_context(NonRecordingSpan(FAR))
    recording.tracer.start_span("work", context).end()
    span = recording.span()
    assert (span.trace_id, span.parent_span_id, span.parent_is_remote) == (
        "0123456789abcdef0123456789abcdef", "fedcba9876543210", True,
    )  # fmt: skip
    assert span.trace_state == "vendor=a;b:c,ot=th:8"


def test_a_span_keeps_its_events(recording: Recording) -> None:
    span = recording.tracer.start_span("work", start_time=100)
    span.add_event("before", {"n": 1}, timestamp=50)
    span.add_event("within", timestamp=150)
    span.end(200)
    assert recording.span().events == [Event("before", 50, {"n": 1}), Event("within", 150)]


@pytest.mark.parametrize("values", [(1, True), (1, 1.0), (0.0, -0.0)], ids=str)
def test_events_that_python_calls_equal_keep_their_types(recording: Recording, values: tuple[Any, Any]) -> None:
    for value in values:
        span = recording.tracer.start_span("work", start_time=100)
        span.add_event("it", {"n": value}, timestamp=150)
        span.end(200)
    found = [span.events[0].attributes["n"] for span in recording.spans()]
    assert [repr(value) for value in found] == [repr(value) for value in values]


def test_an_exception_is_an_event(recording: Recording) -> None:
    with pytest.raises(ValueError), recording.tracer.start_as_current_span("work"):
        raise ValueError("no such order")
    [event] = recording.span().events
    assert (event.name, event.attributes["exception.type"], event.attributes["exception.message"]) == (
        "exception", "ValueError", "no such order",
    )  # fmt: skip
    assert 'raise ValueError("no such order")' in event.attributes["exception.stacktrace"]


def test_a_span_keeps_its_links(recording: Recording) -> None:
    recording.tracer.start_span("work", links=[Link(FAR, {"reason": "batch"})]).end()
    assert recording.span().links == [
        StoredLink(
            "0123456789abcdef0123456789abcdef", "fedcba9876543210", "vendor=a;b:c,ot=th:8", 3, {"reason": "batch"},
            is_remote=True,
        )
    ]  # fmt: skip


def test_a_span_keeps_its_scope(recording: Recording) -> None:
    tracer = recording.tracers.get_tracer("lib", "1.2.3", "https://example.com/schema/2", {"team": "pay"})
    tracer.start_span("work").end()
    assert recording.span().scope == Scope("lib", "1.2.3", "https://example.com/schema/2", {"team": "pay"})


def test_spans_of_several_scopes_keep_their_own(recording: Recording) -> None:
    for name in ("a", "b", "a", "c"):
        recording.tracers.get_tracer(name).start_span("work").end()
    assert [span.scope.name for span in recording.spans()] == ["a", "b", "a", "c"]


def test_a_span_keeps_its_resource(recording: Recording) -> None:
    recording.tracer.start_span("work").end()
    assert recording.span().resource == Resource(dict(RESOURCE.attributes), "https://example.com/schema/1")


def test_spans_of_another_provider_keep_its_resource(recording: Recording) -> None:
    other = TracerProvider(resource=RESOURCE.merge(RESOURCE.create({"service.name": "pay"})))
    other.add_span_processor(StoreSpanProcessor(recording.recorder))
    recording.tracer.start_span("a").end()
    other.get_tracer("pay").start_span("b").end()
    recording.tracer.start_span("c").end()
    assert sorted((span.name, span.service) for span in recording.spans()) == [
        ("a", "shop"),
        ("b", "pay"),
        ("c", "shop"),
    ]


def test_what_the_limits_dropped_is_counted(recording: Recording) -> None:
    limits = SpanLimits(max_span_attributes=1, max_events=1, max_links=1, max_event_attributes=1, max_link_attributes=1)
    provider = TracerProvider(resource=RESOURCE, span_limits=limits)
    provider.add_span_processor(StoreSpanProcessor(recording.recorder))
    two = {"a": 1, "b": 2}
    span = provider.get_tracer("x").start_span("work", attributes=two, links=[Link(FAR), Link(FAR, two)])
    span.add_event("first")
    span.add_event("second", two)
    span.end()
    found = recording.span()
    assert (found.dropped_attributes_count, found.dropped_events_count, found.dropped_links_count) == (1, 1, 1)
    assert (found.events[0].dropped_attributes_count, found.links[0].dropped_attributes_count) == (1, 1)


@pytest.mark.parametrize(("name", "kept"), [(None, "None"), (17, "17"), (b"x", "b'x'"), ("", "")])
def test_a_name_that_is_no_text_becomes_text(recording: Recording, name: Any, kept: str) -> None:
    recording.tracer.start_span(name).end()
    recording.tracer.start_span("beside").end()
    assert {span.name for span in recording.spans()} == {kept, "beside"}


@pytest.mark.parametrize(
    "name",
    ["\x00", "\ud800", "ab\udfff", "a" * 1_000_000, "\x1b[31m"],
    ids=["nul", "surrogate", "half", "long", "escape"],
)
def test_a_name_of_any_characters_comes_back(recording: Recording, name: str) -> None:
    recording.tracer.start_span(name).end()
    assert recording.span().name == name


def test_a_span_that_ends_before_it_starts_comes_back_so(recording: Recording) -> None:
    recording.tracer.start_span("work", start_time=1000).end(400)
    assert recording.span().duration_ns == -600


@pytest.mark.parametrize("moment", [1, 1 << 62], ids=["long ago", "far future"])
def test_times_of_any_age_come_back(recording: Recording, moment: int) -> None:
    recording.tracer.start_span("odd", start_time=moment).end(moment + 1)
    recording.tracer.start_span("now").end()
    assert moment in [span.start_time_unix_nano for span in recording.spans()]


def test_ten_thousand_attributes_come_back(recording: Recording) -> None:
    provider = TracerProvider(resource=RESOURCE, span_limits=SpanLimits(max_span_attributes=20_000))
    provider.add_span_processor(StoreSpanProcessor(recording.recorder))
    attributes = {f"key.{n}": n for n in range(10_000)}
    provider.get_tracer("x").start_span("work", attributes=attributes).end()
    assert recording.span().attributes == attributes


def test_more_spans_than_a_block_holds_come_back_once(recording: Recording) -> None:
    for number in range(1500):
        recording.tracer.start_span(str(number)).end()
    assert sorted(int(span.name) for span in recording.spans()) == list(range(1500))

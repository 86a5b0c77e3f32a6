"""Rows become the SDK's objects again, which say what those said that were recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

from moving import ODD
from sdk_objects import LOGS, METRICS, RESOURCE, SPANS, active, rows_of
from tidegate.move import columns
from tidegate.records import Log, Metric, Point, Resource, Scope
from tidegate.ship.rebuild import rebuild
from tidegate.ship.wire import Mark, Picked

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

MADE: dict[str, Any] = {
    "spans": st.lists(SPANS, min_size=1, max_size=4),
    "logs": st.lists(LOGS, min_size=1, max_size=4),
    "metrics": METRICS,
}

STANDARD: dict[str, Callable[[Any], Any]] = {"spans": encode_spans, "logs": encode_logs, "metrics": encode_metrics}

EVERY = pytest.mark.parametrize("signal", ["spans", "logs", "metrics"])


def rebuilt(signal: str, made: Any, mark: Mark | None = None) -> Any:
    blocks = rows_of(signal, made)
    return rebuild(
        signal, [Picked(rows, range(rows.count), None if mark is None else [mark] * rows.count) for rows in blocks]
    )


@EVERY
@FEW
@given(data=st.data())
def test_rebuilt_objects_are_sent_as_the_first_ones(said: Callable[..., Any], signal: str, data: st.DataObject) -> None:
    made = data.draw(MADE[signal])
    assert said(signal, STANDARD[signal](rebuilt(signal, made))) == said(signal, STANDARD[signal](made))


def context(span_id: int, *, is_remote: bool = False, state: str = "ot=th:c,vendor=x") -> SpanContext:
    return SpanContext(1, span_id, is_remote, TraceFlags(1), TraceState.from_header([state]))


def span(**fields: Any) -> ReadableSpan:
    return ReadableSpan("s", context=context(2), resource=RESOURCE, start_time=1, end_time=2, **fields)


def test_contexts_keep_their_flags_and_states() -> None:
    [made] = rebuilt("spans", [span(parent=context(3, is_remote=True), links=[Link(context(4, is_remote=True))])])
    assert [made.context, made.parent, made.links[0].context] == [
        context(2),
        context(3, is_remote=True),
        context(4, is_remote=True),
    ]
    assert made.links[0].context.trace_state == TraceState([("ot", "th:c"), ("vendor", "x")])


def test_a_mark_is_seen_by_any_exporter() -> None:
    [made] = rebuilt("spans", [span(attributes={"a": 1})], Mark(0, (("tidegate.sampling.reason", "error"),)))
    assert made.context.trace_state.to_header() == "ot=th:0,vendor=x"
    assert dict(made.attributes) == {"a": 1, "tidegate.sampling.reason": "error"}


def test_equal_resources_and_scopes_of_several_blocks_are_one_object() -> None:
    first, second = rebuild("spans", [Picked(rows_of("spans", [span()])[0], [0]) for _ in range(2)])
    assert first.resource is second.resource
    assert first.instrumentation_scope is second.instrumentation_scope


def test_a_log_record_without_a_trace_gets_none_of_who_sends_it() -> None:
    rows = active(columns.logs([Log(1, 2, Resource(), Scope())]))
    token = attach(set_span_in_context(NonRecordingSpan(context(5)), Context()))
    try:
        [made] = rebuild("logs", [Picked(rows, [0])])
    finally:
        detach(token)
    assert (made.log_record.trace_id, made.log_record.span_id, made.log_record.trace_flags) == (0, 0, 0)


def test_the_points_of_a_summary_are_left_out() -> None:
    point = Point(Metric("old", "summary"), 1, 1, Resource(), Scope(), {"count": 1, "sum": 1.0, "quantile_values": []})
    rows = active(columns.metrics([point]))
    assert rebuild("metrics", [Picked(rows, [0])]).resource_metrics == []


@pytest.mark.parametrize("signal", ["spans", "logs"])
@FEW
@given(data=st.data())
def test_whatever_a_store_holds_becomes_an_object(signal: str, data: st.DataObject) -> None:
    record = data.draw(ODD[signal])
    make: Any = getattr(columns, signal)
    [made] = rebuild(signal, [Picked(active(make([record]), record.resource), [0])])
    assert dict(made.resource.attributes).keys() == record.resource.attributes.keys() - {""}

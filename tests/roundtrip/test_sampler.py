"""`RecordingSampler` lets every span be recorded, and changes nothing of what another sampler decides."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan as Parent
from opentelemetry.trace import SpanContext, TraceFlags, TraceState, set_span_in_context

from recording import RESOURCE, Recording
from tidegate.record.processors import RecordingSampler, StoreSpanProcessor

STATE = TraceState([("vendor", "kept")])


class Stateful(Sampler):
    """Drops, and has something to say about it."""

    def should_sample(self, parent_context: Any, trace_id: int, name: str, *rest: Any, **more: Any) -> SamplingResult:
        return SamplingResult(Decision.DROP, {"why": "no budget"}, STATE)

    def get_description(self) -> str:
        return "Stateful"


def start(recording: Recording, sampler: Sampler, **options: Any) -> Any:
    provider = TracerProvider(resource=RESOURCE, sampler=RecordingSampler(sampler), shutdown_on_exit=False)
    provider.add_span_processor(StoreSpanProcessor(recording.recorder))
    return provider.get_tracer("x").start_span("work", **options)


def test_a_span_that_is_dropped_is_recorded_with_the_callers_attributes(recording: Recording) -> None:
    start(recording, ALWAYS_OFF, attributes={"user": "ann"}).end()
    assert recording.span().attributes == {"user": "ann"}


def test_a_span_that_is_dropped_is_not_sampled(recording: Recording) -> None:
    span = start(recording, ALWAYS_OFF)
    span.end()
    assert (span.get_span_context().trace_flags.sampled, recording.span().flags & TraceFlags.SAMPLED) == (False, 0)


def test_a_span_that_is_dropped_is_not_exported(recording: Recording) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=RecordingSampler(ALWAYS_OFF), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("x").start_span("work").end()
    assert exporter.get_finished_spans() == ()


def test_what_the_sampler_adds_is_kept(recording: Recording) -> None:
    span = start(recording, Stateful(), attributes={"user": "ann"})
    span.end()
    assert recording.span().attributes == {"user": "ann", "why": "no budget"}
    assert (recording.span().trace_state, span.get_span_context().trace_state) == ("vendor=kept", STATE)


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF, ParentBased(ALWAYS_OFF)], ids=["on", "off", "parent"])
def test_the_parents_trace_state_goes_on(recording: Recording, sampler: Sampler) -> None:
    parent = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(0), trace_state=STATE)
    plain = TracerProvider(sampler=sampler, shutdown_on_exit=False).get_tracer("x")
    context = set_span_in_context(Parent(parent))
    expected = plain.start_span("work", context).get_span_context().trace_state
    assert start(recording, sampler, context=context).get_span_context().trace_state == expected


@pytest.mark.parametrize("trace_id", [1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_a_sampled_span_is_as_the_sampler_says(trace_id: int) -> None:
    sampler = TraceIdRatioBased(0.5)
    plain, recording = (
        each.should_sample(None, trace_id, "work", attributes={"a": 1}) for each in (sampler, RecordingSampler(sampler))
    )
    assert (recording.decision is Decision.RECORD_AND_SAMPLE) == (plain.decision is Decision.RECORD_AND_SAMPLE)
    assert recording.decision is not Decision.DROP
    assert dict(recording.attributes) == {"a": 1}


def test_it_says_whom_it_serves() -> None:
    assert RecordingSampler(ALWAYS_OFF).get_description() == "RecordingSampler{AlwaysOffSampler}"

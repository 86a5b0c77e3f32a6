"""What is taken of the SDK's objects when a span ends or a log record is emitted."""

from __future__ import annotations

import gc
import weakref

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from tidegate import otel
from tidegate.record import logs, spans
from tidegate.records import SPAN_KINDS, STATUS_CODES


def test_kinds_and_status_codes_have_the_same_numbers_in_the_api_and_in_a_block() -> None:
    assert [kind.name for kind in sorted(SpanKind, key=lambda kind: kind.value)] == list(SPAN_KINDS)
    assert [code.name for code in sorted(StatusCode, key=lambda code: code.value)] == list(STATUS_CODES)


class _Ended(SpanProcessor):
    def __init__(self) -> None:
        self.span: ReadableSpan | None = None

    def on_end(self, span: ReadableSpan) -> None:
        self.span = span


def _span() -> ReadableSpan:
    ended = _Ended()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ended)
    span = provider.get_tracer("shop").start_span("buy", attributes={"item": 7})
    span.add_event("paid", {"amount": 3})
    span.end()
    assert ended.span is not None
    return ended.span


def test_the_slots_say_what_the_properties_say() -> None:
    taken = spans.taken(_span())
    span = _span()
    assert taken[9:11] == otel.objects._public_span_fields(span)[9:11] == ({"item": 7}, 0)
    assert [len(otel.objects._public_span_fields(span)[place]) for place in (11, 13)] == [1, 0]
    assert len(taken) == len(otel.objects._public_span_fields(span))


def test_a_span_that_was_made_by_hand_is_taken_by_its_properties() -> None:
    taken = spans.taken(ReadableSpan("by hand", attributes={"a": 1}, start_time=5, end_time=9))
    assert (taken[1], taken[5], taken[6], taken[9]) == ("by hand", 5, 9, {"a": 1})


def test_a_queued_span_does_not_hold_the_sdks_objects() -> None:
    span = _span()
    held, taken = weakref.ref(span), spans.taken(span)
    del span
    gc.collect()
    assert held() is None
    assert taken[1] == "buy"


def test_a_queued_log_record_does_not_hold_the_span_in_its_context() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("shop")
    with tracer.start_as_current_span("buy") as span:
        taken = logs.taken(ReadableLogRecord(LogRecord(body="sold"), Resource({})))
    held = weakref.ref(span)
    del span
    gc.collect()
    assert held() is None
    assert taken[6] == "sold"

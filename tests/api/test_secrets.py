"""Masked keys, and exporters that redact in front of those of others."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from tidegate import Match, RedactingLogRecordExporter, RedactingSpanExporter, mask_secret

SECRET = "hunter22"


class Odd:
    """As an array is, which compares to as many answers as it has items."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value is ambiguous")

    def __hash__(self) -> int:
        return 0


EVERYWHERE: dict[str, Any] = {"password": SECRET, "line": "pwd=hunter22", "list": ["pwd=hunter22"], "n": 1}


def test_a_mask_shows_the_first_six_and_the_last_two_characters() -> None:
    assert mask_secret("phx" + "_" + "k" * 30 + "yz") == "phx_kk...yz"


@given(st.text(min_size=1, max_size=23))
def test_nothing_of_a_short_key_is_shown(key: str) -> None:
    assert mask_secret(key) == "***"


@given(st.text(min_size=24))
def test_a_mask_never_shows_more_than_eight_characters(key: str) -> None:
    assert mask_secret(key) == key[:6] + "..." + key[-2:]


@pytest.mark.parametrize(("key", "shown"), [(None, ""), ("", ""), (b"x" * 40, "***"), (17, "***"), (Odd(), "***")])
def test_what_is_no_text_is_masked_as_a_whole(key: object, shown: str) -> None:
    assert mask_secret(key) == shown


def exported_span(**options: Any) -> ReadableSpan:
    sent = InMemorySpanExporter()
    provider = TracerProvider(
        resource=Resource({"service.name": "shop", **EVERYWHERE}),
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_attributes=4, max_events=1, max_links=1),
    )
    provider.add_span_processor(SimpleSpanProcessor(RedactingSpanExporter(sent, **options)))
    links = [Link(SpanContext(1, number, is_remote=False), EVERYWHERE) for number in (1, 2)]
    tracer = provider.get_tracer("lib", attributes=EVERYWHERE)
    span = tracer.start_span("GET /?token=hunter22", attributes={"gone": 1, **EVERYWHERE}, links=links)
    span.add_event("gone")
    span.add_event("pwd=hunter22", EVERYWHERE)
    span.set_status(Status(StatusCode.ERROR, "pwd=hunter22"))
    span.end()
    provider.shutdown()
    (found,) = sent.get_finished_spans()
    return found


def test_a_span_is_exported_without_secrets_in_any_place() -> None:
    shown = exported_span().to_json()
    assert SECRET not in shown
    assert shown.count("[redacted]") > 10


def test_what_the_limits_dropped_is_still_told() -> None:
    span = exported_span()
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (1, 1, 1)


def test_what_is_no_secret_is_exported_as_it_was() -> None:
    span = exported_span()
    assert (span.attributes or {})["n"] == 1
    assert span.resource.attributes["service.name"] == "shop"
    assert (span.status.status_code, span.instrumentation_scope.name) == (StatusCode.ERROR, "lib")  # type: ignore[union-attr]
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.context is not None


def test_the_applications_own_span_is_not_changed() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(RedactingSpanExporter(InMemorySpanExporter())))
    span: Any = provider.get_tracer("lib").start_span("work", attributes=EVERYWHERE)
    span.end()
    assert dict(span.attributes)["password"] == SECRET


def test_further_names_expressions_and_a_callback_are_those_of_the_settings() -> None:
    span = exported_span(keys=["list"], patterns=["li[b]"], callback=lambda match: f"<{match.rule}>")
    attributes = span.attributes or {}
    assert attributes["list"] == "<name of the attribute>"
    assert attributes["line"] == "pwd=<password>"


@pytest.mark.parametrize("exporter", [RedactingSpanExporter, RedactingLogRecordExporter])
def test_an_expression_that_could_take_for_ever_is_refused(exporter: Any) -> None:
    with pytest.raises(ValueError, match="could take for ever"):
        exporter(InMemorySpanExporter(), patterns=["(a+)+b"])


def test_a_callback_may_end_a_span_that_is_exported_by_the_same_exporter() -> None:
    sent = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)

    def look_up(match: Match) -> None:
        provider.get_tracer("lib").start_span("look up").end()

    provider.add_span_processor(SimpleSpanProcessor(RedactingSpanExporter(sent, callback=look_up)))
    provider.get_tracer("lib").start_span("work", attributes=EVERYWHERE).end()
    assert {span.name for span in sent.get_finished_spans()} == {"look up", "work"}


def test_an_export_waits_for_no_other_one_as_a_forked_child_would_for_ever() -> None:
    asked, answered = Event(), Event()

    def decide(match: Match) -> None:
        asked.set()
        answered.wait()

    exporter = RedactingSpanExporter(InMemorySpanExporter(), callback=decide)
    span, other = (TracerProvider(shutdown_on_exit=False).get_tracer("lib").start_span("GET") for _ in range(2))
    span.set_attributes(EVERYWHERE)
    first = Thread(target=exporter.export, args=([span],), daemon=True)
    first.start()
    asked.wait()
    assert exporter.export([other]) is SpanExportResult.SUCCESS  # type: ignore[list-item]
    answered.set()
    first.join()


def test_what_cannot_be_redacted_is_not_exported() -> None:
    sent = InMemorySpanExporter()
    nothing: Any = [object()]
    assert RedactingSpanExporter(sent).export(nothing) is SpanExportResult.FAILURE
    assert sent.get_finished_spans() == ()


@pytest.mark.parametrize("kind", [RedactingSpanExporter, RedactingLogRecordExporter])
def test_what_cannot_be_redacted_is_counted_and_warned_of_once(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    exporter = kind(InMemorySpanExporter())
    for _ in range(2):
        exporter.export([object()])
    assert exporter.failed == 2
    assert [record.getMessage() for record in caplog.records] == [
        "1 records could not be redacted (AttributeError) and are not exported."
    ]


def test_a_log_record_is_exported_without_secrets_in_any_place() -> None:
    sent: Any = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(resource=Resource(EVERYWHERE), shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(RedactingLogRecordExporter(sent)))
    body: Any = {"deep": [{"token": SECRET}], "line": "pwd=hunter22"}
    record = LogRecord(body=body, attributes=EVERYWHERE, event_name="pwd=hunter22", severity_number=SeverityNumber.INFO)
    provider.get_logger("lib").emit(record)
    provider.shutdown()
    (found,) = sent.get_finished_logs()
    assert SECRET not in found.to_json()
    assert found.log_record.severity_number is SeverityNumber.INFO
    assert (record.body, dict(record.attributes or {})["password"]) == (body, SECRET)

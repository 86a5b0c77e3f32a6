"""Log records emitted through the SDK come back whole."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider, LogRecordDroppedAttributesWarning, LogRecordLimits

from recording import RESOURCE, Recording
from tidegate.record.processors import StoreLogRecordProcessor
from tidegate.records import ORIGIN, Origin, Resource, Scope


@pytest.mark.parametrize(
    "body",
    [
        "hello", "", None, 5, 0.5, True, b"\x00\xff", 1 << 80, "\ud800\x00",
        {"a": {"b": [1, None, "c"]}}, ["a", 1, None], {"$bytes": "x"}, {}, [],
    ],
    ids=repr,
)  # fmt: skip
def test_a_body_of_any_kind_comes_back(recording: Recording, body: Any) -> None:
    recording.logger.emit(LogRecord(timestamp=1, body=body))
    found = recording.log().body
    assert (type(found), found) == (type(body), body)


@pytest.mark.parametrize("kept", ["nan", "inf", "-inf"])
def test_a_body_without_a_number_in_JSON_comes_back(recording: Recording, kept: str) -> None:
    recording.logger.emit(LogRecord(body=float(kept)))
    assert str(recording.log().body) == kept


def test_a_body_of_ten_megabytes_comes_back(recording: Recording) -> None:
    recording.logger.emit(LogRecord(body="x" * 10_000_000))
    assert recording.log().body == "x" * 10_000_000


def test_a_body_is_kept_as_it_was_when_logged(recording: Recording) -> None:
    body = {"items": [1]}
    recording.logger.emit(LogRecord(body=body))
    body["items"].append(2)
    assert recording.log().body == {"items": [1]}


def test_a_body_that_contains_itself_ends(recording: Recording) -> None:
    body: dict[str, Any] = {"name": "loop"}
    body["self"] = body
    recording.logger.emit(LogRecord(body=body))
    assert recording.log().body == {"name": "loop", "self": "…"}


def test_a_body_nested_without_end_does_not_harm_the_caller(recording: Recording) -> None:
    body: list[Any] = []
    for _ in range(100_000):
        body = [body]
    recording.logger.emit(LogRecord(body=body))
    assert str(recording.log().body).startswith("[[[")


def test_both_times_come_back(recording: Recording) -> None:
    recording.logger.emit(LogRecord(timestamp=1_700_000_000_000_000_001, observed_timestamp=1_700_000_000_000_000_009))
    log = recording.log()
    assert (log.time_unix_nano, log.observed_time_unix_nano) == (1_700_000_000_000_000_001, 1_700_000_000_000_000_009)


def test_a_record_may_be_observed_before_its_own_time(recording: Recording) -> None:
    recording.logger.emit(LogRecord(timestamp=500, observed_timestamp=400))
    assert (recording.log().time_unix_nano, recording.log().observed_time_unix_nano) == (500, 400)


def test_a_record_without_a_time_of_its_own_has_none(recording: Recording) -> None:
    recording.logger.emit(LogRecord(observed_timestamp=700))
    assert (recording.log().time_unix_nano, recording.log().observed_time_unix_nano) == (0, 700)


def test_a_record_without_a_time_takes_its_place_by_when_it_was_observed(recording: Recording) -> None:
    for time, observed, body in ((500, 500, "a"), (None, 600, "b"), (700, 700, "c")):
        recording.logger.emit(LogRecord(timestamp=time, observed_timestamp=observed, body=body))
    assert [log.body for log in recording.logs()] == ["a", "b", "c"]


@pytest.mark.parametrize("severity", list(SeverityNumber))
def test_every_severity_comes_back(recording: Recording, severity: SeverityNumber) -> None:
    recording.logger.emit(LogRecord(severity_number=severity, severity_text=severity.name))
    assert (recording.log().severity_number, recording.log().severity_text) == (severity.value, severity.name)


def test_a_record_without_a_severity_has_none(recording: Recording) -> None:
    recording.logger.emit(LogRecord(body="plain"))
    assert (recording.log().severity_number, recording.log().severity_text) == (0, "")


def test_an_event_name_comes_back(recording: Recording) -> None:
    recording.logger.emit(LogRecord(event_name="order.placed", body={"id": 7}))
    assert recording.log().event_name == "order.placed"


def test_attributes_come_back(recording: Recording) -> None:
    attributes: dict[str, Any] = {"user": "ann", "n": 1, "deep": {"list": [1, b"x"]}, "none": None}
    recording.logger.emit(LogRecord(attributes=attributes))
    assert recording.log().attributes == attributes


def test_a_record_knows_the_span_it_was_emitted_in(recording: Recording) -> None:
    with recording.tracer.start_as_current_span("work"):
        recording.logger.emit(LogRecord(body="inside"))
    log, span = recording.log(), recording.span()
    assert (log.trace_id, log.span_id, log.flags) == (span.trace_id, span.span_id, span.flags)


def test_a_record_outside_of_spans_has_no_trace(recording: Recording) -> None:
    recording.logger.emit(LogRecord(body="outside"))
    assert (recording.log().trace_id, recording.log().span_id) == ("", "")


def test_an_exception_comes_back_as_attributes(recording: Recording) -> None:
    recording.logger.emit(body="failed", exception=ValueError("no such order"))
    attributes = recording.log().attributes
    assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "no such order")


def test_the_template_and_the_call_site_come_back(recording: Recording) -> None:
    record = LogRecord(body="order 7", attributes={"id": 7})
    setattr(record, ORIGIN, Origin("order %d", "/app/orders.py", 42, "place"))
    recording.logger.emit(record)
    log = recording.log()
    assert log.template == "order %d"
    assert log.attributes == {
        "code.file.path": "/app/orders.py", "code.line.number": 42, "code.function.name": "place", "id": 7,
    }  # fmt: skip


def test_a_call_site_that_the_application_names_is_kept(recording: Recording) -> None:
    record = LogRecord(attributes={"code.function.name": "theirs"})
    setattr(record, ORIGIN, Origin("", "/app/orders.py", 42, "ours"))
    recording.logger.emit(record)
    assert recording.log().attributes["code.function.name"] == "theirs"


def test_a_record_without_an_origin_has_neither_template_nor_call_site(recording: Recording) -> None:
    recording.logger.emit(LogRecord(body="plain"))
    assert (recording.log().template, recording.log().attributes) == ("", {})


def test_a_record_keeps_its_scope_and_resource(recording: Recording) -> None:
    recording.loggers.get_logger("lib", "1.2.3", "https://example.com/2", {"team": "pay"}).emit(LogRecord(body="x"))
    log = recording.log()
    assert log.scope == Scope("lib", "1.2.3", "https://example.com/2", {"team": "pay"})
    assert log.resource == Resource(dict(RESOURCE.attributes), "https://example.com/schema/1")


def test_attributes_that_the_limits_dropped_are_counted(recording: Recording) -> None:
    limits = LogRecordLimits(max_log_record_attributes=1)
    provider = LoggerProvider(resource=RESOURCE, log_record_limits=limits)
    provider.add_log_record_processor(StoreLogRecordProcessor(recording.recorder))
    with pytest.warns(LogRecordDroppedAttributesWarning):
        provider.get_logger("x").emit(LogRecord(attributes={"a": 1, "b": 2, "c": 3}))
    assert recording.log().dropped_attributes_count == 2


def test_more_records_than_a_block_holds_come_back_in_order(recording: Recording) -> None:
    for number in range(1500):
        recording.logger.emit(LogRecord(timestamp=1000 + number, body=number))
    assert [log.body for log in recording.logs()] == list(range(1500))

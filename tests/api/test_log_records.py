"""Log records that are made without their constructor are those that it makes."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, TraceFlags

from tidegate.otel import attached, log_records

SPAN = NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)))


def test_the_installed_opentelemetry_is_known() -> None:
    assert log_records.log_record is log_records._quick_log_record


@pytest.mark.parametrize("span", [SPAN, INVALID_SPAN])
def test_a_quick_one_is_the_same(span: trace.Span) -> None:
    fields = (SeverityNumber.WARN, "WARN"), "body", {"a": 1}, "name"
    with trace.use_span(span), attached.clock(lambda: 7):
        assert vars(log_records._quick_log_record(*fields)) == vars(log_records._log_record(*fields))


def test_one_with_other_fields_is_left_to_its_constructor(monkeypatch: pytest.MonkeyPatch) -> None:
    class Changed(LogRecord):
        def __init__(self, **fields: object) -> None:
            self.fields = fields

    monkeypatch.setattr(log_records, "LogRecord", Changed)
    assert not log_records._is_as_known()

"""Of which signal a protobuf message is can be seen in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from moving import RECORDS, TELLS
from tidegate import otlp

MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("signal", ["spans", "logs", "metrics"])
@MANY
@given(data=st.data())
def test_a_message_of_records_tells_its_signal(signal: str, data: st.DataObject) -> None:
    records = data.draw(st.lists(RECORDS[signal].filter(TELLS[signal]), min_size=1, max_size=3))
    assert otlp.signal_of(otlp.write("proto", signal, records)) == signal


def log(record: LogRecord) -> LogsData:
    return LogsData(resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])])


def span(record: Span) -> TracesData:
    return TracesData(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[record])])])


def metric(record: Metric) -> MetricsData:
    return MetricsData(resource_metrics=[ResourceMetrics(scope_metrics=[ScopeMetrics(metrics=[record])])])


@pytest.mark.parametrize(
    ("message", "signal"),
    [
        (log(LogRecord(body=AnyValue(string_value="x"))), "logs"),
        (log(LogRecord(severity_text="INFO")), "logs"),
        (log(LogRecord(observed_time_unix_nano=1)), "logs"),
        (span(Span(kind=Span.SPAN_KIND_SERVER)), "spans"),
        (span(Span(trace_id=bytes(16), span_id=bytes(8), name="n")), "spans"),
        (metric(Metric(name="n", gauge=Gauge())), "metrics"),
        (TracesData(), ""),
        (TracesData(resource_spans=[ResourceSpans(schema_url="x", scope_spans=[ScopeSpans()])]), ""),
    ],
    ids=["body", "severity", "observed", "kind", "ids", "metric", "empty", "no records"],
)
def test_little_is_enough(message: Any, signal: str) -> None:
    assert otlp.signal_of(message.SerializeToString()) == signal


def test_one_record_that_tells_is_enough_for_all() -> None:
    message = log(LogRecord(dropped_attributes_count=1))
    message.MergeFrom(log(LogRecord(time_unix_nano=1)))
    assert otlp.signal_of(message.SerializeToString()) == "logs"


def test_a_record_without_anything_is_refused() -> None:
    with pytest.raises(otlp.Malformed, match="a span, log record or metric"):
        otlp.signal_of(log(LogRecord(dropped_attributes_count=1)).SerializeToString())


@given(st.binary(max_size=64))
def test_any_bytes_are_understood_or_refused(data: bytes) -> None:
    try:
        assert otlp.signal_of(data) in ("", "spans", "logs", "metrics")
    except otlp.Malformed:
        pass

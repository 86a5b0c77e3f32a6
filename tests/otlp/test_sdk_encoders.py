"""What we write of a store is what OpenTelemetry's own exporters send of the same objects."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from google.protobuf.json_format import ParseDict  # type: ignore[import-untyped]
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context

import tidegate.store
from tidegate import otlp
from tidegate.record import logs, metrics, spans
from tidegate.records import Resource as StoredResource
from tidegate.store.sinks import FileSink

ATTRIBUTES: dict[str, Any] = {
    "text": "é", "yes": True, "int": -(1 << 63), "float": 0.5, "nan": float("inf"), "bytes": b"\x00\xff",
    "texts": ["a", "b"], "ints": [1, 2], "map": {"deep": [1, {"er": None}]},
}  # fmt: skip
BODIES: list[Any] = ["hello", {"a": [1, None]}, b"\x00", 0.5]
RESOURCE = Resource({"service.name": "shop", "host.cpus": 4}, "https://example.com/resource")
SCOPE = ("shop.orders", "1.2", "https://example.com/scope", {"team": "orders"})
IDS = ("traceId", "spanId", "parentSpanId")
MESSAGES: dict[str, Any] = {"spans": TracesData, "logs": LogsData, "metrics": MetricsData}


@pytest.fixture
def stored(store_dir: Path) -> Callable[..., list[Any]]:
    """``stored(signal, batch)``: the records that a reader finds of a block."""

    def stored(signal: str, batch: Any) -> list[Any]:
        sink = FileSink(str(store_dir))
        sink.append(StoredResource(dict(RESOURCE.attributes), RESOURCE.schema_url), batch)
        sink.close()
        with tidegate.store.open(store_dir) as reader:
            return list(getattr(reader, signal)())

    return stored


def written(form: str, signal: str, records: list[Any]) -> Any:
    """Our message, parsed by the official classes."""
    message = otlp.write(form, signal, records)
    if form == "proto":
        return MESSAGES[signal].FromString(message)
    return ParseDict(_with_official_ids(orjson.loads(message)), MESSAGES[signal]())


def _with_official_ids(value: Any) -> Any:
    """protobuf's own JSON has all bytes in base64; OTLP's exception is that ids are hexadecimal."""
    if isinstance(value, list):
        return [_with_official_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: b64encode(bytes.fromhex(item)).decode() if key in IDS else _with_official_ids(item)
        for key, item in value.items()
    }


def sent(request: Any, signal: str) -> Any:
    """The message that the SDK's exporter would send, in the class of what a file holds."""
    return MESSAGES[signal].FromString(request.SerializeToString())


FORMS = pytest.mark.parametrize("form", ["json", "proto"])


def made_spans() -> list[Any]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer(SCOPE[0], SCOPE[1], SCOPE[2], SCOPE[3])
    far = SpanContext(1 << 120, 1 << 60, is_remote=True, trace_flags=TraceFlags(1))
    parent = tracer.start_span(
        "POST /orders", kind=SpanKind.SERVER, attributes=ATTRIBUTES, links=[Link(far, ATTRIBUTES)]
    )
    child = tracer.start_span("SELECT", context=set_span_in_context(parent), kind=SpanKind.CLIENT)
    child.add_event("retried", ATTRIBUTES, timestamp=1_700_000_000_000_000_001)
    child.set_status(Status(StatusCode.ERROR, "timeout"))
    child.end()
    parent.end()
    return list(exporter.get_finished_spans())


@FORMS
def test_spans_are_written_as_the_sdk_sends_them(form: str, stored: Callable[..., list[Any]]) -> None:
    made = made_spans()
    ours, theirs = written(form, "spans", stored("spans", spans.batch(made))[::-1]), sent(encode_spans(made), "spans")
    for message in (ours, theirs):
        found = message.resource_spans[0].scope_spans[0].spans
        for span in found:
            span.flags &= ~0xFF  # the SDK's exporter leaves out the trace flags
            for link in span.links:
                link.flags &= ~0xFF
        found.sort(key=lambda span: span.name)
    assert ours == theirs


@FORMS
def test_log_records_are_written_as_the_sdk_sends_them(form: str, stored: Callable[..., list[Any]]) -> None:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = provider.get_logger(SCOPE[0], SCOPE[1], SCOPE[2], SCOPE[3])
    for number, body in enumerate(BODIES):
        logger.emit(
            LogRecord(
                timestamp=1_700_000_000_000_000_000 - number,
                observed_timestamp=1_700_000_000_000_000_009,
                severity_number=SeverityNumber.WARN2,
                severity_text="WARNING",
                body=body,
                attributes=ATTRIBUTES,
                event_name="order.placed",
            )
        )
    made: list[ReadableLogRecord] = list(exporter.get_finished_logs())
    ours = written(form, "logs", stored("logs", logs.batch(made)))
    assert ours == sent(encode_logs(made), "logs")


@FORMS
def test_metric_points_are_written_as_the_sdk_sends_them(form: str, stored: Callable[..., list[Any]]) -> None:
    reader = InMemoryMetricReader()
    view = View(instrument_name="wait", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider(
        [reader], RESOURCE, views=[view], exemplar_filter=AlwaysOnExemplarFilter(), shutdown_on_exit=False
    )
    meter = provider.get_meter(SCOPE[0], SCOPE[1], SCOPE[2], SCOPE[3])
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with tracer.start_as_current_span("s"):
        meter.create_counter("orders", "{order}", "Orders placed.").add(3, {"kind": "card"})
        meter.create_up_down_counter("queue").add(-2.5)
        meter.create_gauge("temperature").set(21.5, ATTRIBUTES)
        meter.create_histogram("size", explicit_bucket_boundaries_advisory=[1, 10]).record(5.5, {"a": 1})
        meter.create_histogram("wait").record(0.25)
        meter.create_histogram("wait").record(-0.25)
    data = reader.get_metrics_data()
    assert data is not None
    [(_, batch)] = metrics.batches(data)
    ours, theirs = written(form, "metrics", stored("metrics", batch)), sent(encode_metrics(data), "metrics")
    for message in (ours, theirs):
        message.resource_metrics[0].scope_metrics[0].metrics.sort(key=lambda metric: metric.name)
    assert ours == theirs

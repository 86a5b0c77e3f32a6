"""What a collector's file exporter writes, one message of each signal, as lines of JSON."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tidegate import otlp
from tidegate.records import Event, Metric, Scope

TRACES = """{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"frontend"}},
{"key":"process.pid","value":{"intValue":"4711"}}]},"scopeSpans":[{"scope":{"name":"checkout","version":"1.0.0",
"attributes":[{"key":"team","value":{"stringValue":"orders"}}]},"spans":[
{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173",
"flags":769,"name":"GET /cart","kind":2,"startTimeUnixNano":"1544712660000000000",
"endTimeUnixNano":"1544712661000000000","attributes":[{"key":"http.status","value":{"intValue":"200"}},
{"key":"sampled","value":{"boolValue":true}},{"key":"ratio","value":{"doubleValue":0.5}},
{"key":"raw","value":{"bytesValue":"AP8="}},{"key":"nothing","value":{}},
{"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}}},
{"key":"empty","value":{"arrayValue":{}}},
{"key":"map","value":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}}],
"droppedAttributesCount":1,"events":[{"timeUnixNano":"1544712660500000000","name":"cache miss",
"attributes":[{"key":"key","value":{"stringValue":"c1"}}]}],
"links":[{"traceId":"5b8efff798038103d269b633813fc60d","spanId":"eee19b7ec3c1b175","traceState":"a=b"}],
"status":{"message":"card declined","code":2}},
{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b173","parentSpanId":"","name":"root",
"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","status":{}}]}],
"schemaUrl":"https://opentelemetry.io/schemas/1.26.0"}]}"""

LOGS = """{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"frontend"}}]},
"scopeLogs":[{"scope":{"name":"my.logger"},"logRecords":[{"timeUnixNano":"1544712660300000000",
"observedTimeUnixNano":"1544712660300000001","severityNumber":10,"severityText":"Information",
"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","flags":1,
"body":{"stringValue":"order 7 placed"},"attributes":[{"key":"order","value":{"intValue":"7"}}]},
{"body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}},"eventName":"order.placed",
"traceId":"","spanId":""}]}]}]}"""

METRICS = """{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"frontend"}}]},
"scopeMetrics":[{"scope":{"name":"my.meter"},"metrics":[
{"name":"orders","unit":"1","description":"Orders.","metadata":[{"key":"a","value":{"stringValue":"b"}}],
"sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asInt":"5",
"startTimeUnixNano":"1544712660300000000","timeUnixNano":"1544712660400000000",
"exemplars":[{"timeUnixNano":"1544712660300000001","asDouble":1.5,"traceId":"5b8efff798038103d269b633813fc60c",
"spanId":"eee19b7ec3c1b174"}]}]}},
{"name":"temperature","gauge":{"dataPoints":[{"asDouble":"NaN","timeUnixNano":"1544712660400000000"}]}},
{"name":"size","histogram":{"aggregationTemporality":1,"dataPoints":[{"count":"3","sum":4.5,"min":1,"max":2,
"bucketCounts":["1","2"],"explicitBounds":[1.5],"timeUnixNano":"1544712660400000000"}]}},
{"name":"wait","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":1,"scale":-1,
"zeroCount":"1","positive":{"offset":-2,"bucketCounts":["0","2"]},"timeUnixNano":"1544712660400000000"}]}},
{"name":"old","summary":{"dataPoints":[{"count":"2","sum":3.5,"quantileValues":[{"quantile":0.5,"value":1.5}],
"timeUnixNano":"1544712660400000000"}]}}]}]}]}"""


def read(signal: str, line: str) -> list[Any]:
    return otlp.read("json", signal, orjson.loads(line))


def test_a_span_of_a_collector() -> None:
    span, root = read("spans", TRACES)
    assert (span.trace_id, span.span_id, span.parent_span_id, span.name, span.kind) == (
        "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173", "GET /cart", "SERVER",
    )  # fmt: skip
    assert (span.start_time_unix_nano, span.duration_ns) == (1544712660000000000, 10**9)
    assert (span.status_code, span.status_message, span.dropped_attributes_count) == ("ERROR", "card declined", 1)
    assert (span.flags, span.parent_is_remote) == (1, True)
    assert (root.kind, root.status_code, root.parent_span_id) == ("INTERNAL", "UNSET", "")


def test_attributes_of_every_type_of_a_collector() -> None:
    span, _ = read("spans", TRACES)
    assert span.attributes == {
        "http.status": 200, "sampled": True, "ratio": 0.5, "raw": b"\x00\xff", "nothing": None,
        "tags": ["a", 1], "empty": [], "map": {"k": "v"},
    }  # fmt: skip


def test_resource_scope_events_and_links_of_a_collector() -> None:
    span, _ = read("spans", TRACES)
    assert span.resource.to_dict() == {
        "attributes": {"service.name": "frontend", "process.pid": 4711},
        "schema_url": "https://opentelemetry.io/schemas/1.26.0",
    }
    assert span.scope == Scope("checkout", "1.0.0", "", {"team": "orders"})
    assert span.events == [Event("cache miss", 1544712660500000000, {"key": "c1"})]
    assert [(link.span_id, link.trace_state) for link in span.links] == [("eee19b7ec3c1b175", "a=b")]


def test_log_records_of_a_collector() -> None:
    log, event = read("logs", LOGS)
    assert (log.body, log.severity_number, log.severity_text, log.flags) == ("order 7 placed", 10, "Information", 1)
    assert (log.time_unix_nano, log.observed_time_unix_nano) == (1544712660300000000, 1544712660300000001)
    assert (event.body, event.event_name, event.trace_id) == ({"a": 1}, "order.placed", "")


def test_metric_points_of_a_collector() -> None:
    total, gauge, histogram, exponential, summary = read("metrics", METRICS)
    assert total.metric == Metric("orders", "sum", "1", "Orders.", "cumulative", True)
    assert (total.value, total.start_time_unix_nano) == ({"as_int": 5}, 1544712660300000000)
    assert [exemplar["as_double"] for exemplar in total.exemplars] == [1.5]
    assert str(gauge.value) == "{'as_double': nan}"
    assert histogram.metric.temporality == "delta"
    assert histogram.value == {
        "count": 3, "sum": 4.5, "min": 1, "max": 2, "bucket_counts": [1, 2], "explicit_bounds": [1.5],
    }  # fmt: skip
    assert exponential.value == {
        "count": 3, "sum": 1, "min": None, "max": None, "scale": -1, "zero_count": 1,
        "positive": {"offset": -2, "bucket_counts": [0, 2]}, "negative": {"offset": 0, "bucket_counts": []},
    }  # fmt: skip
    assert summary.value == {"count": 2, "sum": 3.5, "quantile_values": [{"quantile": 0.5, "value": 1.5}]}


def test_enums_may_be_names_and_integers_numbers_and_names_the_protocol_s_own() -> None:
    [span] = read(
        "spans",
        '{"resource_spans": [{"scope_spans": [{"spans": [{"kind": "SPAN_KIND_CLIENT", "start_time_unix_nano": 5,'
        ' "status": {"code": "STATUS_CODE_OK"}, "unknown": 1, "name": null}]}]}]}',
    )
    assert (span.kind, span.start_time_unix_nano, span.status_code, span.name) == ("CLIENT", 5, "OK", "")


@pytest.mark.parametrize(("name", "number"), [("INFO", 9), ("INFO2", 10), ("FATAL4", 24), ("UNSPECIFIED", 0)])
def test_severities_may_be_names(name: str, number: int) -> None:
    line = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"severityNumber":"SEVERITY_NUMBER_{name}"}}]}}]}}]}}'
    [log] = read("logs", line)
    assert log.severity_number == number


def test_ids_in_capitals_are_the_same_and_zeros_are_none() -> None:
    line = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"%s","spanId":"%s"}]}]}]}'
    [log] = read("logs", line % ("5B8EFFF798038103D269B633813FC60C", "0" * 16))
    assert (log.trace_id, log.span_id) == ("5b8efff798038103d269b633813fc60c", "")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ('{"traceId": "xyz"}', "resourceSpans.scopeSpans.spans.traceId is 'xyz'; it must be 32 hexadecimal digits"),
        ('{"kind": 9}', "resourceSpans.scopeSpans.spans.kind is 9; it must be one of "),
        ('{"name": 5}', "resourceSpans.scopeSpans.spans.name is 5; it must be text"),
        ('{"startTimeUnixNano": "-1"}', "spans.startTimeUnixNano is -1; it must be a whole number from 0 to "),
        ('{"startTimeUnixNano": 1.5}', "spans.startTimeUnixNano is 1.5; it must be a whole number"),
        ('{"events": 5}', "spans.events is 5; it must be a list"),
        ('{"events": [5]}', "spans.events is 5; it must be an object"),
        ('{"attributes": {"a": 1}}', "spans.attributes is {'a': 1}; it must be a list of objects with key and value"),
        ('{"attributes": [{"value": {}}]}', "it must be a list of objects with key and value"),
        ('{"attributes": [{"key": "a", "value": 5}]}', "spans.attributes is 5; it must be an object such as"),
        ('{"attributes": [{"key": "a", "value": {"intValue": "x"}}]}', "spans.attributes is 'x'; it must be a whole"),
        ('{"attributes": [{"key": "a", "value": {"bytesValue": "%"}}]}', "is '%'; it must be bytes in base64"),
        ('{"status": []}', "spans.status is []; it must be an object"),
        ("7", "resourceSpans.scopeSpans.spans is 7; it must be an object"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_its_rule_is_named(record: str, message: str) -> None:
    with pytest.raises(otlp.Malformed) as caught:
        read("spans", f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{record}]}}]}}]}}')
    assert message in str(caught.value)


def test_a_scale_that_no_reader_can_use_is_refused() -> None:
    data = '{"exponentialHistogram":{"dataPoints":[{"scale":-2147483648}]}}'
    with pytest.raises(otlp.Malformed, match="scale is -2147483648; it must be a whole number from -64 to 64"):
        read("metrics", f'{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{data}]}}]}}]}}')


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(otlp.Malformed, match="it must be a message of spans in protobuf"):
        otlp.read("proto", "spans", b"\x0a\xff\xff")


def test_an_id_of_another_length_is_refused_in_protobuf() -> None:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs

    scope = ScopeLogs(log_records=[LogRecord(trace_id=b"abc")])
    message = LogsData(resource_logs=[ResourceLogs(scope_logs=[scope])]).SerializeToString()
    with pytest.raises(otlp.Malformed, match="trace_id is b'abc'; it must be 16 bytes"):
        otlp.read("proto", "logs", message)

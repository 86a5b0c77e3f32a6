"""The receiver that is shipped for tests, sent to by OpenTelemetry's own exporters."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import RemoteDisconnected

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tidegate.testing import OTLPReceiver

EMPTY = b'{"resourceSpans": []}'


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    with OTLPReceiver() as receiver:
        yield receiver


def post(receiver: OTLPReceiver, path: str = "/v1/traces", body: bytes = EMPTY, timeout: float = 20) -> int:
    request = urllib.request.Request(receiver.endpoint + path, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("compression", list(Compression))
def test_spans_arrive_as_records(receiver: OTLPReceiver, compression: Compression) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", compression=compression)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("shop").start_as_current_span("order", kind=trace.SpanKind.SERVER, attributes={"id": 7}):
        pass
    provider.shutdown()
    [span] = receiver.spans
    assert (span.name, span.kind, span.attributes, span.scope.name) == ("order", "SERVER", {"id": 7}, "shop")
    assert [(request.path, request.status) for request in receiver.requests] == [("/v1/traces", 200)]


def test_log_records_arrive_as_records(receiver: OTLPReceiver) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{receiver.endpoint}/v1/logs")))
    provider.get_logger("shop").emit(body="said", attributes={"id": 7})
    provider.shutdown()
    assert [(log.body, log.attributes) for log in receiver.logs] == [("said", {"id": 7})]


def test_metrics_arrive_as_points(receiver: OTLPReceiver) -> None:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{receiver.endpoint}/v1/metrics"))
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("shop").create_counter("orders").add(3, {"a": 1})
    provider.shutdown()
    assert [(point.metric.name, point.value, point.attributes) for point in receiver.points] == [
        ("orders", {"as_int": 3}, {"a": 1})
    ]


def test_failures_on_demand_and_their_end(receiver: OTLPReceiver) -> None:
    receiver.fail(503)
    assert [post(receiver), post(receiver)] == [503, 503]
    receiver.recover()
    assert post(receiver) == 200
    assert [request.status for request in receiver.requests] == [503, 503, 200]


def test_the_next_requests_fail_one_each(receiver: OTLPReceiver) -> None:
    receiver.fail(429, times=1)
    receiver.fail(500, times=2)
    assert [post(receiver) for _ in range(4)] == [429, 500, 500, 200]


def test_a_time_to_try_again_is_sent(receiver: OTLPReceiver) -> None:
    receiver.fail(429, retry_after=2)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(receiver.endpoint + "/v1/traces", EMPTY, timeout=20)
    with error.value:
        assert error.value.headers["retry-after"] == "2"


def test_what_is_refused_is_not_kept(receiver: OTLPReceiver) -> None:
    receiver.fail()
    post(receiver, "/v1/logs", b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{}]}]}]}')
    assert receiver.logs == []


@pytest.mark.parametrize(("path", "body"), [("/v1/traces", b"no JSON"), ("/elsewhere", EMPTY)])
def test_what_makes_no_sense_is_answered_so(receiver: OTLPReceiver, path: str, body: bytes) -> None:
    assert post(receiver, path, body) == 400


def test_answers_may_come_late(receiver: OTLPReceiver) -> None:
    receiver.delay(60, times=1)
    with pytest.raises(TimeoutError):
        post(receiver, timeout=0.1)
    assert post(receiver) == 200


def test_a_request_that_hangs_ends_with_the_receiver() -> None:
    with OTLPReceiver() as receiver:
        receiver.hang()
        ended: list[BaseException] = []

        def send() -> None:
            try:
                post(receiver)
            except (OSError, RemoteDisconnected) as error:
                ended.append(error)

        sender = threading.Thread(target=send)
        sender.start()
        receiver.wait_for(lambda receiver: receiver.requests)
        assert not ended
    sender.join()
    assert len(ended) == 1


def test_connections_are_refused_and_accepted_again(receiver: OTLPReceiver) -> None:
    endpoint = receiver.endpoint
    receiver.refuse()
    with pytest.raises(OSError, match="refused"):
        post(receiver)
    receiver.recover()
    assert post(receiver) == 200
    assert receiver.endpoint == endpoint


def test_waiting_in_vain_says_what_there_is(receiver: OTLPReceiver) -> None:
    with pytest.raises(TimeoutError, match="there are 0 spans, 0 log records, 0 points"):
        receiver.wait_for(lambda receiver: receiver.spans, timeout=0.05)


def test_what_was_received_can_be_forgotten(receiver: OTLPReceiver) -> None:
    post(receiver)
    receiver.clear()
    assert receiver.requests == []

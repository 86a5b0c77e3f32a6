"""Exporters as destinations: taken from the SDK's providers, named, and handed what they take."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter as JsonMetricExporter
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter as JsonSpanExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    ConsoleLogRecordExporter,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ConsoleMetricExporter,
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

import faulty_receiver as faults
from faulty_receiver import FaultyReceiver, faulty_receiver
from shipping import logs, metrics, spans
from tidegate import otel
from tidegate.record.exporters import StoreSpanExporter
from tidegate.ship.destinations import Destination, OtlpDestination, destination, destinations, to_endpoint
from tidegate.ship.outcome import REFUSED, RETRY, SENT


@pytest.fixture
def receiver() -> Iterator[FaultyReceiver]:
    with faulty_receiver() as receiver:
        yield receiver


SUPPRESS = otel.current.SUPPRESS_KEY


class Kept(SpanExporter):
    """Keeps what it is given, and answers what it is told to."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.is_shut_down = 0
        self.answer: Callable[[], Any] = lambda: SpanExportResult.SUCCESS
        self.suppressed: list[Any] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.suppressed.append(context.get_value(SUPPRESS))
        self.spans += spans
        result: SpanExportResult = self.answer()
        return result

    def shutdown(self) -> None:
        self.is_shut_down += 1


# --- taken from the providers


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("Otel")}


def span_processors(provider: TracerProvider) -> list[Any]:
    return list(provider._active_span_processor._span_processors)


@pytest.mark.parametrize("processor", [BatchSpanProcessor, SimpleSpanProcessor])
def test_a_span_exporter_is_taken_with_its_processor_s_thread(processor: Any) -> None:
    provider, exporter = TracerProvider(shutdown_on_exit=False), Kept()
    provider.add_span_processor(processor(exporter))
    assert otel.take_exporters(provider, None, None) == {"spans": [exporter], "logs": [], "metrics": []}
    assert (span_processors(provider), threads()) == ([], set())


@pytest.mark.parametrize("processor", [BatchLogRecordProcessor, SimpleLogRecordProcessor])
def test_a_log_exporter_is_taken_with_its_processor_s_thread(processor: Any) -> None:
    provider, exporter = LoggerProvider(shutdown_on_exit=False), ConsoleLogRecordExporter()
    provider.add_log_record_processor(processor(exporter))
    assert otel.take_exporters(None, None, provider)["logs"] == [exporter]
    assert (provider._multi_log_record_processor._log_record_processors, threads()) == ((), set())


class Counted(MetricExporter):
    def __init__(self) -> None:
        super().__init__()
        self.exports = 0

    def export(self, metrics_data: Any, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        self.exports += 1
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        pytest.fail("the exporter was shut down")


def test_a_metric_exporter_is_taken_with_its_interval_and_its_reader_s_thread() -> None:
    exporter = Counted()
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 7000)], shutdown_on_exit=False)
    provider.get_meter("m").create_counter("jobs").add(1)
    assert otel.take_exporters(None, provider, None)["metrics"] == [(exporter, 7.0)]
    assert (list(provider._metric_readers), threads(), exporter.exports) == ([], set(), 0)


def test_measuring_goes_on_for_the_readers_that_stay() -> None:
    stays = InMemoryMetricReader()
    provider = MeterProvider([PeriodicExportingMetricReader(Counted()), stays], shutdown_on_exit=False)
    otel.take_exporters(None, provider, None)
    provider.get_meter("m").create_counter("jobs").add(1)
    assert stays.get_metrics_data() is not None
    assert (list(provider._metric_readers), provider.force_flush()) == ([stays], True)


def test_spans_that_waited_are_exported_first() -> None:
    provider, exporter = TracerProvider(shutdown_on_exit=False), Kept()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.get_tracer("t").start_span("early").end()
    otel.take_exporters(provider, None, None)
    assert [span.name for span in exporter.spans] == ["early"]


def test_what_is_taken_stays_open_when_the_provider_ends() -> None:
    provider, exporter = TracerProvider(shutdown_on_exit=False), Kept()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    otel.take_exporters(provider, None, None)
    provider.shutdown()
    assert exporter.is_shut_down == 0


def test_tracers_that_exist_export_no_more_either() -> None:
    provider, exporter = TracerProvider(shutdown_on_exit=False), Kept()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("t")
    otel.take_exporters(provider, None, None)
    tracer.start_span("late").end()
    assert exporter.spans == []


class Masking(SimpleSpanProcessor):
    """A processor of an application's own, which does more than export."""


def test_a_derived_processor_stays() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Masking(Kept()))
    assert otel.take_exporters(provider, None, None)["spans"] == []
    assert len(span_processors(provider)) == 1


def test_our_own_exporter_stays() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(StoreSpanExporter("memory:")))
    assert otel.take_exporters(provider, None, None)["spans"] == []
    assert len(span_processors(provider)) == 1


def test_without_the_sdk_s_providers_there_is_nothing_to_take() -> None:
    assert otel.take_exporters(object(), object(), object())["spans"] == []


def test_a_provider_of_another_make_is_left_alone_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    processor = BatchSpanProcessor(Kept())
    provider.add_span_processor(processor)
    bell = processor._batch_processor.__dict__.pop("_worker_awaken")
    assert otel.take_exporters(provider, None, None)["spans"] == []
    assert (span_processors(provider), "sends span_processors by itself" in caplog.text) == ([processor], True)
    processor._batch_processor._worker_awaken = bell
    provider.shutdown()


TAKE = """
    import json, threading
    from opentelemetry import metrics, trace
    from opentelemetry._logs import get_logger_provider
    from tidegate import otel
    from tidegate.ship.destinations import destinations

    {build}
    taken = otel.take_exporters(trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
    made = destinations(taken)
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("Otel")]
    names += [type(each).__name__ for each in metrics.get_meter_provider()._metric_readers]
    print(json.dumps([{{each.name: [each.endpoint, each.interval] for each in made}}, names]))
    for each in made:
        each.close()
"""

Run = Callable[..., Any]
Program = Callable[[str], Path]


def test_every_exporter_that_the_environment_names_is_taken(run: Run, program: Program) -> None:
    env = {
        "OTEL_TRACES_EXPORTER": "otlp,console,otlp_json_http,otlp_proto_grpc",
        "OTEL_LOGS_EXPORTER": "otlp,console,otlp_json_http,otlp_proto_grpc",
        "OTEL_METRICS_EXPORTER": "otlp,console,otlp_json_http,otlp_proto_grpc,prometheus",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://elsewhere:1/logs",
        "OTEL_METRIC_EXPORT_INTERVAL": "3000",
        "OTEL_EXPORTER_PROMETHEUS_PORT": "0",
    }
    source = TAKE.format(build="otel.initialize_sdk(None, None)")
    found, left = json.loads(run([sys.executable, program(source)], env=env).stdout)
    assert found == {
        "spans-otlp": ["http://localhost:4318/v1/traces", 0],
        "spans-console": ["", 0],
        "spans-otlp-json": ["http://localhost:4318/v1/traces", 0],
        "spans-otlp-2": ["http://localhost:4317", 0],
        "logs-otlp": ["http://elsewhere:1/logs", 0],
        "logs-console": ["", 0],
        "logs-otlp-json": ["http://elsewhere:1/logs", 0],
        "logs-otlp-2": ["http://elsewhere:1", 0],
        "metrics-otlp": ["http://localhost:4318/v1/metrics", 3],
        "metrics-console": ["", 3],
        "metrics-otlp-json": ["http://localhost:4318/v1/metrics", 3],
        "metrics-otlp-2": ["http://localhost:4317", 3],
    }
    assert left == ["_AutoPrometheusMetricReader"]  # which is asked, and sends nothing


FILE = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "http://a:1/v1/traces"}}}
    - simple: {exporter: {console: {}}}
logger_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "http://b:1/v1/logs"}}}
meter_provider:
  readers:
    - periodic: {interval: 4000, exporter: {otlp_http: {endpoint: "http://c:1/v1/metrics"}}}
"""


def test_every_exporter_that_a_declarative_file_names_is_taken(run: Run, program: Program, tmp_path: Path) -> None:
    (tmp_path / "otel.yaml").write_text(FILE)
    source = TAKE.format(build=f"otel.apply_config(otel.load_config_file({str(tmp_path / 'otel.yaml')!r}))")
    found, left = json.loads(run([sys.executable, program(source)]).stdout)
    assert found == {
        "spans-otlp": ["http://a:1/v1/traces", 0],
        "spans-console": ["", 0],
        "logs-otlp": ["http://b:1/v1/logs", 0],
        "metrics-otlp": ["http://c:1/v1/metrics", 4],
    }
    assert left == []


# --- names and preferences


class AcmeHTTPTraceExporter(Kept):
    """A vendor's."""


def test_exporters_are_named_by_signal_and_kind_and_number() -> None:
    first, second = OTLPSpanExporter(), GrpcSpanExporter()
    made = destinations({"spans": [first, ConsoleSpanExporter(), AcmeHTTPTraceExporter(), second, Kept()]})
    assert [each.name for each in made] == [
        "spans-otlp",
        "spans-console",
        "spans-acme-http",
        "spans-otlp-2",
        "spans-kept",
    ]
    for each in made:
        each.close()


def test_a_metric_destination_has_its_exporter_s_interval_and_preferences() -> None:
    exporter = ConsoleMetricExporter(preferred_temporality={Counter: AggregationTemporality.DELTA})
    [made] = destinations({"metrics": [(exporter, 7.0)]})
    assert (made.interval, made.temporality, made.aggregation) == (
        7.0,
        {Counter: AggregationTemporality.DELTA},
        None,
    )


def test_a_metric_exporter_s_own_limit_of_points_holds() -> None:
    there = destination("metrics-otlp", "metrics", OTLPMetricExporter(max_export_batch_size=100))
    there.close()
    assert there.max_records == 100


def test_a_destination_is_told_without_credentials() -> None:
    exporter = OTLPSpanExporter("https://user:password@example.com/v1/traces?key=secret", headers={"token": "secret"})
    there = destination("spans-otlp", "spans", exporter)
    there.close()
    assert there.describe() == {
        "signal": "spans",
        "exporter": "spans-otlp",
        "endpoint": "https://example.com/v1/traces",
    }


def test_records_can_be_sent_to_any_endpoint(receiver: FaultyReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "token=x")
    made = to_endpoint(f"{receiver.endpoint}/", headers={"replayed": "yes"})
    for there, picked in zip(made, (spans(["a"]), logs(["b"]), metrics(1)), strict=True):
        assert there.send(picked).accepted == 1
        there.close()
    assert [(request.path, request.headers["token"], request.headers["replayed"]) for request in receiver.requests] == [
        (path, "x", "yes") for path in ("/v1/traces", "/v1/logs", "/v1/metrics")
    ]


class Masked(OTLPSpanExporter):
    """An exporter that does something of its own to spans."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return super().export(spans[:1])


def test_what_is_derived_from_an_exporter_of_otlp_is_handed_spans(receiver: FaultyReceiver) -> None:
    there = destination("spans-masked", "spans", Masked(f"{receiver.endpoint}/v1/traces"))
    there.send(spans(["a", "b"]))
    there.close()
    assert receiver.span_names == {"a"}


def test_what_is_derived_from_an_exporter_of_otlp_tells_the_answer_s_status(receiver: FaultyReceiver) -> None:
    receiver.behave(faults.status(429, retry_after="3"))
    there = destination("spans-masked", "spans", Masked(f"{receiver.endpoint}/v1/traces"))
    outcome = there.send(spans(["a"]))
    there.close()
    assert (outcome.verdict, outcome.status, outcome.retry_after, len(receiver.requests)) == (RETRY, 429, 3, 1)


def test_an_exporter_of_otlp_of_another_make_is_handed_spans_too() -> None:
    exporter: Any = OTLPSpanExporter()
    exporter.shutdown()
    del exporter._client
    assert type(destination("spans-otlp", "spans", exporter)) is not OtlpDestination


# --- exporters of another kind


@pytest.fixture
def exporter() -> Kept:
    return Kept()


@pytest.fixture
def there(exporter: Kept) -> Destination:
    return destination("spans-kept", "spans", exporter)


def test_any_other_exporter_is_handed_the_sdk_s_spans(exporter: Kept, there: Destination) -> None:
    outcome = there.send(spans(["a", "b"]))
    assert (outcome.verdict, outcome.accepted, [span.name for span in exporter.spans]) == (SENT, 2, ["a", "b"])


def test_the_console_exporters_print_what_they_are_handed() -> None:
    out = io.StringIO()
    made: list[tuple[str, Any, Any]] = [
        ("spans", ConsoleSpanExporter(out=out), spans(["a span"])),
        ("logs", ConsoleLogRecordExporter(out=out), logs(["a log"])),
        ("metrics", ConsoleMetricExporter(out=out), metrics(1)),
    ]
    for signal, exporter, picked in made:
        assert destination("console", signal, exporter).send(picked).verdict == SENT
    assert [word for word in ("a span", "a log", "counter.0") if word not in out.getvalue()] == []


def test_a_failure_that_an_exporter_reports_may_pass(exporter: Kept, there: Destination) -> None:
    exporter.answer = lambda: SpanExportResult.FAILURE
    outcome = there.send(spans(["a"]))
    assert (outcome.verdict, outcome.error) == (RETRY, "Kept.export returned <SpanExportResult.FAILURE: 1>")


def test_what_an_exporter_raises_is_caught(exporter: Kept, there: Destination) -> None:
    exporter.answer = lambda: dict[str, int]()["missing"]
    outcome = there.send(spans(["a"]))
    assert (outcome.verdict, outcome.status, outcome.error) == (REFUSED, "exporter", "KeyError: 'missing'")


def test_nothing_is_recorded_of_an_exporter_s_work(exporter: Kept, there: Destination) -> None:
    there.send(spans(["a"]))
    assert (exporter.suppressed, context.get_value(SUPPRESS)) == ([True], None)


class Buffering(Kept):
    """Keeps for itself what it is handed until it is flushed."""

    flushed: list[int]

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.flushed = [timeout_millis]
        raise TimeoutError("not all of it")


def test_what_an_exporter_keeps_for_itself_is_flushed_in_the_time_there_is_and_that_may_fail() -> None:
    exporter = Buffering()
    there = destination("spans-buffering", "spans", exporter)
    there.send(spans(["a"]))
    there.flush(1.5)
    assert exporter.flushed == [1500]


def test_an_exporter_is_shut_down_once(exporter: Kept, there: Destination) -> None:
    there.close()
    there.close()
    assert exporter.is_shut_down == 1


def test_an_exporter_that_cannot_be_shut_down_is_warned_of(
    exporter: Kept, there: Destination, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Kept, "shutdown", lambda self: 1 / 0)
    there.close()
    assert "the exporter of spans-kept could not be shut down" in caplog.text


# --- OTLP as JSON


def test_json_arrives(receiver: FaultyReceiver) -> None:
    there = destination("spans-otlp-json", "spans", JsonSpanExporter(f"{receiver.endpoint}/v1/traces"))
    outcome = there.send(spans(["a", "b"]))
    there.close()
    sent = json.loads(receiver.requests[0].body)
    assert (outcome.accepted, len(sent["resourceSpans"][0]["scopeSpans"][0]["spans"])) == (2, 2)


def test_json_metrics_arrive(receiver: FaultyReceiver) -> None:
    there = destination("metrics-otlp-json", "metrics", JsonMetricExporter(f"{receiver.endpoint}/v1/metrics"))
    assert there.send(metrics(2)).accepted == 2
    there.close()


def test_json_is_sent_in_one_attempt_with_the_answer_s_status(
    receiver: FaultyReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.behave(faults.status(503, retry_after="9"))
    there = destination("spans-otlp-json", "spans", JsonSpanExporter(f"{receiver.endpoint}/v1/traces"))
    outcome = there.send(spans(["a"]))
    there.close()
    assert (outcome.verdict, outcome.status, outcome.retry_after, len(receiver.requests)) == (RETRY, 503, 9, 1)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_partial_success_in_json_is_counted(receiver: FaultyReceiver) -> None:
    receiver.behave(faults.partial_success_in_json(1, "too old"))
    there = destination("spans-otlp-json", "spans", JsonSpanExporter(f"{receiver.endpoint}/v1/traces"))
    outcome = there.send(spans(["a", "b"]))
    there.close()
    assert (outcome.accepted, outcome.rejected) == (1, 1)


def test_a_receiver_of_json_that_hangs_is_left_in_time(receiver: FaultyReceiver) -> None:
    receiver.behave(faults.hang())
    there = destination("spans-otlp-json", "spans", JsonSpanExporter(f"{receiver.endpoint}/v1/traces"))
    assert there.send(spans(["a"]), timeout=0.3).verdict == RETRY
    there.close()

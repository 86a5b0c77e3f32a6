"""What a capture sees, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord, get_logger
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

import tidegate
import tidegate.store
from tidegate.otel.following import FollowingMeters
from tidegate.otel.globals import SIGNALS
from tidegate.record import capture as log_capture
from tidegate.record.recorder import BLOCK_RECORDS
from tidegate.testing import Distribution, Telemetry, capture, keeping

TRACER = trace.get_tracer("imported")
LOGGER = get_logger("imported")
COUNTER = metrics.get_meter("imported").create_counter("imported.orders")


def work(name: str = "work") -> None:
    with TRACER.start_as_current_span(name):
        pass


def globals_now() -> list[Any]:
    return [(signal.provider, signal.once, signal.once._done) for signal in SIGNALS]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Every test here leaves the globals of the API as they were."""
    before = globals_now()
    yield
    assert globals_now() == before
    assert log_capture.provider() is None


@pytest.fixture
def own() -> Iterator[list[Any]]:
    """An application's own providers, set as the global ones for one test."""
    former = [(signal, *each) for signal, each in zip(SIGNALS, globals_now(), strict=True)]
    made: list[Any] = [TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)]
    providers: list[Any] = [*made, MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)]
    for signal, provider in zip(SIGNALS, providers, strict=True):
        signal.provider = provider
    yield providers
    for signal, provider, *_ in former:
        signal.provider = provider
    for provider in providers:
        provider.shutdown()


# --- without providers


def test_spans_are_captured_without_any_configuration() -> None:
    with capture() as telemetry:
        work()
        assert telemetry.span("work").scope.name == "imported"


def test_what_was_captured_can_be_asked_for_afterwards() -> None:
    with capture() as telemetry:
        work()
        COUNTER.add(1)
    telemetry.span("work")
    assert telemetry.metric("imported.orders") == 1


def test_nothing_is_captured_after_the_block() -> None:
    with capture() as telemetry:
        pass
    work()
    logging.getLogger("shop").error("late")
    COUNTER.add(1)
    assert (telemetry.spans(), telemetry.logs(), telemetry.metrics()) == ([], [], [])


def test_nothing_is_recorded_after_the_block() -> None:
    with capture():
        work()
    with TRACER.start_as_current_span("after") as span:
        assert not span.is_recording()


@pytest.mark.parametrize("again", range(2))
def test_proxies_of_import_time_work_in_every_capture(again: int) -> None:
    with capture() as telemetry:
        work()
        LOGGER.emit(LogRecord(body="said"))
        COUNTER.add(2)
    assert [telemetry.span().name, telemetry.log().body, telemetry.metric("imported.orders")] == ["work", "said", 2]


def test_what_was_made_in_one_capture_works_in_the_next() -> None:
    with capture():
        tracer, logger = trace.get_tracer("made"), get_logger("made")
        meter = metrics.get_meter("made")
        counter = meter.create_counter("made")
        work()
    with capture() as telemetry:
        with tracer.start_as_current_span("again"):
            logger.emit(LogRecord(body="again"))
        counter.add(1)
        meter.create_histogram("made.size").record(7)
    assert [telemetry.span().name, telemetry.log().body, telemetry.metric("made")] == ["again", "again", 1]
    assert telemetry.metric("made.size") == Distribution(1, 7, 7, 7, *_buckets(telemetry, "made.size"))


def _buckets(telemetry: Telemetry, name: str) -> Any:
    found = telemetry.metric(name)
    assert isinstance(found, Distribution)
    return found.bounds, found.counts


@pytest.mark.parametrize("kind", ["counter", "up_down_counter", "gauge", "histogram"])
def test_instruments_of_every_kind_are_followed(kind: str) -> None:
    with capture():
        instrument = getattr(metrics.get_meter("kinds"), f"create_{kind}")(f"kind.{kind}")
    measure = getattr(instrument, {"gauge": "set", "histogram": "record"}.get(kind, "add"))
    measure(100)
    with capture() as telemetry:
        measure(3)
    found = telemetry.metric(f"kind.{kind}")
    assert (found.sum if isinstance(found, Distribution) else found) == 3


def test_an_instrument_asked_for_twice_is_one() -> None:
    with capture():
        meter = metrics.get_meter("twice")
        assert meter.create_counter("twice") is meter.create_counter("twice")


def test_observable_instruments_end_with_the_block_that_made_them() -> None:
    def observing(value: int) -> Any:
        return [lambda options: [Observation(value)]]

    for value in (1, 2):
        with capture() as telemetry:
            metrics.get_meter("asked").create_observable_gauge("asked", observing(value))
            assert telemetry.metric("asked") == value
    with capture() as telemetry:
        assert telemetry.metrics("asked") == []


@pytest.mark.parametrize("kind", ["counter", "up_down_counter", "gauge"])
def test_observable_instruments_are_asked(kind: str) -> None:
    with capture() as telemetry:
        create = getattr(metrics.get_meter("asked"), f"create_observable_{kind}")
        create(f"asked.{kind}", [lambda options: [Observation(5, {"disk": "a"})]])
        assert telemetry.metric(f"asked.{kind}", disk="a") == 5


def test_a_decorator_made_in_a_block_follows_too() -> None:
    with capture():
        decorated: Any = trace.get_tracer("made").start_as_current_span("decorated")(lambda: None)
    with capture() as telemetry:
        decorated()
    telemetry.span("decorated")


def test_an_application_that_was_instrumented_before_is_captured_again_and_again() -> None:
    app = FastAPI()

    @app.get("/orders/{id}")
    def order(id: int) -> int:
        work("inner")
        return id

    tidegate.instrument_app(app)

    async def get() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            return (await client.get("/orders/7")).status_code

    for _ in range(2):
        with capture() as telemetry:
            assert asyncio.run(get()) == 200
        telemetry.assert_parent("inner", telemetry.span("GET /orders/{id}", kind="SERVER"))
        assert telemetry.metric("http.server.duration").count == 1


def test_a_sleeping_sdk_captures_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with capture() as telemetry:
        work()
        logging.getLogger("shop").warning("said")
        COUNTER.add(1)
    assert [telemetry.span().name, telemetry.log().body, telemetry.metric("imported.orders")] == ["work", "said", 1]


def test_no_file_is_written(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with capture():
        work()
    assert os.listdir(tmp_path) == []


def test_a_capture_is_none_of_the_stores_in_memory() -> None:
    with capture() as telemetry:
        work("hidden")
        telemetry.span("hidden")
        with tidegate.store.open("memory:") as reader:
            assert list(reader.spans(name="hidden")) == []


def test_an_error_in_the_block_passes_and_restores_all() -> None:
    with pytest.raises(ZeroDivisionError), capture():
        raise ZeroDivisionError


def test_what_a_block_adds_to_a_stand_in_ends_with_it() -> None:
    exporter = InMemorySpanExporter()
    with capture():
        provider: Any = trace.get_tracer_provider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        work("first")
    with capture():
        work("second")
    assert [span.name for span in exporter.get_finished_spans()] == ["first"]


def test_a_stand_in_that_was_shut_down_is_replaced() -> None:
    with capture():
        for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
            provider.shutdown()  # type: ignore[union-attr]
    with capture() as telemetry:
        work()
        COUNTER.add(1)
    telemetry.span("work")
    assert telemetry.metric("imported.orders") == 1


def test_stand_ins_are_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    with capture() as telemetry:
        work()
    assert telemetry.span("work").service == "shop"


def test_what_is_too_much_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_BYTES", 1)
    with capture() as telemetry:
        for _ in range(BLOCK_RECORDS + 1):
            work()
    assert len(telemetry.spans()) == 1
    assert telemetry.lost == BLOCK_RECORDS


CONFIGURED = """
import logging
from opentelemetry import trace
import tidegate
from tidegate.testing import capture

tracer = trace.get_tracer("imported")

def work(name):
    with tracer.start_as_current_span(name):
        logging.getLogger("shop").error(name)
    tidegate.counter("works")

with capture() as first:
    work("first")
    handle = tidegate.configure_observability(store="memory:", instrument=False, redact_keys=["zip"])
    work("second")
assert [span.name for span in first.spans()] == ["first", "second"], first.tree()
assert len(first.logs()) == 2, first.tree()
assert first.metric("works") == 2
work("third")
with capture() as last, tracer.start_as_current_span("fourth", attributes={"zip": "12345"}):
    logging.getLogger("shop").error("fourth")
last.log("fourth")
assert last.span("fourth").attributes == {"zip": "[redacted]"}
assert last.metrics() == []
handle.flush()
with tidegate.store.open("memory:") as reader:
    assert [span.name for span in reader.spans(order="oldest")] == ["second", "third", "fourth"]
    assert [log.body for log in reader.logs(order="oldest")] == ["second", "third", "fourth"]
"""


def test_a_program_that_configures_itself_is_captured_before_within_and_after(
    run: Callable[..., object], program: Callable[[str], Any]
) -> None:
    assert run([sys.executable, program(CONFIGURED)])


UNSTORED = """
import tidegate
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tidegate.testing import capture

app = FastAPI()
app.get("/orders")(lambda: tidegate.info("looked at"))
tidegate.configure_observability(service_name="shop", app=app)
with capture() as telemetry:
    TestClient(app).get("/orders")
telemetry.assert_parent(telemetry.log("looked at"), telemetry.span("GET /orders", kind="SERVER"))
"""


def test_an_application_that_stores_nothing_is_captured(
    run: Callable[..., object], program: Callable[[str], Any], tmp_path: Any
) -> None:
    run([sys.executable, program(UNSTORED)], env={"OTEL_PYTHON_TIDEGATE_STORE": "off", "HOME": str(tmp_path)})
    assert [path.name for path in tmp_path.rglob("*") if "tidegate" in path.name] == []


# --- providers that are set in the block


def test_providers_set_in_a_block_are_captured_and_stay(own: list[Any]) -> None:
    tracers, _, meters = own
    for signal in SIGNALS:
        signal.provider = None
    before = [signal.once._done for signal in SIGNALS]
    with capture() as telemetry:
        trace.set_tracer_provider(tracers)
        metrics.set_meter_provider(meters)
        work()
        COUNTER.add(1)
        assert trace.get_tracer_provider() is tracers
    try:
        assert trace.get_tracer_provider() is tracers
        assert [telemetry.span().name, telemetry.metric("imported.orders")] == ["work", 1]
        assert [signal.once._done for signal in SIGNALS] == [True, before[1], True]
    finally:
        for signal, done in zip(SIGNALS, before, strict=True):
            signal.once._done = done
        FollowingMeters.let_go(None)


# --- with providers


def test_own_providers_go_on_and_are_left_as_they_were(own: list[Any]) -> None:
    exporter = InMemorySpanExporter()
    own[0].add_span_processor(SimpleSpanProcessor(exporter))
    before = own[0]._active_span_processor._span_processors, own[0].sampler, own[0].id_generator
    tracer = own[0].get_tracer("own")
    inside = tracer.sampler, tracer.id_generator
    with capture() as telemetry:
        with tracer.start_as_current_span("work"):
            pass
        with own[0].get_tracer("another").start_as_current_span("work"):
            pass
    assert len(telemetry.spans("work")) == len(exporter.get_finished_spans()) == 2
    assert before == (own[0]._active_span_processor._span_processors, own[0].sampler, own[0].id_generator)
    for each in (tracer, own[0].get_tracer("another")):
        assert (each.sampler, each.id_generator) == inside


def test_own_processors_of_log_records_are_left_as_they_were(own: list[Any]) -> None:
    exporter: Any = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    own[1].add_log_record_processor(SimpleLogRecordProcessor(exporter))
    before = own[1]._multi_log_record_processor._log_record_processors
    with capture() as telemetry:
        own[1].get_logger("own").emit(LogRecord(body="said"))
    assert own[1]._multi_log_record_processor._log_record_processors == before
    telemetry.log("said")
    assert len(exporter.get_finished_logs()) == 1


def test_spans_that_are_not_sampled_are_captured_and_not_sent() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(ParentBased(ALWAYS_OFF), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("own")
    with capture(providers=[provider]) as telemetry, tracer.start_as_current_span("work", attributes={"a": 1}):
        pass
    telemetry.span("work", a=1)
    assert exporter.get_finished_spans() == ()


def test_a_counter_that_existed_shows_what_was_added_in_the_block(own: list[Any]) -> None:
    counter = own[2].get_meter("own").create_counter("orders")
    counter.add(40, {"shop": "a"})
    counter.add(50, {"shop": "b"})
    with capture() as telemetry:
        counter.add(2, {"shop": "a"})
    assert [point.attributes for point in telemetry.metrics("orders")] == [{"shop": "a"}]
    assert telemetry.metric("orders") == 2


def test_an_observable_counter_that_existed_shows_how_much_it_has_grown(own: list[Any]) -> None:
    total = {"grown": 40, "still": 7}

    def observe(options: CallbackOptions) -> list[Observation]:
        return [Observation(value, {"disk": disk}) for disk, value in total.items()]

    own[2].get_meter("own").create_observable_counter("bytes", [observe])
    with capture() as telemetry:
        total["grown"] += 2
        assert telemetry.metric("bytes", disk="grown") == 2
        assert telemetry.metrics("bytes", disk="still") == []
        total["grown"] += 1
    assert telemetry.metric("bytes") == 3


def test_readers_of_the_application_miss_nothing(own: list[Any]) -> None:
    counter = own[2].get_meter("own").create_counter("orders")
    with capture() as telemetry:
        counter.add(2)
        assert telemetry.metric("orders") == 2
    counter.add(1)
    data = own[2]._metric_readers[0].get_metrics_data()
    assert data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0].value == 3


def test_what_is_measured_after_a_shutdown_is_captured(own: list[Any]) -> None:
    made_before = own[2].get_meter("own").create_counter("before")
    own[2].shutdown()
    for value in (1, 2):
        with capture() as telemetry:
            made_before.add(value)
            tidegate.counter("orders", value)
            metrics.get_meter("own").create_counter("items").add(value)
            COUNTER.add(value)
        assert [telemetry.metric(name) for name in ("before", "orders", "items", "imported.orders")] == [value] * 4


# --- with providers of other libraries


class Handing(trace.TracerProvider):
    """A provider that is not the SDK's, and hands on to what is: known by an attribute, or hidden."""

    def __init__(self, sdk: Any, *, hidden: bool = False) -> None:
        self.exporter = InMemorySpanExporter()
        sdk.add_span_processor(SimpleSpanProcessor(self.exporter))
        self._behind = sdk.get_tracer if hidden else sdk

    def get_tracer(self, *args: Any, **options: Any) -> Any:
        return getattr(self._behind, "get_tracer", self._behind)(*args, **options)

    def exported(self) -> list[str]:
        return [span.name for span in self.exporter.get_finished_spans()]


@pytest.fixture
def handing(own: list[Any], request: pytest.FixtureRequest) -> Handing:
    """The global provider of traces, in front of the application's; by its parameter hidden."""
    provider = SIGNALS[0].provider = Handing(own[0], hidden=request.param)
    return provider


@pytest.mark.parametrize("handing", [False], indirect=True)
def test_one_that_holds_the_sdks_goes_on_and_is_captured(handing: Handing) -> None:
    with capture() as telemetry, trace.get_tracer("shop").start_as_current_span("work"):
        pass
    assert [telemetry.span().name] == handing.exported() == ["work"]


@pytest.mark.parametrize("handing", [True], indirect=True)
def test_one_goes_on_and_is_captured_if_the_sdks_is_named(handing: Handing, own: list[Any]) -> None:
    with capture(providers=own[:1]) as telemetry, trace.get_tracer("shop").start_as_current_span("work"):
        pass
    assert [telemetry.span().name] == handing.exported() == ["work"]


@pytest.mark.parametrize("handing", [True], indirect=True)
def test_that_another_one_gets_nothing_is_said(handing: Handing, caplog: pytest.LogCaptureFixture) -> None:
    with capture() as telemetry, trace.get_tracer("shop").start_as_current_span("work"):
        pass
    assert (telemetry.span().name, handing.exported()) == ("work", [])
    assert "test_capture.Handing gets nothing while telemetry is captured" in caplog.text


# --- several captures


def test_a_capture_within_a_capture_sees_its_own_part() -> None:
    with capture() as outer:
        work("before")
        COUNTER.add(1)
        with capture() as inner:
            work("within")
            COUNTER.add(1)
        work("after")
        logging.getLogger("shop").error("after")
    assert [span.name for span in inner.spans()] == ["within"]
    assert [span.name for span in outer.spans()] == ["before", "within", "after"]
    assert (inner.metric("imported.orders"), outer.metric("imported.orders")) == (1, 2)
    assert (len(inner.logs()), len(outer.logs())) == (0, 1)


def test_captures_may_end_in_any_order() -> None:
    first, second = capture(deterministic=True), capture()
    one, two = first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    work()
    COUNTER.add(1)
    second.__exit__(None, None, None)
    assert one.spans() == []
    two.span("work")
    assert two.metric("imported.orders") == 1


def test_other_threads_are_captured() -> None:
    with capture() as telemetry:
        threads = [threading.Thread(target=work, args=[f"thread-{number}"]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(span.name for span in telemetry.spans()) == [f"thread-{number}" for number in range(4)]


def test_more_than_a_block_is_captured() -> None:
    with capture() as telemetry:
        for number in range(1500):
            with TRACER.start_as_current_span("many", attributes={"number": number}):
                pass
    assert [span.attributes["number"] for span in telemetry.spans()] == list(range(1500))
    assert telemetry.lost == 0


def test_a_forked_child_adds_nothing() -> None:
    with capture() as telemetry:
        child = os.fork()
        if not child:
            work("child")
            os._exit(0)
        os.waitpid(child, 0)
        work("parent")
    assert [span.name for span in telemetry.spans()] == ["parent"]


@pytest.mark.parametrize("deterministic", [True, False])
def test_an_exception_that_tests_share_is_recorded_in_each(deterministic: bool) -> None:
    error = LookupError()
    for _ in range(2):
        with capture(deterministic=deterministic) as telemetry:
            tidegate.track_error(error)
            with trace.get_tracer("shop").start_as_current_span("order"):
                tidegate.track_error(error)
        assert (len(telemetry.logs()), len(telemetry.span("order").events)) == (2, 1)

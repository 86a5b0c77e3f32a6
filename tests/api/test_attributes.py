"""What spans and log records get of where they are made."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage, context
from opentelemetry._logs import LogRecord, NoOpLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from framework_telemetry import Telemetry
from recording import Recording
from tidegate import log_context
from tidegate.api.attributes import gathering as ambient
from tidegate.api.attributes.baggage import opt_in
from tidegate.api.attributes.processors import ContextLogRecordProcessor, ContextSpanProcessor
from tidegate.api.calls import complaints
from tidegate.api.context import REQUEST_KEY
from tidegate.otel import put_first
from tidegate.record import capture

Counts = Any


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def counts() -> Iterator[Counts]:
    """How often something went wrong, by reason."""
    complaints.forget()
    yield complaints.counts
    complaints.forget()


@pytest.fixture(autouse=True)
def nobody_is_asked() -> Iterator[None]:
    yield
    ambient.provide(None)
    opt_in(())


def span(telemetry: Telemetry, **attributes: Any) -> dict[str, Any]:
    """The attributes of a span that starts and ends here."""
    telemetry.tracers.get_tracer("shop").start_span("work", attributes=attributes).end()
    return dict(telemetry.spans[-1].attributes)


def log(telemetry: Telemetry, **attributes: Any) -> dict[str, Any]:
    """The attributes of a log record that is emitted here."""
    telemetry.loggers.get_logger("shop").emit(LogRecord(body="done", attributes=attributes))
    return dict(telemetry.logs[-1].attributes)


BOTH = pytest.mark.parametrize("made", [span, log])


# -- log context


@BOTH
def test_what_is_set_is_on_it(made: Any, telemetry: Telemetry) -> None:
    with log_context({"order.id": 7}, tenant="acme"):
        assert made(telemetry) == {"order.id": 7, "tenant": "acme"}


@BOTH
def test_nothing_is_on_it_where_nothing_is_set(made: Any, telemetry: Telemetry) -> None:
    assert made(telemetry, a=1) == {"a": 1}


@BOTH
def test_what_it_has_itself_wins(made: Any, telemetry: Telemetry) -> None:
    with log_context(tenant="acme", step=1):
        assert made(telemetry, tenant="mine") == {"tenant": "mine", "step": 1}


def test_an_attribute_that_is_set_later_wins(telemetry: Telemetry) -> None:
    with log_context(tenant="acme"):
        started = telemetry.tracers.get_tracer("shop").start_span("work")
        started.set_attribute("tenant", "mine")
        started.end()
    assert telemetry.spans[0].attributes == {"tenant": "mine"}


def test_children_have_it_too(telemetry: Telemetry) -> None:
    tracer = telemetry.tracers.get_tracer("shop")
    with log_context(tenant="acme"), tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
        pass
    assert [each.attributes for each in telemetry.spans] == [{"tenant": "acme"}] * 2


def test_a_span_has_what_is_set_in_the_context_that_it_is_given(telemetry: Telemetry) -> None:
    with log_context(tenant="acme"):
        given = context.get_current()
    telemetry.tracers.get_tracer("shop").start_span("work", context=given).end()
    assert telemetry.spans[0].attributes == {"tenant": "acme"}


def test_a_log_record_has_what_is_set_in_the_context_that_it_is_given(telemetry: Telemetry) -> None:
    with log_context(tenant="acme"):
        given = context.get_current()
    telemetry.loggers.get_logger("shop").emit(LogRecord(body="done", context=given))
    assert telemetry.logs[0].attributes == {"tenant": "acme"}


@BOTH
def test_values_of_any_type_are_kept_as_they_are_sent(made: Any, telemetry: Telemetry) -> None:
    with log_context(tags=["a", 1], nested={"a": None}, flag=True):
        assert made(telemetry) == {"tags": ["a", 1], "nested": {"a": None}, "flag": True}


def test_captured_records_have_it(telemetry: Telemetry) -> None:
    capture.install(telemetry.loggers)
    try:
        with log_context(tenant="acme"):
            logging.getLogger("shop").error("no", extra={"order": 7})
    finally:
        capture.install(NoOpLoggerProvider())
    assert telemetry.logs[0].attributes == {"tenant": "acme", "order": 7}


def test_what_is_stored_has_it(store_dir: Path) -> None:
    recording = Recording(store_dir)
    put_first(recording.tracers, ContextSpanProcessor())
    put_first(recording.loggers, ContextLogRecordProcessor())
    with log_context(tenant="acme"), recording.tracer.start_as_current_span("work"):
        recording.logger.emit(LogRecord(body="done"))
    recording.tracers.shutdown()
    recording.loggers.shutdown()
    assert (recording.span().attributes, recording.log().attributes) == ({"tenant": "acme"}, {"tenant": "acme"})
    recording.recorder.close()


def test_exporters_that_are_there_already_have_it() -> None:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    put_first(provider, ContextLogRecordProcessor())
    with log_context(tenant="acme"):
        provider.get_logger("shop").emit(LogRecord(body="done"))
    assert exporter.get_finished_logs()[0].log_record.attributes == {"tenant": "acme"}
    provider.shutdown()


# -- limits of the SDK


def limited(most: int | None = None, longest: int | None = None) -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    limits = SpanLimits(max_span_attributes=most, max_span_attribute_length=longest)
    provider = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(ContextSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def test_the_applications_own_are_not_pushed_out() -> None:
    provider, exporter = limited(most=3)
    with log_context(tenant="acme", step=1):
        started = provider.get_tracer("shop").start_span("work", attributes={"a": 1, "b": 2})
        started.set_attribute("c", 3)
        started.end()
    assert exporter.get_finished_spans()[0].attributes == {"a": 1, "b": 2, "c": 3}


def test_what_is_left_out_is_counted_as_dropped() -> None:
    provider, exporter = limited(most=3)
    with log_context(tenant="acme", step=1, a=5):
        provider.get_tracer("shop").start_span("work", attributes={"a": 1, "b": 2}).end()
    [found] = exporter.get_finished_spans()
    assert (found.attributes, found.dropped_attributes) == ({"tenant": "acme", "a": 1, "b": 2}, 1)


def test_an_own_attribute_of_a_name_that_is_set_is_not_the_first_to_go() -> None:
    provider, exporter = limited(most=2)
    with log_context(a=5):
        started = provider.get_tracer("shop").start_span("work", attributes={"b": 2, "a": 1})
        started.set_attribute("c", 3)
        started.end()
    assert exporter.get_finished_spans()[0].attributes == {"a": 1, "c": 3}


def test_texts_are_cut_as_the_applications_own() -> None:
    provider, exporter = limited(longest=3)
    with log_context(tenant="acme", deep=[{"a": "long enough"}], step=1):
        provider.get_tracer("shop").start_span("work").end()
    assert exporter.get_finished_spans()[0].attributes == {"tenant": "acm", "deep": [{"a": "lon"}], "step": 1}


def test_log_records_have_limits_too() -> None:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False, log_record_limits=LogRecordLimits(max_log_record_attributes=2))
    provider.add_log_record_processor(ContextLogRecordProcessor())
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    with log_context(tenant="acme", step=1):
        provider.get_logger("shop").emit(LogRecord(body="done", attributes={"a": 1}))
    assert exporter.get_finished_logs()[0].log_record.attributes == {"tenant": "acme", "a": 1}
    provider.shutdown()


# -- the application's callback


@BOTH
def test_the_callback_is_asked(made: Any, telemetry: Telemetry) -> None:
    ambient.provide(lambda: {"region": "eu", "cart": {1}, "none": None})
    assert made(telemetry) == {"region": "eu", "cart": [1]}


@BOTH
def test_the_log_context_goes_before_the_callback(made: Any, telemetry: Telemetry) -> None:
    ambient.provide(lambda: {"region": "eu", "tenant": "theirs"})
    with log_context(tenant="acme"):
        assert made(telemetry) == {"region": "eu", "tenant": "acme"}


@BOTH
@pytest.mark.parametrize(
    "answer", [lambda: 1 / 0, lambda: None, len], ids=["raises", "tells nothing", "wants something"]
)
def test_a_callback_that_fails_is_counted_and_said_once(
    made: Any, answer: Any, telemetry: Telemetry, counts: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    ambient.provide(answer)
    with log_context(tenant="acme"):
        assert [made(telemetry), made(telemetry)] == [{"tenant": "acme"}] * 2
    assert counts == {"context_provider": 2}
    [said] = caplog.records
    assert (said.name, said.levelname) == ("tidegate", "WARNING")


def test_a_callback_that_logs_and_starts_spans_is_not_asked_about_those(telemetry: Telemetry) -> None:
    asked: list[int] = []

    def answer() -> Mapping[str, Any]:
        asked.append(len(asked))
        return {} if len(asked) > 1 else {"inner": log(telemetry), "span": span(telemetry)}

    ambient.provide(answer)
    assert log(telemetry) == {"inner": {}, "span": {}}
    assert asked == [0]


# -- the request and baggage


class Request:
    """As frameworks have one in the context."""

    def attributes(self) -> Mapping[str, str]:
        return {"request.id": "r-1", "user.id": "u-1"}


class BrokenRequest:
    def attributes(self) -> Mapping[str, str]:
        raise RuntimeError("no")


@BOTH
def test_what_is_known_of_the_request_is_on_it(made: Any, telemetry: Telemetry) -> None:
    token = context.attach(context.set_value(REQUEST_KEY, Request()))
    try:
        with log_context({"user.id": "u-2"}):
            assert made(telemetry) == {"request.id": "r-1", "user.id": "u-2"}
    finally:
        context.detach(token)


@BOTH
def test_a_request_that_fails_is_counted(made: Any, telemetry: Telemetry, counts: Counts) -> None:
    token = context.attach(context.set_value(REQUEST_KEY, BrokenRequest()))
    try:
        with log_context(tenant="acme"):
            assert made(telemetry) == {"tenant": "acme"}
    finally:
        context.detach(token)
    assert counts == {"request context": 1}


@BOTH
def test_baggage_that_is_opted_in_is_on_it(made: Any, telemetry: Telemetry) -> None:
    opt_in(("tenant",))
    token = context.attach(baggage.set_baggage("tenant", "acme", baggage.set_baggage("theirs", "x")))
    try:
        assert made(telemetry) == {"tenant": "acme"}
    finally:
        context.detach(token)


@BOTH
def test_what_is_set_here_keeps_its_type_although_it_is_baggage(made: Any, telemetry: Telemetry) -> None:
    opt_in(("tenant",))
    with log_context(tenant=7):
        assert made(telemetry) == {"tenant": 7}


# -- attributes that are not the SDK's


class Foreign:
    """A span or log record of another SDK."""

    def __init__(self, attributes: dict[str, Any] | None) -> None:
        self.attributes = attributes
        self.context = context.get_current()
        self.log_record = self

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.attributes = {**(self.attributes or {}), **attributes}


@pytest.mark.parametrize("own", [None, {"tenant": "mine"}])
def test_other_spans_are_given_what_they_lack(own: dict[str, Any] | None) -> None:
    foreign: Any = Foreign(own)
    with log_context(tenant="acme", step=1):
        ContextSpanProcessor().on_start(foreign)
    assert foreign.attributes == {"tenant": "acme", "step": 1, **(own or {})}


@pytest.mark.parametrize("own", [None, {"tenant": "mine"}])
def test_other_log_records_are_given_what_they_lack(own: dict[str, Any] | None) -> None:
    with log_context(tenant="acme", step=1):
        foreign: Any = Foreign(own)
    ContextLogRecordProcessor().on_emit(foreign)
    assert foreign.attributes == {"tenant": "acme", "step": 1, **(own or {})}


def test_what_is_no_record_at_all_raises_nothing(counts: Counts) -> None:
    broken: Any = Foreign(None)
    broken.context = None
    ContextLogRecordProcessor().on_emit(broken)
    assert counts == {"context": 1}

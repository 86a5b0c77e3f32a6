"""What an exception carries: where it was raised, and where it was told."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import logging
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import ReferenceType, ref

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.trace import Tracer, get_current_span

from tidegate.otel import record_exceptions_once
from tidegate.record import capture, raised
from tidegate.record.raised import (
    MAX_SPANS,
    begin_anew,
    context_around,
    context_of,
    is_logged,
    is_new_on,
    mark_logged,
    note,
)


class Asking(Exception):
    """One that fails when it is asked for what it has not."""

    def __getattr__(self, name: str) -> object:
        raise KeyError(name)


class AskingSlots(Exception):
    """The same, without a place for attributes of its own."""

    __slots__ = ()
    __getattr__ = Asking.__getattr__


@pytest.fixture
def tracer() -> Iterator[Tracer]:
    provider = TracerProvider(shutdown_on_exit=False)
    yield provider.get_tracer("shop")
    provider.shutdown()


@pytest.fixture
def exporter() -> Iterator[InMemoryLogRecordExporter]:
    """What is captured of the stdlib's log records."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    capture.install(provider)
    yield exporter
    capture.install(NoOpLoggerProvider())
    provider.shutdown()


def said(exporter: InMemoryLogRecordExporter) -> list[tuple[object, int]]:
    """Text and trace of what was captured."""
    return [(log.log_record.body, log.log_record.trace_id or 0) for log in exporter.get_finished_logs()]


def report(exc_info: object) -> logging.LogRecord:
    """What a server logs, that no handler has seen."""
    return logging.makeLogRecord({"name": "uvicorn.error", "msg": "unhandled", "levelno": 40, "exc_info": exc_info})


class TestContext:
    def test_an_error_that_was_not_noted_has_none(self) -> None:
        assert (context_of(ValueError()), context_of(None), context_around(None)) == (None, None, None)

    def test_the_first_of_a_trace_is_the_closest(self, tracer: Tracer) -> None:
        error = ValueError()
        with tracer.start_as_current_span("outer"):
            with tracer.start_as_current_span("inner") as inner:
                note(error)
            note(error)
        note(error)
        assert get_current_span(context_of(error)) is inner

    def test_an_error_that_is_raised_again_in_another_trace_has_that_one(self, tracer: Tracer) -> None:
        error = ValueError()
        for _ in range(2):
            with tracer.start_as_current_span("request") as span:
                note(error)
        assert get_current_span(context_of(error)) is span

    def test_it_is_only_asked_for_outside_of_a_trace(self, tracer: Tracer) -> None:
        error = ValueError()
        with tracer.start_as_current_span("request"):
            note(error)
            assert context_around(error) is None
        assert context_around(error) is context_of(error)

    def test_deep_copies_and_other_processes_get_nothing_of_it(self, tracer: Tracer) -> None:
        error = ValueError("no such order")
        with tracer.start_as_current_span("request"):
            mark_logged(error)
        for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
            assert (str(other), context_of(other), is_logged(other)) == ("no such order", None, False)

    def test_an_exception_that_cannot_be_changed_carries_it_too(self) -> None:
        @dataclass(frozen=True)
        class Frozen(Exception):
            order: int

        class Slotted(Exception):
            __slots__ = ()

            def __setattr__(self, name: str, value: object) -> None:
                raise AttributeError(name)

        for error in (Frozen(7), Slotted()):
            mark_logged(error)
            assert is_logged(error)

    def test_the_attributes_of_an_exception_can_be_written_as_json(self) -> None:
        error = LookupError()
        error.code = 4  # type: ignore[attr-defined]
        mark_logged(error)
        assert json.loads(json.dumps(vars(error)))["code"] == 4

    def test_an_exception_that_is_kept_in_its_own_context_can_be_collected(self) -> None:
        class Odd(Exception):
            pass

        def handle() -> ReferenceType[Odd]:
            error = Odd()
            token = attach(set_value("error", error))
            mark_logged(error)
            detach(token)
            return ref(error)

        gone = handle()
        gc.collect()
        assert gone() is None

    def test_what_is_said_of_exceptions_can_begin_anew(self) -> None:
        error = ValueError()
        mark_logged(error)
        is_new_on(error, 1)
        begin_anew()
        assert (is_logged(error), is_new_on(error, 1)) == (False, True)

    @pytest.mark.parametrize("kind", [Asking, AskingSlots])
    def test_an_exceptions_own_attribute_access_is_not_called(self, kind: type[Exception]) -> None:
        error = kind()
        assert not is_logged(error)
        mark_logged(error)
        assert is_logged(error)

    def test_what_is_under_its_name_by_chance_is_left_alone(self) -> None:
        error = ValueError()
        vars(error)["__tidegate__"] = "mine"
        assert (context_of(error), is_logged(error)) == (None, False)


class TestSpans:
    def test_a_span_meets_an_error_once(self) -> None:
        error = ValueError()
        assert [is_new_on(error, 1), is_new_on(error, 1), is_new_on(error, 2)] == [True, False, True]

    def test_the_spans_that_are_remembered_are_bounded(self) -> None:
        error = ValueError()
        for span_id in range(10 * MAX_SPANS):
            is_new_on(error, span_id)
        assert len(vars(error)["__tidegate__"].spans) == MAX_SPANS  # one of Python's own

    def test_a_span_records_an_error_once(self, tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Span, "record_exception", Span.record_exception)
        record_exceptions_once(raised.is_new_on, raised.note)
        error = ValueError("no such order")
        spans = []

        def fail() -> None:
            with tracer.start_as_current_span("outer") as outer, tracer.start_as_current_span("inner") as inner:
                spans.extend([outer, inner])
                inner.record_exception(error)
                raise error

        with pytest.raises(ValueError, match="no such order"):
            fail()
        assert [len(span.events) for span in spans if isinstance(span, Span)] == [1, 1]

    def test_what_is_recorded_with_attributes_is_somebodys_own_word(
        self, tracer: Tracer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Span, "record_exception", Span.record_exception)
        record_exceptions_once(raised.is_new_on, raised.note)
        error = ValueError("no such order")
        with tracer.start_as_current_span("request") as span:
            span.record_exception(error)
            span.record_exception(error, {"attempt": 2})
            span.record_exception(error, attributes={"attempt": 3})
        assert isinstance(span, Span)
        assert [(event.attributes or {}).get("attempt") for event in span.events] == [None, 2, 3]


class TestReports:
    """What servers and frameworks log of an error that nobody handled."""

    def test_a_report_outside_of_the_request_is_of_its_trace(
        self, tracer: Tracer, exporter: InMemoryLogRecordExporter
    ) -> None:
        error = ValueError("no such order")
        with tracer.start_as_current_span("request") as span:
            note(error)
        logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)
        assert said(exporter) == [("Exception in ASGI application", span.get_span_context().trace_id)]

    def test_a_record_that_has_a_trace_keeps_it(self, tracer: Tracer, exporter: InMemoryLogRecordExporter) -> None:
        error = ValueError("no such order")
        with tracer.start_as_current_span("request"):
            note(error)
        with tracer.start_as_current_span("retry") as span:
            logging.getLogger("shop").error("again", exc_info=error)
        assert said(exporter) == [("again", span.get_span_context().trace_id)]

    @pytest.mark.parametrize(
        "name", ["uvicorn.error", "hypercorn.error", "gunicorn.error", "django.request", "asyncio"]
    )
    def test_an_error_that_is_logged_already_is_not_reported(
        self, name: str, exporter: InMemoryLogRecordExporter
    ) -> None:
        error = ValueError("no such order")
        mark_logged(error)
        logging.getLogger(name).error("unhandled", exc_info=error)
        logging.getLogger(name).error("unhandled", exc_info=(ValueError, error, None))
        logging.getLogger(name).error("something else")
        logging.getLogger(name).error("unhandled", exc_info=ValueError("another"))
        assert [body for body, _ in said(exporter)] == ["something else", "unhandled"]

    def test_an_exception_that_fails_when_it_is_asked_is_reported(self, exporter: InMemoryLogRecordExporter) -> None:
        capture.capture_record(report(Asking()))
        assert [body for body, _ in said(exporter)] == ["unhandled"]

    def test_an_exc_info_that_cannot_be_asked_is_none(self) -> None:
        class Odd:
            def __bool__(self) -> bool:
                raise RuntimeError

        assert not capture._is_said(report(Odd()))

    def test_flask_reports_by_the_applications_logger(self, exporter: InMemoryLogRecordExporter) -> None:
        error = ValueError("no such order")
        mark_logged(error)

        def log_exception() -> None:
            """As Flask's is called, which an application may override."""
            logging.getLogger("shop").error("Exception on %s [%s]", "/orders", "GET", exc_info=error)
            logging.getLogger("shop").error("my own words", exc_info=error)

        log_exception()
        assert [body for body, _ in said(exporter)] == ["my own words"]

    def test_a_task_whose_error_is_logged_is_not_reported_when_it_is_collected(
        self, tracer: Tracer, exporter: InMemoryLogRecordExporter
    ) -> None:
        async def fail(is_told: bool) -> None:
            with tracer.start_as_current_span("job", record_exception=False):
                error = ValueError("told" if is_told else "not told")
                if is_told:
                    mark_logged(error)
                raise error

        async def main() -> None:
            tasks = [asyncio.create_task(fail(is_told)) for is_told in (True, False)]
            await asyncio.wait(tasks)
            del tasks
            gc.collect()

        asyncio.run(main())
        messages = [log.log_record.attributes["exception.message"] for log in exporter.get_finished_logs()]  # type: ignore[index]
        assert messages == ["not told"]

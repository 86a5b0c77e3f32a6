"""What the setting ``console`` shows: what nothing else shows, and nothing twice."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry._logs import LogRecord, NoOpLoggerProvider, SeverityNumber
from opentelemetry.trace import Status, StatusCode

from framework_telemetry import Telemetry
from tidegate import log_context
from tidegate.api.calls import complaints
from tidegate.api.console.handlers import LineHandler
from tidegate.api.console.processors import (
    ConsoleLogRecordProcessor,
    ConsoleSpanProcessor,
    put_back_last_resort,
    replace_last_resort,
)
from tidegate.otel import left_out, suppressed
from tidegate.record import capture


class Shown:
    """Providers with a console, and what it shows."""

    def __init__(self, style: str) -> None:
        self._stream = io.StringIO()
        self.handler = LineHandler(style, self._stream)
        self.telemetry = Telemetry()
        self.telemetry.loggers.add_log_record_processor(ConsoleLogRecordProcessor(self.handler))
        self.telemetry.tracers.add_span_processor(ConsoleSpanProcessor(self.handler))
        self.tracer = self.telemetry.tracers.get_tracer("shop")
        self.logger = self.telemetry.loggers.get_logger("shop.orders")

    @property
    def text(self) -> list[str]:
        """Lines without their times."""
        return [line.partition("  ")[2] for line in self._stream.getvalue().splitlines()]

    @property
    def json(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def shown() -> Shown:
    """A console that shows text."""
    return Shown("text")


@contextmanager
def fresh_logging() -> Iterator[None]:
    """A root logger without handlers, as a fresh process has it; pytest gives it some when a test begins."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        put_back_last_resort()


# -- what goes to OpenTelemetry alone


def test_a_record_is_shown(shown: Shown) -> None:
    shown.logger.emit(LogRecord(body="paid", severity_number=SeverityNumber.INFO2, attributes={"order": 7}))
    assert shown.text == ["INFO      shop.orders  paid  order=7"]


@pytest.mark.parametrize(("number", "level"), [(13, "WARNING"), (17, "ERROR"), (21, "CRITICAL"), (1, "TRACE")])
def test_levels_have_the_names_that_python_gives_them(shown: Shown, number: int, level: str) -> None:
    shown.logger.emit(LogRecord(body="paid", severity_number=SeverityNumber(number)))
    assert shown.text[0].startswith(level + " ")


def test_a_record_without_a_severity_is_shown(shown: Shown) -> None:
    shown.logger.emit(LogRecord(body="paid"))
    assert shown.text == ["INFO      shop.orders  paid"]


def test_an_event_is_shown_by_its_name(shown: Shown) -> None:
    shown.logger.emit(LogRecord(event_name="order.placed", attributes={"order": 7}))
    assert shown.text == ["INFO      shop.orders  order.placed  order=7"]


def test_an_event_with_a_body_has_its_name_too(shown: Shown) -> None:
    shown.logger.emit(LogRecord(event_name="order.placed", body={"order": 7}))
    assert shown.text == ['INFO      shop.orders  {"order":7}  event.name=order.placed']


def test_an_error_has_its_stack_trace(shown: Shown) -> None:
    shown.logger.emit(LogRecord(body="failed", exception=LookupError("no")))
    assert shown.text[0] == "INFO      shop.orders  failed"
    assert shown.text[-1] == "  | LookupError: no"


def test_what_is_set_here_is_shown(shown: Shown) -> None:
    with log_context(tenant="acme"):
        shown.logger.emit(LogRecord(body="paid"))
    assert shown.text == ["INFO      shop.orders  paid  tenant=acme"]


def test_the_trace_is_shown(shown: Shown) -> None:
    with shown.tracer.start_as_current_span("work") as span:
        shown.logger.emit(LogRecord(body="paid"))
    assert shown.text[0].endswith(f"trace={span.get_span_context().trace_id:032x}"[: len("trace=") + 12])


def test_secrets_are_not_shown(shown: Shown) -> None:
    shown.logger.emit(LogRecord(body="password=geheim42", attributes={"token": "geheim42"}))
    assert "geheim42" not in shown.text[0]


def test_json_has_the_same_fields_as_that_of_the_stdlib() -> None:
    shown = Shown("json")
    with shown.tracer.start_as_current_span("work"):
        shown.logger.emit(LogRecord(body="paid", attributes={"order": 7}))
    [line] = shown.json[:1]
    assert list(line) == ["timestamp", "level", "logger", "message", "trace_id", "span_id", "order"]


def test_json_has_the_name_of_an_event() -> None:
    shown = Shown("json")
    shown.logger.emit(LogRecord(event_name="order.placed", attributes={"order": 7}))
    [line] = shown.json
    assert (line["message"], line["event.name"]) == ("order.placed", "order.placed")


def test_json_of_what_is_no_event_has_no_name_of_one() -> None:
    shown = Shown("json")
    shown.logger.emit(LogRecord(body="paid"))
    [line] = shown.json
    assert "event.name" not in line


def test_what_is_captured_is_not_shown_again(shown: Shown) -> None:
    capture.install(shown.telemetry.loggers)
    try:
        logging.getLogger("shop").error("no")
    finally:
        capture.install(NoOpLoggerProvider())
    assert [each.body for each in shown.telemetry.logs] == ["no"]
    assert shown.text == []


def test_our_own_reports_are_not_shown(shown: Shown) -> None:
    shown.telemetry.loggers.get_logger("tidegate").emit(LogRecord(event_name="tidegate.log.pattern.report"))
    assert shown.text == []


def test_what_exporters_do_is_not_shown(shown: Shown) -> None:
    with suppressed():
        shown.logger.emit(LogRecord(body="sent"))
    assert shown.text == []


def test_what_cannot_be_shown_raises_nothing(shown: Shown) -> None:
    complaints.forget()
    broken = LogRecord(body="paid")
    broken.timestamp = "then"  # type: ignore[assignment]
    shown.logger.emit(broken)
    assert complaints.counts == {"console": 1}
    complaints.forget()


# -- spans


def test_a_root_span_is_shown_when_it_ends(shown: Shown) -> None:
    span = shown.tracer.start_span("GET /orders", start_time=0, attributes={"http.response.status_code": 200})
    span.end(12_300_000)
    trace_id = f"{span.get_span_context().trace_id:032x}"
    assert shown.text == [f"SPAN      GET /orders  200  OK  12.3 ms  trace={trace_id[:12]}"]


def test_a_failed_span_says_why(shown: Shown) -> None:
    span = shown.tracer.start_span("job", start_time=0)
    span.set_status(Status(StatusCode.ERROR, "ValueError: no"))
    span.end(1_000_000)
    assert shown.text[0].startswith("SPAN      job  ERROR: ValueError: no  1.00 ms  trace=")


def test_children_are_not_shown(shown: Shown) -> None:
    with shown.tracer.start_as_current_span("outer"), shown.tracer.start_as_current_span("inner"):
        pass
    assert [line.split()[1] for line in shown.text] == ["outer"]


def test_a_span_that_is_left_out_is_not_shown(shown: Shown) -> None:
    with shown.tracer.start_as_current_span("GET /telemetry"), left_out():
        pass
    assert shown.text == []


# -- what has no handler


def test_what_has_no_handler_is_shown(shown: Shown) -> None:
    with fresh_logging():
        replace_last_resort(shown.handler)
        logging.getLogger("shop").warning("paid", extra={"order": 7})
    assert shown.text == ["WARNING   shop  paid  order=7"]


def test_levels_of_loggers_govern_what_is_shown(shown: Shown) -> None:
    with fresh_logging():
        replace_last_resort(shown.handler)
        logging.getLogger("shop").info("not shown")
        own = logging.Logger("own", logging.DEBUG)
        own.debug("shown")
    assert shown.text == ["DEBUG     own  shown"]


def test_what_the_application_handles_is_left_to_it(shown: Shown) -> None:
    stream = io.StringIO()
    with fresh_logging():
        replace_last_resort(shown.handler)
        logging.basicConfig(stream=stream, format="theirs: %(message)s")
        logging.getLogger("shop").warning("paid")
    assert (stream.getvalue(), shown.text) == ("theirs: paid\n", [])


def test_a_last_resort_of_the_applications_own_stays(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.lastResort", None)
    replace_last_resort(shown.handler)
    assert logging.lastResort is None


def test_the_last_resort_can_be_put_back(shown: Shown) -> None:
    former = logging.lastResort
    replace_last_resort(shown.handler)
    put_back_last_resort()
    assert logging.lastResort is former

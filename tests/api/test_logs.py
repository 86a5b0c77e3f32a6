"""Log records by one call each: they are emitted, with the call's place, whatever they are given."""

from __future__ import annotations

import _thread
import logging
import sys
import uuid
from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.resources import Resource

import tidegate
from signalling import Odd, Signals, attributes, complained
from tidegate.api.calls import complaints, functions
from tidegate.otel import suppressed
from tidegate.record import capture
from tidegate.records import ORIGIN, Origin

Said = Callable[[], list[str]]


class Processor(LogRecordProcessor):
    """Does something with each record."""

    def __init__(self, do: Callable[[], object]) -> None:
        self._do = do
        self.calls = 0

    def on_emit(self, log_record: Any) -> None:
        self.calls += 1
        self._do()

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def origin(log: LogRecord) -> Origin:
    found: Origin = getattr(log, ORIGIN)
    return found


@pytest.mark.parametrize(
    ("call", "number", "text"),
    [
        (tidegate.debug, SeverityNumber.DEBUG, "DEBUG"),
        (tidegate.info, SeverityNumber.INFO, "INFO"),
        (tidegate.warn, SeverityNumber.WARN, "WARN"),
        (tidegate.error, SeverityNumber.ERROR, "ERROR"),
    ],
)
def test_each_level_has_a_function(
    signals: Signals, call: Callable[..., None], number: SeverityNumber, text: str
) -> None:
    call("order placed", order_id=17)
    log = signals.log
    assert (log.severity_number, log.severity_text) == (number, text)
    assert (log.body, attributes(log), log.event_name) == ("order placed", {"order_id": 17}, None)


@pytest.mark.parametrize(
    ("level", "number", "text"),
    [
        ("info", SeverityNumber.INFO, "INFO"),
        ("WARNING", SeverityNumber.WARN, "WARN"),
        (" Critical ", SeverityNumber.FATAL, "FATAL"),
        ("trace", SeverityNumber.TRACE, "TRACE"),
        ("error3", SeverityNumber.ERROR3, "ERROR3"),
        (9, SeverityNumber.INFO, "INFO"),
        (17, SeverityNumber.ERROR, "ERROR"),
        (24, SeverityNumber.FATAL4, "FATAL4"),
        (SeverityNumber.ERROR4, SeverityNumber.ERROR4, "ERROR4"),
        (logging.DEBUG, SeverityNumber.DEBUG, "DEBUG"),
        (logging.INFO, SeverityNumber.INFO, "INFO"),
        (logging.WARNING, SeverityNumber.WARN, "WARN"),
        (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
        (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
        (25, SeverityNumber.INFO4, "Level 25"),
        (31, SeverityNumber.WARN2, "Level 31"),
        (1000, SeverityNumber.FATAL4, "Level 1000"),
    ],
)
def test_levels_are_names_and_numbers(signals: Signals, level: Any, number: SeverityNumber, text: str) -> None:
    tidegate.log(level, "x")
    assert (signals.log.severity_number, signals.log.severity_text) == (number, text)
    assert complained() == {}


def test_the_severities_of_pythons_levels_are_those_of_opentelemetrys_bridge(signals: Signals) -> None:
    from opentelemetry.instrumentation.log_utils import std_to_otel

    levels = [10, 20, *range(25, 60)]
    for level in levels:
        tidegate.log(level, "x")
    assert [log.severity_number for log in signals.logs] == [std_to_otel(level) for level in levels]


@pytest.mark.parametrize("level", ["notice", "", None, -5, 1.5, ["info"], Odd()])
def test_an_unknown_level_is_info_and_said_once(signals: Signals, said: Said, level: Any) -> None:
    tidegate.log(level, "x")
    tidegate.log(level, "x")
    assert [log.severity_number for log in signals.logs] == [SeverityNumber.INFO] * 2
    assert len(said()) == 1


def test_a_record_has_the_calls_place(signals: Signals) -> None:
    tidegate.info("here")
    line = sys._getframe().f_lineno - 1
    name = "test_a_record_has_the_calls_place"
    assert origin(signals.log) == Origin("", __file__, line, name)
    assert signals.scopes == [__name__]


def test_each_call_in_a_loop_has_its_place(signals: Signals) -> None:
    for _ in range(2):
        tidegate.info("a")
        tidegate.info("b")
    first = origin(signals.logs[0]).line
    assert [origin(log).line - first for log in signals.logs] == [0, 1] * 2


def test_places_that_are_remembered_have_a_bound(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "MAX_PLACES", 3)
    for number in range(10):
        exec(f"\n\ntidegate.info({number})", {"tidegate": tidegate, "__name__": "made"})
    assert len(functions._places) <= 3
    assert {origin(log)[1:] for log in signals.logs} == {("<string>", 3, "<module>")}


def test_code_without_a_module_logs_too(signals: Signals) -> None:
    exec("tidegate.info('x')", {"tidegate": tidegate})
    assert signals.bodies == ["x"]


def test_a_record_is_of_the_current_trace(signals: Signals) -> None:
    with signals.span() as context:
        tidegate.info("x")
    assert (signals.log.trace_id, signals.log.span_id) == (context.trace_id, context.span_id)


def test_a_record_has_its_time(signals: Signals) -> None:
    tidegate.info("x")
    log = signals.log
    assert log.timestamp == log.observed_timestamp
    assert log.timestamp is not None


def test_nothing_is_filled_into_the_message(signals: Signals) -> None:
    tidegate.info("100 % of %s and {order}", order=5)
    assert signals.log.body == "100 % of %s and {order}"


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (None, None),
        (5, 5),
        ({"order": 5, 6: "x"}, {"order": 5, "6": "x"}),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (ValueError("x"), "x"),
        (Odd(), "<Odd without a text: RuntimeError>"),
    ],
)
def test_a_message_need_not_be_text(signals: Signals, message: Any, body: Any) -> None:
    tidegate.info(message)
    assert signals.log.body == body


def test_attributes_are_of_any_type(signals: Signals, caplog: pytest.LogCaptureFixture) -> None:
    class Color(Enum):
        RED = 1

    loop: list[Any] = []
    loop.append(loop)
    tidegate.info("x", id=uuid.UUID(int=1), color=Color.RED, tags={"a"}, none=None, odd=Odd(), loop=loop, **{"": 1})
    found = dict(attributes(signals.log))
    assert found.pop("loop")
    assert found == {
        "id": str(uuid.UUID(int=1)),
        "color": "Color.RED",
        "tags": ("a",),
        "none": None,
        "odd": "<Odd without a text: RuntimeError>",
    }
    assert caplog.records == []


def test_an_event_name_among_the_attributes_is_the_records(signals: Signals) -> None:
    tidegate.info("x", **{"event.name": "order.placed", "order": 5})
    assert (signals.log.event_name, attributes(signals.log)) == ("order.placed", {"order": 5})


def test_names_of_parameters_can_be_attributes(signals: Signals) -> None:
    tidegate.log("info", "x", level=1, message="y", place=2, scope=3, severity=4)
    assert attributes(signals.log) == {"level": 1, "message": "y", "place": 2, "scope": 3, "severity": 4}


# --- exceptions


def test_log_exception_logs_what_is_being_handled(signals: Signals) -> None:
    try:
        raise ValueError("no price")
    except ValueError:
        tidegate.log_exception("sorry", product="A1")
    log, found = signals.log, attributes(signals.log)
    assert (log.body, log.severity_number) == ("sorry", SeverityNumber.ERROR)
    assert (found["exception.type"], found["exception.message"], found["product"]) == ("ValueError", "no price", "A1")
    assert "test_log_exception_logs_what_is_being_handled" in str(found["exception.stacktrace"])


def test_log_exception_takes_an_exception(signals: Signals) -> None:
    tidegate.log_exception(exc=KeyError("a"))
    assert signals.log.body == "KeyError: 'a'"
    assert attributes(signals.log)["exception.type"] == "KeyError"


def test_log_exception_where_nothing_is_handled_logs_the_message(signals: Signals) -> None:
    tidegate.log_exception("sorry")
    tidegate.log_exception()
    assert signals.bodies == ["sorry", "no exception"]
    assert [attributes(log) for log in signals.logs] == [{}, {}]


def test_log_exception_takes_one_without_a_text(signals: Signals) -> None:
    class Mute(Exception):
        __str__ = __repr__ = Odd.__str__

    tidegate.log_exception(exc=Mute())
    assert "without a text: RuntimeError" in str(signals.log.body)


def test_exc_info_is_as_elsewhere_in_python(signals: Signals) -> None:
    try:
        raise ValueError("no price")
    except ValueError as error:
        tidegate.warn("x", exc_info=True)
        tidegate.warn("x", exc_info=error)
    tidegate.warn("x", exc_info=False)
    assert [attributes(log).get("exception.type") for log in signals.logs] == ["ValueError", "ValueError", None]
    assert "exc_info" not in attributes(signals.logs[2])


# --- loggers


def test_a_logger_has_its_name_as_scope(signals: Signals) -> None:
    logger = tidegate.get_logger("shop.orders")
    for call in (logger.debug, logger.info, logger.warning, logger.warn, logger.error):
        call("x", order=5)
    logger.log("info", "x")
    assert (set(signals.scopes), logger.name) == ({"shop.orders"}, "shop.orders")
    assert [log.severity_text for log in signals.logs] == ["DEBUG", "INFO", "WARN", "WARN", "ERROR", "INFO"]
    assert {origin(log).function for log in signals.logs} == {"test_a_logger_has_its_name_as_scope"}


def test_a_loggers_exception_is_log_exception(signals: Signals) -> None:
    logger = tidegate.get_logger("shop.orders")
    logger.exception("x", exc=KeyError("a"))
    logger.log_exception(exc=KeyError("a"))
    assert [attributes(log)["exception.type"] for log in signals.logs] == ["KeyError"] * 2
    assert {origin(log).function for log in signals.logs} == {"test_a_loggers_exception_is_log_exception"}


def test_a_logger_without_a_name_has_the_modules() -> None:
    assert tidegate.get_logger().name == __name__


def test_a_logger_has_nothing_to_do_with_the_standard_librarys(signals: Signals) -> None:
    logging.getLogger("shop.disabled").disabled = True
    tidegate.get_logger("shop.disabled").info("x")
    tidegate.get_logger("shop.unheard").info("x")
    assert signals.scopes == ["shop.disabled", "shop.unheard"]
    assert "shop.unheard" not in logging.root.manager.loggerDict


def test_nothing_goes_through_the_standard_library(signals: Signals, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tidegate.error("x")
    assert caplog.records == []


# --- providers


def test_nothing_is_emitted_while_there_is_no_provider(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", None)
    tidegate.info("x")
    with tidegate.timed_log("x"):
        tidegate.log_exception("x")
    assert said() == []


def test_a_provider_that_is_set_later_is_followed(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = tidegate.get_logger("shop")
    logger.info("a")
    later = Signals(monkeypatch)
    logger.info("b")
    assert (signals.bodies, later.bodies) == (["a"], ["b"])


def test_what_a_processor_logs_is_left_out(signals: Signals) -> None:
    processor = Processor(lambda: tidegate.info("again"))
    signals.loggers.add_log_record_processor(processor)
    tidegate.info("x")
    tidegate.info("y")
    assert (signals.bodies, processor.calls) == (["x", "y"], 2)


def test_what_a_value_logs_when_it_is_asked_for_its_text_is_left_out(signals: Signals) -> None:
    class Talkative:
        def __str__(self) -> str:
            tidegate.info("asked", of=self)
            return "text"

    tidegate.info("x", value=Talkative())
    assert signals.bodies == ["x"]
    assert attributes(signals.log) == {"value": "text"}


def test_what_an_exporter_at_work_logs_is_left_out(signals: Signals) -> None:
    with suppressed():
        tidegate.info("x")
    tidegate.info("y")
    assert signals.bodies == ["y"]


def test_a_processor_that_fails_is_not_the_applications_business(signals: Signals, said: Said) -> None:
    def fail() -> None:
        raise RuntimeError("no disk")

    signals.loggers.add_log_record_processor(Processor(fail))
    tidegate.info("x")
    tidegate.info("y")
    assert (signals.bodies, complained(), len(said())) == (["x", "y"], {"failed": 2}, 1)


def test_a_processor_that_is_interrupted_leaves_logging_in_order(signals: Signals) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    processor = Processor(interrupt)
    signals.loggers.add_log_record_processor(processor)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            tidegate.info("x")
    assert processor.calls == 2


def test_a_provider_that_is_disabled_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk._logs import LoggerProvider

    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    provider = LoggerProvider(Resource({}), shutdown_on_exit=False)
    processor = Processor(lambda: None)
    provider.add_log_record_processor(processor)
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", provider)
    tidegate.info("x")
    assert processor.calls == 0


def test_an_error_that_a_processor_logs_follows_once(signals: Signals) -> None:
    processor = Processor(lambda: tidegate.error("again"))
    signals.loggers.add_log_record_processor(processor)
    tidegate.info("x")
    assert (signals.bodies, processor.calls) == (["x", "again"], 2)


def test_an_error_that_is_put_off_is_of_the_trace_that_it_was_logged_in(signals: Signals) -> None:
    def report() -> None:
        with signals.tracer.start_as_current_span("handler") as span:
            spans.append(span.get_span_context().trace_id)
            tidegate.error("last words")

    spans: list[int] = []
    signals.loggers.add_log_record_processor(Processor(report))
    tidegate.info("x")
    assert signals.logs[1].trace_id == spans[0]


def test_an_error_while_a_record_of_the_standard_library_is_emitted_follows_it(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "_provider", signals.loggers)
    monkeypatch.setattr(capture, "_loggers", {})
    signals.loggers.add_log_record_processor(Processor(lambda: tidegate.error("last words")))
    waiting: capture.Waiting = []
    capture.capture_record(logging.makeLogRecord({"name": "shop", "msg": "x", "levelno": 20}), waiting)
    for late in waiting:
        late()
    assert signals.bodies == ["x", "last words"]


def test_what_is_left_out_in_the_midst_of_another_is_counted(signals: Signals, said: Said) -> None:
    signals.loggers.add_log_record_processor(Processor(lambda: tidegate.info("again")))
    tidegate.info("x")
    assert (complained(), said()) == ({"reentrant": 1}, [])


def test_an_error_that_a_value_logs_when_it_is_asked_for_its_text_is_counted(signals: Signals) -> None:
    class Talkative:
        def __str__(self) -> str:
            tidegate.error("asked", of=self)
            return "text"

    tidegate.info("x", value=Talkative())
    assert (signals.bodies, complained()) == (["x"], {"reentrant": 1})


@pytest.mark.parametrize("call", [tidegate.info, tidegate.track_event])
def test_a_call_that_no_python_code_makes_has_no_place(
    signals: Signals, call: Callable[[str], None], wait_for: Callable[..., None]
) -> None:
    _thread.start_new_thread(call, ("app.stopped",))
    wait_for(lambda: signals.logs)
    assert origin(signals.log) == Origin()


def test_what_is_said_of_values_is_short_and_has_no_secrets(signals: Signals, said: Said) -> None:
    tidegate.log("x" * 10**6, "a")
    tidegate.track_error("login failed, password=hunter2hunter2")  # type: ignore[call-overload]
    assert [len(text) < 1000 and "hunter2" not in text for text in said()] == [True, True]


def test_what_is_said_of_one_reason_leaves_room_for_the_others(signals: Signals, said: Said) -> None:
    for number in range(2 * complaints.MAX_SAID):
        tidegate.log(f"level {number}", "a")
    tidegate.counter("orders", -1)
    assert (len(said()), "counter" in said()[-1]) == (complaints.MAX_SAID + 1, True)


MAPPING = {"order.id": 7, "level": "high"}


@pytest.mark.parametrize(
    "call",
    [
        lambda: tidegate.info("x", MAPPING, note="n"),
        lambda: tidegate.log("info", "x", MAPPING, note="n"),
        lambda: tidegate.log_exception("x", None, MAPPING, note="n"),
        lambda: tidegate.log_exception("x", MAPPING, note="n"),  # type: ignore[arg-type]
        lambda: tidegate.get_logger().warning("x", MAPPING, note="n"),
        lambda: tidegate.get_logger().exception("x", None, MAPPING, note="n"),
        lambda: tidegate.timed_log("x", "info", MAPPING, note="n").__enter__(),
        lambda: tidegate.track_event("x", MAPPING, note="n"),
    ],
    ids=["info", "log", "log_exception", "log_exception, first", "warning", "exception", "timed_log", "track_event"],
)
def test_attributes_can_be_given_in_a_mapping(signals: Signals, call: Callable[[], object]) -> None:
    call()
    assert attributes(signals.log) == {**MAPPING, "note": "n"}


def test_a_name_goes_before_a_mapping(signals: Signals) -> None:
    tidegate.info("x", {"a": 1}, {"a": 2, 3: 4}, a=5)  # type: ignore[dict-item]
    assert attributes(signals.log) == {"a": 5, "3": 4}


@pytest.mark.parametrize(
    "call",
    [tidegate.error, tidegate.track_event, tidegate.get_logger("shop").error],
    ids=["error", "track_event", "logger"],
)
def test_what_is_given_for_a_message_to_be_filled_is_kept_and_told(
    signals: Signals, said: Said, call: Callable[..., None]
) -> None:
    call("%s failed: %s", "payment", LookupError("no such card"))
    assert attributes(signals.log) == {"arguments": ("payment", "no such card")}
    assert said() == [
        "attributes are given by name or as a mapping; str, LookupError is kept as the attribute 'arguments'"
    ]


def test_a_mapping_that_fails_is_kept_as_its_text(signals: Signals, said: Said) -> None:
    class Failing(dict[str, object]):
        def items(self) -> Any:
            raise RuntimeError

    tidegate.info("x", Failing())
    assert ("arguments" in attributes(signals.log), len(said())) == (True, 1)

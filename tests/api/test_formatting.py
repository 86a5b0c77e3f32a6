"""Log lines: JSON objects, and lines that people read."""

from __future__ import annotations

import io
import json
import logging
import queue
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from logging.handlers import QueueHandler, QueueListener
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider

from tidegate import ConfigurationError, StructuredFormatter, configure_logging, log_context
from tidegate.api.console.formatting import TextFormatter
from tidegate.api.console.handlers import LineHandler
from tidegate.api.console.secrets import redact_by
from tidegate.api.context import REQUEST_KEY
from tidegate.record.raised import note
from tidegate.settings import load


@pytest.fixture
def tracer() -> trace.Tracer:
    return TracerProvider(shutdown_on_exit=False).get_tracer("shop")


def formatted(formatter: logging.Formatter, *arguments: Any, level: int = logging.INFO, **fields: Any) -> str:
    """The line of a record that a logger has made."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("shop.orders", logging.DEBUG)
    logger.addHandler(handler)
    logger.log(level, *arguments, **fields)
    return stream.getvalue().removesuffix("\n")


def line(*arguments: Any, **fields: Any) -> dict[str, Any]:
    """The JSON object of a record."""
    found: dict[str, Any] = json.loads(formatted(StructuredFormatter(), *arguments, **fields))
    return found


def text(*arguments: Any, **fields: Any) -> str:
    """The lines of a record, without the time."""
    return formatted(TextFormatter(), *arguments, **fields).partition("  ")[2]


# -- JSON


def test_a_record_has_timestamp_level_logger_and_message() -> None:
    found = line("paid %s", "7 €")
    assert list(found) == ["timestamp", "level", "logger", "message"]
    assert (found["level"], found["logger"], found["message"]) == ("INFO", "shop.orders", "paid 7 €")


def test_the_time_is_iso_8601_in_utc_with_microseconds() -> None:
    found = line("paid")["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found)
    now, then = datetime.now(timezone.utc), datetime.fromisoformat(found.replace("Z", "+00:00"))
    assert abs((now - then).total_seconds()) < 60


def test_the_time_is_the_records() -> None:
    record = logging.makeLogRecord({"created": 1700000000.25, "msg": "paid"})
    assert json.loads(StructuredFormatter().format(record))["timestamp"] == "2023-11-14T22:13:20.250000Z"


@pytest.mark.parametrize("created", [1e300, -1e18, float("inf"), float("nan")])
def test_a_time_that_is_none_raises_nothing(created: float) -> None:
    record = logging.makeLogRecord({"created": created, "msg": "paid"})
    assert json.loads(StructuredFormatter().format(record))["message"] == "paid"


def test_there_are_no_ids_outside_of_a_trace() -> None:
    assert not {"trace_id", "span_id"} & set(line("paid"))


def test_a_trace_has_ids(tracer: trace.Tracer) -> None:
    with tracer.start_as_current_span("work") as span:
        found = line("paid")
    ids = span.get_span_context()
    assert (found["trace_id"], found["span_id"]) == (f"{ids.trace_id:032x}", f"{ids.span_id:016x}")


def test_an_error_that_is_told_outside_of_its_trace_has_its_ids(tracer: trace.Tracer) -> None:
    error = ValueError("no")
    with tracer.start_as_current_span("work") as span:
        note(error)
    assert line("failed", exc_info=error)["trace_id"] == f"{span.get_span_context().trace_id:032x}"


def test_the_log_context_and_the_request_are_there() -> None:
    class Request:
        def attributes(self) -> dict[str, str]:
            return {"request.id": "r-1"}

    token = context.attach(context.set_value(REQUEST_KEY, Request()))
    with log_context(tenant="acme"):
        found = line("paid")
    context.detach(token)
    assert (found["request.id"], found["tenant"]) == ("r-1", "acme")


def test_extra_fields_are_there_by_their_names() -> None:
    assert line("paid", extra={"order.id": 7, "tags": ["a"]}).items() >= {"order.id": 7, "tags": ["a"]}.items()


def test_extra_fields_are_in_the_order_that_they_were_given() -> None:
    names = [f"name{number}" for number in (3, 1, 2)]
    assert list(line("paid", extra=dict.fromkeys(names)))[4:] == names


def test_what_a_record_has_itself_wins() -> None:
    with log_context(tenant="acme"):
        assert line("paid", extra={"tenant": "mine"})["tenant"] == "mine"


def test_a_field_with_the_name_of_another_is_kept_apart() -> None:
    found = line("paid", extra={"level": 3, "timestamp": "then"})
    assert (found["level"], found["extra.level"], found["extra.timestamp"]) == ("INFO", 3, "then")


def test_an_exception_has_type_message_and_stack_trace() -> None:
    try:
        raise LookupError("no such order")
    except LookupError:
        found = line("failed", exc_info=True)["exception"]
    assert (found["type"], found["message"]) == ("LookupError", "no such order")
    assert found["stacktrace"].startswith("Traceback (most recent call last):")


def test_there_is_no_exception_where_none_is_handled() -> None:
    assert "exception" not in line("failed", exc_info=True)


def test_a_record_is_one_line() -> None:
    assert "\n" not in formatted(StructuredFormatter(), "one\ntwo")


def test_what_could_harm_a_terminal_is_escaped() -> None:
    shown = formatted(StructuredFormatter(), "\x1b[2J \x9b \u202e")
    assert (shown.isascii(), json.loads(shown)["message"]) == (True, "\x1b[2J \x9b \u202e")


def test_an_indented_record_is_the_same_object() -> None:
    found = formatted(StructuredFormatter(indent=True), "paid", extra={"order": 7})
    assert (json.loads(found)["order"], "\n" in found) == (7, True)


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no")


class BrokenError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "extra",
    [{"a": float("nan")}, {"a": b"\xff"}, {"a": 1 << 99}, {"a": "\ud800"}, {"a": {("b",): {1, 2}}}, {"a": Broken()}],
    ids=["nan", "bytes", "large", "surrogate", "nested", "no text"],
)
def test_values_of_any_type_are_shown(extra: dict[str, Any]) -> None:
    assert "a" in line("paid", extra=extra)


def test_what_contains_itself_is_shown() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "a" in line("paid", extra={"a": endless})


def test_wrong_arguments_are_shown() -> None:
    assert line("%d apples", "two")["message"] == "%d apples ('two',)"


def test_a_message_may_be_a_mapping() -> None:
    assert line({"order": 7})["message"] == '{"order":7}'


def test_an_exception_without_a_text_is_shown() -> None:
    assert "RuntimeError" in line("failed", exc_info=BrokenError())["exception"]["message"]


@pytest.mark.parametrize("fields", [{"levelno": None}, {"name": None, "levelname": 5}, {"exc_info": 5}, {"args": 5}])
def test_a_record_that_is_none_is_shown(fields: dict[str, Any]) -> None:
    record = logging.makeLogRecord({"msg": "paid", **fields})
    assert "paid" in json.loads(StructuredFormatter().format(record))["message"]


@pytest.mark.parametrize(
    ("message", "extra"),
    [("password=geheim42", {}), ("login", {"password": "geheim42"}), ("login", {"a": {"api_key": "geheim42"}})],
)
def test_secrets_are_not_shown(message: str, extra: dict[str, Any]) -> None:
    assert "geheim42" not in formatted(StructuredFormatter(), message, extra=extra)


def test_secrets_in_exceptions_are_not_shown() -> None:
    assert "geheim42" not in formatted(StructuredFormatter(), "failed", exc_info=ValueError("password=geheim42"))


def test_secrets_are_shown_if_so_wished() -> None:
    assert "geheim42" in formatted(StructuredFormatter(redact=False), "password=geheim42")


def test_the_record_itself_is_not_changed() -> None:
    record = logging.makeLogRecord({"msg": "paid %s", "args": (7,), "password": "geheim"})
    before = dict(vars(record))
    StructuredFormatter().format(record)
    assert vars(record) == before


def test_a_queue_carries_what_its_formatter_says() -> None:
    stream = io.StringIO()
    records: queue.Queue[Any] = queue.Queue()
    handler = QueueHandler(records)
    handler.setFormatter(StructuredFormatter())
    logger = logging.Logger("shop", logging.INFO)
    logger.addHandler(handler)
    listener = QueueListener(records, logging.StreamHandler(stream))
    listener.start()
    with log_context(tenant="acme"):
        logger.info("paid")
    listener.stop()
    assert json.loads(stream.getvalue())["tenant"] == "acme"


def test_in_the_thread_of_a_queue_the_noted_trace_is_shown() -> None:
    record = logging.makeLogRecord({"msg": "paid", "otelTraceID": "ab" * 16, "otelSpanID": "cd" * 8})
    found = json.loads(StructuredFormatter().format(record))
    assert (found["trace_id"], found["span_id"]) == ("ab" * 16, "cd" * 8)


def test_what_is_noted_outside_of_a_trace_is_not_shown() -> None:
    record = logging.makeLogRecord({"msg": "paid", "otelTraceID": "0", "otelSpanID": "0"})
    assert "trace_id" not in json.loads(StructuredFormatter().format(record))


@pytest.mark.parametrize(
    "described", [{"()": "tidegate.StructuredFormatter", "indent": True}, {"class": "tidegate.StructuredFormatter"}]
)
def test_logging_config_can_make_one(described: dict[str, Any]) -> None:
    import logging.config

    configurator = logging.config.DictConfigurator({"version": 1})
    assert isinstance(configurator.configure_formatter(described), StructuredFormatter)


# -- text


def test_a_line_has_level_logger_message_and_attributes() -> None:
    assert text("paid", extra={"order": 7, "by": "a b"}) == 'INFO      shop.orders  paid  order=7 by="a b"'


def test_a_line_begins_with_the_time() -> None:
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3}  INFO", formatted(TextFormatter(), "paid"))


def test_a_line_ends_with_the_beginning_of_the_trace_id(tracer: trace.Tracer) -> None:
    with tracer.start_as_current_span("work") as span:
        assert text("paid").endswith(f"  trace={span.get_span_context().trace_id:032x}"[: len("  trace=") + 12])


def test_further_lines_of_a_message_are_set_off() -> None:
    assert text("one\n12:00:00.000  ERROR  forged") == "INFO      shop.orders  one\n    | 12:00:00.000  ERROR  forged"


def test_a_stack_trace_is_set_off() -> None:
    try:
        raise LookupError("no such order")
    except LookupError:
        first, *more = text("failed", exc_info=True).split("\n")
    assert (first, more[0], more[-1]) == (
        "INFO      shop.orders  failed",
        "    | Traceback (most recent call last):",
        "    | LookupError: no such order",
    )


def test_a_stack_that_is_asked_for_is_set_off() -> None:
    assert "    | Stack (most recent call last):" in text("here", stack_info=True)


def test_control_characters_are_escaped() -> None:
    assert text("\x1b[31mred", extra={"a\n": "\x07"}) == "INFO      shop.orders  \\x1b[31mred  a\\n=\\x07"


def test_colours_are_shown_where_there_are_some() -> None:
    shown = formatted(TextFormatter(is_coloured=lambda: True), "paid", level=logging.ERROR)
    assert "\x1b[1;31mERROR   \x1b[0m" in shown


def test_a_fatal_error_has_a_background() -> None:
    shown = formatted(TextFormatter(is_coloured=lambda: True), "paid", level=logging.CRITICAL)
    assert "\x1b[1;37;41mCRITICAL\x1b[0m" in shown


# -- configure_logging


@contextmanager
def fresh_root() -> Iterator[logging.Logger]:
    """The root logger as a fresh process has it; pytest gives it handlers when a test begins."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers.clear()
    root.setLevel(logging.WARNING)
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_root_logger_gets_the_handler_and_the_level() -> None:
    with fresh_root() as root:
        handler = configure_logging(logging.DEBUG, stream=io.StringIO())
        assert (root.handlers, root.level) == ([handler], logging.DEBUG)


def test_records_are_written_as_json() -> None:
    with fresh_root():
        stream = io.StringIO()
        configure_logging(stream=stream)
        logging.getLogger("shop").info("paid")
        logging.getLogger("shop").debug("not shown")
        assert [json.loads(each)["message"] for each in stream.getvalue().splitlines()] == ["paid"]


def test_records_are_written_as_text() -> None:
    with fresh_root():
        stream = io.StringIO()
        configure_logging("info", format="text", stream=stream)
        logging.getLogger("shop").info("paid")
        assert stream.getvalue().endswith("  INFO      shop  paid\n")


def test_standard_error_is_what_it_is_when_something_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_root():
        configure_logging()
        monkeypatch.setattr("sys.stderr", stream := io.StringIO())
        logging.getLogger("shop").info("paid")
        assert json.loads(stream.getvalue())["message"] == "paid"


def test_where_there_are_handlers_nothing_is_changed_and_that_is_said() -> None:
    with fresh_root() as root:
        stream = io.StringIO()
        root.addHandler(theirs := logging.StreamHandler(stream))
        handler = configure_logging(logging.DEBUG)
        assert (root.handlers, root.level) == ([theirs], logging.WARNING)
        assert handler not in root.handlers
        assert stream.getvalue().startswith("configure_logging changes nothing: the root logger has handlers already (")


def test_handlers_are_replaced_by_force() -> None:
    with fresh_root() as root:
        root.addHandler(logging.NullHandler())
        handler = configure_logging(force=True)
        assert root.handlers == [handler]


def test_handlers_that_print_nothing_stay() -> None:
    with fresh_root() as root:
        from opentelemetry.instrumentation.logging.handler import LoggingHandler

        root.addHandler(theirs := LoggingHandler())
        handler = configure_logging()
        assert root.handlers == [theirs, handler]


@pytest.mark.parametrize("options", [{"level": "LOUD"}, {"level": 1.5}, {"format": "xml"}], ids=str)
def test_what_is_wrong_is_refused_and_nothing_is_changed(options: dict[str, Any]) -> None:
    with fresh_root() as root:
        with pytest.raises(ConfigurationError):
            configure_logging(**options)
        assert (root.handlers, root.level) == ([], logging.WARNING)


def test_a_terminal_is_shown_colours() -> None:
    handler = LineHandler("text", stream := Terminal())
    handler.handle(logging.makeLogRecord({"msg": "paid", "levelname": "ERROR", "levelno": logging.ERROR}))
    assert "\x1b[" in stream.getvalue()


def test_no_colours_are_shown_if_so_wished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    handler = LineHandler("text", stream := Terminal())
    handler.handle(logging.makeLogRecord({"msg": "paid", "levelname": "ERROR", "levelno": logging.ERROR}))
    assert "\x1b[" not in stream.getvalue()


def test_what_the_encoding_lacks_is_escaped() -> None:
    raw = io.BytesIO()
    handler = LineHandler("text", io.TextIOWrapper(raw, encoding="ascii"))
    handler.write("7 €")
    assert raw.getvalue() == b"7 \\u20ac\n"


def test_a_stream_that_is_closed_raises_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    stream.close()
    LineHandler("json", stream).handle(logging.makeLogRecord({"msg": "paid"}))
    assert capfd.readouterr() == ("", "")


def test_without_standard_error_nothing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = LineHandler("json")
    monkeypatch.setattr("sys.stderr", None)
    handler.handle(logging.makeLogRecord({"msg": "paid"}))
    assert handler.level == logging.NOTSET


# -- redaction by settings


@pytest.fixture
def iban_is_secret() -> Iterator[None]:
    """As ``redact_keys`` may say."""
    redact_by(load({"redact_keys": "iban", "redact_callback": lambda match: "hidden"}, environ={}))
    yield
    redact_by(load(environ={}))


@pytest.mark.usefixtures("iban_is_secret")
def test_what_settings_call_a_secret_is_hidden_as_they_say() -> None:
    assert line("paid", extra={"iban": "DE02120300000000202051"})["iban"] == "hidden"


def test_a_callback_may_log() -> None:
    asked: list[str] = []

    def decide(match: Any) -> None:
        asked.append(line("asked", extra={"by": match.rule})["message"])

    redact_by(load({"redact_callback": decide}, environ={}))
    try:
        assert "geheim42" not in formatted(StructuredFormatter(), "paid", extra={"password": "geheim42"})
    finally:
        redact_by(load(environ={}))
    assert asked == ["asked"]


def test_what_cannot_be_shown_is_without_its_secrets_too() -> None:
    record = logging.makeLogRecord({"msg": "password=geheim42", "created": float("nan")})
    assert "geheim42" not in StructuredFormatter().format(record)

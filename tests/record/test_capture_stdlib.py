"""The standard library's log records: every one, once, whole, and nothing of the application's changes."""

from __future__ import annotations

import copy
import gc
import logging
import logging.config
import logging.handlers
import queue
import subprocess
import sys
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

from recorded import read
from tidegate.record import capture
from tidegate.records import Log

Captured = Callable[[], list[Log]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def bodies(logs: list[Log]) -> list[Any]:
    return [log.body for log in logs]


class Collecting(logging.Handler):
    """Formats like a stream handler, into a list."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class TestWhatIsRecorded:
    def test_the_message_is_the_body(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("user %s left", "ann")
        assert bodies(captured()) == ["user ann left"]

    def test_the_template_is_the_message_without_its_arguments(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        logger.info("user %s left", "ann")
        assert captured()[0].template == "user %s left"

    def test_a_message_without_arguments_has_no_template(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("100 % done")
        assert [(log.body, log.template) for log in captured()] == [("100 % done", "")]

    def test_a_mapping_is_the_arguments_by_name(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("%(who)s left", {"who": "ann"})
        assert [(log.body, log.template) for log in captured()] == [("ann left", "%(who)s left")]

    def test_the_logger_is_the_scope(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("x")
        assert captured()[0].scope.name == logger.name

    def test_the_call_site_is_kept(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("x")
        attributes = captured()[0].attributes
        assert attributes["code.file.path"] == __file__
        assert attributes["code.function.name"] == "test_the_call_site_is_kept"
        assert isinstance(attributes["code.line.number"], int)

    def test_the_time_is_when_it_was_logged(self, captured: Captured, logger: logging.Logger) -> None:
        record = logger.makeRecord(logger.name, logging.INFO, "x.py", 1, "x", (), None)
        logger.handle(record)
        assert captured()[0].time_unix_nano == int(record.created * 1e9)

    @pytest.mark.parametrize(
        ("level", "number", "text"),
        [
            (5, 1, "Level 5"),
            (10, 5, "DEBUG"),
            (20, 9, "INFO"),
            (25, 12, "Level 25"),
            (30, 13, "WARN"),
            (40, 17, "ERROR"),
            (50, 21, "FATAL"),
        ],
    )
    def test_a_level_has_its_severity(
        self,
        captured: Captured,
        logger: logging.Logger,
        monkeypatch: pytest.MonkeyPatch,
        level: int,
        number: int,
        text: str,
    ) -> None:
        monkeypatch.delitem(logging._levelToName, 5, raising=False)  # uvicorn gives it a name when it is loaded
        logger.setLevel(1)
        logger.log(level, "x")
        assert [(log.severity_number, log.severity_text) for log in captured()] == [(number, text)]

    def test_a_coloured_level_name_is_a_plain_severity_text(
        self, captured: Captured, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(logging._levelToName, logging.ERROR, "\x1b[31mERROR\x1b[0m")
        logger.error("x")
        assert captured()[0].severity_text == "ERROR"

    def test_it_belongs_to_the_current_span(self, captured: Captured, logger: logging.Logger) -> None:
        with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("work") as span:
            logger.info("inside")
        logger.info("outside")
        context = span.get_span_context()
        assert [(log.trace_id, log.span_id) for log in captured()] == [
            (f"{context.trace_id:032x}", f"{context.span_id:016x}"),
            ("", ""),
        ]

    def test_a_dict_is_kept_as_a_body(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info({"order": 7, "items": ["boots"]})
        assert bodies(captured()) == [{"order": 7, "items": ["boots"]}]

    def test_an_object_as_message_is_its_text(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info(ValueError("odd"))
        assert bodies(captured()) == ["odd"]

    def test_arguments_that_do_not_fit_are_kept_beside_the_message(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        logger.info("%d orders of %s", "many")
        assert bodies(captured()) == ["%d orders of %s ('many',)"]

    def test_a_record_whose_arguments_have_no_text_is_kept(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("user %s", Mute())
        assert bodies(captured()) == ["user %s <tuple without a text: RuntimeError>"]

    def test_a_lone_surrogate_is_kept(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("file \udcff")
        assert bodies(captured()) == ["file \udcff"]

    def test_an_exception_is_kept(self, captured: Captured, logger: logging.Logger) -> None:
        try:
            dict[str, int]()["boots"]
        except LookupError:
            logger.exception("failed")
        attributes = captured()[0].attributes
        assert attributes["exception.type"] == "KeyError"
        assert attributes["exception.message"] == "'boots'"
        assert '["boots"]' in attributes["exception.stacktrace"]

    def test_the_class_of_an_exception_is_named_with_its_module(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        logger.error("failed", exc_info=queue.Empty())
        assert captured()[0].attributes["exception.type"] == "_queue.Empty"

    def test_an_exception_without_a_text_is_kept(self, captured: Captured, logger: logging.Logger) -> None:
        class MuteError(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        logger.error("failed", exc_info=MuteError())
        assert "without a text" in captured()[0].attributes["exception.message"]

    def test_no_exception_is_no_attribute(self, captured: Captured, logger: logging.Logger) -> None:
        logger.error("failed", exc_info=True)
        assert not [name for name in captured()[0].attributes if name.startswith("exception.")]

    def test_a_stack_is_kept(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("x", stack_info=True)
        assert "test_a_stack_is_kept" in captured()[0].attributes["code.stacktrace"]


class Mute:
    """An object that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


#: Values given as extra, and what is read back.
VALUES: dict[str, tuple[object, object]] = {
    "integer": (7, 7),
    "float": (1.5, 1.5),
    "boolean": (True, True),
    "text": ("x", "x"),
    "none": (None, None),
    "bytes": (b"\x00\xff", b"\x00\xff"),
    "great integer": (2**70, 2**70),
    "list": ([1, "two", None], [1, "two", None]),
    "tuple": ((1, 2), [1, 2]),
    "nested": ({"a": {"b": [1]}}, {"a": {"b": [1]}}),
    "keys of any type": ({1: "one"}, {"1": "one"}),
    "decimal": (Decimal("1.50"), "1.50"),
    "path": (Path("/tmp/x"), "/tmp/x"),
    "kind of integer": (type("Int", (int,), {})(3), 3),
    "nothing to show": (Mute(), "<Mute without a text: RuntimeError>"),
}


class TestExtra:
    @pytest.mark.parametrize(("value", "kept"), VALUES.values(), ids=VALUES)
    def test_a_value_of_any_type_is_kept(
        self, captured: Captured, logger: logging.Logger, value: object, kept: object
    ) -> None:
        logger.info("x", extra={"value": value})
        assert captured()[0].attributes["value"] == kept

    def test_nothing_but_extra_becomes_an_attribute(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("x", extra={"user": "ann"})
        names = {name for name in captured()[0].attributes if not name.startswith("code.")}
        assert names == {"user"}

    def test_what_a_filter_adds_becomes_an_attribute(self, captured: Captured, logger: logging.Logger) -> None:
        def add(record: logging.LogRecord) -> bool:
            record.tenant = "north"
            return True

        logger.addFilter(add)
        logger.info("x")
        assert captured()[0].attributes["tenant"] == "north"

    def test_the_fields_of_the_logging_instrumentation_are_not_repeated(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        logger.info("x", extra={"otelTraceID": "0", "otelSpanID": "0", "otelServiceName": "", "user": "ann"})
        assert not [name for name in captured()[0].attributes if name.startswith("otel")]

    def test_the_second_message_of_uvicorn_is_not_kept(self, captured: Captured, logger: logging.Logger) -> None:
        logger.info("x", extra={"color_message": "\x1b[36mx\x1b[0m"})
        assert "color_message" not in captured()[0].attributes

    @pytest.mark.parametrize("name", ["otel.event.name", "event.name"])
    def test_the_event_name_is_a_field(self, captured: Captured, logger: logging.Logger, name: str) -> None:
        logger.info("x", extra={name: "order.placed"})
        (log,) = captured()
        assert (log.event_name, name in log.attributes) == ("order.placed", False)

    def test_a_value_that_contains_itself_ends(self, captured: Captured, logger: logging.Logger) -> None:
        crowd: list[Any] = []
        crowd.extend([crowd] * 20)
        logger.info("x", extra={"crowd": crowd})
        assert len(captured()) == 1

    def test_more_attributes_than_the_limit_are_counted_without_a_warning(
        self, instrument: Run, store_dir: Path
    ) -> None:
        done = instrument(
            """
            import logging
            logging.getLogger().addHandler(logging.NullHandler())
            logging.warning("x", extra={f"value{number}": number for number in range(200)})
            """
        )
        assert done.stderr == ""
        assert [log.dropped_attributes_count for log in read(store_dir).logs] == [200 - 128]


class TestOnce:
    def test_a_logger_that_does_not_propagate_is_recorded(self, captured: Captured, logger: logging.Logger) -> None:
        logger.propagate = False
        logger.info("x")
        assert bodies(captured()) == ["x"]

    def test_a_record_with_many_handlers_is_recorded_once(self, captured: Captured, logger: logging.Logger) -> None:
        logger.addHandler(Collecting())
        logger.addHandler(Collecting())
        logger.info("x")
        assert bodies(captured()) == ["x"]

    def test_a_level_that_is_off_is_not_recorded(self, captured: Captured, logger: logging.Logger) -> None:
        logger.setLevel(logging.WARNING)
        logger.info("x")
        assert captured() == []

    def test_what_a_filter_of_the_logger_drops_is_not_recorded(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        logger.addFilter(lambda record: False)
        logger.info("x")
        assert captured() == []

    def test_what_is_disabled_is_not_recorded(self, captured: Captured, logger: logging.Logger) -> None:
        logging.disable(logging.INFO)
        try:
            logger.info("x")
            logger.warning("y")
        finally:
            logging.disable(logging.NOTSET)
        assert bodies(captured()) == ["y"]

    def test_a_queue_and_its_listener_record_once(self, captured: Captured, logger: logging.Logger) -> None:
        pipe: queue.Queue[logging.LogRecord] = queue.Queue()
        logger.addHandler(logging.handlers.QueueHandler(pipe))
        listener = logging.handlers.QueueListener(pipe, Collecting())
        listener.start()
        logger.info("user %s", "ann")
        listener.stop()
        assert bodies(captured()) == ["user ann"]

    def test_a_listener_that_logs_to_another_logger_records_once(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        class Forward(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                behind.handle(record)

        pipe: queue.Queue[logging.LogRecord] = queue.Queue()
        logger.addHandler(logging.handlers.QueueHandler(pipe))
        behind = logging.Logger("app.behind")
        behind.addHandler(arrived := Collecting())
        listener = logging.handlers.QueueListener(pipe, Forward())
        listener.start()
        logger.info("user %s", "ann")
        listener.stop()
        assert bodies(captured()) == arrived.lines == ["user ann"]

    def test_a_record_that_comes_from_another_process_is_recorded(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        record = logger.makeRecord(logger.name, logging.INFO, "x.py", 1, "from afar", (), None)
        record.process = -1
        logging.handlers.QueueListener(queue.Queue(), Forwarding(logger)).handle(record)
        assert bodies(captured()) == ["from afar"]

    def test_a_handler_that_logs_is_recorded_too(self, captured: Captured, logger: logging.Logger) -> None:
        other = logging.Logger("app.other")
        other.addHandler(logging.NullHandler())

        class Chatty(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                other.warning("sending %s", record.getMessage())

        logger.addHandler(Chatty())
        logger.info("x")
        assert bodies(captured()) == ["x", "sending x"]

    def test_captured_warnings_are_recorded(self, captured: Captured) -> None:
        logging.captureWarnings(True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.showwarning("take care", UserWarning, "x.py", 1)
        finally:
            logging.captureWarnings(False)
        (log,) = captured()
        assert log.scope.name == "py.warnings"
        assert "take care" in log.body

    def test_a_second_installation_records_once(
        self, captured: Captured, provider: LoggerProvider, logger: logging.Logger
    ) -> None:
        capture.install(provider)
        logger.info("x")
        assert bodies(captured()) == ["x"]

    def test_a_text_that_logs_is_recorded_once_for_each_time_it_is_made_for_the_application(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        class Noisy:
            def __str__(self) -> str:
                logger.debug("looking at it")
                return "noise"

        logger.addHandler(console := Collecting())
        logger.info("heard %s", Noisy())
        assert console.lines == ["looking at it", "heard noise"]
        assert sorted(bodies(captured())) == ["heard noise", "looking at it"]

    def test_a_text_that_logs_itself_ends(self, captured: Captured, logger: logging.Logger) -> None:
        class Vain:
            def __str__(self) -> str:
                logger.debug("I am %s", self)
                return "vain"

        logger.info("heard %s", Vain())
        assert bodies(captured()) == ["heard vain"]

    def test_what_the_garbage_collector_logs_while_a_text_is_made_is_recorded(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        class Forgotten:
            def __init__(self) -> None:
                self.me = self

            def __del__(self) -> None:
                logger.error("never closed")

        class Slow:
            def __str__(self) -> str:
                gc.collect()
                return "slow"

        Forgotten()
        logger.info("heard %s", Slow())
        assert sorted(bodies(captured())) == ["heard slow", "never closed"]


class Forwarding(logging.Handler):
    """Gives records to a logger, as a process does that logs for others."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self.logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        self.logger.handle(record)


class TestLeftOut:
    def test_our_own_records_are_not_recorded(self, captured: Captured) -> None:
        logging.getLogger("tidegate").critical("x")
        logging.getLogger("tidegate.anything").critical("x")
        assert captured() == []

    def test_what_an_exporter_logs_at_work_is_not_recorded(self, captured: Captured, logger: logging.Logger) -> None:
        with suppress_instrumentation():
            logger.info("x")
        assert captured() == []

    def test_a_processor_that_logs_does_not_feed_on_itself(
        self, captured: Captured, provider: LoggerProvider, logger: logging.Logger
    ) -> None:
        class Chatty:
            def on_emit(self, log_record: object) -> None:
                logger.info("got one")

            def enabled(self, **kwargs: object) -> bool:
                return True

            def shutdown(self) -> None: ...

            def force_flush(self, timeout_millis: int = 0) -> bool:
                return True

        provider.add_log_record_processor(Chatty())  # type: ignore[arg-type]
        logger.addHandler(console := Collecting())
        logger.info("x")
        assert console.lines == ["got one", "x"]
        assert bodies(captured()) == ["x"]

    def test_a_provider_that_fails_is_not_the_applications_business(
        self, captured: Captured, provider: LoggerProvider, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(record: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(provider, "get_logger", fail)
        failures = capture.failures
        logger.info("x")
        assert capture.failures == failures + 1


class TestTheApplicationsOwn:
    """Programs that print the same with us and without."""

    @pytest.mark.parametrize(
        "program_text",
        [
            pytest.param("logging.warning('take %s', 'care')", id="last resort"),
            pytest.param("logging.getLogger('a.b').error('no handler')", id="no handler"),
            pytest.param("logging.basicConfig(level=10, format=FORMAT); logging.info('x')", id="basicConfig"),
            pytest.param("logging.basicConfig(); logging.error('%d of %s', 'x')", id="wrong arguments"),
            pytest.param("logging.basicConfig(); logging.captureWarnings(True); warnings.warn('old')", id="warnings"),
            pytest.param(
                "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': True,"
                " 'formatters': {'f': {'format': FORMAT}},"
                " 'handlers': {'h': {'class': 'logging.StreamHandler', 'formatter': 'f'}},"
                " 'loggers': {'shop': {'handlers': ['h'], 'level': 'INFO', 'propagate': False}}})\n"
                "logging.getLogger('shop').info('open'); logging.getLogger('other').warning('x')",
                id="dictConfig",
            ),
            pytest.param(
                "class Finder(logging.Handler):\n"
                "    def emit(self, record):\n"
                "        frame = sys._getframe(1)\n"
                "        while frame.f_code.co_filename == logging.__file__:\n"
                "            frame = frame.f_back\n"
                "        print(frame.f_code.co_name, frame.f_lineno)\n"
                "logging.basicConfig(handlers=[Finder()]); logging.error('x')",
                id="a handler that looks for its caller by file",
            ),
            pytest.param(
                "class Finder(logging.Handler):\n"
                "    def emit(self, record):\n"
                "        frame = sys._getframe(1)\n"
                "        while frame.f_globals['__name__'] == 'logging':\n"
                "            frame = frame.f_back\n"
                "        print(frame.f_code.co_name, frame.f_lineno)\n"
                "logging.basicConfig(handlers=[Finder()]); logging.error('x')",
                id="a handler that looks for its caller by module",
            ),
        ],
    )
    def test_the_console_is_what_it_was(
        self, run: Run, instrument: Run, program: Callable[..., Path], program_text: str
    ) -> None:
        path = program(
            "import logging, logging.config, sys, warnings\n"
            "FORMAT = '%(levelname)s %(name)s %(module)s.%(funcName)s:%(lineno)d %(message)s'\n" + program_text
        )
        plain = run([sys.executable, path])
        ours = instrument(path)
        assert (ours.stdout, ours.stderr) == (plain.stdout, plain.stderr)
        assert plain.stdout or plain.stderr

    def test_every_configuration_records_every_record_once(self, instrument: Run, store_dir: Path) -> None:
        instrument(
            """
            import logging, logging.config
            before = logging.getLogger("before")
            before.warning("1 last resort")
            logging.basicConfig(level="INFO")
            before.info("2 basicConfig")
            logging.config.dictConfig({
                "version": 1, "disable_existing_loggers": True,
                "handlers": {"h": {"class": "logging.StreamHandler"}},
                "loggers": {"shop": {"handlers": ["h"], "level": "DEBUG", "propagate": False}},
                "root": {"handlers": ["h"], "level": "WARNING"},
            })
            before.error("a disabled logger")
            logging.getLogger("shop").debug("3 dictConfig")
            logging.getLogger("new").info("below the root's level")
            logging.getLogger("new").warning("4 root")
            """
        )
        assert sorted(log.body for log in read(store_dir).logs) == [
            "1 last resort",
            "2 basicConfig",
            "3 dictConfig",
            "4 root",
        ]

    def test_a_record_is_the_same_for_its_handlers(self, captured: Captured, logger: logging.Logger) -> None:
        seen: list[dict[str, Any]] = []

        class Seeing(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                seen.append(record.__dict__)

        logger.addHandler(Seeing())
        record = logger.makeRecord(logger.name, logging.INFO, "x.py", 1, "user %s", ("ann",), None)
        before = copy.copy(record.__dict__)
        logger.handle(record)
        assert seen == [before]

    def test_an_exception_of_a_handler_reaches_the_application(
        self, captured: Captured, logger: logging.Logger
    ) -> None:
        class Failing(logging.Handler):
            def handle(self, record: logging.LogRecord) -> bool:
                raise ZeroDivisionError

        logger.addHandler(Failing())
        with pytest.raises(ZeroDivisionError):
            logger.info("x")
        logger.removeHandler(logger.handlers[-1])
        logger.info("y")
        assert bodies(captured()) == ["x", "y"]

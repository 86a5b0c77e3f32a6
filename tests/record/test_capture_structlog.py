"""structlog's events: each once, with its values, however structlog is configured."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from structlog.stdlib import ProcessorFormatter

from recorded import read
from tidegate.records import Log

Captured = Callable[[], list[Log]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def clean_structlog(captured: Captured) -> Iterator[None]:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def values(log: Log) -> dict[str, Any]:
    """The attributes but for the call site."""
    return {name: value for name, value in log.attributes.items() if not name.startswith("code.")}


def into_memory() -> structlog.PrintLoggerFactory:
    return structlog.PrintLoggerFactory(io.StringIO())


#: The processors before the renderer that most configurations have.
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]


def print_console() -> Any:
    structlog.configure(
        processors=[*SHARED, structlog.dev.set_exc_info, structlog.dev.ConsoleRenderer()], logger_factory=into_memory()
    )
    return structlog.get_logger()


def print_json() -> Any:
    structlog.configure(
        processors=[*SHARED, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=into_memory(),
    )
    return structlog.get_logger()


def print_dict_tracebacks() -> Any:
    structlog.configure(
        processors=[*SHARED, structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()],
        logger_factory=into_memory(),
    )
    return structlog.get_logger()


def print_bytes() -> Any:
    def render(logger: Any, method: str, line: Any) -> Any:
        return bytes(line.encode())

    structlog.configure(
        processors=[structlog.processors.JSONRenderer(), render],
        logger_factory=structlog.BytesLoggerFactory(io.BytesIO()),
    )
    return structlog.get_logger()


def filtering() -> Any:
    structlog.configure(
        processors=[*SHARED, structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=into_memory(),
    )
    return structlog.get_logger()


def renamed() -> Any:
    structlog.configure(
        processors=[*SHARED, structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer()],
        logger_factory=into_memory(),
    )
    return structlog.get_logger()


def quiet_stdlib(name: str) -> logging.Logger:
    logger = logging.getLogger(name)
    logger.handlers[:] = [logging.NullHandler()]
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    return logger


def configure_stdlib(last: Any, *more: Any) -> Any:
    structlog.configure(
        processors=[structlog.stdlib.add_logger_name, *SHARED, *more, last],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    quiet_stdlib("app.structlog")
    return structlog.get_logger("app.structlog")


def stdlib_text() -> Any:
    return configure_stdlib(structlog.processors.KeyValueRenderer(), structlog.stdlib.PositionalArgumentsFormatter())


def stdlib_kwargs() -> Any:
    return configure_stdlib(structlog.stdlib.render_to_log_kwargs)


def stdlib_args() -> Any:
    return configure_stdlib(structlog.stdlib.render_to_log_args_and_kwargs)


def stdlib_formatter() -> Any:
    logger = configure_stdlib(ProcessorFormatter.wrap_for_formatter)
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
            foreign_pre_chain=SHARED,
        )
    )
    logging.getLogger("app.structlog").addHandler(handler)
    return logger


def stdlib_adapter() -> Any:
    return structlog.wrap_logger(
        logging.LoggerAdapter(quiet_stdlib("app.structlog"), {}),
        processors=[*SHARED, structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


STDLIB = [stdlib_text, stdlib_kwargs, stdlib_args, stdlib_formatter, stdlib_adapter]
CONFIGURATIONS = [print_console, print_json, print_dict_tracebacks, print_bytes, filtering, renamed, *STDLIB]
Configure = Callable[[], Any]


@pytest.mark.parametrize("configure", CONFIGURATIONS)
class TestEveryConfiguration:
    def test_an_event_is_recorded_once(self, captured: Captured, configure: Configure) -> None:
        configure().info("order placed", order=7)
        assert [(log.body, log.template) for log in captured()] == [("order placed", "order placed")]

    def test_the_values_are_attributes_and_nothing_else_is(self, captured: Captured, configure: Configure) -> None:
        configure().bind(user="ann").info("order placed", order=7, items=["boots"])
        assert values(captured()[0]) == {"user": "ann", "order": 7, "items": ["boots"]}

    def test_the_level_is_the_methods(self, captured: Captured, configure: Configure) -> None:
        logger = configure()
        for method in ("debug", "info", "warning", "error", "critical"):
            getattr(logger, method)("x")
        logs = captured()
        assert [log.severity_number for log in logs] == [5, 9, 13, 17, 21]
        assert [log.severity_text for log in logs] == ["DEBUG", "INFO", "WARN", "ERROR", "FATAL"]

    def test_an_exception_is_kept_and_not_repeated(self, captured: Captured, configure: Configure) -> None:
        logger = configure()
        try:
            dict[str, int]()["boots"]
        except KeyError:
            logger.exception("failed", order=7)
        (log,) = captured()
        assert log.severity_text == "ERROR"
        assert set(values(log)) == {"order", "exception.type", "exception.message", "exception.stacktrace"}
        assert log.attributes["exception.type"] == "KeyError"

    def test_the_call_site_is_the_applications(self, captured: Captured, configure: Configure) -> None:
        configure().info("x")
        attributes = captured()[0].attributes
        assert attributes["code.file.path"] == __file__
        assert attributes["code.function.name"] == "test_the_call_site_is_the_applications"

    def test_it_belongs_to_the_current_span(self, captured: Captured, configure: Configure) -> None:
        with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("work") as span:
            configure().info("x")
        assert captured()[0].trace_id == f"{span.get_span_context().trace_id:032x}"


@pytest.mark.parametrize("configure", [print_console, filtering, stdlib_text, stdlib_formatter])
class TestAsync:
    def test_an_event_of_an_async_method_is_recorded_once(self, captured: Captured, configure: Configure) -> None:
        logger = configure()

        async def work() -> str:
            with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("work") as span:
                await logger.ainfo("order placed", order=7)
            return f"{span.get_span_context().trace_id:032x}"

        trace_id = asyncio.run(work())
        (log,) = captured()
        assert (log.body, values(log), log.trace_id) == ("order placed", {"order": 7}, trace_id)

    def test_the_call_site_of_an_async_method_is_the_applications(
        self, captured: Captured, configure: Configure
    ) -> None:
        logger = configure()

        async def work() -> None:
            await logger.awarning("x")

        asyncio.run(work())
        assert captured()[0].attributes["code.function.name"] == "work"

    def test_an_exception_of_an_async_method_is_kept(self, captured: Captured, configure: Configure) -> None:
        logger = configure()

        async def work() -> None:
            try:
                dict[str, int]()["boots"]
            except KeyError:
                await logger.aexception("failed")

        asyncio.run(work())
        assert captured()[0].attributes["exception.type"] == "KeyError"


class TestValues:
    def test_context_variables_are_values(self, captured: Captured) -> None:
        structlog.contextvars.bind_contextvars(request="r1")
        print_json().info("x")
        assert values(captured()[0]) == {"request": "r1"}

    def test_what_a_processor_adds_is_a_value(self, captured: Captured) -> None:
        def add(logger: Any, method: str, event_dict: Any) -> Any:
            event_dict["tenant"] = "north"
            return event_dict

        structlog.configure(processors=[add, structlog.processors.JSONRenderer()], logger_factory=into_memory())
        structlog.get_logger().info("x")
        assert values(captured()[0]) == {"tenant": "north"}

    def test_a_secret_that_a_processor_hides_is_hidden(self, captured: Captured) -> None:
        def hide(logger: Any, method: str, event_dict: Any) -> Any:
            event_dict["card"] = "****"
            return event_dict

        structlog.configure(processors=[hide, structlog.processors.JSONRenderer()], logger_factory=into_memory())
        structlog.get_logger().info("x", card="4111")
        assert values(captured()[0]) == {"card": "****"}

    def test_a_value_of_the_applications_that_is_named_like_structlogs_is_kept(self, captured: Captured) -> None:
        structlog.configure(processors=[structlog.processors.JSONRenderer()], logger_factory=into_memory())
        structlog.get_logger().info("x", level="gold", timestamp="noon")
        assert values(captured()[0]) == {"level": "gold", "timestamp": "noon"}

    def test_the_level_number_is_not_repeated(self, captured: Captured) -> None:
        structlog.configure(
            processors=[structlog.stdlib.add_log_level_number, structlog.processors.JSONRenderer()],
            logger_factory=into_memory(),
        )
        structlog.get_logger().info("x")
        assert values(captured()[0]) == {}

    def test_an_event_that_is_no_text_is_a_body(self, captured: Captured) -> None:
        print_json().info({"order": 7})
        assert [(log.body, log.template) for log in captured()] == [({"order": 7}, "")]

    def test_an_event_name_is_a_field(self, captured: Captured) -> None:
        print_json().info("x", **{"event.name": "order.placed"})
        assert (captured()[0].event_name, values(captured()[0])) == ("order.placed", {})

    def test_a_stack_is_kept(self, captured: Captured) -> None:
        structlog.configure(
            processors=[structlog.processors.StackInfoRenderer(), structlog.processors.JSONRenderer()],
            logger_factory=into_memory(),
        )
        structlog.get_logger().info("x", stack_info=True)
        (log,) = captured()
        assert "test_a_stack_is_kept" in log.attributes["code.stacktrace"]
        assert values(log) == {}

    def test_what_a_stdlib_filter_adds_is_an_attribute(self, captured: Captured) -> None:
        def add(record: logging.LogRecord) -> bool:
            record.tenant = "north"
            return True

        event_logger = stdlib_formatter()
        logging.getLogger("app.structlog").addFilter(add)
        event_logger.info("x", order=7)
        logging.getLogger("app.structlog").removeFilter(add)
        assert values(captured()[0]) == {"order": 7, "tenant": "north"}

    def test_values_are_those_at_the_time_of_the_event(self, captured: Captured) -> None:
        items = ["boots"]
        print_json().info("x", items=items)
        items.append("map")
        assert values(captured()[0]) == {"items": ["boots"]}


class TestTemplate:
    def test_a_filtering_logger_has_the_event_without_its_arguments(self, captured: Captured) -> None:
        filtering().info("order %d of %s", 7, "ann")
        assert [(log.body, log.template) for log in captured()] == [("order 7 of ann", "order %d of %s")]

    @pytest.mark.parametrize("configure", [stdlib_text, stdlib_args])
    def test_a_stdlib_logger_has_the_event_without_its_arguments(
        self, captured: Captured, configure: Configure
    ) -> None:
        configure().info("order %d of %s", 7, "ann")
        (log,) = captured()
        assert (log.body, log.template, values(log)) == ("order 7 of ann", "order %d of %s", {})


class TestScope:
    def test_it_is_the_value_named_logger(self, captured: Captured) -> None:
        print_json().info("x", logger="payment")
        assert (captured()[0].scope.name, values(captured()[0])) == ("payment", {})

    def test_else_it_is_the_stdlib_loggers_name(self, captured: Captured) -> None:
        stdlib_adapter().info("x")
        assert captured()[0].scope.name == "app.structlog"

    def test_else_it_is_the_module_of_the_call(self, captured: Captured) -> None:
        print_json().info("x")
        assert captured()[0].scope.name == __name__


class TestDropped:
    def test_what_a_processor_drops_is_not_recorded(self, captured: Captured) -> None:
        def drop(logger: Any, method: str, event_dict: Any) -> Any:
            raise structlog.DropEvent

        structlog.configure(processors=[drop, structlog.processors.JSONRenderer()], logger_factory=into_memory())
        structlog.get_logger().info("x")
        assert captured() == []

    def test_what_the_last_processor_drops_is_not_recorded(self, captured: Captured) -> None:
        print_json()
        with structlog.testing.capture_logs() as entries:
            structlog.get_logger().info("x")
        assert [entry["event"] for entry in entries] == ["x"]
        assert captured() == []

    def test_what_a_filtering_logger_leaves_out_is_not_recorded(self, captured: Captured) -> None:
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING), logger_factory=into_memory()
        )
        structlog.get_logger().info("x")
        assert captured() == []

    @pytest.mark.parametrize("configure", STDLIB)
    def test_what_the_stdlib_logger_leaves_out_is_not_recorded(self, captured: Captured, configure: Configure) -> None:
        logger = configure()
        logging.getLogger("app.structlog").setLevel(logging.ERROR)
        logger.info("x")
        assert captured() == []

    @pytest.mark.parametrize("configure", STDLIB)
    def test_what_a_stdlib_filter_drops_is_not_recorded_with_a_later_record(
        self, captured: Captured, configure: Configure
    ) -> None:
        logger = configure()
        stdlib = logging.getLogger("app.structlog")
        drop: Callable[[logging.LogRecord], bool] = lambda record: False
        stdlib.addFilter(drop)
        logger.info("x", order=7)
        stdlib.removeFilter(drop)
        stdlib.info("y")
        assert [(log.body, values(log)) for log in captured()] == [("y", {})]

    def test_what_fails_in_a_processor_is_not_recorded(self, captured: Captured) -> None:
        def fail(logger: Any, method: str, event_dict: Any) -> Any:
            raise ZeroDivisionError

        structlog.configure(processors=[fail], logger_factory=into_memory())
        with pytest.raises(ZeroDivisionError):
            structlog.get_logger().info("x")
        assert captured() == []


class TestTheApplicationsOwn:
    def test_a_method_returns_what_it_returned(self, captured: Captured) -> None:
        structlog.configure(
            processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
        )
        assert structlog.get_logger().info("x", a=1) == '{"a": 1, "event": "x"}'

    def test_the_processors_of_a_logger_stay_the_same_list(self, captured: Captured) -> None:
        processors = [structlog.processors.JSONRenderer()]
        logger = structlog.wrap_logger(structlog.PrintLogger(io.StringIO()), processors=processors).bind()
        logger.info("x")
        assert logger._processors is processors
        assert len(processors) == 1

    def test_a_logger_of_the_applications_own_class_is_recorded_once(self, captured: Captured) -> None:
        class Own(structlog.BoundLoggerBase):
            __slots__ = ("more",)

            def shout(self, event: str, **kwargs: Any) -> Any:
                args, rendered = self._process_event("error", event.upper(), kwargs)
                return self._logger.error(*args, **rendered)

        structlog.configure(
            processors=[structlog.processors.JSONRenderer()], wrapper_class=Own, logger_factory=into_memory()
        )
        structlog.get_logger().shout("x", order=7)
        assert [(log.body, log.severity_text, values(log)) for log in captured()] == [("X", "ERROR", {"order": 7})]

    def test_a_logger_in_front_of_the_stdlibs_records_once(self, captured: Captured, logger: logging.Logger) -> None:
        class Front:
            def info(self, line: str) -> None:
                logger.info(line)

        structlog.wrap_logger(Front(), processors=[structlog.processors.JSONRenderer()]).info("x", order=7)
        assert [(log.body, values(log)) for log in captured()] == [("x", {"order": 7})]

    def test_an_empty_chain_records_the_event(self, captured: Captured) -> None:
        logger = structlog.wrap_logger(structlog.ReturnLogger(), processors=[])
        assert logger.info("x", order=7) == ((), {"order": 7, "event": "x"})
        assert [(log.body, values(log)) for log in captured()] == [("x", {"order": 7})]

    def test_a_text_that_logs_is_logged_as_often_as_without_us(self, captured: Captured) -> None:
        output = io.StringIO()
        structlog.configure(
            processors=[structlog.processors.KeyValueRenderer(repr_native_str=False)],
            logger_factory=structlog.PrintLoggerFactory(output),
        )

        class Noisy:
            def __str__(self) -> str:
                structlog.get_logger().info("looking at it")
                return "noise"

        structlog.get_logger().info("heard", what=Noisy())
        assert "looking at it" not in output.getvalue()  # structlog shows the repr
        assert [log.body for log in captured()] == ["heard"]

    @pytest.mark.parametrize(
        "program_text",
        [
            pytest.param("log = structlog.get_logger()", id="defaults"),
            pytest.param(
                "P = structlog.processors.CallsiteParameter\n"
                "structlog.configure(processors=[structlog.processors.CallsiteParameterAdder(\n"
                "    {P.MODULE, P.FUNC_NAME, P.LINENO}), structlog.processors.JSONRenderer(sort_keys=True)])\n"
                "log = structlog.get_logger()",
                id="call site",
            ),
            pytest.param(
                "logging.basicConfig(format='%(filename)s %(funcName)s %(lineno)d %(message)s', level=10)\n"
                "structlog.configure(processors=[structlog.processors.JSONRenderer(sort_keys=True)],\n"
                "    logger_factory=structlog.stdlib.LoggerFactory())\n"
                "log = structlog.get_logger()",
                id="stdlib logger",
            ),
            pytest.param(
                "logging.basicConfig(format='%(filename)s %(funcName)s %(lineno)d %(message)s', level=10)\n"
                "structlog.configure(processors=[structlog.stdlib.render_to_log_kwargs])\n"
                "log = structlog.wrap_logger(logging.getLogger('plain')).bind(stacklevel=3)",
                id="levels of the stack",
            ),
            pytest.param(
                "structlog.configure(processors=[structlog.processors.StackInfoRenderer(),\n"
                "    structlog.processors.JSONRenderer(sort_keys=True)])\n"
                "log = structlog.get_logger().bind(stack_info=True)",
                id="stack",
            ),
        ],
    )
    def test_the_console_is_what_it_was(
        self, run: Run, instrument: Run, program: Callable[..., Path], program_text: str
    ) -> None:
        path = program(
            "import logging, structlog\n" + program_text + "\ndef work():\n"
            "    log.info('order placed', order=7)\n"
            "    try:\n        1 / 0\n    except ZeroDivisionError:\n        log.exception('failed')\n"
            "work()\n"
        )
        plain = run([sys.executable, path])
        ours = instrument(path)
        assert (without_times(ours.stdout), ours.stderr) == (without_times(plain.stdout), plain.stderr)
        assert "order placed" in plain.stdout + plain.stderr

    def test_asking_whether_structlog_is_there_does_not_end_the_recording(
        self, instrument: Run, store_dir: Path
    ) -> None:
        instrument(
            """
            import importlib.util, sys
            assert importlib.util.find_spec("structlog") is not None
            assert "structlog" not in sys.modules
            import structlog
            structlog.get_logger().info("x", order=7)
            """
        )
        assert [(log.body, values(log)) for log in read(store_dir).logs] == [("x", {"order": 7})]

    def test_a_program_without_it_does_not_get_it(self, instrument: Run) -> None:
        done = instrument("import sys; print('structlog' in sys.modules, 'tidegate.record.structlog' in sys.modules)")
        assert done.stdout.split() == ["False", "False"]


def without_times(console: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \S+", "now", console)

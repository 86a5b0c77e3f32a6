"""loguru's messages: each once, whatever sinks the application has, which get what they got before."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from opentelemetry.sdk.trace import TracerProvider

from recorded import read
from tidegate.records import Log

Captured = Callable[[], list[Log]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def no_sinks(captured: Captured) -> Iterator[None]:
    logger.remove()
    yield
    logger.remove()
    logger.configure(extra={}, activation=[("", True)])


def bodies(logs: list[Log]) -> list[Any]:
    return [log.body for log in logs]


def values(log: Log) -> dict[str, Any]:
    """The attributes but for the call site."""
    return {name: value for name, value in log.attributes.items() if not name.startswith("code.")}


class Lines(list[str]):
    """A sink that keeps what it gets."""

    def write(self, message: str) -> None:
        self.append(message)


class TestWhatIsRecorded:
    def test_the_message_is_the_body_and_has_a_template(self, captured: Captured) -> None:
        logger.info("order {} of {who}", 7, who="ann")
        assert [(log.body, log.template) for log in captured()] == [("order 7 of ann", "order {} of {who}")]

    def test_a_message_without_arguments_has_no_template(self, captured: Captured) -> None:
        logger.info("{} done")
        assert [(log.body, log.template) for log in captured()] == [("{} done", "")]

    def test_a_message_that_shows_its_record_has_a_template(self, captured: Captured) -> None:
        logger.opt(record=True).info("from {record[function]}")
        assert captured()[0].template == "from {record[function]}"

    def test_markup_for_colours_is_not_in_the_body(self, captured: Captured) -> None:
        logger.opt(colors=True).info("<red>late</red>")
        assert bodies(captured()) == ["late"]

    @pytest.mark.parametrize(
        ("level", "number", "text"),
        [
            ("DEBUG", 5, "DEBUG"),
            ("INFO", 9, "INFO"),
            ("SUCCESS", 12, "SUCCESS"),
            ("WARNING", 13, "WARN"),
            ("ERROR", 17, "ERROR"),
            ("CRITICAL", 21, "FATAL"),
            (35, 16, "Level 35"),
        ],
    )
    def test_a_level_has_its_severity(self, captured: Captured, level: Any, number: int, text: str) -> None:
        logger.log(level, "x")
        assert [(log.severity_number, log.severity_text) for log in captured()] == [(number, text)]

    def test_extra_values_are_attributes(self, captured: Captured) -> None:
        logger.configure(extra={"shop": "north"})
        with logger.contextualize(request="r1"):
            logger.bind(user="ann", cart={"items": [1]}).info("order {order}", order=7)
        assert values(captured()[0]) == {
            "shop": "north",
            "request": "r1",
            "user": "ann",
            "cart": {"items": [1]},
            "order": 7,
        }

    def test_an_event_name_is_a_field(self, captured: Captured) -> None:
        logger.bind(**{"event.name": "order.placed"}).info("x")
        assert (captured()[0].event_name, values(captured()[0])) == ("order.placed", {})

    def test_what_a_patcher_does_is_recorded(self, captured: Captured) -> None:
        logger.patch(lambda record: record["extra"].update(tenant="north")).info("x")
        assert values(captured()[0]) == {"tenant": "north"}

    def test_what_a_sink_does_to_the_record_is_not(self, captured: Captured) -> None:
        def form(record: Any) -> str:
            record["extra"]["serialized"] = "{}"
            return "{message}\n"

        logger.add(Lines(), format=form)
        logger.info("x")
        assert values(captured()[0]) == {}

    def test_the_module_is_the_scope_and_the_call_site_is_kept(self, captured: Captured) -> None:
        logger.info("x")
        (log,) = captured()
        assert log.scope.name == __name__
        assert log.attributes["code.file.path"] == __file__
        assert log.attributes["code.function.name"] == "test_the_module_is_the_scope_and_the_call_site_is_kept"

    def test_the_time_is_loguru_s(self, captured: Captured) -> None:
        times: list[datetime] = []
        logger.add(lambda message: times.append(message.record["time"]))
        logger.info("x")
        assert captured()[0].time_unix_nano == round(times[0].timestamp() * 1e6) * 1000

    def test_an_exception_is_kept(self, captured: Captured) -> None:
        try:
            dict[str, int]()["boots"]
        except KeyError:
            logger.exception("failed")
        (log,) = captured()
        assert (log.severity_text, log.attributes["exception.type"]) == ("ERROR", "KeyError")
        assert '["boots"]' in log.attributes["exception.stacktrace"]

    def test_what_catch_caught_is_kept_with_the_function_that_failed(self, captured: Captured) -> None:
        @logger.catch
        def fail() -> float:
            return 1 / 0

        fail()
        (log,) = captured()
        assert log.attributes["exception.type"] == "ZeroDivisionError"
        assert log.attributes["code.function.name"] == "test_what_catch_caught_is_kept_with_the_function_that_failed"

    def test_no_exception_is_no_attribute(self, captured: Captured) -> None:
        logger.opt(exception=True).info("x")
        assert values(captured()[0]) == {}

    def test_it_belongs_to_the_current_span(self, captured: Captured) -> None:
        with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("work") as span:
            logger.info("x")
        assert captured()[0].trace_id == f"{span.get_span_context().trace_id:032x}"


class TestOnce:
    def test_without_any_sink_it_is_recorded(self, captured: Captured) -> None:
        logger.info("x")
        assert bodies(captured()) == ["x"]

    def test_with_many_sinks_it_is_recorded_once(self, captured: Captured) -> None:
        logger.add(Lines())
        logger.add(Lines())
        logger.info("x")
        assert bodies(captured()) == ["x"]

    def test_removing_all_sinks_does_not_end_the_recording(self, captured: Captured) -> None:
        logger.add(Lines())
        logger.remove()
        logger.info("x")
        assert bodies(captured()) == ["x"]

    def test_configuring_sinks_does_not_end_the_recording(self, captured: Captured) -> None:
        logger.configure(handlers=[{"sink": Lines(), "level": "ERROR"}])
        logger.info("x")
        assert bodies(captured()) == ["x"]

    def test_debug_is_recorded_though_no_sink_takes_it(self, captured: Captured) -> None:
        logger.add(lines := Lines(), level="INFO")
        logger.debug("x")
        assert bodies(captured()) == ["x"]
        assert lines == []

    def test_trace_is_not_recorded(self, captured: Captured) -> None:
        logger.trace("x")
        assert captured() == []

    def test_a_module_that_is_disabled_is_not_recorded(self, captured: Captured) -> None:
        logger.disable(__name__)
        logger.info("x")
        logger.enable(__name__)
        assert captured() == []

    def test_lazy_arguments_are_not_made_for_us_alone(self, captured: Captured) -> None:
        made: list[str] = []
        logger.add(Lines(), level="INFO")
        logger.opt(lazy=True).debug("{}", lambda: made.append("debug"))
        logger.opt(lazy=True).info("{}", lambda: made.append("info"))
        assert made == ["info"]
        assert len(captured()) == 1

    def test_a_copy_of_the_logger_is_recorded(self, captured: Captured) -> None:
        copy.deepcopy(logger).info("x")
        assert bodies(captured()) == ["x"]

    def test_a_pickled_logger_is_recorded(self, captured: Captured) -> None:
        pickle.loads(pickle.dumps(logger)).info("x")
        assert bodies(captured()) == ["x"]


class ToLoguru(logging.Handler):
    """The recipe of loguru's documentation."""

    def emit(self, record: logging.LogRecord) -> None:
        frame, depth = sys._getframe(1), 1
        while frame.f_back is not None and frame.f_code.co_filename == logging.__file__:
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).log(record.levelname, record.getMessage())


class ToStdlib(logging.Handler):
    """The recipe of loguru's documentation, with a logger that pytest does not know."""

    def __init__(self, stdlib: logging.Logger) -> None:
        super().__init__()
        self.stdlib = stdlib

    def emit(self, record: logging.LogRecord) -> None:
        self.stdlib.handle(record)


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def stdlib() -> logging.Logger:
    return logging.Logger("app.stdlib", logging.DEBUG)


class TestHandedOn:
    def test_a_stdlib_record_that_goes_to_loguru_is_recorded_once(
        self, captured: Captured, stdlib: logging.Logger
    ) -> None:
        logger.add(lines := Lines(), format="{function} {message}")
        stdlib.addHandler(ToLoguru())
        stdlib.warning("user %s", "ann")
        assert lines == ["test_a_stdlib_record_that_goes_to_loguru_is_recorded_once user ann\n"]
        assert [(log.body, log.template, log.scope.name) for log in captured()] == [
            ("user ann", "user %s", "app.stdlib")
        ]

    def test_a_task_that_a_stdlib_handler_started_is_recorded(self, captured: Captured, stdlib: logging.Logger) -> None:
        async def send() -> None:
            logger.info("sending")

        class Starting(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                tasks.append(asyncio.get_running_loop().create_task(send()))

        async def work() -> None:
            stdlib.info("x")
            await tasks[0]

        tasks: list[asyncio.Task[None]] = []
        stdlib.addHandler(Starting())
        asyncio.run(work())
        assert bodies(captured()) == ["x", "sending"]

    @pytest.mark.parametrize("enqueue", [False, True])
    def test_a_message_that_goes_to_the_stdlib_is_recorded_once(
        self, captured: Captured, stdlib: logging.Logger, enqueue: bool
    ) -> None:
        stdlib.addHandler(kept := Kept())
        logger.add(ToStdlib(stdlib), format="{message}", enqueue=enqueue)
        logger.info("user {}", "ann")
        logger.complete()
        assert kept.lines == ["user ann"]
        assert [(log.body, log.template) for log in captured()] == [("user ann", "user {}")]

    def test_a_function_as_a_way_to_the_stdlib_records_once(self, captured: Captured, stdlib: logging.Logger) -> None:
        stdlib.addHandler(kept := Kept())
        logger.add(lambda message: stdlib.info(message.strip()), format="{message}")
        logger.info("x")
        assert (kept.lines, bodies(captured())) == (["x"], ["x"])

    def test_the_stdlib_s_own_records_are_recorded_beside_it(self, captured: Captured, stdlib: logging.Logger) -> None:
        stdlib.addHandler(Kept())
        logger.add(ToStdlib(stdlib), format="{message}")
        logger.info("x")
        stdlib.info("y")
        assert bodies(captured()) == ["x", "y"]


class TestTheApplicationsOwn:
    def test_ids_of_sinks_are_those_without_us(self, captured: Captured) -> None:
        first = logger.add(Lines())
        logger.remove(first)
        assert logger.add(Lines()) == first + 1
        assert logger.configure(handlers=[{"sink": Lines()}]) == [first + 2]

    def test_a_sink_that_does_not_exist_cannot_be_removed(self, captured: Captured) -> None:
        with pytest.raises(ValueError, match="no existing handler"):
            logger.remove(10_000)

    def test_a_mistake_in_a_message_that_a_sink_takes_reaches_the_application(self, captured: Captured) -> None:
        logger.add(Lines(), level="INFO")
        with pytest.raises(KeyError):
            logger.info("{who}", whom="ann")

    def test_a_mistake_in_a_message_that_no_sink_takes_does_not(self, captured: Captured) -> None:
        logger.add(Lines(), level="INFO")
        logger.debug("{who}", whom="ann")
        assert captured() == []

    def test_an_unknown_level_without_sinks_is_ignored_as_ever(self, captured: Captured) -> None:
        logger.log("LOUD", "x")
        assert captured() == []

    def test_an_unknown_level_is_an_error_as_ever(self, captured: Captured) -> None:
        logger.add(Lines())
        with pytest.raises(ValueError, match="LOUD"):
            logger.log("LOUD", "x")

    def test_an_object_that_has_no_text_does_not_disturb_a_sink(self, captured: Captured) -> None:
        class Mute:
            def __str__(self) -> str:
                raise RuntimeError

        logger.add(lines := Lines(), format="{message}")
        logger.bind(what=Mute()).info("x")
        assert lines == ["x\n"]
        assert "without a text" in captured()[0].attributes["what"]

    @pytest.mark.parametrize(
        "program_text",
        [
            pytest.param("", id="defaults"),
            pytest.param("logger.remove(); print(logger.add(sys.stdout, level='INFO', format=FORMAT))", id="add"),
            pytest.param(
                "print(logger.configure(handlers=[dict(sink=sys.stdout, format=FORMAT, backtrace=True)]))",
                id="configure",
            ),
            pytest.param("logger.remove(); logger.add(sys.stdout, format=FORMAT, enqueue=True)", id="enqueue"),
        ],
    )
    def test_the_console_is_what_it_was(
        self, run: Run, instrument: Run, program: Callable[..., Path], program_text: str
    ) -> None:
        path = program(
            "import sys\n"
            "from loguru import logger\n"
            "from datetime import datetime, timezone\n"
            "logger = logger.patch(lambda record: record.update(time=datetime(2024, 1, 1, tzinfo=timezone.utc)))\n"
            "FORMAT = '{level} {name} {module}.{function}:{line} {message}'\n" + program_text + "\n"
            "@logger.catch\n"
            "def fail():\n"
            "    return 1 / 0\n"
            "def work():\n"
            "    logger.debug('x'); logger.info('order {}', 7); fail()\n"
            "    try:\n        1 / 0\n    except ZeroDivisionError:\n        logger.exception('failed')\n"
            "work()\n"
        )
        plain = run([sys.executable, path])
        ours = instrument(path)
        assert without_addresses(ours.stdout) == without_addresses(plain.stdout)
        assert without_addresses(ours.stderr) == without_addresses(plain.stderr)
        assert "order 7" in plain.stdout + plain.stderr

    def test_sinks_that_were_there_before_us_stay(
        self, run: Run, program: Callable[..., Path], store_dir: Path
    ) -> None:
        done = run(
            [
                sys.executable,
                program(
                    """
                    import sys
                    from loguru import logger
                    logger.remove()
                    logger.add(sys.stdout, format="{message}", level="WARNING")
                    from tidegate import configure_observability
                    configure_observability(instrument=False)
                    logger.info("x")
                    logger.warning("y")
                    """
                ),
            ]
        )
        assert (done.stdout, done.stderr) == ("y\n", "")
        assert sorted(bodies(read(store_dir).logs)) == ["x", "y"]

    def test_a_program_without_it_does_not_get_it(self, instrument: Run) -> None:
        done = instrument("import sys; print('loguru' in sys.modules, 'tidegate.record.loguru' in sys.modules)")
        assert done.stdout.split() == ["False", "False"]


def without_addresses(console: str) -> str:
    """Numbers of processes and threads and addresses of objects left out."""
    return re.sub(r"\(\d+\)|0x[0-9a-f]+", "", console)

"""Log records in a capture: of every library, once each, and nothing of it left."""

from __future__ import annotations

import logging
import logging.handlers
import queue
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from loguru import logger as loguru_logger
from opentelemetry import trace
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from tidegate.record import capture as log_capture
from tidegate.testing import capture

SHOP = logging.getLogger("shop")


@pytest.fixture
def handled() -> Iterator[LoggerProvider]:
    """An application's provider, with OpenTelemetry's own handler on the logger ``shop``."""
    provider = LoggerProvider(shutdown_on_exit=False)
    handler = LoggingHandler(logger_provider=provider)
    SHOP.addHandler(handler)
    yield provider
    SHOP.removeHandler(handler)
    provider.shutdown()


def test_records_have_template_attributes_and_trace() -> None:
    with capture() as telemetry, trace.get_tracer("shop").start_as_current_span("order"):
        SHOP.warning("%d left of %s", 3, "A1", extra={"sku": "A1"})
    log = telemetry.log("%d left of %s", level="warn", sku="A1")
    assert log.body == "3 left of A1"
    assert log.scope.name == "shop"
    assert telemetry.parent(log) == telemetry.span("order")


def test_what_loggers_do_not_let_through_is_not_captured() -> None:
    with capture() as telemetry:
        logging.getLogger("shop.quiet").debug("quiet")
    assert telemetry.logs() == []


def test_the_level_of_the_root_is_lowered_for_the_block() -> None:
    former = logging.getLogger().level
    with capture(level="debug") as telemetry:
        logging.getLogger("shop.quiet").debug("quiet")
    telemetry.log("quiet", level=logging.DEBUG)
    assert logging.getLogger().level == former


def test_the_level_may_be_a_number() -> None:
    with capture(level=logging.INFO) as telemetry:
        SHOP.info("in")
        SHOP.debug("out")
    assert [log.body for log in telemetry.logs()] == ["in"]


def test_loggers_that_do_not_propagate_are_captured() -> None:
    alone = logging.getLogger("shop.alone")
    alone.addHandler(logging.NullHandler())
    alone.propagate = False
    with capture() as telemetry:
        alone.error("alone")
    telemetry.log("alone")


def test_structlog_is_captured() -> None:
    with capture() as telemetry:
        structlog.get_logger().info("order placed", order_id=7)
    telemetry.log("order placed", order_id=7)


def test_loguru_is_captured() -> None:
    with capture() as telemetry:
        loguru_logger.bind(order_id=7).info("order {} placed", "x")
    assert telemetry.log("order {} placed", order_id=7).body == "order x placed"


def test_records_of_opentelemetrys_handler_are_captured_once(handled: LoggerProvider) -> None:
    with capture(providers=[handled]) as telemetry:
        SHOP.error("once")
    telemetry.log("once")


def test_a_handler_that_waits_for_a_provider_captures_nothing_twice() -> None:
    handler = LoggingHandler()
    SHOP.addHandler(handler)
    try:
        for _ in range(2):
            with capture() as telemetry:
                SHOP.error("once")
            assert len(telemetry.logs()) == 1
    finally:
        SHOP.removeHandler(handler)


def test_an_applications_own_exporters_get_what_they_got(handled: LoggerProvider) -> None:
    exporter: Any = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    handled.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    with capture():
        SHOP.error("once")
    SHOP.error("after")
    assert [item.log_record.body for item in exporter.get_finished_logs()] == ["once", "after"]


def test_a_capture_of_logs_that_is_at_work_goes_on() -> None:
    exporter: Any = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    log_capture.install(provider)
    try:
        with capture() as telemetry:
            SHOP.error("both")
        assert log_capture.provider() is provider
        assert len(exporter.get_finished_logs()) == len(telemetry.logs("both")) == 1
    finally:
        log_capture.install(NoOpLoggerProvider())
        provider.shutdown()


def test_nothing_is_done_for_a_record_after_the_block() -> None:
    class Loud:
        def __str__(self) -> str:
            raise AssertionError("nobody wants to know")

    with capture():
        pass
    silent = logging.Logger("silent")
    silent.addHandler(logging.NullHandler())
    silent.error("%s", Loud())


def test_exceptions_are_captured() -> None:
    with capture() as telemetry:
        try:
            raise ValueError("no money")
        except ValueError:
            SHOP.exception("failed")
    telemetry.log("failed", {"exception.type": "ValueError", "exception.message": "no money"}, level="error")


def test_what_goes_through_a_queue_is_captured_once() -> None:
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(waiting)
    listener = logging.handlers.QueueListener(waiting, logging.NullHandler())
    SHOP.addHandler(handler)
    try:
        with capture() as telemetry:
            listener.start()
            SHOP.error("queued")
            listener.stop()
        telemetry.log("queued")
    finally:
        SHOP.removeHandler(handler)


def test_caplog_sees_the_same(caplog: pytest.LogCaptureFixture) -> None:
    with capture() as telemetry:
        SHOP.warning("seen")
    assert caplog.messages == [log.body for log in telemetry.logs()] == ["seen"]

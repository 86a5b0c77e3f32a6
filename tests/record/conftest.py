"""Log capture in the test's own process, into a real store that is read by the real reader."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource

from recorded import read
from tidegate.record import capture, logs
from tidegate.record.processors import StoreLogRecordProcessor
from tidegate.record.recorder import Recorder
from tidegate.records import Log
from tidegate.store.sinks import FileSink

Captured = Callable[[], list[Log]]


@pytest.fixture
def provider(store_dir: Path) -> Iterator[LoggerProvider]:
    """A provider that records into the test's store, flushed by its `force_flush`."""
    recorder = Recorder(FileSink(str(store_dir)), {"logs": logs.batch}, commit_interval=10, queue_size=10_000)
    provider = LoggerProvider(resource=Resource({"service.name": "test"}), shutdown_on_exit=False)
    provider.add_log_record_processor(StoreLogRecordProcessor(recorder))
    yield provider
    provider.shutdown()
    recorder.close()


@pytest.fixture
def captured(provider: LoggerProvider, store_dir: Path) -> Iterator[Captured]:
    """``captured()``: the log records captured so far, oldest first."""

    def captured() -> list[Log]:
        provider.force_flush()
        return read(store_dir).logs[::-1]

    capture.install(provider)
    yield captured
    capture.install(NoOpLoggerProvider())


@pytest.fixture
def logger(request: pytest.FixtureRequest) -> logging.Logger:
    """A stdlib logger of the test's own at DEBUG, that prints nothing and that pytest does not know."""
    logger = logging.Logger(f"app.{request.node.name}", logging.DEBUG)
    logger.addHandler(logging.NullHandler())
    return logger

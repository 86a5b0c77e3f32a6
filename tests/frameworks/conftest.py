"""What tests of frameworks share: telemetry that they look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry._logs import NoOpLoggerProvider

from framework_telemetry import Telemetry
from tidegate.record import capture


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """What is recorded while the test runs, log records of the stdlib included."""
    telemetry = Telemetry()
    capture.install(telemetry.loggers)
    yield telemetry
    capture.install(NoOpLoggerProvider())
    telemetry.tracers.shutdown()
    telemetry.loggers.shutdown()

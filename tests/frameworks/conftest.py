"""What tests of frameworks share: telemetry that they look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry._logs import NoOpLoggerProvider

import django_users
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


@pytest.fixture(scope="session")
def django_project(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Django in the tests' own process: it can be configured once."""
    from django.db import connections

    django_users.set_up(str(tmp_path_factory.mktemp("django")))
    connections.close_all()

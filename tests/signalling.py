"""What an application's calls record through providers of the test's own, in place of the global ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from tidegate.api.calls import complaints


class Signals:
    """Global providers for metrics and logs, and what came out of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._reader, self._exporter = InMemoryMetricReader(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.loggers = LoggerProvider(shutdown_on_exit=False)
        self.loggers.add_log_record_processor(SimpleLogRecordProcessor(self._exporter))
        self.tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
        monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", self.meters)
        monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", self.loggers)

    @property
    def metrics(self) -> dict[str, Any]:
        """By name; what the SDK has under one name twice is a mistake."""
        data = self._reader.get_metrics_data()
        found = list(_parts(data, "resource_metrics", "scope_metrics", "metrics"))
        assert len(found) == len({metric.name for metric in found})
        return {metric.name: metric for metric in found}

    def points(self, name: str) -> list[Any]:
        metric = self.metrics.get(name)
        return list(metric.data.data_points) if metric is not None else []

    def point(self, name: str) -> Any:
        [point] = self.points(name)
        return point

    def attributes(self, name: str) -> list[dict[str, Any]]:
        return [dict(point.attributes) for point in self.points(name)]

    @property
    def logs(self) -> list[LogRecord]:
        return [each.log_record for each in self._exporter.get_finished_logs()]

    @property
    def log(self) -> LogRecord:
        [log] = self.logs
        return log

    @property
    def scopes(self) -> list[str]:
        scopes = [each.instrumentation_scope for each in self._exporter.get_finished_logs()]
        return [scope.name for scope in scopes if scope is not None]

    @property
    def bodies(self) -> list[Any]:
        return [log.body for log in self.logs]

    @contextmanager
    def span(self) -> Iterator[trace.SpanContext]:
        """A trace to record in."""
        with self.tracer.start_as_current_span("order") as span:
            yield span.get_span_context()


def attributes(log: LogRecord) -> Mapping[str, Any]:
    return dict(log.attributes or {})


def _parts(whole: Any, *names: str) -> Iterator[Any]:
    if not names:
        yield whole
        return
    for part in getattr(whole, names[0], None) or ():
        yield from _parts(part, *names[1:])


class Odd:
    """A value that has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def complained() -> dict[str, int]:
    """How often something was wrong since the test began, by reason."""
    return dict(complaints.counts)

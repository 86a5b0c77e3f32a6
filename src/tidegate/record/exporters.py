"""Exporters that write to the store, for use from any OpenTelemetry set-up.

``OTEL_TRACES_EXPORTER=tidegate`` (logs and metrics likewise) selects them under another distribution.
Under Tidegate's own they do nothing, since everything has been recorded already.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricReader, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from tidegate.record import logs, metrics, process
from tidegate.record.recorder import Recorder
from tidegate.record.workers import Worker

_logger = logging.getLogger("tidegate")


class StoreSpanExporter(SpanExporter):
    """Records spans. ``store`` is a directory or ``memory:``; default as in the settings."""

    def __init__(self, store: str | None = None) -> None:
        self._recorder = process.recorder(store)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if "spans" not in process.direct:
            for span in spans:
                self._recorder.put("spans", span)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._recorder.flush()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._recorder.flush(timeout_millis / 1000)


class StoreLogRecordExporter(LogRecordExporter):
    """Records log records. ``store`` as for `StoreSpanExporter`."""

    def __init__(self, store: str | None = None) -> None:
        self._recorder = process.recorder(store)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        if "logs" not in process.direct:
            for record in batch:
                self._recorder.put("logs", logs.taken(record))
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        self._recorder.flush()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._recorder.flush(timeout_millis / 1000)


class StoreMetricExporter(MetricExporter):
    """Records metric points. ``store`` as for `StoreSpanExporter`; temporality is the SDK's default, cumulative."""

    def __init__(self, store: str | None = None, *, recorder: Recorder | None = None) -> None:
        super().__init__()
        self._direct = recorder is not None
        self._recorder = recorder or process.recorder(store)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        if self._direct or "metrics" not in process.direct:
            _put(self._recorder, metrics_data)
        return MetricExportResult.SUCCESS

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._recorder.flush(timeout_millis / 1000)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._recorder.flush(timeout_millis / 1000)


class StoreMetricReader(MetricReader):
    """Collects every ``interval`` seconds and records, in a thread that stands still over forks.

    ``aggregation`` by kind of instrument is what those prefer who are sent what is recorded.
    """

    def __init__(self, recorder: Recorder, interval: float, aggregation: Mapping[Any, Any] | None = None) -> None:
        super().__init__(preferred_aggregation=dict(aggregation) if aggregation else None)
        self._recorder = recorder
        self._interval = interval
        self._worker = Worker("tidegate-metrics", self._tick)
        self._worker.start()

    def _tick(self, worker: Worker) -> None:
        while worker.wait(self._interval):
            try:
                self.collect()
            except Exception as error:  # an application's callback took too long; the next round may do
                _logger.debug("metrics could not be collected: %s", error)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        _put(self._recorder, metrics_data)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._worker.stop(timeout_millis / 1000)
        self.collect()
        self._recorder.flush(timeout_millis / 1000)


def _put(recorder: Recorder, data: MetricsData) -> None:
    for resource, batch in metrics.batches(data):
        recorder.put("metrics", (resource, batch))

"""Recording: what writes to this process's recorder is attached to the providers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from tidegate import otel
from tidegate.api.calls import complaints
from tidegate.record import process
from tidegate.record.exporters import StoreMetricReader
from tidegate.record.processors import RecordingSampler, StoreLogRecordProcessor, StoreSpanProcessor
from tidegate.record.recorder import Recorder
from tidegate.settings import Settings
from tidegate.store.location import OFF

#: As `tidegate.gate.tail.logs` knows it, which not every process loads.
TASK = "tidegate.task"


def attach(
    recorder: Recorder,
    settings: Settings,
    gate: Callable[[list[Any]], Any] | None = None,
    aggregation: Mapping[Any, Any] | None = None,
    sent_every: float | None = None,
) -> None:
    """``gate`` puts something in front of a processor of log records; ``aggregation`` is preferred for metrics, which
    are sent every so many seconds."""
    tracer_provider = trace.get_tracer_provider()
    if isinstance(tracer_provider, TracerProvider):
        if settings.record == "all":
            otel.set_sampler(tracer_provider, RecordingSampler(tracer_provider.sampler))
        tracer_provider.add_span_processor(StoreSpanProcessor(recorder))
        process.direct.add("spans")
    logger_provider = get_logger_provider()
    if isinstance(logger_provider, LoggerProvider):
        more = _task if settings.log_context == "task" and settings.store != OFF else None
        processor: Any = StoreLogRecordProcessor(recorder, more)
        logger_provider.add_log_record_processor(processor if gate is None else gate([processor]))
        process.direct.add("logs")
    meter_provider = metrics.get_meter_provider()
    if isinstance(meter_provider, MeterProvider):
        interval = min(settings.metrics_interval, sent_every or settings.metrics_interval)
        reader = StoreMetricReader(recorder, interval, aggregation)
        otel.attach_metric_reader(meter_provider, reader)
        process.inherited += [otel.keep_apart(meter_provider), complaints.counts.clear]
        process.collectors.append(reader.collect)
        process.direct.add("metrics")
        _count_drops(meter_provider)
    process.hold_signals_until_now()


def _task(record: Any) -> Mapping[str, Any]:
    """For a record outside of traces, which task or thread it is from; so that an error can bring the others."""
    from tidegate.gate.logs.tasks import current_task

    return {} if record.trace_id else {TASK: f"{os.getpid()}-{current_task()}"}


def _count_drops(provider: MeterProvider) -> None:
    """Records lost and calls refused by reason, as counters that have no points while there are none."""

    def observe(options: Any) -> list[metrics.Observation]:
        return [metrics.Observation(count, {"reason": reason}) for reason, count in process.dropped().items()]

    provider.get_meter("tidegate").create_observable_counter(
        "tidegate.records.dropped", callbacks=[observe], unit="{record}", description="Records that were not stored."
    )
    otel.observable_counter(
        provider,
        "tidegate.calls.refused",
        "Calls of tidegate's functions that were not recorded, or not as they were meant.",
        lambda: [(count, {"reason": reason}) for reason, count in list(complaints.counts.items())],
        "{call}",
    )

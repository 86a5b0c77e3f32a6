"""Providers that exist: their samplers, processors, exporters and readers."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

_logger = logging.getLogger("tidegate")


def set_sampler(provider: Any, sampler: Any) -> None:
    """Replace a provider's sampler, for the tracers that exist already too."""
    provider.sampler = sampler
    for tracer in list(getattr(provider, "_tracers", {}).values()):
        tracer.sampler = sampler


def put_first(provider: Any, processor: Any) -> None:
    """Let a processor see spans, or log records, before all that the provider has; last, where it is made otherwise."""
    for add, chain_name, name in _CHAINS:
        if hasattr(provider, add):
            chain = getattr(provider, chain_name, None)
            processors = getattr(chain, name, None)
            if isinstance(processors, (list, tuple)):
                setattr(chain, name, type(processors)([processor, *processors]))
            else:
                getattr(provider, add)(processor)


#: What adds a processor, where a provider keeps the chain of them, and that its processors.
_CHAINS = (
    ("add_span_processor", "_active_span_processor", "_span_processors"),
    ("add_log_record_processor", "_multi_log_record_processor", "_log_record_processors"),
)


def put_before_exporters(provider: Any, gate: Callable[[list[Any]], Any]) -> None:
    """Replace the log record processors that export by the one that ``gate`` makes of them, if there are any.

    A processor in a chain cannot keep a record from the next one: it has to stand in front of it.
    """
    chain: Any = getattr(provider, "_multi_log_record_processor", None)
    processors = getattr(chain, "_log_record_processors", None)
    if not isinstance(processors, (list, tuple)):
        return
    senders = [each for each in processors if _exports(each)]
    if senders:
        kept = [each for each in processors if each not in senders]
        chain._log_record_processors = type(processors)([*kept, gate(senders)])


def _exports(processor: Any) -> bool:
    """Whether it is the SDK's own processor for an exporter that is not one of ours."""
    owner = getattr(processor, "_batch_processor", processor)
    return _is_foreign(getattr(owner, "_exporter", None))


def _is_foreign(exporter: Any) -> bool:
    return exporter is not None and not type(exporter).__module__.startswith("tidegate.")


#: Longest time in seconds that a processor or reader may take to let go of its exporter.
_TAKE_WAIT = 1.0


def take_exporters(tracer_provider: Any, meter_provider: Any, logger_provider: Any) -> dict[str, list[Any]]:
    """Take the exporters that are not ours out of providers that the SDK has built, open and ready for use.

    Their batch and simple processors and periodic readers are gone from the providers afterwards, with
    their threads; what those had waiting is exported first. Pull readers stay, and so does what is
    derived from the SDK's classes, which may do more than export. Returns for ``spans`` and ``logs``
    exporters, for ``metrics`` pairs of exporter and interval in seconds. A provider that is made
    otherwise than those we know is left as it is, sends by itself, and is warned of.
    """
    spans, logs = (tracer_provider, "_active_span_processor"), (logger_provider, "_multi_log_record_processor")
    return {
        "spans": _taken(_take_processors, getattr(*spans, None), "_span_processors"),
        "logs": _taken(_take_processors, getattr(*logs, None), "_log_record_processors"),
        "metrics": _taken(_take_readers, meter_provider, "_metric_readers"),
    }


#: What was taken, and what ends its former owners.
_Taken = tuple[list[Any], Callable[[], None]]


def _taken(take: Callable[[Any, list[Any]], _Taken], holder: Any, name: str) -> list[Any]:
    """What ``take`` takes of those of the holder's parts that export, which the holder then has no more."""
    if holder is None:  # no provider of the SDK
        return []
    try:
        parts = getattr(holder, name)
        senders = [each for each in parts if _sends(each)]
        exporters, end = take(holder, senders)
    except (AttributeError, TypeError) as error:
        _logger.warning("this version of the OpenTelemetry SDK sends %s by itself: %s", name.strip("_"), error)
        return []
    setattr(holder, name, type(parts)(each for each in parts if each not in senders))
    end()
    return exporters


def _sends(part: Any) -> bool:
    """Whether it is the SDK's own processor or periodic reader of an exporter that is not ours."""
    kind = type(part)
    names = kind.__name__.startswith(("Batch", "Simple", "Periodic"))
    return names and kind.__module__.startswith("opentelemetry.sdk.") and _is_foreign(_exporter(part))


def _exporter(part: Any) -> Any:
    owner = getattr(part, "_batch_processor", part)
    return owner._exporter if hasattr(owner, "_exporter") else owner.span_exporter


def _take_processors(chain: Any, processors: list[Any]) -> _Taken:
    batches = [each._batch_processor for each in processors if hasattr(each, "_batch_processor")]
    threads = [(each, each._worker_awaken, each._worker_thread) for each in batches]  # all that is needed, or nothing

    def end() -> None:
        for batch, bell, thread in threads:
            batch._shutdown = True
            bell.set()
            thread.join(_TAKE_WAIT)
            batch._shutdown_timeout_exceeded = True

    return [_exporter(each) for each in processors], end


def _take_readers(provider: Any, readers: list[Any]) -> _Taken:
    consumer, known = provider._measurement_consumer, provider._all_metric_readers
    threads = [(each, each._shutdown_event, each._daemon_thread) for each in readers]

    def end() -> None:
        for reader, ended, thread in threads:
            reader._set_collect_callback(lambda *_, **__: None)  # its thread collects once more as it ends
            ended.set()
            if thread is not None:
                thread.join(_TAKE_WAIT)
            consumer.remove_metric_reader(reader)
            known.discard(reader)

    return [(_exporter(each), each._export_interval_millis / 1000) for each in readers], end


def attach_metric_reader(provider: Any, reader: Any) -> None:
    """Add a reader that takes part in the provider's flush and shutdown, unlike a plain `add_metric_reader`."""
    provider.add_metric_reader(reader)
    readers = getattr(provider, "_metric_readers", None)
    if isinstance(readers, (list, tuple)) and reader not in readers:
        provider._metric_readers = type(readers)([*readers, reader])


def keep_apart(provider: Any) -> Callable[[], None]:
    """Have the metrics of each forked child start from zero, with locks of its own; returns what sees to it at once.

    The SDK lets a child inherit its parent's totals, which would then be counted twice, and locks
    that another thread of the parent may have held (opentelemetry-python #4345). A hook alone is not
    enough: a signal may end the child before it has run, and some servers fork without hooks. So
    whoever collects, which begins with the lock, looks whether the process is another one.
    """
    consumer: Any = getattr(provider, "_measurement_consumer", None)
    pid = os.getpid()

    def begin_anew() -> None:
        nonlocal pid
        if pid != os.getpid():
            pid = os.getpid()
            _forget_measurements(consumer)

    def lock(consumer: Any) -> Any:
        begin_anew()
        return consumer.__dict__["_lock"]

    kind = type(consumer)
    if "_lock" in getattr(consumer, "__dict__", ()):
        own = property(lock, lambda consumer, lock: consumer.__dict__.update(_lock=lock))
        consumer.__class__ = type(kind.__name__, (kind,), {"_lock": own})
    return begin_anew


def _forget_measurements(consumer: Any) -> None:
    try:
        consumer._reader_storages = {
            reader: type(storage)(
                storage._sdk_config, storage._instrument_class_temporality, storage._instrument_class_aggregation
            )
            for reader, storage in consumer._reader_storages.items()
        }
        consumer._lock = threading.Lock()
    except (AttributeError, TypeError):  # an SDK that keeps its measurements elsewhere
        pass

"""Everything taken from OpenTelemetry that is not public, in one place.

Each name is checked when this module is imported; where one is missing the public way is taken, or
the feature that needs it says so.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags, get_current_span

_logger = logging.getLogger("tidegate")

try:
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS_KEY
except ImportError:  # its value is part of no specification, but has not changed since 1.3
    SUPPRESS_KEY = "suppress_instrumentation"


def span_fields(span: Any) -> tuple[Any, ...]:
    """What there is to record of a finished span, without the SDK's objects around it.

    Resource, name, context, parent, kind, start, end, status code and description; attributes, events and links,
    each with the number of dropped ones; scope. Enums as their numbers. Read from the slots, which is four times
    faster than properties.
    """
    try:
        attributes, events, links, status = span._attributes, span._events, span._links, span._status
        return (
            span._resource,
            span._name,
            span._context,
            span._parent,
            span._kind._value_,
            span._start_time,
            span._end_time,
            status._status_code._value_,
            status._description,
            attributes._dict,
            attributes.dropped,
            events._dq or (),  # half a kilobyte each, mostly empty
            events.dropped,
            links._dq or (),
            links.dropped,
            span._instrumentation_scope,
        )
    except AttributeError:  # another SDK, or a span that was made by hand
        return _public_span_fields(span)


def _public_span_fields(span: Any) -> tuple[Any, ...]:
    status = span.status
    identity = (span.resource, span.name, span.context, span.parent, span.kind.value, span.start_time, span.end_time)
    # the properties give plain copies, which do not know what was dropped
    fields = [getattr(span, f"_{name}", None) or getattr(span, name) for name in ("attributes", "events", "links")]
    attributes, events, links = ((each, dropped_count(each)) for each in fields)
    return (
        *identity,
        *(status.status_code.value, status.description),
        *(attribute_dict(attributes[0]), attributes[1]),
        *(tuple(events[0]), events[1], tuple(links[0]), links[1]),
        span.instrumentation_scope,
    )


def attribute_fields(attributes: Any) -> tuple[dict[str, Any], int]:
    """`attribute_dict` and `dropped_count` in one."""
    try:
        return attributes._dict, attributes.dropped
    except AttributeError:  # another SDK, or attributes that were made by hand
        return attribute_dict(attributes), dropped_count(attributes)


def attribute_dict(attributes: Any) -> dict[str, Any]:
    """The dict behind the SDK's attributes, which must not be changed."""
    inner = getattr(attributes, "_dict", None)
    if type(inner) is dict:
        return inner
    return dict(attributes) if attributes else {}


def extended(record: Any, more: Mapping[str, Any]) -> Any:
    """A copy of a log record with ``more`` attributes; the SDK's limits stay true of what was there.

    It shares nothing with the record that a processor may change.
    """
    log, attributes = record.log_record, record.log_record.attributes
    if type(attributes) is BoundedAttributes and hasattr(attributes, "_dict"):
        # already clean, and `more` must not push out the application's
        copied = _but(attributes, "_dict", {**attributes._dict, **more})
    else:
        copied = {**(attributes or {}), **more}
    return _but(record, "log_record", _but(log, "attributes", copied))


def _but(original: Any, name: str, value: Any) -> Any:
    """A shallow copy with another ``value``, a tenth as dear as ``copy.copy`` for what is but a dict of fields."""
    kind: Any = type(original)
    if not _is_plain(kind):
        copied = copy.copy(original)
        setattr(copied, name, value)
        return copied
    copied = object.__new__(kind)
    copied.__dict__ = fields = original.__dict__.copy()
    fields[name] = value
    return copied


@lru_cache(maxsize=64)
def _is_plain(kind: Any) -> bool:
    """Whether its objects are a dict of fields and nothing else."""
    return bool(kind.__dictoffset__) and not any(getattr(base, "__slots__", ()) for base in kind.__mro__)


def dropped_count(collection: Any) -> int:
    """How many attributes, events or links the SDK's limits cost."""
    return getattr(collection, "dropped", 0)


class LeftOut(SpanContext):
    """The context of a span that is neither recorded nor sent. ``used`` saves asking while there is none."""

    used = False


@contextmanager
def left_out() -> Iterator[None]:
    """Leave the current span out, and what is logged or instrumented in the meantime."""
    span = get_current_span()
    if span.is_recording() and hasattr(span, "_context"):
        context = span.get_span_context()
        span._context = LeftOut(
            context.trace_id, context.span_id, context.is_remote, TraceFlags(0), context.trace_state
        )
        LeftOut.used = True
    token = attach(set_value(SUPPRESS_KEY, True))
    try:
        yield
    finally:
        detach(token)


def is_left_out(span: ReadableSpan) -> bool:
    """Whether this span, or the one around it, was left out."""
    return type(span.context) is LeftOut or type(span.parent) is LeftOut


def _current_context() -> Callable[[], Mapping[str, Any]]:
    """What tells the current context, empty outside of everything; without the two calls around it if possible."""
    from opentelemetry import context

    variable = getattr(getattr(context, "_RUNTIME_CONTEXT", None), "_current_context", None)
    if isinstance(variable, ContextVar):
        return variable.get
    return context.get_current


#: The current context, at the cost of one call.
current_context = _current_context()


@contextmanager
def suppressed() -> Iterator[None]:
    """Record nothing of what is logged or instrumented in the meantime: it is an exporter's own work."""
    token = attach(set_value(SUPPRESS_KEY, True))
    try:
        yield
    finally:
        detach(token)


@contextmanager
def handing_to(handler: Any) -> Iterator[None]:
    """A context that is not empty, and in which OpenTelemetry's own handler takes records although
    another one of its kind may be at work here."""
    token = attach(set_value("tidegate.handing", True))
    guard = getattr(handler, "_is_emitting", None)
    former = guard.set(False) if isinstance(guard, ContextVar) else None
    try:
        yield
    finally:
        if former is not None:
            guard.reset(former)  # type: ignore[union-attr]
        detach(token)


def is_suppressed() -> bool:
    """Whether the current context belongs to an exporter's own work."""
    return bool(current_context().get(SUPPRESS_KEY))


def initialize_sdk(sampler: Any, auto_instrumentation_version: str | None) -> None:
    """Build the global providers by the SDK's own rules, from the standard environment variables.

    Raises RuntimeError when they name something that is not installed.
    """
    from opentelemetry.sdk._configuration import _initialize_components

    _initialize_components(
        auto_instrumentation_version=auto_instrumentation_version,
        sampler=sampler,
        setup_logging_handler=False,
    )


def sampler_by_name(name: str, argument: str) -> Any:
    """The sampler that ``OTEL_TRACES_SAMPLER`` names; raises LookupError or ValueError instead of
    falling back to sending everything, as the SDK does."""
    from opentelemetry.util._importlib_metadata import entry_points

    for entry_point in entry_points(group="opentelemetry_traces_sampler", name=name):
        factory = entry_point.load()
        factory = getattr(factory, "strict", factory)  # ours forgives a wrong argument where only the SDK asks
        if name in ("traceidratio", "parentbased_traceidratio"):
            return factory(float(argument or 1))
        return factory(argument or None)
    raise LookupError(name)


def root_sampler(sampler: Any) -> Any:
    """What decides on traces that start here, when that is left to another one (`ParentBased`)."""
    return getattr(sampler, "_root", sampler)


def set_sampler(provider: Any, sampler: Any) -> None:
    """Replace a provider's sampler, for the tracers that exist already too."""
    provider.sampler = sampler
    for tracer in list(getattr(provider, "_tracers", {}).values()):
        tracer.sampler = sampler


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


def forget_measurements(provider: Any) -> None:
    """Start a forked child's metrics from zero, with locks of its own.

    The SDK lets a child inherit its parent's totals, which would then be counted twice, and locks
    that another thread of the parent may have held (opentelemetry-python #4345).
    """
    consumer: Any = getattr(provider, "_measurement_consumer", None)
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


def merge_resource(provider: Any, attributes: Mapping[str, Any]) -> None:
    """Add resource attributes to a provider that exists already."""
    if attributes and hasattr(provider, "_update_resource"):
        provider._update_resource(Resource(dict(attributes)))


def distribution_settings(distribution: Any, name: str) -> Mapping[str, Any]:
    """The mapping under ``distribution: {name: …}`` of a declarative configuration."""
    if isinstance(distribution, Mapping):
        return distribution.get(name) or {}
    extra = getattr(distribution, "additional_properties", {})
    return extra.get(name) or getattr(distribution, name, None) or {}


def load_config_file(path: str) -> Any:
    """The parsed declarative configuration; raises ImportError without the extra `config`."""
    from opentelemetry.configuration import load_config_file as load

    return load(path)


def sampler_settings(config: Any, name: str) -> Mapping[str, Any]:
    """What a declarative configuration has under the sampler ``name``, which the SDK keeps to itself.

    It is looked for in the tracer provider's sampler and in the parts of a ``parent_based`` one.
    """
    sampler = getattr(getattr(config, "tracer_provider", None), "sampler", None)
    parent_based = getattr(sampler, "parent_based", None)
    for part in (sampler, *(vars(parent_based).values() if parent_based else ())):
        own = getattr(part, "additional_properties", None)
        if isinstance(own, Mapping) and name in own:
            return own[name] or {}
    return {}


def names_sampler(config: Any) -> bool:
    """Whether a declarative configuration says which sampler is used."""
    return getattr(getattr(config, "tracer_provider", None), "sampler", None) is not None


def apply_config(config: Any) -> None:
    """Build the global providers that a declarative configuration describes."""
    from opentelemetry.configuration import configure_sdk

    configure_sdk(config)


def config_resource(config: Any) -> Resource:
    """The resource that a declarative configuration describes."""
    try:
        from opentelemetry.configuration._resource import create_resource
    except ImportError:
        return Resource.create()
    return create_resource(config.resource)


def load_instrumentors(distro: Any) -> None:
    """Activate the installed instrumentations through ``distro.load_instrumentor``."""
    from opentelemetry.instrumentation.auto_instrumentation._load import _load_instrumentors

    load: Any = _load_instrumentors
    load(distro)


def meter_provider(given: Any = None) -> Any:
    """``given``, or the global MeterProvider; what the API has before there is one is good for later, too."""
    from opentelemetry import metrics

    return given if given is not None else metrics.get_meter_provider()


def observable_counter(
    provider: Any,
    name: str,
    description: str,
    observe: Callable[[], Sequence[tuple[int, Mapping[str, str]]]],
    unit: str = "{record}",
    kind: str = "counter",
) -> None:
    """A counter, by default of records, whose points ``observe`` tells; or a ``gauge``."""
    from opentelemetry import metrics

    def observations(options: Any) -> list[metrics.Observation]:
        return [metrics.Observation(value, attributes) for value, attributes in observe()]

    create = getattr(provider.get_meter("tidegate"), f"create_observable_{kind}")
    create(name, callbacks=[observations], unit=unit, description=description)


def event(
    name: str, time_ns: int, severity: str, severity_number: int, body: str, attributes: Mapping[str, Any]
) -> Any:
    """The log record of an event."""
    from opentelemetry._logs import LogRecord, SeverityNumber

    return LogRecord(
        timestamp=time_ns,
        severity_text=severity,
        severity_number=SeverityNumber(severity_number),
        body=body,
        attributes=dict(attributes),
        event_name=name,
    )


def emit_event(record: Any) -> None:
    """Emit an `event` through the global LoggerProvider. Never raises."""
    from opentelemetry._logs import get_logger_provider

    try:
        get_logger_provider().get_logger("tidegate").emit(record)
    except Exception:  # a processor's failure is neither the application's nor its health
        pass

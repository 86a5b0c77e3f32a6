"""The only place that wires: OpenTelemetry's own providers, and our recording attached to them.

The SDK builds the providers by its own rules (environment or declarative file), exporters included;
what is added is a sampler that lets every span be recorded, one processor for spans, one for log
records, and one metric reader, all writing to this process's recorder.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from types import TracebackType
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider, set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from tidegate import otel, watch
from tidegate.errors import ConfigurationError
from tidegate.instrument import loading
from tidegate.record import capture, process
from tidegate.record.exporters import StoreMetricReader
from tidegate.record.processors import RecordingSampler, StoreLogRecordProcessor, StoreSpanProcessor
from tidegate.record.recorder import Recorder
from tidegate.settings import BY_NAME, Settings, environment, keep_place, load, standard_environment
from tidegate.store.location import OFF

_logger = logging.getLogger("tidegate")

#: Standard options that take effect although a declarative file is used.
_BESIDE_FILE = frozenset(
    {"service_name", "resource_attributes", "config_file", "disabled", "disabled_instrumentations"}
)


class Handle:
    """What `configure_observability` returns: the settings in force, and the way to flush and end.

    A context manager, synchronous and asynchronous, that shuts down at its end.
    """

    def __init__(self, settings: Settings, recorder: Recorder | None) -> None:
        self.settings = settings
        self._recorder = recorder

    @property
    def store(self) -> str:
        """Where this process records: a directory, ``memory:``, or ``off``."""
        return self._recorder.sink.location if self._recorder is not None else OFF

    @property
    def dropped(self) -> dict[str, int]:
        """Records that were lost in this process, by reason."""
        return process.dropped()

    def flush(self, timeout: float = 5.0) -> bool:
        """Commit everything to the store and let the exporters send; False if it took longer (seconds)."""
        done = process.flush(timeout, collect=True)
        for provider in _providers():
            try:
                done = bool(provider.force_flush(int(timeout * 1000))) and done
            except Exception as error:  # an exporter's failure is not the application's
                _logger.warning("a flush failed: %s", error)
                done = False
        return done

    def shutdown(self) -> None:
        """Flush, and end the providers. What is recorded afterwards is lost; a second call does nothing."""
        global _shut_down
        if _shut_down or _idle:
            return
        _shut_down = True
        process.flush(collect=True)
        for provider in _providers():
            try:
                provider.shutdown()
            except Exception as error:
                _logger.warning("a provider could not be shut down: %s", error)
        process.flush()

    def __enter__(self) -> Handle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    async def __aenter__(self) -> Handle:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio

        await asyncio.to_thread(self.shutdown)


_handle: Handle | None = None
_shut_down = False
_idle = True


def configure_observability(*, app: Any = None, instrument: bool = True, **options: Any) -> Handle:
    """Record this process's traces, logs and metrics in the local store, and instrument its libraries.

    ``options`` are the settings by name (``tidegate settings`` lists them), such as ``service_name``,
    ``store`` (a directory, ``memory:`` or ``off``) and ``endpoint``; what is not given comes from the
    environment. ``instrument`` loads the installed instrumentations; ``app`` is a FastAPI, Starlette
    or Flask application that was made before the call. Calling it again changes nothing and returns
    the same handle. Raises `ConfigurationError` when a setting is wrong.
    """
    handle = start(options)
    if instrument and not _idle:
        with standard_environment(handle.settings):
            loading.load_all(handle.settings)
    if app is not None and not _idle:
        loading.instrument_app(app)
    return handle


def start(options: dict[str, Any] | None = None, auto_instrumentation_version: str | None = None) -> Handle:
    """Configure the SDK and attach the recording, once a process; instrumentations are not loaded."""
    global _handle, _idle
    options = options or {}
    if _handle is not None:
        _say_what_is_ignored(_handle.settings, options)
        return _handle
    settings, config = _resolve(options)
    if settings.disabled or (config is not None and config.disabled) or process.is_helper_process():
        _handle = Handle(settings, None)
        return _handle
    # first of all, so that its exit hook runs after those of the providers
    recorder = process.recorder(settings=settings) if settings.store != OFF else None
    keep_place(settings)
    loading.prepare(settings)
    _build_providers(settings, config, auto_instrumentation_version)
    if recorder is not None:
        _attach(recorder, settings)
    if settings.capture_logs:
        capture.install(get_logger_provider())
    watch.builtin.append(partial(_builtin_checks, recorder, settings))
    _idle = False
    _handle = Handle(settings, recorder)
    return _handle


def _builtin_checks(recorder: Recorder | None, settings: Settings) -> list[Any]:
    from tidegate.watch import checks  # only a process that asks how it is needs them

    return checks.for_process(recorder, settings)


def own_store() -> str:
    """Where this process records, or "" when it does not."""
    return _handle.store if _handle is not None and not _idle and _handle.store != OFF else ""


def own_service() -> str:
    """The ``service.name`` of this process's records, or "" when there are none."""
    if _idle:
        return ""
    resources = [provider.resource for provider in _providers() if hasattr(provider, "resource")]
    return str(resources[0].attributes.get("service.name", "")) if resources else ""


def is_idle() -> bool:
    """Whether nothing is recorded or sent here: not configured, disabled, or a helper process."""
    return _idle


def _resolve(options: dict[str, Any]) -> tuple[Settings, Any]:
    """The settings, and the declarative configuration if a file is named."""
    settings = load(options)
    if not settings.config_file:
        return settings, None
    for name, value in options.items():
        if BY_NAME[name].standard and name not in _BESIDE_FILE and value is not None:
            raise ConfigurationError(
                f"argument {name} cannot be combined with the file {settings.config_file!r}; put it into the file."
            )
    try:
        config = otel.load_config_file(settings.config_file)
    except ImportError:
        raise ConfigurationError(
            f"OTEL_CONFIG_FILE is {settings.config_file!r} and needs a package: pip install 'tidegate[config]'."
        ) from None
    except Exception as error:
        raise _unusable_file(settings, error) from None
    distribution = getattr(config, "distribution", None) or {}
    return load(options, dict(otel.distribution_settings(distribution, "tidegate"))), config


def _unusable_file(settings: Settings, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"OTEL_CONFIG_FILE is {settings.config_file!r}, which cannot be used: {error}.")


def _say_what_is_ignored(settings: Settings, options: dict[str, Any]) -> None:
    given = load(options)
    for name, value in options.items():
        if value is not None and given.values[name] != settings.values[name]:
            _logger.warning(
                "%s=%r is ignored: observability was configured before, by %s.", name, value, settings.sources[name]
            )


def _build_providers(settings: Settings, config: Any, auto_instrumentation_version: str | None) -> None:
    if config is not None:
        try:
            otel.apply_config(config)
        except Exception as error:
            raise _unusable_file(settings, error) from None
        _complete(otel.config_resource(config))
        for provider in _providers():
            otel.merge_resource(provider, _resource_arguments(settings))
    elif _providers():
        # the application, or another distribution, has built some; ours are added to them
        resources = [provider.resource for provider in _providers() if hasattr(provider, "resource")]
        _complete(resources[0] if resources else Resource.create())
    else:
        _initialize(settings, auto_instrumentation_version)


def _initialize(settings: Settings, auto_instrumentation_version: str | None) -> None:
    """The SDK's own providers. What cannot be sent is recorded all the same."""
    sampler = _sampler(settings)
    defaults = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", **_exporters(settings)}
    try:
        with standard_environment(settings, None, **defaults):
            chosen = ", ".join(f"{name} is {environment(name)!r}" for name in _SENDING if environment(name))
            otel.initialize_sdk(sampler, auto_instrumentation_version)
    except RuntimeError as error:
        try:
            with standard_environment(settings, dict.fromkeys(_EXPORTERS, "none")):
                otel.initialize_sdk(sampler, auto_instrumentation_version)
        except RuntimeError as unrelated:
            raise ConfigurationError(f"the environment names something that is not installed: {unrelated}.") from None
        _logger.error(
            "%s, which needs something that is not installed: %s. Nothing is sent until this is corrected,"
            " the store is not affected. OTLP over gRPC needs: pip install 'tidegate[grpc]'.",
            chosen,
            error,
        )


def _is_sdk(provider: Any) -> bool:
    return isinstance(provider, (TracerProvider, LoggerProvider, MeterProvider))


def _providers() -> list[Any]:
    """The global providers, tracer provider first."""
    return [
        provider
        for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
        if _is_sdk(provider)
    ]


def _complete(resource: Resource) -> None:
    """Make the providers that nobody made, so that all three signals are recorded."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider(resource=resource))
    if not isinstance(metrics.get_meter_provider(), MeterProvider):
        metrics.set_meter_provider(MeterProvider(resource=resource))
    if not isinstance(get_logger_provider(), LoggerProvider):
        set_logger_provider(LoggerProvider(resource=resource))


def _resource_arguments(settings: Settings) -> dict[str, Any]:
    attributes = dict(settings.resource_attributes) if settings.sources["resource_attributes"] == "argument" else {}
    if settings.sources["service_name"] == "argument":
        attributes["service.name"] = settings.service_name
    return attributes


_EXPORTERS = ("OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER")

_SENDING = (*_EXPORTERS, "OTEL_EXPORTER_OTLP_PROTOCOL")


def _exporters(settings: Settings) -> dict[str, str]:
    """``otlp`` for each signal that there is somewhere to send to, unless something was said about exporters."""
    return {
        f"OTEL_{signal.upper()}_EXPORTER": "otlp"
        for signal in ("traces", "logs", "metrics")
        if settings.endpoint or settings.values[f"{signal}_endpoint"]
    }


def _sampler(settings: Settings) -> Any:
    name = settings.sampler.lower()
    if not name:
        return None
    try:
        return otel.sampler_by_name(name, settings.sampler_arg)
    except LookupError:
        raise ConfigurationError(
            f"OTEL_TRACES_SAMPLER is {settings.sampler!r}; it must be the name of an installed sampler such as"
            " always_on, always_off, traceidratio or parentbased_traceidratio."
        ) from None
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"OTEL_TRACES_SAMPLER_ARG is {settings.sampler_arg!r}, which the sampler {name} does not take: {error}"
        ) from None


def _attach(recorder: Recorder, settings: Settings) -> None:
    tracer_provider = trace.get_tracer_provider()
    if isinstance(tracer_provider, TracerProvider):
        if settings.record == "all":
            otel.set_sampler(tracer_provider, RecordingSampler(tracer_provider.sampler))
        tracer_provider.add_span_processor(StoreSpanProcessor(recorder))
        process.direct.add("spans")
    logger_provider = get_logger_provider()
    if isinstance(logger_provider, LoggerProvider):
        logger_provider.add_log_record_processor(StoreLogRecordProcessor(recorder))
        process.direct.add("logs")
    meter_provider = metrics.get_meter_provider()
    if isinstance(meter_provider, MeterProvider):
        reader = StoreMetricReader(recorder, settings.metrics_interval)
        otel.attach_metric_reader(meter_provider, reader)
        os.register_at_fork(after_in_child=partial(otel.forget_measurements, meter_provider))
        process.collectors.append(reader.collect)
        process.direct.add("metrics")
        _count_drops(meter_provider)


def _count_drops(provider: MeterProvider) -> None:
    """Records lost by reason, as a counter that has no points while nothing is lost."""

    def observe(options: Any) -> list[metrics.Observation]:
        return [metrics.Observation(count, {"reason": reason}) for reason, count in process.dropped().items()]

    provider.get_meter("tidegate").create_observable_counter(
        "tidegate.records.dropped", callbacks=[observe], unit="{record}", description="Records that were not stored."
    )

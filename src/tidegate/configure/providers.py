"""The providers: built by the SDK, by its own rules, or found as somebody else made them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider, set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from tidegate import otel
from tidegate.errors import ConfigurationError
from tidegate.settings import BY_NAME, Settings, environment, load, standard_environment, variables

_logger = logging.getLogger("tidegate")

#: Standard options that take effect although a declarative file is used.
_BESIDE_FILE = frozenset(
    {"service_name", "resource_attributes", "config_file", "disabled", "disabled_instrumentations"}
)

_EXPORTERS = ("OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER")

_SENDING = (*_EXPORTERS, "OTEL_EXPORTER_OTLP_PROTOCOL")


def resolve(options: Mapping[str, Any]) -> tuple[Settings, Any]:
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


#: What to do, by a part of what the SDK says.
_ADVICE = {
    "Unsupported OTLP protocol": "It must be http/protobuf or grpc",
    "otlp_proto_grpc": "OTLP over gRPC needs: pip install 'tidegate[grpc]'",
    "": "It is not installed: correct the name, or install what has it; `tidegate doctor` says what there is",
}


@dataclass(frozen=True)
class Built:
    """Of providers that the SDK has built for us: the standard variables that it found, the declarative file if there
    was one, as it is written and as it is in force, and whether either names a sampler."""

    variables: Mapping[str, str]
    file: bytes = b""
    names_sampler: bool = False
    config: Any = None


def build(settings: Settings, config: Any, auto_instrumentation_version: str | None) -> Built | None:
    """Make the providers that there are not yet; None where somebody else has made some."""
    if config is not None:
        try:
            with standard_environment(settings):
                otel.apply_config(config)
                environ = variables("OTEL_")
        except Exception as error:
            raise _unusable_file(settings, error) from None
        _complete(otel.config_resource(config))
        for provider in sdk_providers():
            otel.merge_resource(provider, _resource_arguments(settings))
        with open(settings.config_file, "rb") as file:
            return Built(environ, file.read(), otel.names_sampler(config), config)
    elif sdk_providers():
        # the application, or another distribution, has built some; ours are added to them
        resources = [provider.resource for provider in sdk_providers() if hasattr(provider, "resource")]
        _complete(resources[0] if resources else Resource.create())
        return None
    return Built(_initialize(settings, auto_instrumentation_version), names_sampler=bool(settings.sampler))


def _initialize(settings: Settings, auto_instrumentation_version: str | None) -> Mapping[str, str]:
    """The SDK's own providers, and the variables that it found. What cannot be sent is recorded all the same."""
    sampler = _sampler(settings)
    defaults = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", **_exporters(settings)}
    try:
        with standard_environment(settings, None, **defaults):
            chosen = ", ".join(f"{name} is {environment(name)!r}" for name in _SENDING if environment(name))
            otel.initialize_sdk(sampler, auto_instrumentation_version)
            return variables("OTEL_")
    except RuntimeError as error:
        try:
            with standard_environment(settings, dict.fromkeys(_EXPORTERS, "none")):
                otel.initialize_sdk(sampler, auto_instrumentation_version)
        except RuntimeError as unrelated:
            raise ConfigurationError(f"the environment names something that is not installed: {unrelated}.") from None
        _logger.error(
            "%s, which cannot be used: %s. %s. Nothing is sent until this is corrected, the store is not affected.",
            chosen,
            error,
            next(advice for part, advice in _ADVICE.items() if part in str(error)),
        )
        return {}


def _is_sdk(provider: Any) -> bool:
    return isinstance(provider, (TracerProvider, LoggerProvider, MeterProvider))


def sdk_providers() -> list[Any]:
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
        with standard_environment(settings):  # ours asks for the service's name
            return otel.sampler_by_name(name, settings.sampler_arg)
    except ConfigurationError:
        raise
    except LookupError:
        raise ConfigurationError(
            f"OTEL_TRACES_SAMPLER is {settings.sampler!r}; it must be the name of an installed sampler such as"
            " always_on, always_off, traceidratio or parentbased_traceidratio."
        ) from None
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"OTEL_TRACES_SAMPLER_ARG is {settings.sampler_arg!r}, which the sampler {name} does not take: {error}"
        ) from None

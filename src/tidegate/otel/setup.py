"""Building the SDK's providers by its own rules, from the environment or from a declarative file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource


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


def merge_resource(provider: Any, attributes: Mapping[str, Any]) -> None:
    """Add resource attributes to a provider that exists already."""
    if attributes and hasattr(provider, "_update_resource"):
        from opentelemetry.sdk.resources import Resource

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
        from opentelemetry.sdk.resources import Resource

        return Resource.create()
    return create_resource(config.resource)


def load_instrumentors(distro: Any) -> None:
    """Activate the installed instrumentations through ``distro.load_instrumentor``."""
    from opentelemetry.instrumentation.auto_instrumentation._load import _load_instrumentors

    load: Any = _load_instrumentors
    load(distro)

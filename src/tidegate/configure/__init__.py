"""The only place that wires: OpenTelemetry's own providers, our recording and our gates attached to them.

providers    the SDK builds them by its own rules (environment or declarative file), exporters included
shipping     these exporters are taken out, and served from the store by whoever leads the route
gates        the policy, and for providers that somebody else has made, sampler and log gate in front of what sends
recording    one processor for spans, one for log records, and one metric reader write to the recorder
ambient      in front of all: what adds the attributes of here and now
console      at the end: what shows on standard error what nothing else shows, if so wished
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import get_logger_provider

from tidegate import otel, watch
from tidegate.configure.again import configured_again
from tidegate.configure.ambient import put_attributes
from tidegate.configure.console import show
from tidegate.configure.gates import Gates
from tidegate.configure.handle import Handle
from tidegate.configure.providers import build, resolve, sdk_providers
from tidegate.configure.recording import attach
from tidegate.configure.shipping import Shipping, shipping_of
from tidegate.frameworks import loading
from tidegate.frameworks.applications import instrument_app
from tidegate.options import Options
from tidegate.record import capture, process, raised, uncaught
from tidegate.record.recorder import Recorder
from tidegate.settings import Settings, keep_place, load, standard_environment
from tidegate.store.location import OFF

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Handle", "configure_observability", "is_idle", "own_service", "own_settings", "own_store", "start"]

_logger = logging.getLogger("tidegate")

_handle: Handle | None = None


def configure_observability(*, app: Any = None, instrument: bool = True, **options: Unpack[Options]) -> Handle:
    """Record this process's traces, logs and metrics in the local store, and instrument its libraries.

    ``options`` are the settings by name (`Options`; ``tidegate settings`` lists them), such as ``service_name``,
    ``store`` (a directory, ``memory:`` or ``off``) and ``endpoint``; what is not given comes from the
    environment. ``instrument`` loads the installed instrumentations; ``app`` is a FastAPI, Starlette
    or Flask application that was made before the call. Calling it again adds its ``redact_keys`` and
    ``redact_patterns``, warns of other settings that differ, and returns the same handle. Raises
    `ConfigurationError` when a setting is wrong.

        >>> import tidegate
        >>> with tidegate.configure_observability(service_name="greeter", store="memory:") as handle:
        ...     handle.store
        'memory:'
    """
    handle = start(options)
    if instrument and not handle.idle:
        with standard_environment(handle.settings):
            loading.load_all(handle.settings)
    if app is not None and not handle.idle:
        instrument_app(app)
    return handle


def start(options: Mapping[str, Any] | None = None, auto_instrumentation_version: str | None = None) -> Handle:
    """Configure the SDK and attach the recording, once a process; instrumentations are not loaded."""
    global _handle
    options = options or {}
    if _handle is not None:
        _handle.settings = configured_again(_handle.settings, options)
        return _handle
    settings, config = resolve(options)
    if settings.disabled or (config is not None and config.disabled) or process.is_helper_process():
        _handle = Handle(settings, None, idle=True)
        return _handle
    gates = Gates(settings)
    process.prepare(settings)
    keep_place(settings)
    loading.prepare(settings)
    otel.record_exceptions_once(raised.is_new_on, raised.note)
    built = build(settings, config, auto_instrumentation_version)
    shipping = shipping_of(settings, built) if built is not None else None
    is_stored = settings.store != OFF
    recorder = process.recorder(settings=settings) if is_stored or shipping is not None else None
    gates.attach()
    if shipping is not None and recorder is not None:
        shipping.follow(gates.watcher)
        shipping.begin(recorder)
        _logger.info("%s", shipping.describe())
    if recorder is not None:
        drops_early = not is_stored and settings.send == "gated"
        about_metrics = shipping.metrics if shipping is not None else {}
        attach(recorder, settings, gates.before if drops_early else None, **about_metrics)
    put_attributes(settings)
    show(settings)
    if settings.capture_logs:
        capture.install(get_logger_provider())
        capture.drop_early(None if is_stored else gates.early)
        uncaught.install()
    watch.builtin.append(partial(_builtin_checks, recorder, settings, gates, shipping))
    _handle = Handle(settings, recorder, shipping)
    return _handle


def _builtin_checks(
    recorder: Recorder | None, settings: Settings, gates: Gates, shipping: Shipping | None
) -> list[Any]:
    from tidegate.watch import checks  # only a process that asks how it is needs them

    problems = shipping.problems if shipping is not None else None
    return checks.for_process(recorder, settings, gates.policy, lambda: gates.problem, problems)


def own_store() -> str:
    """Where this process records, or "" when it does not."""
    return _handle.store if _handle is not None and not _handle.idle and _handle.store != OFF else ""


def own_service() -> str:
    """The ``service.name`` of this process's records, or "" when there are none."""
    if is_idle():
        return ""
    resources = [provider.resource for provider in sdk_providers() if hasattr(provider, "resource")]
    return str(resources[0].attributes.get("service.name", "")) if resources else ""


def own_settings() -> Settings:
    """What is in force here: what this process was configured with, else what the environment says."""
    return load() if _handle is None else _handle.settings


def is_idle() -> bool:
    """Whether nothing is recorded or sent here: not configured, disabled, or a helper process."""
    return _handle is None or _handle.idle

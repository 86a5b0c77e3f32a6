"""Loading OpenTelemetry's instrumentations with the defaults that users would choose."""

from __future__ import annotations

import functools
import importlib
import logging
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tidegate.api.request.finding import Sources, read_from
from tidegate.imports import when_imported
from tidegate.settings import Settings, default_environment, environment, load

_logger = logging.getLogger("tidegate")

#: Instrumentations whose log records we capture ourselves; with both, each would be recorded twice.
_CAPTURED_BY_US = frozenset({"structlog", "loguru"})


#: The settings of this process, once it is configured.
_settings: Settings | None = None


def in_force() -> Settings:
    """The settings of this process; those of the environment while it is not configured."""
    return _settings if _settings is not None else load()


def prepare(settings: Settings) -> None:
    """Choose defaults before any instrumentation is loaded."""
    global _settings
    _settings = settings
    read_from(Sources(settings.user_cookies, settings.session_cookies, settings.request_id_headers))
    # the stable names of HTTP attributes and metrics; the old ones are what the packages still default to
    default_environment("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    for framework in ("asgi", "flask", "django"):
        when_imported(f"opentelemetry.instrumentation.{framework}", functools.partial(_prepare, framework))


def _prepare(framework: str, instrumentation: ModuleType) -> None:
    """Let our module for a framework, which imports it, see what instruments it."""
    importlib.import_module(f"tidegate.frameworks.{framework}").prepare(instrumentation)


#: Those of incoming requests that take ``excluded_urls``; the others find it in the environment.
_TAKE_EXCLUDED_URLS = frozenset({"django", "fastapi", "flask"})

#: Whether instrumentations have been activated, which happens once: again would be a warning for each, and
#: Django's imports the settings, which may call `tidegate.configure_observability` while it is at it.
_loaded = False


def load_instrumentor(entry_point: Any, settings: Settings, **kwargs: Any) -> None:
    """Activate one instrumentation; what is not ours to change is done as OpenTelemetry does it."""
    global _loaded
    _loaded = True
    if settings.capture_logs:
        if entry_point.name in _CAPTURED_BY_US:
            return
        if entry_point.name == "logging":
            kwargs["enable_log_auto_instrumentation"] = False

    if entry_point.name in _TAKE_EXCLUDED_URLS:
        kwargs.setdefault("excluded_urls", excluded_urls(entry_point.name))

    def instrument() -> None:
        entry_point.load()().instrument(**kwargs)

    if entry_point.name == "django" and not _has_django_settings():
        when_imported("django", functools.partial(_when_set_up, instrument))
    else:
        instrument()


def excluded_urls(framework: str) -> str:
    """What its instrumentation leaves out, by its own variable before the setting for all. It would find the
    variables when it is imported, which may have been long ago, and nothing of arguments."""
    return environment(f"OTEL_PYTHON_{framework.upper()}_EXCLUDED_URLS") or ",".join(in_force().excluded_urls)


def _has_django_settings() -> bool:
    conf = sys.modules.get("django.conf")
    return bool(environment("DJANGO_SETTINGS_MODULE")) or (conf is not None and conf.settings.configured)


def _when_set_up(instrument: Callable[[], None], django: Any) -> None:
    """Instrument Django when it is set up: ``manage.py`` and ``wsgi.py`` name the settings themselves, and
    its instrumentation, where it finds none, would configure empty ones in their place."""
    original = django.setup

    @functools.wraps(original)
    def setup(*args: Any, **kwargs: Any) -> Any:
        django.setup = original
        try:
            instrument()
        except Exception as error:  # the application starts without it
            _logger.warning("Django could not be instrumented: %s", error)
        return original(*args, **kwargs)

    django.setup = setup


class _Loader:
    """What OpenTelemetry's loading asks of a distribution."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def load_instrumentor(self, entry_point: Any, **kwargs: Any) -> None:
        load_instrumentor(entry_point, self._settings, **kwargs)


def load_all(settings: Settings) -> None:
    """Activate every installed instrumentation, as ``opentelemetry-instrument`` does.

    Frameworks that are imported as ``from fastapi import FastAPI`` before this is called keep the
    class without instrumentation; give the application to `instrument_app` then.
    """
    from tidegate.otel import load_instrumentors

    global _loaded
    if _loaded:
        return
    _loaded = True
    try:
        load_instrumentors(_Loader(settings))
    except Exception as error:
        _logger.warning("an instrumentation failed, later ones were not loaded: %s", error)

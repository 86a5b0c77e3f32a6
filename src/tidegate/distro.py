"""What ``opentelemetry-instrument`` calls: the distribution and its configurator, both thin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate import configure
from tidegate.instrument.loading import load_instrumentor
from tidegate.settings import default_environment

if TYPE_CHECKING:

    class BaseDistro:
        """`opentelemetry.instrumentation.distro.BaseDistro`, whose package is not typed."""

    class BaseConfigurator:
        """`opentelemetry.sdk._configuration._BaseConfigurator`."""

else:
    from opentelemetry.instrumentation.distro import BaseDistro
    from opentelemetry.sdk._configuration import _BaseConfigurator as BaseConfigurator


class TidegateDistro(BaseDistro):
    """Chooses our configurator, unless the user named another, and loads instrumentations our way."""

    def _configure(self, **kwargs: Any) -> None:
        default_environment("OTEL_PYTHON_CONFIGURATOR", "tidegate")

    def load_instrumentor(self, entry_point: Any, **kwargs: Any) -> None:
        settings = configure.start().settings
        if not configure.is_idle():
            load_instrumentor(entry_point, settings, **kwargs)


class TidegateConfigurator(BaseConfigurator):
    """Configures the SDK from the environment and attaches the recording."""

    def _configure(self, **kwargs: Any) -> None:
        configure.start(auto_instrumentation_version=kwargs.get("auto_instrumentation_version"))

"""What ``opentelemetry-instrument`` calls: the distribution and its configurator, both thin."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tidegate import configure
from tidegate.errors import ConfigurationError
from tidegate.frameworks.loading import load_instrumentor
from tidegate.settings import default_environment

if TYPE_CHECKING:

    class BaseDistro:
        """`opentelemetry.instrumentation.distro.BaseDistro`, whose package is not typed."""

    class BaseConfigurator:
        """`opentelemetry.sdk._configuration._BaseConfigurator`."""

else:
    from opentelemetry.instrumentation.distro import BaseDistro
    from opentelemetry.sdk._configuration import _BaseConfigurator as BaseConfigurator

_logger = logging.getLogger("tidegate")


class TidegateDistro(BaseDistro):
    """Chooses our configurator, unless the user named another, and loads instrumentations our way."""

    def _configure(self, **kwargs: Any) -> None:
        default_environment("OTEL_PYTHON_CONFIGURATOR", "tidegate")

    def load_instrumentor(self, entry_point: Any, **kwargs: Any) -> None:
        if not configure.is_idle():
            load_instrumentor(entry_point, configure.start().settings, **kwargs)


class TidegateConfigurator(BaseConfigurator):
    """Configures the SDK from the environment and attaches the recording."""

    def _configure(self, **kwargs: Any) -> None:
        try:
            configure.start(auto_instrumentation_version=kwargs.get("auto_instrumentation_version"))
        except ConfigurationError as error:
            # raised on, it would reach the console as two tracebacks, and no further
            _logger.error("%s Nothing is recorded or sent until this is corrected.", error)

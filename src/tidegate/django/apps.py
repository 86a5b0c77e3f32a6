"""What Django makes of ``"tidegate.django"`` in ``INSTALLED_APPS``."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tidegate.configure import configure_observability
from tidegate.errors import ConfigurationError
from tidegate.settings import load


class TidegateConfig(AppConfig):  # type: ignore[misc]
    """Calls `tidegate.configure_observability` with the setting ``TIDEGATE``: settings by name, in upper or lower
    case. Raises Django's ``ImproperlyConfigured`` when it is wrong."""

    name = "tidegate.django"
    label = "tidegate"
    verbose_name = "Tidegate"

    def ready(self) -> None:
        # of opentelemetry-instrument's making it is older than LOGGING, which disables what it does not name
        logging.getLogger("tidegate").disabled = False
        # Django loads the middleware, among which the instrumentation puts its own, after this
        try:
            options = _options(getattr(settings, "TIDEGATE", {}))
            load(options)  # what is no setting is told as such, whatever else the call takes
            configure_observability(**options)
        except ConfigurationError as error:
            raise ImproperlyConfigured(f"in the setting TIDEGATE, {error}") from None


def _options(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ConfigurationError(
            f"the value is a {type(given).__qualname__}; it must be a mapping of settings by name, such as"
            " {'SERVICE_NAME': 'shop'}."
        )
    for name, times in Counter(map(str.lower, given)).items():
        if times > 1:
            raise ConfigurationError(f"{name!r} stands {times} times; write it once, in upper or in lower case.")
    return {name.lower(): value for name, value in given.items()}

"""The settings that a program started here and now would have."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tidegate.errors import ConfigurationError
from tidegate.settings import Settings, load


def settings_in_force(arguments: Mapping[str, Any] | None = None) -> Settings:
    """From the environment, and from the file that ``OTEL_CONFIG_FILE`` names; raises `ConfigurationError`.

    What is given overrules both, which may then say anything about it.
    """
    settings = load(arguments)
    if not settings.config_file:
        return settings
    from tidegate import otel  # it loads the SDK, which nothing else here needs

    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())  # what is wrong we say ourselves, once
    try:
        config = otel.load_config_file(settings.config_file)
    except Exception as error:  # a file is wrong in many ways, and the package that reads it may be missing
        raise ConfigurationError(
            f"OTEL_CONFIG_FILE is {settings.config_file!r}, which cannot be used: {error}."
            " It must be a declarative configuration, and needs: pip install 'tidegate[config]'."
        ) from None
    return load(arguments, dict(otel.distribution_settings(config.distribution or {}, "tidegate")))

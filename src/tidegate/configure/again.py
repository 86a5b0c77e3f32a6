"""What a call of `configure_observability` does after another, such as that of `opentelemetry-instrument`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tidegate.api.console.secrets import redact_by
from tidegate.record import process
from tidegate.settings import BY_NAME, Settings, load, shown

#: Settings that only add to what is hidden: what a program asks for must not depend on how it was started.
_ADDED = ("redact_keys", "redact_patterns")

_logger = logging.getLogger("tidegate")


def configured_again(settings: Settings, options: Mapping[str, Any]) -> Settings:
    """What is in force from now on: more is hidden if ``options`` say so, all else stays and a warning says it."""
    given = load(options)
    for name, value in options.items():
        is_added = name in _ADDED and settings.redact
        if not is_added and value is not None and given.values[name] != settings.values[name]:
            _logger.warning(
                "%s=%s is ignored: observability was configured before, by %s.",
                name,
                shown(BY_NAME[name], value),
                settings.sources[name],
            )
    return _hiding_more(settings, given) if settings.redact else settings


def _hiding_more(settings: Settings, given: Settings) -> Settings:
    more = {
        name: (*settings.values[name], *added)
        for name in _ADDED
        if (added := [each for each in given.values[name] if each not in settings.values[name]])
    }
    if not more:
        return settings
    settings = Settings({**settings.values, **more}, {**settings.sources, **dict.fromkeys(more, "argument")})
    process.redact_by(settings)
    redact_by(settings)
    return settings

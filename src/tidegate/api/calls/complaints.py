"""What goes wrong here: counted by reason, said once through our logger, never raised into the application."""

from __future__ import annotations

import logging
import os
from collections import Counter

#: Complaints that are said of each reason; all are counted.
MAX_SAID = 20

#: Characters of each value that is said.
MAX_VALUE = 200

#: How often something was not recorded, or not as it was asked for, by reason.
counts: Counter[str] = Counter()

_logger = logging.getLogger("tidegate")
_said: dict[str, set[str]] = {}


def complain(reason: str, about: object, message: str, *values: object) -> None:
    """Count under ``reason``, and warn when it is the first time that it is about ``about``. Never raises."""
    try:
        counts[reason] += 1
        said, key = _said.setdefault(reason, set()), str(about)[:MAX_VALUE]
        if key not in said and len(said) < MAX_SAID:
            said.add(key)
            _logger.warning("%s", _clean(message % tuple(map(_short, values))))
    except Exception:  # a handler of the application's, or an object without a text
        pass


def _short(value: object) -> object:
    return f"{value[:MAX_VALUE]}…" if isinstance(value, str) and len(value) > MAX_VALUE else value


def _clean(message: str) -> str:
    from tidegate.api.console.secrets import without_secrets  # it takes time to load, and is seldom wanted

    return without_secrets(message, {}, {})[0]


os.register_at_fork(after_in_child=counts.clear)  # or the parent's would be counted twice


def forget() -> None:
    """Count and say everything anew."""
    counts.clear()
    _said.clear()

"""What goes wrong here: counted by reason, said once through our logger, never raised into the application."""

from __future__ import annotations

import logging
import os
from collections import Counter

#: Complaints that are said; all are counted.
MAX_SAID = 100

#: How often something was not recorded, or not as it was asked for, by reason.
counts: Counter[str] = Counter()

_logger = logging.getLogger("tidegate")
_said: set[str] = set()


def complain(reason: str, about: object, message: str, *values: object) -> None:
    """Count under ``reason``, and warn when it is the first time that it is about ``about``. Never raises."""
    try:
        counts[reason] += 1
        key = f"{reason} {about}"
        if key not in _said and len(_said) < MAX_SAID:
            _said.add(key)
            _logger.warning(message, *values)
    except Exception:  # a handler of the application's, or an object without a text
        pass


os.register_at_fork(after_in_child=counts.clear)  # or the parent's would be counted twice


def forget() -> None:
    """Count and say everything anew."""
    counts.clear()
    _said.clear()

"""What severity numbers are called."""

from __future__ import annotations

from tidegate.records import SEVERITIES

#: From here on records are always kept.
ERROR = SEVERITIES["ERROR"]

_DESCENDING = sorted(SEVERITIES.items(), key=lambda item: -item[1])


def severity_name(number: int) -> str:
    """The name of a severity number's range, empty for 0 (unspecified): 11 is ``INFO``."""
    return next((name for name, lowest in _DESCENDING if number >= lowest), "")

"""What severity numbers are called."""

from __future__ import annotations

from typing import Any

from tidegate.records import SEVERITIES

#: From here on records are always kept.
ERROR = SEVERITIES["ERROR"]

_DESCENDING = sorted(SEVERITIES.items(), key=lambda item: -item[1])


def severity_name(number: int) -> str:
    """The name of a severity number's range, empty for 0 (unspecified): 11 is ``INFO``."""
    return next((name for name, lowest in _DESCENDING if number >= lowest), "")


#: What loggers call them, the standard library's and syslog's included.
_NUMBERS = SEVERITIES | {"WARNING": 13, "ERR": 17, "CRITICAL": 21, "CRIT": 21, "ALERT": 21, "EMERG": 21, "PANIC": 21}


def severity_number(log: Any) -> int:
    """The severity number of an OpenTelemetry log record; by its severity text when it has none, else 0."""
    number = log.severity_number
    if number is not None and number.value:
        return int(number.value)
    return severity_of_text(log.severity_text)


def severity_of_text(text: Any) -> int:
    """The severity number of what a logger calls a level; 0 for what is none."""
    return _NUMBERS.get(text.upper(), 0) if isinstance(text, str) else 0

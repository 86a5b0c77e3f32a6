"""Numbers, times and attributes in the words people read."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from tidegate.ndjson import jsonable
from tidegate.records import SEVERITIES
from tidegate.safe import safe

#: Digits of a trace id where a line is short of room; `tidegate trace` takes any unique beginning.
SHORT_ID = 12

#: Attributes that a log record's line shows in its own way, or that only say where the call stands; the last is
#: uvicorn's second copy of its message, with colours.
HIDDEN = ("code.", "exception.", "thread.", "process.", "color_message")

#: Nanoseconds of the units of time that OpenTelemetry's metrics have.
_SECONDS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1}

_LEVEL_STYLES = {
    "TRACE": "dim",
    "DEBUG": "dim",
    "INFO": "green",
    "WARN": "yellow",
    "ERROR": "bold red",
    "FATAL": "bold white on red",
}
_SERVICE_STYLES = ("cyan", "magenta", "blue", "green", "bright_cyan", "bright_magenta", "bright_blue", "bright_green")


def duration(nanoseconds: float) -> str:
    """Three significant digits and the fitting unit: ``850 ns``, ``1.25 ms``, ``30.4 s``, ``2 m 05 s``."""
    if nanoseconds < 0:
        return "-" + duration(-nanoseconds)
    for unit, size, end in (("ns", 1, 1000), ("µs", 1e3, 1000), ("ms", 1e6, 1000), ("s", 1e9, 60)):
        value = nanoseconds / size
        text = f"{value:.{0 if unit == 'ns' else _decimals(value)}f}"
        if float(text) < end:
            return f"{text} {unit}"
    minutes, seconds = divmod(round(nanoseconds / 1e9), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours < 48 else f"{hours // 24} d {hours % 24:02} h"


def _decimals(value: float) -> int:
    return 2 if value < 9.995 else 1 if value < 99.95 else 0


def clock(nanoseconds: int, now: datetime | None = None) -> str:
    """Local time ``HH:MM:SS.mmm``, with the date before it unless it is today's."""
    try:
        moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000)
    except (ValueError, OverflowError, OSError):
        return str(nanoseconds)
    text = f"{moment:%H:%M:%S}.{nanoseconds // 1_000_000 % 1000:03}"
    return text if moment.date() == (now or datetime.now()).date() else f"{moment:%Y-%m-%d} {text}"


def number(value: Any, digits: int = 6) -> str:
    """A count or measurement, fractions to so many significant digits: ``12,345``, ``0.03125``, ``1.5e+18``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return safe(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if 10**digits <= abs(value) < 1e15 else f"{value:,.{digits}g}"


def measured(value: Any, unit: str, digits: int = 6) -> str:
    """A number with its unit (UCUM): times as `duration`, and no unit where it only says what is counted."""
    if unit in _SECONDS and isinstance(value, (int, float)) and math.isfinite(value):
        return duration(value * _SECONDS[unit])
    text = number(value, digits)
    return text if unit in ("", "1") or unit.startswith("{") else f"{text} {safe(unit)}"


def value_text(value: Any) -> str:
    """An attribute value or a log body of any type as text, not yet made safe."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return orjson.dumps(jsonable(value)).decode()


def pairs(attributes: Mapping[str, Any], hide: tuple[str, ...] = ()) -> str:
    """``key=value key="two words"``, made safe, without the keys that begin with one of ``hide``."""
    shown = []
    for key, value in attributes.items():
        if not key.startswith(hide):
            text = safe(value_text(value))
            quoted = f'"{text}"' if isinstance(value, str) and (" " in text or not text) else text
            shown.append(f"{safe(key)}={quoted}")
    return " ".join(shown)


def level(severity_number: int, severity_text: str = "") -> str:
    """The severity's name in OpenTelemetry's words; the record's own word if it has no number."""
    names = [name for name, lowest in SEVERITIES.items() if lowest <= severity_number]
    return names[-1] if names else safe(severity_text)


def level_style(name: str) -> str:
    return _LEVEL_STYLES.get(name, "")


def service_style(name: str) -> str:
    """The same colour for the same service, today and tomorrow."""
    return _SERVICE_STYLES[zlib.crc32(name.encode("utf-8", "replace")) % len(_SERVICE_STYLES)]

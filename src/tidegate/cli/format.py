"""Numbers, times and attributes in the words people read."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from tidegate.cli.ndjson import jsonable
from tidegate.cli.safe import safe
from tidegate.records import SEVERITIES

#: Digits of a trace id where a line is short of room; `tidegate trace` takes any unique beginning.
SHORT_ID = 12

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
    """Three significant digits and the fitting unit: ``850 ns``, ``1.25 ms``, ``3.4 s``, ``2 m 05 s``."""
    if nanoseconds < 0:
        return "-" + duration(-nanoseconds)
    for unit, size in (("ns", 1), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)):
        number = f"{nanoseconds / size:.3g}"
        if float(number) < (60 if unit == "s" else 1000):
            return f"{number} {unit}"
    minutes, seconds = divmod(round(nanoseconds / 1e9), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02} s"
    return f"{minutes // 60} h {minutes % 60:02} m"


def clock(nanoseconds: int, now: datetime | None = None) -> str:
    """Local time ``HH:MM:SS.mmm``, with the date before it unless it is today's."""
    try:
        moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000)
    except (ValueError, OverflowError, OSError):
        return str(nanoseconds)
    text = f"{moment:%H:%M:%S}.{nanoseconds // 1_000_000 % 1000:03}"
    return text if moment.date() == (now or datetime.now()).date() else f"{moment:%Y-%m-%d} {text}"


def number(value: Any) -> str:
    """A count or measurement: ``12,345``, ``0.0312``, ``1.5e+09``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return safe(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


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

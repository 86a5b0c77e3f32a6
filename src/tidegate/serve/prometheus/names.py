"""Names of metrics, labels and units as Prometheus has them.

From the specification's sections "Metric Metadata" and "Metric Attributes", with the tables of units
that OpenTelemetry's exporters share (opentelemetry-exporter-prometheus, the collector's translator),
so that names are the same whichever way a metric takes.
"""

from __future__ import annotations

import re

#: Units of UCUM, and the words that Prometheus has for them.
UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}

#: What stands below a ``/``, in the singular.
PER_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}

_NOT_IN_METRIC = re.compile("[^a-zA-Z0-9:]+")
_NOT_IN_LABEL = re.compile("[^a-zA-Z0-9]+")
_ANNOTATION = re.compile(r"\{.*\}")


def metric_name(name: str) -> str:
    """``name`` with each run of characters that Prometheus does not take, and a first digit, as one ``_``."""
    return _NOT_IN_METRIC.sub("_", _without_first_digit(name)) or "_"


def label_name(key: str) -> str:
    """The same for the key of an attribute, which may have no ``:`` either."""
    return _NOT_IN_LABEL.sub("_", _without_first_digit(key)) or "_"


def _without_first_digit(name: str) -> str:
    return "_" + name[1:] if name[:1].isdigit() else name


def unit_name(unit: str, *, is_gauge: bool = False) -> str:
    """The word for a unit: ``ms`` milliseconds, ``By/s`` bytes_per_second, ``{request}`` nothing.

    ``1`` is ratio where it measures a share (a gauge), and nothing where it counts things.
    """
    unit = _ANNOTATION.sub("", unit)
    if unit == "1" and is_gauge:
        return "ratio"
    if unit in UNITS:
        return UNITS[unit]
    above, slash, below = unit.partition("/")
    if slash and (bottom := _NOT_IN_METRIC.sub("_", below)):
        top = _NOT_IN_METRIC.sub("_", above)
        per = f"per_{PER_UNITS.get(bottom, bottom)}"
        return f"{UNITS.get(top, top)}_{per}" if top else per
    return _NOT_IN_METRIC.sub("_", unit).strip("_")


def family_name(name: str, unit: str, *, is_counter: bool) -> str:
    """The name of a metric with its unit as a suffix, without a counter's ``_total``."""
    name = metric_name(name)
    if is_counter:
        name = name.removesuffix("_total") or name
    return name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}"

"""Metric families: what is said once of all series of a name, and which names go together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

from tidegate.records import Metric
from tidegate.serve.prometheus.names import family_name, unit_name
from tidegate.serve.prometheus.values import escaped, help_text

#: How many metrics are remembered with the family that they belong to.
MAX_METRICS = 4096

#: Names that a family of each type takes: its own with these suffixes. No two families may share one.
NAMES = {"counter": ("_total",), "gauge": ("",), "histogram": ("", "_bucket", "_count", "_sum")}
OPENMETRICS_NAMES = {
    "counter": ("", "_total", "_created"),
    "gauge": ("",),
    "histogram": ("", "_bucket", "_count", "_sum", "_created"),
    "info": ("", "_info"),
}

Series = TypeVar("Series")


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """``name`` is without a counter's ``_total``; ``metric`` is the name that OpenTelemetry knows it by."""

    name: str
    type: str
    unit: str = ""
    help: str = ""
    metric: str = ""


@lru_cache(MAX_METRICS)
def family(metric: Metric) -> Family | None:
    """The family of a metric's points; None for a type or temporality that cannot be shown.

    A metric without a description gets its own name, as OpenTelemetry has it, for one: tools complain
    about a family without HELP, and the name is what translation has hidden.
    """
    type_ = _type(metric)
    if not type_:
        return None
    unit = unit_name(metric.unit, is_gauge=metric.type == "gauge")
    name = family_name(metric.name, unit, is_counter=type_ == "counter")
    return Family(name, type_, unit, metric.description.strip(), metric.name)


def _type(metric: Metric) -> str:
    if metric.type == "gauge":
        return "gauge"
    if metric.temporality != "cumulative":
        return ""
    if metric.type == "sum":
        return "counter" if metric.is_monotonic else "gauge"
    return "histogram" if metric.type in ("histogram", "exponential_histogram") else ""


@dataclass(slots=True)
class Group(Generic[Series]):
    """Families of one name and type, and all their series: of descriptions and units, the first is shown."""

    family: Family
    series: list[Series] = field(default_factory=list)


def merged(groups: Iterable[Group[Series]]) -> list[Group[Series]]:
    """Groups with those together that have the same name and type, in the order of their first."""
    found: dict[tuple[str, str], Group[Series]] = {}
    for group in groups:
        mine = group.family
        known = found.setdefault((mine.name, mine.type), Group(mine))
        first = known.family
        known.family = Family(
            first.name, first.type, first.unit or mine.unit, first.help or mine.help, first.metric or mine.metric
        )
        known.series += group.series
    return list(found.values())


def header(of: Family, *, openmetrics: bool) -> str:
    """HELP, TYPE and, in OpenMetrics, UNIT."""
    name, type_ = of.name, of.type
    if not openmetrics:
        name += {"counter": "_total", "info": "_info"}.get(type_, "")
        type_ = "gauge" if type_ == "info" else type_
    said = of.help or of.metric
    lines = [f"# HELP {name} {escaped(said) if openmetrics else help_text(said)}", f"# TYPE {name} {type_}"]
    if openmetrics and of.unit:
        lines.append(f"# UNIT {name} {of.unit}")
    return "\n".join(lines) + "\n"


class Names:
    """Which names are taken in one exposition."""

    def __init__(self, *, openmetrics: bool) -> None:
        self._suffixes = OPENMETRICS_NAMES if openmetrics else {**NAMES, "info": ("_info",)}
        self._taken: set[str] = set()

    def take(self, of: Family) -> bool:
        """Whether no name of the family was taken; then they are from now on."""
        names = {of.name + suffix for suffix in self._suffixes[of.type]}
        if self._taken & names:
            return False
        self._taken |= names
        return True

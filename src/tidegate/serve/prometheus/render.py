"""Points to text, in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tidegate.records import Point, Resource
from tidegate.serve.prometheus import aliases, left_out, target
from tidegate.serve.prometheus.aliases import Alias, alias
from tidegate.serve.prometheus.families import Group, Names, family, header, merged
from tidegate.serve.prometheus.left_out import LeftOut
from tidegate.serve.prometheus.series import HistogramSeries, NumberSeries, Series, are_one

#: Content types of both formats.
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

#: Characters after which a chunk ends.
CHUNK = 64 * 1024

#: How many series an `Exposition` remembers: at up to 3 KiB for a histogram of 15 buckets, 60 MiB at most.
MAX_SERIES = 20_000


def expose(points: Iterable[Point], *, openmetrics: bool = False) -> Iterator[bytes]:
    """Points as the text format 0.0.4, or OpenMetrics 1.0, in chunks of about 64 KiB.

    Each point is one series, summed over processes already. Raises nothing for what a point holds.
    """
    return Exposition().render(points, openmetrics=openmetrics)


class Exposition:
    """`expose` for scrapes that come again: names and labels of a series are remembered by its Point object.

    A point's value, times and exemplars may be replaced from one call to the next, and so may its resource;
    its other fields may not. Several threads may render at once. At most `MAX_SERIES` are remembered.
    """

    def __init__(self) -> None:
        self._series: dict[int, Series] = {}
        self._aliases: dict[str, Alias] = {}

    def render(self, points: Iterable[Point], *, openmetrics: bool = False) -> Iterator[bytes]:
        """Chunks of text; points are read when the first is asked for, values when their line is written."""
        size, parts = 0, []
        for text in self._texts(points, openmetrics=openmetrics):
            parts.append(text)
            size += len(text)
            if size >= CHUNK:
                yield "".join(parts).encode()
                size, parts = 0, []
        if parts:
            yield "".join(parts).encode()

    def _texts(self, points: Iterable[Point], *, openmetrics: bool) -> Iterator[str]:
        without = LeftOut()
        names = Names(openmetrics=openmetrics)
        names.take(target.FAMILY)
        names.take(left_out.FAMILY)
        groups, resources = self._grouped(points, without)
        if samples := target.lines(resources):
            yield header(target.FAMILY, openmetrics=openmetrics) + samples
        for group in merged(groups):
            if names.take(group.family):
                yield header(group.family, openmetrics=openmetrics)
                yield from _samples(group, without, openmetrics=openmetrics)
            else:
                without.count("name", group.family.metric, len(group.series))
        yield from self._alias_texts(groups, names, openmetrics=openmetrics)
        yield without.text(openmetrics=openmetrics)
        if openmetrics:
            yield "# EOF\n"

    def _grouped(self, points: Iterable[Point], without: LeftOut) -> tuple[list[Group[Series]], list[Resource]]:
        """Series by metric, and all their resources."""
        if len(self._series) > MAX_SERIES:
            self._series = {}
        known = self._series
        groups: dict[int, Group[Series]] = {}
        resources: dict[int, Resource] = {}
        of, series_of = None, []
        for point in points:
            series = known.get(id(point))
            if series is None or series.resource is not point.resource:
                series = _series(point)
                if series is None:
                    without.count("kind", point.metric.name)
                    continue
                known[id(point)] = series
            if series.family is not of:
                of = series.family
                series_of = groups.setdefault(id(of), Group(of)).series
            series_of.append(series)
            resources[id(series.resource)] = series.resource
        return list(groups.values()), list(resources.values())

    def _alias_texts(self, groups: list[Group[Series]], names: Names, *, openmetrics: bool) -> Iterator[str]:
        """Aliases whose name no metric of an application has."""
        found = list(aliases.collapsed(groups))
        if not found:
            return
        if len(self._aliases) > MAX_SERIES:
            self._aliases = {}
        shown = [(self._aliases.get(key) or self._aliases.setdefault(key, alias(key)), of) for key, of in found]
        if names.take(aliases.REQUESTS):
            yield header(aliases.REQUESTS, openmetrics=openmetrics)
            yield from (f"{known.requests}{sum(of.counts)}\n" for known, of in shown)
        if names.take(aliases.DURATION):
            yield header(aliases.DURATION, openmetrics=openmetrics)
            yield from (known.duration.lines(of, (), openmetrics=openmetrics) for known, of in shown)


def _series(point: Point) -> Series | None:
    of = family(point.metric)
    if of is None:
        return None
    return HistogramSeries(point, of) if of.type == "histogram" else NumberSeries(point, of)


def _samples(group: Group[Series], without: LeftOut, *, openmetrics: bool) -> Iterator[str]:
    alike = _repeated(group.series)
    seen: set[str] = set()
    for series in group.series:
        others = alike.get(series.key, ())
        if series.key in seen:
            if not any(series is each for each in others):
                without.count("series", group.family.metric)
            continue
        text = _text(series, openmetrics=openmetrics)
        if text and others:
            added = [each for each in others if each is not series and are_one(series, each)]
            alike[series.key] = added = [each for each in added if _text(each, openmetrics=False)]
            text = series.lines(openmetrics=openmetrics, others=[each.point for each in added])
        if text:
            seen.add(series.key)
            yield text
        else:
            without.count("value", series.point.metric.name)


def _repeated(series: list[Series]) -> dict[str, list[Series]]:
    """Series by key, of keys that several have."""
    if len({each.key for each in series}) == len(series):
        return {}
    found: dict[str, list[Series]] = {}
    for each in series:
        found.setdefault(each.key, []).append(each)
    return {key: those for key, those in found.items() if len(those) > 1}


def _text(series: Series, *, openmetrics: bool) -> str:
    """Empty where the point's value is none that its type may have."""
    try:
        return series.lines(openmetrics=openmetrics)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return ""

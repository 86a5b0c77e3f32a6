"""One series and its lines: what does not change from scrape to scrape is made once and kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from tidegate.records import Point
from tidegate.serve.prometheus import exemplars, histogram, labels
from tidegate.serve.prometheus.exemplars import Exemplars
from tidegate.serve.prometheus.families import Family
from tidegate.serve.prometheus.histogram import Histogram
from tidegate.serve.prometheus.values import GREATEST, number


class Series:
    """A point's series: ``key`` is its name and labels, and ``lines`` its samples as they are now.

    The point, and with it its identity, lives as long as this does. `lines` raises ArithmeticError,
    LookupError, TypeError or ValueError, or is empty, where the point's value is none that the family's
    type may have.
    """

    __slots__ = ("alias", "family", "key", "point", "resource")

    def __init__(self, point: Point, family: Family, key: str) -> None:
        self.point, self.resource, self.family, self.key = point, point.resource, family, key
        self.alias: str | None = None  # labels of the series that it has its alias in, once asked for

    def lines(self, *, openmetrics: bool, others: Sequence[Point] = ()) -> str:
        """With what ``others`` of the same name and attributes add to it."""
        raise NotImplementedError


def are_one(one: Series, other: Series) -> bool:
    """Whether two series of one name and labels are the same metric's, whose unit was named in one place and not, or
    by another annotation such as ``{order}``, in the other: no number differs by that. A gauge's cannot be added."""
    first, second = one.point, other.point
    same_metric = first.metric.name == second.metric.name and first.metric.type == second.metric.type != "gauge"
    return same_metric and first.attributes == second.attributes


class NumberSeries(Series):
    """A counter's or a gauge's."""

    __slots__ = ("_exemplars", "_least", "_sample")

    def __init__(self, point: Point, family: Family) -> None:
        is_counter = family.type == "counter"
        shown = labels.of_point(point)
        super().__init__(
            point, family, family.name + ("_total" if is_counter else "") + (f"{{{shown}}}" if shown else "")
        )
        self._sample = self.key + " "
        self._least = 0.0 if is_counter else -GREATEST
        self._exemplars: tuple[Exemplars, str] = ((), "")

    def lines(self, *, openmetrics: bool, others: Sequence[Point] = ()) -> str:
        point = self.point
        value = point.value
        measured = value["as_int"] if "as_int" in value else value["as_double"]
        for other in others:
            measured += other.value["as_int"] if "as_int" in other.value else other.value["as_double"]
        if self._least <= measured <= GREATEST:
            sample = f"{self._sample}{+measured}"  # + makes an int of a bool
        elif self._least == 0 and not measured > 0:
            return ""  # a counter is neither negative nor NaN
        else:
            sample = self._sample + number(measured)
        if openmetrics and point.exemplars and self._least == 0:
            return f"{sample}{self._exemplar(point.exemplars)}\n"
        return sample + "\n"

    def _exemplar(self, given: Exemplars) -> str:
        known, text = self._exemplars
        if known is not given:
            text = exemplars.of_counter(given)
            self._exemplars = given, text
        return text


class HistogramSeries(Series):
    """A histogram's, exponential or not."""

    __slots__ = ("_text",)

    def __init__(self, point: Point, family: Family) -> None:
        self._text = HistogramText(family.name, labels.of_point(point))
        super().__init__(point, family, self._text.key)

    def lines(self, *, openmetrics: bool, others: Sequence[Point] = ()) -> str:
        point = self.point
        read = histogram.read(point.value)
        if others:
            read = histogram.add([read, *(histogram.read(other.value) for other in others)])
        return self._text.lines(read, point.exemplars, openmetrics=openmetrics)


class HistogramText:
    """The samples of histograms of one name and labels."""

    __slots__ = ("_buckets", "_count", "_exemplars", "_name", "_own", "_sum", "key")

    def __init__(self, name: str, own: str) -> None:
        braces = f"{{{own}}}" if own else ""
        self._name, self._own, self.key = name, own, name + braces
        self._count, self._sum = f"{name}_count{braces} ", f"{name}_sum{braces} "
        self._buckets: tuple[Sequence[float], str] | None = None
        self._exemplars: tuple[Exemplars, Sequence[float], dict[int, str]] = ((), (), {})

    def lines(self, found: Histogram, given: Exemplars, *, openmetrics: bool) -> str:
        """In OpenMetrics ``_count`` comes with a sum only: it wants both or neither."""
        bounds, counts, total = found
        known = self._buckets
        if known is None or known[0] != bounds:
            known = self._buckets = (bounds, self._template(bounds))
        cumulative: list[int | str] = list(accumulate(counts))
        if bounds and bounds[-1] == math.inf:
            del cumulative[-2]
        count = cumulative[-1]
        if openmetrics and given:
            for place, text in self._exemplar_texts(given, bounds).items():
                cumulative[place] = f"{cumulative[place]}{text}"
        text = known[1] % tuple(cumulative)
        if total is not None:
            return f"{text}{self._count}{count}\n{self._sum}{number(total)}\n"
        return text if openmetrics else f"{text}{self._count}{count}\n"

    def _template(self, bounds: Sequence[float]) -> str:
        """All bucket lines, with ``%s`` for the counts: one operation fills them in."""
        texts = [number(float(bound)) for bound in bounds if bound != math.inf]
        start = f"{self._name}_bucket{{{self._own}{',' if self._own else ''}".replace("%", "%%")
        return "".join(f'{start}le="{le}"}} %s\n' for le in [*texts, "+Inf"])

    def _exemplar_texts(self, given: Exemplars, bounds: Sequence[float]) -> dict[int, str]:
        of, within, texts = self._exemplars
        if of is not given or within != bounds:
            texts = exemplars.of_buckets(given, bounds)
            self._exemplars = given, bounds, texts
        return texts

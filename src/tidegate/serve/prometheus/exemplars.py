"""Exemplars as OpenMetrics writes them, behind the sample of a counter or a bucket."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tidegate.serve.prometheus import labels
from tidegate.serve.prometheus.values import number

Exemplars = Sequence[Mapping[str, Any]]

#: What names and values of an exemplar's labels may come to, in characters; OpenMetrics sets it.
MAX_LABELS = 128


def of_counter(exemplars: Exemplars) -> str:
    """The text of the latest, which is the one that the specification wants; empty if there is none."""
    return next((text for exemplar in _latest_first(exemplars) if (text := _text(exemplar))), "")


def of_buckets(exemplars: Exemplars, bounds: Sequence[float]) -> dict[int, str]:
    """The text of the latest in each bucket that has one, by the bucket's place."""
    texts: dict[int, str] = {}
    for exemplar in _latest_first(exemplars):
        value = _value(exemplar)
        if value is None or value != value:  # noqa: PLR0124 - NaN lies in no bucket
            continue
        place = bisect_left(bounds, value)
        if place not in texts and (text := _text(exemplar)):
            texts[place] = text
    return texts


def _latest_first(exemplars: Exemplars) -> Iterable[Mapping[str, Any]]:
    return sorted(exemplars, key=lambda exemplar: exemplar.get("time_unix_nano") or 0, reverse=True)


def _value(exemplar: Mapping[str, Any]) -> float | None:
    value: float | None = exemplar.get("as_int", exemplar.get("as_double"))
    return value


def _text(exemplar: Mapping[str, Any]) -> str:
    """Empty where there is nothing to find the exemplar by, or no value."""
    value, shown = _value(exemplar), _labels(exemplar)
    if value is None or not shown:
        return ""
    seconds, rest = divmod(exemplar.get("time_unix_nano") or 0, 10**9)
    return f" # {{{shown}}} {number(value)}" + (f" {seconds}.{rest:09d}" if seconds > 0 else "")


def _labels(exemplar: Mapping[str, Any]) -> str:
    """Trace and span, and the attributes that are not the series' own if all of it fits."""
    ids = {name: exemplar[name] for name in ("trace_id", "span_id") if exemplar.get(name)}
    if attributes := exemplar.get("filtered_attributes"):
        every = {name: value for name, value in labels.of_attributes(attributes).items() if value} | ids
        if _length(every) <= MAX_LABELS:
            return labels.text(every)
    return labels.text(ids) if _length(ids) <= MAX_LABELS else ""


def _length(shown: Mapping[str, str]) -> int:
    return sum(len(name) + len(value) for name, value in shown.items())

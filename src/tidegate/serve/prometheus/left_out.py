"""What an exposition could not show: counted, and said in it."""

from __future__ import annotations

from tidegate.serve.prometheus.families import Family, header

#: Why a point is left out, by the value of the label ``reason``.
REASONS = {
    "kind": "is neither cumulative nor a gauge",
    "name": "has a name that a metric of another type has",
    "series": "has the name and labels of another series",
    "value": "has a value that its type may not have",
}

#: How many metrics are named.
MAX_NAMED = 10

NAME = "tidegate_exposition_left_out_points"
FAMILY = Family(NAME, "gauge")


class LeftOut:
    """Counts of points by reason, and the metrics that they are of."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._named: dict[str, str] = {}

    def count(self, reason: str, metric: str, points: int = 1) -> None:
        self._counts[reason] = self._counts.get(reason, 0) + points
        if metric in self._named or len(self._named) < MAX_NAMED:
            self._named.setdefault(metric, REASONS[reason])

    def text(self, *, openmetrics: bool) -> str:
        """A metric of its own, whose HELP is the comment; empty if nothing was left out."""
        if not self._counts:
            return ""
        named = ", ".join(f"{metric} ({why})" for metric, why in self._named.items())
        more = " and others" if len(self._named) == MAX_NAMED else ""
        said = Family(NAME, "gauge", help=f"Points that are not shown here: {named}{more}.")
        samples = (f'{NAME}{{reason="{reason}"}} {count}\n' for reason, count in sorted(self._counts.items()))
        return header(said, openmetrics=openmetrics) + "".join(samples)

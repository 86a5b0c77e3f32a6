"""Counts over time and quantiles for people: a row for each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from tidegate.cli.grid import Column
from tidegate.cli.output import Terminal
from tidegate.cli.tables import count
from tidegate.format import clock, duration, number
from tidegate.safe import safe
from tidegate.store.questions.answers import Bars, Histogram, Quantiles, QuantilesBy

_BARS = " ▁▂▃▄▅▆▇█"

_COUNTS = (Column("COUNT", right=True), Column("OVER TIME", optional=1))
_FARES = (
    Column("ERRORS", right=True),
    Column("P50", right=True, optional=2),
    Column("P95", right=True),
    Column("P99", right=True, optional=3),
)


def show(terminal: Terminal, key: str, histogram: Histogram, fares: QuantilesBy | None, limit: int) -> None:
    """The time that all is about, then a table of the most frequent values; all others come last, together."""
    end = histogram.start + len(histogram.totals) * histogram.interval
    span = f"{clock(histogram.start)} to {clock(end)}, a bar for each {duration(histogram.interval)}"
    terminal.cut(Text(span, "dim"))
    known = {each.value: each for each in fares.groups} if fares is not None else {}
    rows = [_row(bars, _label(bars.value), known.get(bars.value), fares) for bars in histogram.groups[:limit]]
    others = _others(histogram, limit)
    if others is not None:
        fare = fares.other if fares is not None and others is histogram.other else None
        rows.append(_row(others, Text("(all others)", "dim"), fare, fares))
    terminal.table((Column(safe(key).upper(), elastic=16), *_COUNTS, *(_FARES if fares is not None else ())), rows)


def _others(histogram: Histogram, limit: int) -> Bars | None:
    """What is not among the groups that are shown."""
    hidden = histogram.groups[limit:]
    if not hidden:
        return histogram.other
    every = [*hidden, *([histogram.other] if histogram.other else [])]
    return Bars(None, [sum(column) for column in zip(*(bars.counts for bars in every), strict=True)])


def left_out(histogram: Histogram, limit: int) -> Iterator[str]:
    """Sentences about what the table does not show."""
    if len(histogram.groups) > limit:
        yield f"These are the {limit} most frequent of {number(len(histogram.groups))} values; -n N shows more."
    if histogram.error:
        yield (
            f"There are too many values to count each: one of all others may come {number(histogram.error)} times more"
            " often than one that is shown."
        )


def _label(value: str | None) -> Text:
    return Text("(none)", "dim") if value is None else Text(safe(value), "bold")


def _row(bars: Bars, label: Text, fare: Quantiles | None, fares: QuantilesBy | None) -> list[Text]:
    row = [label, count(bars.total), Text(sparkline(bars.counts), "cyan")]
    if fares is not None and fare is not None:
        errors = Text(f"{fare.error_rate:.1%}", "bold red" if fare.errors else "dim")
        row += [errors, *(Text(duration(value)) for value in fare.quantiles)]
    elif fares is not None:
        row += [Text("")] * len(_FARES)
    return row


def sparkline(counts: Sequence[int]) -> str:
    """A bar for each count, the greatest as high as a line; what is not nothing can be seen."""
    most = max(counts, default=0)
    return "".join(_BARS[-(-each * (len(_BARS) - 1) // most)] if each else _BARS[0] for each in counts)

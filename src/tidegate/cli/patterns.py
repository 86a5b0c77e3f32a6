"""Patterns of log messages for people: a table of them, or all that is known of one."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from tidegate.cli import lines
from tidegate.cli.grid import Column
from tidegate.cli.output import Terminal
from tidegate.cli.stats import sparkline
from tidegate.cli.tables import count, service
from tidegate.format import clock, duration, level_style, number
from tidegate.safe import safe
from tidegate.ship.pattern_rows import GB, PatternCount
from tidegate.ship.pattern_view import PatternDetail, Patterns

#: Digits of an id that a table shows; `tidegate patterns ID` takes any unique beginning.
SHORT_ID = 8

_MONTH_NS = 30 * 86400 * 10**9

_COLUMNS = (
    Column("ID"),
    Column("SERVICE", optional=3),
    Column("LEVEL"),
    Column("COUNT", right=True),
    Column("NOW/S", right=True),
    Column("BEFORE/S", right=True, optional=5),
    Column("", optional=9),
    Column("BYTES", right=True, optional=4),
    Column("KEPT", right=True, optional=7),
    Column("SENT", right=True, optional=6),
    Column("SAVED", right=True, optional=2),
    Column("OVER TIME", optional=1),
    Column("TEMPLATE", elastic=24),
)


def show(terminal: Terminal, found: Patterns, price: float, limit: int) -> None:
    """The time that all is about, a table, and what all patterns come to."""
    terminal.cut(_span(found))
    terminal.table(_COLUMNS, [_row(row, price) for row in found.rows[:limit]])
    terminal.cut(Text(total(found, price), "dim"))


def _span(found: Patterns | PatternDetail) -> Text:
    bars = f"a bar for each {duration(found.interval)}"
    return Text(f"{clock(found.since)} to {clock(found.until)}, {bars}", "dim")


def _row(row: PatternCount, price: float) -> list[Text]:
    return [
        Text(row.id[:SHORT_ID], "dim"),
        service(row.service or "(no name)"),
        Text(safe(row.severity), level_style(row.severity)),
        count(row.count),
        _rate(row.rate),
        _rate(row.former_rate),
        mark(row),
        Text(size(row.bytes), "dim"),
        _optional(row.kept),
        _optional(row.sent),
        Text("" if row.saved is None else money(row.saved, price), "green" if row.saved else "dim"),
        Text(sparkline(row.counts), "cyan"),
        Text(safe(row.template), "bold" if row.is_new or row.is_spiking else ""),
    ]


def mark(row: PatternCount) -> Text:
    """What is the matter with a pattern, in a word."""
    if row.is_new:
        return Text("new", "bold yellow")
    return Text(f"×{row.change:.0f}", "bold red") if row.is_spiking else Text("")


def _rate(value: float) -> Text:
    return Text(number(value, 3) if value else "0", "" if value else "dim")


def _optional(value: int | None) -> Text:
    return Text("") if value is None else count(value)


def size(value: int | None) -> str:
    """Bytes in the fitting unit: ``850 B``, ``1.5 kB``, ``12 MB``; empty when nobody knows."""
    if value is None:
        return ""
    for unit, factor in (("B", 1.0), ("kB", 1e3), ("MB", 1e6)):
        if value < 999.5 * factor:
            return f"{number(value / factor, 3)} {unit}" if factor > 1 else f"{value} {unit}"
    return f"{number(value / GB, 3)} GB"


def money(saved: float, price: float) -> str:
    """An amount in the currency of the price."""
    value = saved / GB * price
    if 0 < value < 0.0001:
        return "<0.0001"
    return f"{value:,.2f}" if value >= 0.995 or not value else f"{value:.2g}"


def total(found: Patterns, price: float) -> str:
    """What all patterns come to."""
    rows = found.rows
    said = [f"{number(len(rows))} pattern{'s' * (len(rows) != 1)}", f"{number(sum(row.count for row in rows))} records"]
    if any(row.bytes for row in rows):
        said.append(size(sum(row.bytes or 0 for row in rows)))
    gated = [row for row in rows if row.kept is not None]
    if gated:
        kept, came = sum(row.kept or 0 for row in gated), sum(row.count for row in gated)
        saved = sum(row.saved or 0 for row in gated)
        a_month = saved * _MONTH_NS / (found.until - found.since)
        said.append(f"{number(kept)} of {number(came)} kept, {number(sum(row.sent or 0 for row in gated))} sent")
        said.append(f"saved {money(saved, price)} at {price:g} per GB, {money(a_month, price)} a month at this rate")
    return "; ".join(said)


def show_one(terminal: Terminal, found: PatternDetail, price: float) -> None:
    """One pattern: what it reads like, how it came over time for each service, where its call stands, records."""
    first = found.rows[0]
    terminal.show(Text(safe(first.template), "bold"))
    terminal.cut(Text(f"{first.id}  {_kind(first.kind)}", "dim"))
    for site in found.sites:
        terminal.cut(Text(f"  {safe(site)}", "dim"))
    terminal.cut(_span(found))
    for row in found.rows:
        for line in _about(row, price):
            terminal.cut(line)
    for log in found.examples:
        lines.show(terminal, log)


def _kind(kind: str) -> str:
    """How it came to be known."""
    return {
        "template": "the template of a logging call",
        "site": "the text of one logging call",
        "mined": "found by the text of messages",
    }.get(kind, "patterns that were too many")


def _about(row: PatternCount, price: float) -> Iterator[Text]:
    line = service(row.service or "(no name)").append(f"  {number(row.count)} records", "")
    line.append(f"  {number(row.rate, 3)}/s now, {number(row.former_rate, 3)}/s before  ").append_text(mark(row))
    line.rstrip()
    yield line
    yield Text("  ").append(sparkline(row.counts), "cyan")
    levels = ", ".join(f"{safe(name)} {number(count)}" for name, count in sorted(row.severities.items()))
    seen = f"first {clock(row.first_time_unix_nano)}, last {clock(row.last_time_unix_nano)}"
    yield Text(f"  {levels}; {seen}", "dim")
    if row.kept is not None:
        said = f"  {number(row.kept)} kept, {number(row.sent)} sent"
        saved = "" if row.saved is None else f"; {size(row.bytes)}, saved {money(row.saved, price)} at {price:g} per GB"
        yield Text(said + saved, "dim")

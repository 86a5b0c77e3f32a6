"""A simulation for people: what would have been kept, by reason, key and pattern, beside what was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from rich.text import Text

from tidegate.cli.grid import Column
from tidegate.cli.output import Terminal
from tidegate.cli.tables import count
from tidegate.format import clock, duration, number
from tidegate.safe import safe
from tidegate.ship.simulate import Share, Simulation

K = TypeVar("K")

_REASONS = (Column("TRACES"), Column("WOULD BE", right=True), Column("SHARE", right=True), Column("WAS", right=True))
_LOGS = (Column("LOG RECORDS"), *_REASONS[1:])
_KEYS = (
    Column("KEY", elastic=16),
    Column("SEEN", right=True),
    Column("KEPT", right=True),
    Column("SHARE", right=True),
    Column("SPANS KEPT", right=True, optional=2),
    Column("BY", elastic=12, optional=1),
)
_PATTERNS = (
    Column("PATTERN", elastic=20),
    Column("SERVICE", optional=1),
    Column("SEEN", right=True),
    Column("KEPT", right=True),
    Column("SHARE", right=True),
    Column("WAS KEPT", right=True, optional=2),
)


def show(terminal: Terminal, found: Simulation, limit: int) -> None:
    """What is spent, then tables of reasons, of the most frequent keys, and of patterns."""
    for line in _summary(found):
        terminal.cut(Text(line, "dim"))
    if found.spans:
        terminal.table(_REASONS, list(_traces(found)))
        terminal.table(_KEYS, [_key(*each) for each in _most(found.keys, limit)])
    if found.log_records:
        terminal.table(_LOGS, list(_logs(found)))
        terminal.table(_PATTERNS, [_pattern(*each) for each in _most(found.patterns, limit)])
    for line in _left_out(found, limit):
        terminal.show(Text(line, "dim"))


def _summary(found: Simulation) -> Iterator[str]:
    seconds = found.seconds
    kept, spans = sum(found.by_reason("kept").values()), found.traces.get("spans_kept", 0)
    yield f"{clock(found.since)} to {clock(found.until)} ({duration(seconds * 1e9)})"
    if found.spans:
        busiest = max(found.busiest / 60, kept / seconds)  # the last minute may be a part of one
        most = f", at most {number(round(busiest, 2))} in a minute" if seconds >= 60 else ""
        yield (
            f"{number(round(kept / seconds, 2))} traces/s of a budget of {number(found.budget)}{most};"
            f" {number(round(spans / seconds, 2))} spans/s"
        )
    if found.was.since:
        of_logs = "; of log records only the sum is known" * bool(found.log_records)
        yield f"WAS is what was decided since {clock(found.was.since)}, the verdict logs have nothing before{of_logs}"


def _traces(found: Simulation) -> Iterator[list[Text]]:
    """A row for each reason for which traces were kept, or dropped."""
    simulated = {verb: found.by_reason(verb) for verb in ("kept", "dropped")}
    total = sum(share.seen for share in found.keys.values())
    for verb, style in (("kept", "green"), ("dropped", "")):
        names = {*simulated[verb], *found.was.by_reason(verb)}
        for name in sorted(names, key=lambda name: -simulated[verb].get(name, 0)):
            was = found.was.by_reason(verb).get(name, 0) if found.was.since else None
            yield _row(f"{verb}: {name}", simulated[verb].get(name, 0), total, was, style)


def _logs(found: Simulation) -> Iterator[list[Text]]:
    was = found.was
    for verb, style in (("kept", "green"), ("dropped", "")):
        for name, records in sorted(found.logs.get(verb, {}).items(), key=lambda item: -item[1]):
            yield _row(f"{verb}: {name}", records, found.log_records, None, style)
    kept = sum(share.kept for share in found.patterns.values())
    yield _row("all kept", kept, found.log_records, was.logs_kept if was.logs_seen else None, "bold")


def _row(name: str, amount: int, total: int, was: int | None, style: str) -> list[Text]:
    return [Text(safe(name), style), count(amount), _share(amount, total), Text("") if was is None else count(was)]


def _share(amount: int, total: int) -> Text:
    return Text(f"{amount / total:.1%}" if total else "")


def _most(shares: Mapping[K, Share], limit: int) -> list[tuple[K, Share]]:
    """Those of which there is most."""
    return sorted(shares.items(), key=lambda item: -item[1].seen)[:limit]


def _key(key: str, share: Share) -> list[Text]:
    reasons = ", ".join(f"{name} {number(kept)}" for name, kept in share.reasons.most_common())
    counts = [count(share.seen), count(share.kept), _share(share.kept, share.seen), count(share.spans_kept)]
    return [Text(safe(key), "bold"), *counts, Text(safe(reasons), "dim")]


def _pattern(key: tuple[str, str], share: Share) -> list[Text]:
    service, id = key
    was = Text("") if share.was_kept is None else count(share.was_kept)
    counts = [count(share.seen), count(share.kept), _share(share.kept, share.seen), was]
    return [Text(safe(share.template or id)), Text(safe(service)), *counts]


def _left_out(found: Simulation, limit: int) -> Iterator[str]:
    for number_of, name in ((len(found.keys), "keys"), (len(found.patterns), "patterns")):
        if number_of > limit:
            yield f"These are the {limit} most frequent of {number(number_of)} {name}; -n N shows more."

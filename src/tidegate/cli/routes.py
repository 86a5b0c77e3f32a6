"""How sending stands, for people: for each route who leads it, how far its destinations are, and what was decided."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from tidegate.cli.grid import Column
from tidegate.cli.output import Terminal
from tidegate.cli.tables import count, when
from tidegate.format import clock, duration, number
from tidegate.safe import safe
from tidegate.ship.status import DestinationStatus, RouteStatus

_DESTINATIONS = (
    Column("DESTINATION"),
    Column("SENT", right=True),
    Column("WAITING", right=True),
    Column("FOR", right=True, optional=4),
    Column("REFUSED", right=True, optional=3),
    Column("LOST", right=True, optional=5),
    Column("BREAKER"),
    Column("LAST SENT", optional=2),
    Column("ENDPOINT", elastic=16, optional=1),
)
_DECISIONS = (Column("DECIDED"), Column("KEPT", right=True), Column("DROPPED", right=True), Column("BY", elastic=30))

_BREAKERS = {"closed": "green", "half_open": "yellow", "open": "bold red"}


def show(terminal: Terminal, found: Sequence[RouteStatus]) -> None:
    """A paragraph for each route."""
    now = time.time_ns()
    for place, each in enumerate(found):
        if place:
            terminal.show(Text(""))
        terminal.show(_title(each))
        terminal.cut(Text(_rules(each), "dim"))
        if each.destinations:
            rows = [_destination(name, of, now) for name, of in each.destinations.items()]
            terminal.table(_DESTINATIONS, rows)
        decided = list(_decisions(each.state.counts))
        if decided:
            terminal.table(_DECISIONS, decided)
        for problem in _problems(each):
            terminal.show(Text(f"! {safe(problem)}", "yellow"))


def _title(each: RouteStatus) -> Text:
    state = each.state
    who = "tidegate ship" if state.standalone else state.process
    named = safe(f"{who} of {state.service}" if state.service else who)
    if each.led:
        since = f" since {clock(state.since)}" if state.since else ""
        led = Text(f"led by {named or 'a process that has just begun'}{since}", "green")
    elif each.told:
        led = Text(f"led by nobody since {clock(each.told)}", "yellow")
    else:
        led = Text("led by nobody so far", "dim")
    return Text.assemble((f"route {each.id}", "bold"), "  ", led)


def _rules(each: RouteStatus) -> str:
    """What is sent, in a sentence."""
    state, rules = each.state, each.route.get("rules", {})
    mode = state.traces or each.route.get("traces", "")
    if mode == "gated":
        budget = rules.get("trace_budget") if state.budget is None else state.budget
        traces = f"up to {_rate(budget)}"
        traces += f" and {number(state.span_budget)} spans/s" if state.span_budget is not None else ""
        traces += f", {_rate(state.available, 3)} of that free for ordinary ones" if state.available is not None else ""
    else:
        traces = {"sampled": "what is sampled"}.get(mode, mode)
    logs = "all" if (state.logs or rules.get("send")) == "all" else "by pattern"
    policy = f"; policy {rules['policy']}" if rules.get("policy") else ""
    return safe(f"traces: {traces}; logs: {logs}{policy}")


def _rate(value: float | None, digits: int = 6) -> str:
    return f"{number(value, digits)}/s"


def _destination(name: str, of: DestinationStatus, now: int) -> list[Text]:
    breaker = str(of.sender.get("breaker", "")).lower()
    last = int(of.sender.get("last_success_unix_nano", 0))
    return [
        Text(safe(name), "bold"),
        count(_total(of.counts.get("sent"))),
        count(of.waiting, "yellow"),
        Text(duration(max(now - of.waiting_since, 0)) if of.waiting_since else "", "yellow"),
        count(_total(of.counts.get("refused")), "bold red"),
        count(_total(of.counts.get("lost")) + _total(of.counts.get("gone")), "bold red"),
        Text(safe(breaker.replace("_", " ")), _BREAKERS.get(breaker, "")),
        when(last) if last else Text(""),
        Text(safe(of.sender.get("endpoint", "")), "dim"),
    ]


def _total(counted: Any) -> int:
    """A count, or the sum of counts by reason."""
    return sum(map(_total, counted.values())) if isinstance(counted, Mapping) else int(counted or 0)


def _decisions(counts: Mapping[str, Any]) -> Iterator[list[Text]]:
    """A row for each kind of record that was decided on."""
    kept, dropped = counts.get("kept", {}), counts.get("dropped", {})
    for kind in sorted({*kept, *dropped}, reverse=True):
        reasons = [
            f"{sign}{safe(reason)} {number(many)}"
            for sign, by in (("", kept), ("not ", dropped))
            for reason, many in _most_first(by.get(kind, {}))
        ]
        yield [
            Text(safe(kind), "bold"),
            count(_total(kept.get(kind))),
            count(_total(dropped.get(kind))),
            Text(", ".join(reasons), "dim"),
        ]


def _most_first(reasons: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda item: -item[1])


def _problems(each: RouteStatus) -> Iterator[str]:
    if each.problem:
        yield each.problem
    if each.state.problem:
        yield f"deciding is held up: {each.state.problem}"
    if each.state.policy_problem:
        yield f"the policy cannot be used, the last good one stays in force: {each.state.policy_problem}"
    for name, of in each.destinations.items():
        if error := of.sender.get("last_error"):
            advice = f"; {of.sender['advice']}" if of.sender.get("advice") else ""
            yield f"{name}: {error}{advice}"
    if each.removed["files"]:
        files, records = number(each.removed["files"]), number(each.removed["records"])
        yield f"{files} files with {records} records were removed although some of them were still to be sent."

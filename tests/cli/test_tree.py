"""A trace is shown as a tree, with a bar for each span's share of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cli.samples import MS, PAYMENTS, T0, TRACE_ID, log, span, trace
from tidegate.cli import tree
from tidegate.cli.output import Terminal
from tidegate.records import Event, Trace

Show = Callable[..., list[str]]


@pytest.fixture
def show(terminal: Callable[..., Terminal], printed: Callable[..., list[str]]) -> Show:
    """``show(trace, width=80)``: its lines below the heading; ``width=None``: through a pipe."""

    def show(one: Trace, *, width: int | None = 80, attributes: bool = False, heading: bool = False) -> list[str]:
        lines = printed(terminal(width), tree.show, one, attributes=attributes)
        plain = [_plain(line) for line in lines]
        return plain[:2] if heading else plain[3:]

    return show


def _plain(line: str) -> str:
    from rich.text import Text

    return Text.from_ansi(line).plain


ROOT = span("root", end=100)
ERROR: dict[str, Any] = {"status_code": "ERROR", "status_message": "card declined"}


def test_bars_are_as_long_and_as_late_as_their_spans(show: Show) -> None:
    one = trace(ROOT, span("first", parent="root", start=0, end=50), span("second", parent="root", start=50, end=75))
    assert show(one, width=None) == [
        "root  shop     100 ms  " + 60 * "━",
        "├─ first      50.0 ms  " + 30 * "━",
        "╰─ second     25.0 ms  " + 30 * " " + 15 * "━",
    ]


def test_the_shortest_span_has_a_bar_too(show: Show) -> None:
    one = trace(ROOT, span("short", parent="root", start=100, end=100))
    assert show(one, width=None)[1].endswith("0 ns  " + 59 * " " + "╺")


def test_a_trace_without_duration_has_a_bar(show: Show) -> None:
    assert "━" in show(trace(span("root", end=0)))[0] or "╸" in show(trace(span("root", end=0)))[0]


def test_a_span_that_ends_before_it_starts_does_no_harm(show: Show) -> None:
    assert "-50.0 ms" in show(trace(ROOT, span("odd", parent="root", start=60, end=10)), width=None)[1]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(show: Show, width: int) -> None:
    event = Event("e" * 300, T0, {"key": "v" * 300})
    one = trace(span("n" * 300, **ERROR, events=[event]), logs=(log("m" * 300, under="n" * 300),))
    assert all(len(line) <= width for line in show(one, width=width, attributes=True))


def test_nothing_is_cut_in_a_pipe(show: Show) -> None:
    one = trace(span("n" * 300), logs=(log("m" * 300, under="n" * 300),))
    lines = show(one, width=None)
    assert "n" * 300 in lines[0]
    assert "m" * 300 in lines[1]


def test_the_heading_sums_the_trace_up(show: Show) -> None:
    one = trace(ROOT, span("pay", parent="root", resource=PAYMENTS, **ERROR), logs=(log("x", under="root"),))
    first, second = show(one, heading=True)
    assert first == f"trace {TRACE_ID}"
    assert second.split("  ")[1:] == ["100 ms", "2 spans, 1 log record, 1 error", "shop", "payments"]


def test_a_service_is_named_where_it_changes(show: Show) -> None:
    one = trace(
        ROOT,
        span("pay", parent="root", resource=PAYMENTS, start=1),
        span("check", parent="pay", resource=PAYMENTS, start=2),
    )
    assert ["payments" in line for line in show(one)] == [False, True, False]


def test_a_log_record_says_when_in_the_trace_it_was(show: Show) -> None:
    one = trace(ROOT, logs=(log("cache miss", at=12, under="root", severity=13, attributes={"key": "a"}),))
    assert show(one)[1] == "   +12.0 ms  WARN  cache miss  key=a"


def test_a_log_record_of_several_lines_says_how_many_more(show: Show) -> None:
    assert show(trace(ROOT, logs=(log("a\nb\nc", under="root"),)))[1] == "   +0 ns  INFO  a  (+2 lines)"


def test_an_exception_is_shown_by_type_and_message(show: Show) -> None:
    event = Event("exception", T0 + MS, {"exception.type": "ValueError", "exception.message": "no card"})
    assert show(trace(span("root", events=[event])))[1] == "   +1.00 ms  ✗ ValueError: no card"


def test_a_status_message_stands_under_its_span(show: Show) -> None:
    assert show(trace(span("root", **ERROR)))[1] == "   card declined"


def test_a_status_message_that_an_exception_repeats_is_shown_once(show: Show) -> None:
    event = Event("exception", T0, {"exception.type": "shop.E", "exception.message": "no"})
    lines = show(trace(span("root", status_code="ERROR", status_message="E: no", events=[event])))
    assert sum("E: no" in line for line in lines) == 1


def test_attributes_are_shown_on_demand(show: Show) -> None:
    one = trace(span("root", attributes={"http.route": "/orders"}))
    assert (len(show(one)), show(one, attributes=True)[1]) == (1, "   http.route=/orders")


def test_a_root_whose_parent_should_be_stored_says_so(show: Show) -> None:
    assert "(its parent is not stored)" in show(trace(span("lost", parent="gone")), width=None)[0]


def test_a_root_whose_parent_is_elsewhere_says_nothing(show: Show) -> None:
    one = trace(span("server", parent="gone", parent_is_remote=True))
    assert "(its parent is not stored)" not in show(one, width=None)[0]


def test_what_failed_is_red_on_a_terminal(terminal: Callable[..., Terminal], printed: Show) -> None:
    line = printed(terminal(80, colours=True), tree.show, trace(span("broken", **ERROR)))[3]
    assert "\x1b[1;31mbroken" in line

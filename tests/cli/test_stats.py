"""``tidegate stats``: counts over time and quantiles, over a store that a real program recorded."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from cli.conftest import Tidegate
from tidegate.cli.output import Terminal
from tidegate.cli.stats import left_out, show, sparkline
from tidegate.store.questions.answers import Bars, Histogram, Quantiles, QuantilesBy

S = 10**9


@pytest.mark.parametrize(
    ("counts", "line"),
    [([], ""), ([0, 0], "  "), ([1, 2, 4, 8], "▁▂▄█"), ([0, 1, 1000], " ▁█"), ([7], "█")],
)
def test_a_bar_is_as_high_as_its_share_of_the_greatest_and_never_unseen(counts: list[int], line: str) -> None:
    assert sparkline(counts) == line


def test_groups_are_rows_and_those_without_room_the_last(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    histogram = Histogram(0, S, [Bars("/a", [4, 8]), Bars(None, [1, 0])], Bars(None, [0, 2]))
    fares = QuantilesBy(
        [Quantiles("/a", 12, 3, [S, 2 * S, 3 * S]), Quantiles(None, 1, 0, [S] * 3)], 0.0, Quantiles(None, 2, 0, [S] * 3)
    )
    _, *rows = printed(terminal(None), show, "http.route", histogram, fares, 10)
    assert [row.split() for row in rows] == [
        ["HTTP.ROUTE", "COUNT", "OVER", "TIME", "ERRORS", "P50", "P95", "P99"],
        ["/a", "12", "▄█", "25.0%", "1.00", "s", "2.00", "s", "3.00", "s"],
        ["(none)", "1", "█", "0.0%", "1.00", "s", "1.00", "s", "1.00", "s"],
        ["(all", "others)", "2", "█", "0.0%", "1.00", "s", "1.00", "s", "1.00", "s"],
    ]


def test_what_a_table_leaves_out_is_said() -> None:
    groups = [Bars(str(number), [9 - number]) for number in range(3)]
    assert list(left_out(Histogram(0, S, groups), 3)) == []
    assert list(left_out(Histogram(0, S, groups), 2)) == ["These are the 2 most frequent of 3 values; -n N shows more."]
    assert list(left_out(Histogram(0, S, groups, Bars(None, [5]), 4), 3)) == [
        "There are too many values to count each: one of all others may come 4 times more often than one that is shown."
    ]


def test_values_that_are_not_shown_are_counted_together(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    histogram = Histogram(0, S, [Bars("/a", [4, 8]), Bars("/b", [1, 2]), Bars("/c", [2, 0])], Bars(None, [0, 1]))
    fares = QuantilesBy([Quantiles("/a", 12, 3, [S] * 3)], 0.0, Quantiles(None, 1, 0, [S] * 3))
    _, _, first, others = printed(terminal(None), show, "http.route", histogram, fares, 1)
    assert first.split()[:2] == ["/a", "12"]
    assert others.split() == ["(all", "others)", "6", "██"]


def test_a_screen_of_fewer_values_says_how_many_there_are(tidegate: Tidegate) -> None:
    done = tidegate("stats", "-n", "1")
    assert done.stderr == "These are the 1 most frequent of 2 values; -n N shows more.\n"
    assert [row.split()[0] for row in done.stdout.splitlines()[2:]] == ["POST", "(all"]


def test_spans_are_counted_by_their_names(answers: Callable[..., list[dict[str, Any]]]) -> None:
    histogram, fares = answers("stats")
    assert [histogram["answer"], fares["answer"]] == ["histogram", "quantiles"]
    assert [(group["value"], sum(group["counts"])) for group in histogram["groups"]] == [
        ("POST /orders", 3),
        ("SELECT items", 3),
    ]
    assert [(group["value"], group["count"], group["errors"]) for group in fares["groups"]] == [
        ("POST /orders", 3, 1),
        ("SELECT items", 3, 0),
    ]


def test_log_records_are_counted_by_severity(tidegate: Tidegate) -> None:
    done: subprocess.CompletedProcess[str] = tidegate("stats", "--logs")
    _, *rows = done.stdout.splitlines()
    assert [row.split()[:2] for row in rows] == [["SEVERITY", "COUNT"], ["DEBUG", "3"], ["INFO", "3"], ["ERROR", "1"]]


def test_a_line_about_log_records_says_what_it_is(answers: Callable[..., list[dict[str, Any]]]) -> None:
    assert [line["answer"] for line in answers("stats", "--logs")] == ["histogram"]


def test_what_is_only_of_spans_is_refused_for_log_records(tidegate: Tidegate) -> None:
    done = tidegate("stats", "--logs", "--errors", check=False)
    assert (done.returncode, "--errors is for spans" in done.stderr) == (2, True)

"""Metric series are shown under their metric's name, told apart by what they do not share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from rich.text import Text

from cli.samples import PAYMENTS, SHOP, point
from tidegate.cli import series
from tidegate.cli.commands.metrics import newest
from tidegate.cli.output import Terminal
from tidegate.records import Point, Resource

Show = Callable[..., list[str]]


@pytest.fixture
def show(terminal: Callable[..., Terminal], printed: Show) -> Show:
    """``show(points, width=None)``: the lines below the heading of columns, without times."""

    def show(points: Sequence[Point], width: int | None = None) -> list[str]:
        lines = printed(terminal(width), series.show, points)
        return [Text.from_ansi(line).plain.partition("  2023-")[0].rstrip() for line in lines[1:]]

    return show


def test_series_stand_under_their_metric(show: Show) -> None:
    points = [
        point("orders", {"as_int": 3}, attributes={"kind": "card"}),
        point("load", {"as_double": 0.5}, kind="gauge"),
        point("orders", {"as_int": 12}, attributes={"kind": "cash"}),
    ]
    assert show(points) == [
        "load  gauge  shop",
        "    0.5",
        "orders  sum  shop",
        "      3  kind=card",
        "     12  kind=cash",
    ]


def test_attributes_that_all_series_share_stand_in_the_heading(
    terminal: Callable[..., Terminal], printed: Show
) -> None:
    points = [point("orders", {"as_int": n}, attributes={"n": n, "region": "eu"}) for n in (1, 2)]
    _, heading, *rows = printed(terminal(None), series.show, points)
    assert heading.endswith("  region=eu")
    assert [row.split() for row in rows] == [["1", "n=1"], ["2", "n=2"]]


def test_a_histogram_shows_how_many_their_mean_and_quantiles(show: Show) -> None:
    value = {"count": 4, "sum": 6, "min": 1, "max": 2, "bucket_counts": [0, 4], "explicit_bounds": [1]}
    (row,) = show([point("wait", value, kind="histogram", unit="s")])[1:]
    assert row.strip() == "4 ×  1.50 s  1.50 s  1.95 s"


def test_processes_are_named_where_there_are_several(show: Show) -> None:
    resources = [Resource({"service.name": "shop", "service.instance.id": f"{n}0000000-rest"}) for n in (1, 2)]
    assert show([point("orders", {"as_int": 3}, resource=resource) for resource in resources])[1:] == [
        "      3  10000000",
        "      3  20000000",
    ]


def test_metrics_of_one_name_of_two_services_are_apart(show: Show) -> None:
    points = [point("orders", {"as_int": 1}, resource=resource) for resource in (SHOP, PAYMENTS)]
    assert show(points)[::2] == ["orders  sum  payments", "orders  sum  shop"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(show: Show, width: int) -> None:
    value = {"count": 4, "sum": 6, "bucket_counts": [0, 4], "explicit_bounds": [1]}
    points = [point("m" * 90, value, attributes={"k" * n: "v" * 99, "shared": "s" * 99}) for n in (1, 2)]
    assert all(len(line) <= width for line in show(points, width))


def test_the_newest_series_are_taken_and_stay_in_order() -> None:
    points = [point(name, {"as_int": 1}, at=at) for name, at in (("a", 3), ("b", 1), ("c", 2))]
    assert [found.metric.name for found in newest(points, 2)] == ["a", "c"]


@pytest.mark.parametrize("limit", [None, 3, 4])
def test_few_series_are_all_taken(limit: int | None) -> None:
    points = [point(name, {"as_int": 1}) for name in "abc"]
    assert newest(points, limit) == points

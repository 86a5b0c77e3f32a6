"""``tidegate patterns``: the patterns of log messages, over a store that a real program recorded."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from cli.conftest import Tidegate
from cli.samples import log
from tidegate.cli.output import Terminal
from tidegate.cli.patterns import money, show, show_one, size, total
from tidegate.ship.pattern_rows import PatternCount
from tidegate.ship.pattern_view import PatternDetail, Patterns

T0, S = 1_700_000_000 * 10**9, 10**9


def count(template: str = "order <num> received", **fields: Any) -> PatternCount:
    fields = {"severities": {"INFO": 12}, "counts": [4, 8], "rate": 0.5, "former_rate": 0.25, **fields}
    return PatternCount("ab" * 16, "shop", template, "template", fields.pop("severities"), fields.pop("counts"), T0,
                        T0 + S, **fields)  # fmt: skip


def patterns(*rows: PatternCount) -> Patterns:
    return Patterns(T0, T0 + 120 * S, T0, 60 * S, list(rows))


# --- words


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (12_345_678, "12.3 MB"), (2 * 10**9, "2 GB")],
)
def test_bytes_are_said_in_the_fitting_unit(number: int | None, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("saved", "text"), [(0, "0.00"), (2_000, "<0.0001"), (2_500_000, "0.0013"), (10**13, "5,000.00")]
)
def test_savings_are_money_at_a_price_for_a_gigabyte(saved: float, text: str) -> None:
    assert money(saved, 0.5) == text


def test_a_row_says_how_often_a_pattern_comes_what_was_kept_and_what_that_saved(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    found = patterns(count(bytes=2_000_000, kept=3, sent=2, saved=1_500_000))
    _, heads, row, _ = printed(terminal(None), show, found, 0.5, 10)
    assert heads.split() == [
        *("ID", "SERVICE", "LEVEL", "COUNT", "NOW/S", "BEFORE/S", "BYTES", "KEPT", "SENT", "SAVED"),
        *("OVER", "TIME", "TEMPLATE"),
    ]
    assert row.split() == [
        *("abababab", "shop", "INFO", "12", "0.5", "0.25", "2", "MB", "3", "2", "0.00075", "▄█"),
        *("order", "<num>", "received"),
    ]


@pytest.mark.parametrize(("fields", "word"), [({"is_new": True}, "new"), ({"is_spiking": True, "rate": 10.0}, "×40")])
def test_what_is_new_or_spikes_is_marked(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]], fields: dict[str, Any], word: str
) -> None:
    row = printed(terminal(None), show, patterns(count(**fields)), 0.5, 10)[2]
    assert word in row.split()


def test_a_template_cannot_harm_the_terminal(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    lines = printed(terminal(None), show, patterns(count("\x1b[31m [bold] <*>")), 0.5, 10)
    assert "\x1b" not in "".join(lines)
    assert "[bold] <*>" in lines[2]


def test_all_patterns_together_are_summed_with_what_a_month_would_save() -> None:
    row = count(bytes=2_000_000, kept=3, sent=2, saved=1_500_000)
    assert total(patterns(row, count(bytes=1_000_000)), 0.5) == (
        "2 patterns; 24 records; 3 MB; 3 of 12 kept, 2 sent; saved 0.00075 at 0.5 per GB, 16.20 a month at this rate"
    )


def test_what_sends_nothing_saves_nothing() -> None:
    assert total(patterns(count()), 0.5) == "1 pattern; 12 records"


def test_one_pattern_is_told_with_its_call_its_services_and_records(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    row = count(bytes=2_000_000, kept=3, sent=2, saved=1_500_000)
    found = PatternDetail(T0, T0 + 120 * S, T0, 60 * S, [row], ["/app/shop.py:7 in sell"], [log("order 1 received")])
    lines = printed(terminal(None), show_one, found, 0.5)
    assert lines[0] == "order <num> received"
    assert lines[1] == "ab" * 16 + "  the template of a logging call"
    assert lines[2] == "  /app/shop.py:7 in sell"
    assert lines[4] == "shop  12 records  0.5/s now, 0.25/s before"
    assert lines[5] == "  ▄█"
    assert lines[6].startswith("  INFO 12; first ")
    assert lines[7] == "  3 kept, 2 sent; 2 MB, saved 0.00075 at 0.5 per GB"
    assert lines[8].endswith("order 1 received")


# --- the command


def test_patterns_of_what_a_program_recorded_are_lines_of_json(answers: Callable[..., list[dict[str, Any]]]) -> None:
    found = {row["template"]: row for row in answers("patterns")}
    assert {template: (row["count"], row["severity"]) for template, row in found.items()} == {
        "order <num> received": (3, "INFO"),
        "cache miss": (3, "DEBUG"),
        "charging failed [bold]now[<path>]": (1, "ERROR"),
    }
    row = found["cache miss"]
    assert row["service"] == "shop"
    assert row["kept"] is None
    assert row["savings"] is None
    assert row["bytes"] > 0


def test_one_pattern_is_one_line_of_json(answers: Callable[..., list[dict[str, Any]]]) -> None:
    [id] = [row["id"] for row in answers("patterns") if row["template"] == "cache miss"]
    [found] = answers("patterns", id[:10], "-n", "2")
    assert [row["count"] for row in found["rows"]] == [3]
    assert [log["body"] for log in found["examples"]] == ["cache miss"] * 2


def test_people_get_a_table(tidegate: Tidegate) -> None:
    lines = tidegate("patterns", "--sort", "new").stdout.splitlines()
    assert len(lines) == 1 + 1 + 3 + 1
    assert lines[-1].startswith("3 patterns; 7 records; ")


def test_what_does_not_fit_a_screen_is_said(tidegate: Tidegate) -> None:
    assert tidegate("patterns", "-n", "1").stderr == "These are 1 of 3 patterns; -n N shows more.\n"


def test_a_time_without_records_says_how_to_look_back(tidegate: Tidegate) -> None:
    done = tidegate("patterns", "--since", "2020-01-01", "--until", "2020-01-02")
    assert done.stdout == ""
    assert done.stderr.endswith("in this time, the last hour unless told otherwise; --since looks back further.\n")


def test_an_unknown_pattern_is_refused(tidegate: Tidegate) -> None:
    done = tidegate("patterns", "0000", check=False)
    assert done.returncode == 2
    assert "begins with '0000' in this time; `tidegate patterns` lists them" in done.stderr


@pytest.mark.parametrize("argument", ["abc", "no-id", "/var/store"])
def test_what_is_no_id_is_refused(tidegate: Tidegate, argument: str) -> None:
    done: subprocess.CompletedProcess[str] = tidegate("patterns", argument, check=False)
    assert done.returncode == 2
    assert f"received {argument!r}; it must be the first 4 digits or more of a pattern's id" in done.stderr


def test_a_served_store_is_asked_where_it_is(tidegate: Tidegate) -> None:
    done = tidegate("patterns", "--store", "http://127.0.0.1:1", check=False)
    assert done.returncode == 2
    assert "is a served store, of which records can be asked, but no numbers of them" in done.stderr

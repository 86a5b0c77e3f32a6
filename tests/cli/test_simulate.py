"""``tidegate simulate``: what another policy would have kept, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from cli.conftest import Tidegate
from making import T0
from tidegate.cli.output import Terminal
from tidegate.cli.simulated import show
from tidegate.ship.simulate import Share, Simulation, Was


def made() -> Simulation:
    return Simulation(
        T0,
        T0 + 60 * 10**9,
        spans=400,
        log_records=100,
        traces={"kept_head": 50, "kept_error": 10, "dropped_head": 140, "spans_kept": 120, "kept_new": 0},
        logs={"kept": {"rate": 30}, "dropped": {"rate": 70}},
        keys={
            "shop GET /": Share(150, 40, Counter(head=38, error=2), 300, 80),
            "shop GET /pay": Share(50, 20, Counter(head=12, error=8), 100, 40),
        },
        patterns={("shop", "a" * 32): Share(100, 30, template="order <num> placed", was_kept=20)},
        budget=1.0,
        busiest=60,
        was=Was(T0, Counter(kept_head=100, dropped_rule=7), 100, 20),
    )


def words(printed: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in printed]


def test_what_would_be_stands_beside_what_was(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    lines = words(printed(terminal(None), show, made(), 10))
    assert "1 traces/s of a budget of 1, at most 1 in a minute; 2 spans/s" in lines
    assert "TRACES WOULD BE SHARE WAS" in lines
    assert "kept: head 50 25.0% 100" in lines
    assert "kept: error 10 5.0% 0" in lines
    assert "dropped: rule 0 0.0% 7" in lines


def test_of_less_than_a_minute_no_busiest_minute_is_told(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    found = made()
    found.until = T0 + 30 * 10**9
    assert printed(terminal(None), show, found, 20)[1] == "2 traces/s of a budget of 1; 4 spans/s"


def test_no_minute_is_said_to_be_below_the_mean(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    found = made()
    found.busiest = 50
    assert "1 traces/s of a budget of 1, at most 1 in a minute" in printed(terminal(None), show, found, 20)[1]


def test_keys_and_patterns_have_rows_of_their_own(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    lines = words(printed(terminal(None), show, made(), 10))
    assert "shop GET / 150 40 26.7% 80 head 38, error 2" in lines
    assert "order <num> placed shop 100 30 30.0% 20" in lines
    assert "all kept 30 30.0% 20" in lines


def test_the_most_frequent_are_shown_and_the_others_mentioned(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    lines = words(printed(terminal(None), show, made(), 1))
    assert not any(line.startswith("shop GET /pay") for line in lines)
    assert "These are the 1 most frequent of 2 keys; -n N shows more." in lines


def test_where_nothing_is_known_of_the_past_nothing_is_said(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    found = made()
    found.was = Was()
    lines = words(printed(terminal(None), show, found, 10))
    assert "kept: head 50 25.0%" in lines
    assert not any(line.startswith("WAS is") for line in lines)


def test_a_narrow_terminal_shows_what_matters(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    shown = "\n".join(printed(terminal(40), show, made(), 10))
    assert "SPANS KEPT" not in shown
    assert "SHARE" in shown


def test_a_policy_file_is_simulated(tidegate: Tidegate, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('traces:\n  rules:\n    - match: {route: "/orders"}\n      rate: 0\n')
    said = json.loads(tidegate("simulate", "--policy", str(policy), "--json").stdout)
    assert said["traces"]["dropped_rule"] == 3
    assert said["keys"] == [
        {"key": "shop POST /orders", "seen": 3, "kept": 0, "reasons": {}, "spans": 6, "spans_kept": 0}
    ]


def test_without_a_policy_the_settings_are(tidegate: Tidegate) -> None:
    shown = tidegate("simulate").stdout
    assert "of a budget of 100" in shown
    assert "kept: error" in shown
    assert "charging failed" in shown


def test_a_budget_goes_before_the_policys(tidegate: Tidegate, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("traces:\n  budget: 7\n")
    budgets = [
        json.loads(tidegate("simulate", "--policy", str(policy), "--json", *more).stdout)["budget"]
        for more in ((), ("--budget", "3"))
    ]
    assert budgets == [7.0, 3.0]


def test_a_wrong_policy_and_a_wrong_limit_are_refused(tidegate: Tidegate) -> None:
    for arguments, word in ((("--policy", "missing.yaml"), "missing.yaml"), (("--slow", "soon"), "soon")):
        done = tidegate("simulate", *arguments, check=False)
        assert done.returncode == 2
        assert word in done.stderr


def test_where_there_is_nothing_it_says_so(tidegate: Tidegate) -> None:
    done = tidegate("simulate", "--service", "another")
    assert done.stdout == ""
    assert "no spans or log records" in done.stderr.lower()

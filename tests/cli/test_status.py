"""`tidegate status`: what people and programs are told about sending, whoever sends, or nobody."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leading import lead
from tidegate.cli import routes
from tidegate.cli.output import Terminal
from tidegate.settings import load
from tidegate.ship.cursors import Cursors
from tidegate.ship.frames import Frame
from tidegate.ship.route import Route, Target, route_of
from tidegate.ship.state import State, Telling
from tidegate.ship.status import RouteStatus, status
from tidegate.ship.verdicts import VerdictLog

Tidegate = Callable[..., "subprocess.CompletedProcess[str]"]

A = "a" * 16


def told(store: Path, state: State | None = None, *, rows: int = 0) -> Route:
    """A route of which a leader told, and ended; that many spans were kept, of which one was sent."""
    targets = [Target("traces", "traces-otlp", "http://collector:4318/v1/traces")]
    route = route_of(load({}, environ={}), targets, {}, traces="gated", trace_budget=100.0)
    assert route is not None
    directory = route.directory(str(store))
    leadership = lead(Path(directory))
    log = VerdictLog(directory, leadership)
    cursor = Cursors(directory, leadership, log).open("traces-otlp", "spans")
    if rows:
        log.append(Frame(time.time_ns() - 10**9, spans={A: [(row, 0) for row in range(rows)]}))
        cursor.advance(next(log.read(cursor.position)), 1, sent=1)
    if state is not None:
        Telling(directory, leadership).state(state)
    leadership.release()
    return route


@pytest.fixture
def lines(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]], store_dir: Path
) -> Callable[[], list[str]]:
    """What is printed of the store."""
    return lambda: printed(terminal(None), routes.show, status(str(store_dir)))


def test_of_a_store_from_which_nothing_is_sent_it_says_so(tidegate: Tidegate, store_dir: Path) -> None:
    store_dir.mkdir()
    done = tidegate("status", str(store_dir))
    assert (done.stdout, done.returncode) == ("", 0)
    assert done.stderr == (
        f"Nothing is known of sending from {store_dir} yet: a program that records there and has an exporter or an"
        " endpoint is known within a second or two.\n"
    )


def test_where_there_is_no_store_it_says_so_as_other_commands_do(tidegate: Tidegate, tmp_path: Path) -> None:
    done = tidegate("status", str(tmp_path / "none"), check=False)
    assert done.returncode == 2
    assert "there is no store at" in done.stderr


def test_a_route_that_nobody_leads_is_shown_with_what_waits(tidegate: Tidegate, store_dir: Path) -> None:
    route = told(store_dir, State(traces="gated"), rows=3)
    shown = tidegate("status", str(store_dir)).stdout.splitlines()
    assert shown[0].startswith(f"route {route.id}  led by nobody since ")
    assert shown[2].split()[:4] == ["DESTINATION", "SENT", "WAITING", "FOR"]
    assert shown[3].split()[:3] == ["traces-otlp", "1", "2"]


def test_programs_get_a_line_of_json_for_each_route(tidegate: Tidegate, store_dir: Path) -> None:
    route = told(store_dir, rows=3)
    [found] = map(json.loads, tidegate("status", "--json", str(store_dir)).stdout.splitlines())
    assert (found["id"], found["led"]) == (route.id, False)
    assert found["destinations"]["traces-otlp"]["waiting"] == 2


def test_a_served_store_is_asked_where_it_is(tidegate: Tidegate) -> None:
    done = tidegate("status", "http://127.0.0.1:1", check=False)
    assert done.returncode == 2
    assert "a directory, on the machine where it is" in done.stderr


def test_who_leads_is_named(store_dir: Path, lines: Callable[[], list[str]]) -> None:
    route = told(store_dir, State(process="4711", service="shop", standalone=False))
    with_leader = lead(store_dir / "routes" / route.id)
    assert lines()[0] == f"route {route.id}  led by 4711 of shop"
    with_leader.release()


def test_a_standalone_process_is_named_as_the_command_it_is(store_dir: Path, lines: Callable[[], list[str]]) -> None:
    route = told(store_dir, State(process="4711", standalone=True))
    with_leader = lead(store_dir / "routes" / route.id)
    assert lines()[0] == f"route {route.id}  led by tidegate ship"
    with_leader.release()


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (State(traces="gated", budget=20.0, available=2.5), "traces: up to 20/s, 2.5/s of that free for ordinary ones"),
        (State(traces="gated", budget=20.0, span_budget=500.0), "traces: up to 20/s and 500 spans/s"),
        (State(traces="sampled"), "traces: what is sampled"),
        (State(traces="all"), "traces: all"),
        (State(), "traces: up to 100/s"),
    ],
)
def test_what_is_sent_is_said_in_a_sentence(
    store_dir: Path, lines: Callable[[], list[str]], state: State, sentence: str
) -> None:
    told(store_dir, state)
    assert lines()[1] == f"{sentence}; logs: by pattern"


def test_what_was_decided_is_shown_by_reason(store_dir: Path, lines: Callable[[], list[str]]) -> None:
    told(
        store_dir,
        State(counts={"kept": {"traces": {"error": 3, "head": 400}}, "dropped": {"traces": {"head": 3000}}}),
    )
    assert lines()[-1].split(maxsplit=3) == ["traces", "403", "3,000", "head 400, error 3, not head 3,000"]


def test_what_keeps_a_destination_from_sending_is_said(store_dir: Path, lines: Callable[[], list[str]]) -> None:
    told(store_dir, State(destinations={"traces-otlp": {"breaker": "OPEN", "last_error": "refused", "advice": "look"}}))
    assert lines()[-2].endswith("open")
    assert lines()[-1] == "! traces-otlp: refused; look"


def test_what_keeps_the_leader_from_deciding_is_said(store_dir: Path, lines: Callable[[], list[str]]) -> None:
    told(store_dir, State(problem="No space left on device"))
    assert lines()[-1] == "! deciding is held up: No space left on device"


def test_a_policy_that_cannot_be_used_is_said(store_dir: Path, lines: Callable[[], list[str]]) -> None:
    told(store_dir, State(policy_problem="no number"))
    assert lines()[-1] == "! the policy cannot be used, the last good one stays in force: no number"


def test_what_was_removed_before_it_was_sent_is_said(store_dir: Path, lines: Callable[[], list[str]]) -> None:
    route = told(store_dir)
    (store_dir / "routes" / route.id / "lost.json").write_text('{"format":1,"files":2,"records":3000,"bytes":9}')
    assert lines()[-1] == ("! 2 files with 3,000 records were removed although some of them were still to be sent.")


def test_what_others_wrote_does_nothing_to_the_terminal(store_dir: Path, lines: Callable[[], list[str]]) -> None:
    harmful = "\x1b[2J"
    told(
        store_dir,
        State(
            service=harmful,
            problem=harmful,
            traces=harmful,
            counts={"kept": {harmful: {harmful: 1}}},
            destinations={harmful: {"breaker": harmful, "last_error": harmful, "endpoint": harmful}},
        ),
    )
    assert "\x1b" not in "".join(lines())


def test_routes_are_set_apart(terminal: Callable[..., Terminal], printed: Callable[..., list[str]]) -> None:
    made = [RouteStatus(id, {}, led=False, told=0, state=State(), destinations={}, removed={"files": 0}) for id in "ab"]
    shown = printed(terminal(None), routes.show, made)
    assert [shown[0], shown[2], shown[3]] == ["route a  led by nobody so far", "", "route b  led by nobody so far"]

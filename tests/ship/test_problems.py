"""What keeps records from being sent, as anybody can tell who looks at the store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.ship.election import Election, Leadership
from tidegate.ship.problems import problems
from tidegate.ship.state import State, Telling
from tidegate.ship.status import status
from tidegate.testing import OTLPReceiver

Lead = Callable[..., Leadership]


@pytest.fixture
def lead(tmp_path: Path) -> Iterator[Lead]:
    """``lead(route, problem="", **destinations)``: lead a route, and tell of it, until the end."""
    led: list[Leadership] = []

    def lead(route: str, problem: str = "", **destinations: str) -> Leadership:
        directory = tmp_path / "routes" / route
        directory.mkdir(parents=True)
        leadership = Election(str(directory)).try_lead()
        assert leadership is not None
        led.append(leadership)
        told = {name: {"problem": text} for name, text in destinations.items()}
        Telling(str(directory), leadership).state(State(problem=problem, destinations=told))
        return leadership

    yield lead
    for each in led:
        each.release()


A, B = "a" * 16, "b" * 16


def test_each_destination_s_problem_is_told(lead: Lead, tmp_path: Path) -> None:
    lead(A, logs="logs wait", spans="", metrics="metrics wait")
    assert problems(str(tmp_path)) == ["logs wait", "metrics wait"]


def test_a_leader_s_own_problem_is_told(lead: Lead, tmp_path: Path) -> None:
    lead(A, problem="the disk is full", logs="")
    assert problems(str(tmp_path)) == ["the disk is full"]


def test_all_routes_are_looked_at_or_one(lead: Lead, tmp_path: Path) -> None:
    lead(A, logs="of a")
    lead(B, logs="of b")
    assert (problems(str(tmp_path)), problems(str(tmp_path), B)) == (["of a", "of b"], ["of b"])


def test_what_a_former_leader_told_is_no_longer_so(lead: Lead, tmp_path: Path) -> None:
    lead(A, logs="logs wait").release()
    assert problems(str(tmp_path)) == []


def test_a_store_without_routes_has_no_problem(tmp_path: Path) -> None:
    assert problems(str(tmp_path / "none")) == []


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    with OTLPReceiver() as receiver:
        yield receiver


HEALTH = """
    import logging, time, tidegate
    from tidegate import health

    handle = tidegate.configure_observability(instrument=False, exit_grace=0)
    logging.getLogger("app").error("failed")
    while not handle._shipping.problems():
        time.sleep(0.05)
    found = health.report().components["exporter"]
    print(found.status, "|", found.detail)
"""


def test_health_is_degraded_while_a_receiver_is_not_where_it_should_be(
    receiver: OTLPReceiver, run: Callable[..., subprocess.CompletedProcess[str]], program: Callable[[str], Path]
) -> None:
    receiver.fail(404)
    done = run([sys.executable, program(HEALTH)], env={"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.endpoint}/v1/x"})
    status, _, detail = done.stdout.strip().partition(" | ")
    assert status == "degraded"
    assert detail == ("logs-otlp: 404 Not Found; nothing takes OTLP at this path: check OTEL_EXPORTER_OTLP_ENDPOINT")


NO_LEAD = """
    import logging, sys, time, tidegate
    from pathlib import Path
    from tidegate import health

    handle = tidegate.configure_observability(instrument=False, exit_grace=0)
    store = Path(tidegate.settings.load().store)
    Path(handle._shipping.plan.route.directory(str(store)), "verdicts").write_text("no directory")
    logging.getLogger("app").error("failed")
    while not handle._shipping.problems():
        time.sleep(0.05)
    found = health.report().components["exporter"]
    print(found.status, "|", found.detail, flush=True)
    sys.stdin.read()
"""


def test_that_no_process_can_lead_is_told_by_health_and_status(
    store_dir: Path, program: Callable[[str], Path], receiver: OTLPReceiver
) -> None:
    environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    environ["OTEL_PYTHON_TIDEGATE_STORE"] = str(store_dir)
    command = [sys.executable, str(program(NO_LEAD))]
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        health = process.stdout.readline()
        [route] = status(str(store_dir))
        process.stdin.close()
    assert health.startswith("degraded | ")
    assert "verdicts" in health
    assert route.problem.startswith("programs run whose records are to be sent, and none of them leads yet")

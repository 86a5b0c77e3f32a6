"""Which policy is in force in a processor: arguments, files, servers, and the fallback until these answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gating import Gated
from policy_server import PolicyServer, document, policy_server
from tidegate.errors import ConfigurationError
from tidegate.gate.policies.sources import source
from tidegate.gate.policies.watcher import Watcher

Wait = Callable[..., None]

NOTHING = '{"logs": {"severity_rates": {"DEBUG": 0, "INFO": 0, "WARN": 0}, "min_rate": 0}}'
ALL = '{"logs": {"severity_rates": {"DEBUG": 1, "INFO": 1, "WARN": 1}, "min_rate": 0}}'


@pytest.fixture
def server() -> Iterator[PolicyServer]:
    with policy_server() as server:
        yield server


@pytest.fixture
def gated() -> Iterator[Callable[..., Gated]]:
    """``gated(**options)``: a gate that is ended with the test, and its watcher with it."""
    made: list[Gated] = []

    def gated(**options: Any) -> Gated:
        made.append(Gated(**options))
        return made[-1]

    yield gated
    for each in made:
        each.processor.shutdown()


def share(gated: Gated, number: int = 400) -> float:
    """The part of INFO records that is kept now."""
    before = gated.counted()
    for index in range(number):
        gated.log.info("order %d", index)
    return (gated.counted() - before) / number


def test_a_file_is_obeyed_and_watched(gated: Callable[..., Gated], tmp_path: Path, wait_for: Wait) -> None:
    path = tmp_path / "policy.json"
    path.write_text(NOTHING)
    gate = gated(policy=str(path))
    assert share(gate) == 0
    path.write_text(ALL)
    wait_for(lambda: share(gate) == 1)


def test_a_path_may_be_a_path(gated: Callable[..., Gated], tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(NOTHING)
    assert share(gated(policy=path)) == 0


def test_a_file_that_is_wrong_is_refused_at_once(gated: Callable[..., Gated], tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"logs": {"global_rate": 7}}')
    with pytest.raises(ConfigurationError, match="global_rate"):
        gated(policy=str(path))


def test_a_file_that_becomes_wrong_changes_nothing(
    gated: Callable[..., Gated], tmp_path: Path, wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "policy.json"
    path.write_text(NOTHING)
    gate = gated(policy=str(path))
    path.write_text("{")
    wait_for(lambda: "refused" in caplog.text)
    assert share(gate) == 0


def test_until_a_server_answers_the_fallback_holds(
    gated: Callable[..., Gated], server: PolicyServer, wait_for: Wait
) -> None:
    server.answer = document("", 503)
    gate = gated(policy=server.url, fallback_sample_rate=0, min_rate=0, policy_refresh_interval=0.05)
    assert share(gate) == 0
    gate.log.error("broken")
    assert gate.bodies()[-1] == "broken"
    server.answer = document(ALL)
    wait_for(lambda: share(gate) == 1)


def test_the_fallback_keeps_everything_unless_told_otherwise(gated: Callable[..., Gated], server: PolicyServer) -> None:
    server.answer = document("", 503)
    assert share(gated(policy=server.url, min_rate=0)) == 1


def test_an_answer_that_cannot_be_used_does_not_become_send_everything(
    gated: Callable[..., Gated], server: PolicyServer, wait_for: Wait
) -> None:
    server.answer = document("{")
    gate = gated(policy=server.url, min_rate=0, severity_rates={"INFO": 0})
    wait_for(lambda: share(gate) == 0)


def test_the_token_is_shown_to_the_server(gated: Callable[..., Gated], server: PolicyServer, wait_for: Wait) -> None:
    server.answer = document(NOTHING)
    gated(policy=server.url, policy_token="s3cret")
    wait_for(lambda: server.requests)
    assert server.requests[0][1]["authorization"] == "Bearer s3cret"


def test_a_watcher_that_others_share_is_neither_started_nor_ended(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(NOTHING)
    watcher = Watcher(source(str(path)))
    gate = Gated(policy=watcher, severity_rates={"INFO": 1})
    before = share(gate)
    watcher.start()
    after = share(gate)
    gate.processor.shutdown()
    path.write_text(ALL)
    assert (before, after, watcher._thread is not None) == (1, 0, True)
    watcher.stop()


def test_the_end_of_a_gate_ends_its_own_watcher(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(NOTHING)
    gate = Gated(policy=str(path))
    watcher = gate.processor._steering._watcher
    gate.processor.shutdown()
    assert watcher is not None
    assert watcher._thread is None


def test_a_location_that_is_none_is_refused(gated: Callable[..., Gated]) -> None:
    with pytest.raises(ConfigurationError, match="policy"):
        gated(policy="ftp://somewhere/policy")

"""The last good policy stays in force, whatever its source does."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from policy_server import document, policy_server, with_etag
from tidegate.errors import ConfigurationError
from tidegate.gate.policies.sources import Unavailable, source
from tidegate.gate.policies.watcher import JITTER, MAX_TOLD, RETRY_S, Watcher
from tidegate.gate.policy import Policy, TracePolicy

Wait = Callable[..., None]


class Given:
    """A source whose answers are a list: documents, None, or exceptions; the last one again and again."""

    location, refresh, is_remote, patience = "given", 300.0, True, 1

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def fetch(self) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def interrupt(self) -> None:
        """It never waits."""


def budget(number: float) -> str:
    return f'{{"traces": {{"budget": {number}}}}}'


def polled(*answers: Any) -> Watcher:
    """A watcher that has asked for each of these answers."""
    watcher = Watcher(Given(*answers))
    for _ in answers:
        watcher.poll()
    return watcher


def in_force(watcher: Watcher) -> float | None:
    return watcher.policy.traces.budget if watcher.policy and watcher.policy.traces else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(budget(1))
    return path


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    """``watch(location, apply=None, **options)``: a started watcher, stopped in the end."""
    started = []

    def watch(location: object, apply: Any = None, **options: Any) -> Watcher:
        watcher = Watcher(source(str(location), **options), apply, seed=1)
        watcher.start()
        started.append(watcher)
        return watcher

    yield watch
    for watcher in started:
        watcher.stop()


def test_every_new_policy_is_applied_once() -> None:
    applied: list[Any] = []
    watcher = Watcher(Given(budget(1), budget(1), None, budget(2)), applied.append)
    assert [watcher.poll() for _ in range(4)] == [True, False, False, True]
    assert [policy.traces.budget for policy in applied] == [1, 2]
    assert (watcher.fetched, watcher.problem) == (2, "")


def test_a_policy_may_be_given_as_it_is() -> None:
    policy = Policy(TracePolicy(5))
    assert polled(policy, policy).policy is policy


def test_several_gates_follow_one_source() -> None:
    first: list[Any] = []
    second: list[Any] = []
    watcher = Watcher(Given(budget(1), budget(2)), first.append)
    watcher.poll()
    watcher.subscribe(second.append)
    watcher.poll()
    assert first == second == [*first[:1], watcher.policy]


@pytest.mark.parametrize("bad", ["", "{}", '{"traces": {"budget": -1}}', b"\xff", "x" * (2 << 20)])
def test_what_is_refused_leaves_the_last_good_one_in_force(bad: str | bytes) -> None:
    watcher = polled(budget(1), bad)
    assert in_force(watcher) == 1
    assert watcher.problem.startswith("given, line 1: ")


def test_what_cannot_be_had_leaves_the_last_good_one_in_force() -> None:
    watcher = polled(budget(1), Unavailable("away"))
    assert (in_force(watcher), watcher.problem) == (1, "away")


def test_whatever_a_source_raises_leaves_the_last_good_one_in_force() -> None:
    watcher = polled(budget(1), RuntimeError("oh"))
    assert (in_force(watcher), watcher.problem) == (1, "given failed: RuntimeError: oh")


def test_a_policy_that_a_gate_cannot_use_is_refused() -> None:
    def apply(policy: Policy) -> None:
        if policy.traces and policy.traces.budget == 2:
            raise ValueError("no twos")

    watcher = Watcher(Given(budget(1), budget(2), budget(3)), apply)
    watcher.poll()
    watcher.poll()
    assert (in_force(watcher), watcher.problem) == (1, "given: no twos")
    watcher.poll()
    assert (in_force(watcher), watcher.problem) == (3, "")


def test_a_policy_that_one_gate_cannot_use_is_left_by_the_others_too() -> None:
    def refuse(policy: Policy) -> None:
        if policy.traces and policy.traces.budget == 2:
            raise ValueError("no twos")

    applied: list[Any] = []
    watcher = Watcher(Given(budget(1), budget(2)), applied.append)
    watcher.subscribe(refuse)
    watcher.poll()
    watcher.poll()
    assert [policy.traces.budget for policy in applied] == [1, 2, 1]


def test_a_problem_is_over_with_the_next_good_policy() -> None:
    assert polled("{}", budget(1)).problem == ""
    assert polled(Unavailable("away"), budget(1)).problem == ""
    assert polled(budget(1), Unavailable("away"), None).problem == ""


def test_a_refusal_lasts_while_nothing_new_comes() -> None:
    assert "the document is empty" in polled(budget(1), "{}", None).problem
    assert "the document is empty" in polled(budget(1), "{}", Unavailable("away"), "{}").problem


def test_going_back_to_the_former_document_ends_a_refusal() -> None:
    watcher = polled(budget(1), "{}", budget(1))
    assert (in_force(watcher), watcher.problem) == (1, "")


@pytest.mark.parametrize(
    ("answers", "answered"),
    [((Unavailable("away"),), False), (("{}",), True), ((None,), True), ((budget(1), Unavailable("away")), True)],
    ids=["never", "something wrong", "as before", "once"],
)
def test_it_is_known_whether_the_source_ever_answered(answers: tuple[Any, ...], *, answered: bool) -> None:
    assert polled(*answers).answered is answered


def test_a_different_refusal_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    polled(budget(1), "{}", '{"a": 1}', "{}", '{"a": 1}', budget(2), "{}")
    assert [record.name for record in caplog.records] == ["tidegate"] * 2
    assert "policy refused, the last good one stays in force: given, line 1: " in caplog.messages[0]


def test_a_source_that_stays_away_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    polled(Unavailable("away"), Unavailable("away"))
    assert caplog.messages == [
        "policy cannot be had, there is none yet, so sampler and log gate go by their own settings: away"
    ]


def test_what_a_first_refusal_leaves_in_force_is_said(caplog: pytest.LogCaptureFixture) -> None:
    polled("{}")
    assert caplog.messages[0].startswith("policy refused, there is none yet, so sampler and log gate go by their own")


def test_a_source_that_fails_with_several_lines_is_told_in_one(caplog: pytest.LogCaptureFixture) -> None:
    polled(OSError("one\ntwo\r\nthree"))
    assert caplog.messages[0].endswith("OSError: one two three")


def test_a_file_may_be_away_for_a_moment_without_a_word(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watcher = Watcher(source(str(path)))
    watcher.poll()
    path.unlink()
    for _ in range(3):
        watcher.poll()
    assert caplog.messages == []
    for _ in range(10):
        watcher.poll()
    assert len(caplog.messages) == 1
    assert in_force(watcher) == 1


def test_a_source_that_makes_up_new_mistakes_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    polled(*(f'{{"a{number}": 1}}' for number in range(3 * MAX_TOLD)))
    assert len(caplog.messages) == MAX_TOLD + 2
    assert caplog.messages[-1] == "further problems of this policy are not logged: given"


def test_a_policy_that_changes_every_time_is_followed() -> None:
    assert in_force(polled(*(budget(number) for number in range(500)))) == 499


def test_a_server_is_asked_at_uneven_times() -> None:
    watcher = Watcher(Given(None), seed=1)
    delays = [watcher.delay() for _ in range(1000)]
    assert 300 * (1 - JITTER) <= min(delays) < 300 * (1 - 0.9 * JITTER)
    assert 300 * (1 + 0.9 * JITTER) < max(delays) <= 300 * (1 + JITTER)


def test_the_same_seed_gives_the_same_times() -> None:
    first, second = (Watcher(Given(None), seed=3) for _ in range(2))
    assert [first.delay() for _ in range(9)] == [second.delay() for _ in range(9)]


def test_a_server_that_fails_is_asked_again_soon_and_then_less_and_less() -> None:
    watcher = Watcher(Given(Unavailable("away")), seed=1)
    most = []
    for _ in range(10):
        watcher.poll()
        most.append(max(watcher.delay() for _ in range(100)))
    assert RETRY_S * 0.9 < most[0] <= RETRY_S
    assert most == sorted(most[:6]) + most[6:]
    assert max(most) <= 300


def test_a_failing_source_is_never_asked_sooner_than_it_wants() -> None:
    watcher = Watcher(Given(Unavailable("away")), seed=1)
    watcher.source.refresh = 1
    watcher.poll()
    assert watcher.delay() <= 1


def test_a_file_that_is_wrong_is_refused_at_the_start(path: Path) -> None:
    path.write_text('{\n"traces": {"budget": -1}}')
    with pytest.raises(ConfigurationError, match=r"policy\.json, line 2: traces\.budget is -1"):
        Watcher(source(str(path))).start()


def test_what_is_refused_at_the_start_is_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text("{}")
    with pytest.raises(ConfigurationError):
        Watcher(source(str(path))).start()
    assert caplog.messages == []


def test_what_is_refused_when_it_is_started_again_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watcher = Watcher(source(str(path)))
    watcher.poll()
    path.write_text('{"something": "else"}')
    for _ in range(2):  # a file that changed is looked at until it settles
        watcher.start()
        watcher.stop()
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "policy refused, the last good one stays in force"
    ]


def test_a_file_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        Watcher(source(str(tmp_path / "policy.json"))).start()


def test_a_server_that_is_away_is_not(free_port: int, watch: Callable[..., Watcher], wait_for: Wait) -> None:
    watcher = watch(f"http://127.0.0.1:{free_port}/")
    wait_for(lambda: watcher.problem)
    assert (watcher.policy, watcher.answered) == (None, False)


def test_a_file_is_in_force_when_start_returns(path: Path, watch: Callable[..., Watcher]) -> None:
    assert in_force(watch(path)) == 1


def test_a_changed_file_is_applied_by_the_thread(path: Path, watch: Callable[..., Watcher], wait_for: Wait) -> None:
    applied: list[Any] = []
    watch(path, applied.append)
    path.write_text(budget(2))
    wait_for(lambda: len(applied) == 2)
    assert applied[1].traces.budget == 2


def test_a_changed_file_is_applied_within_a_second_of_looks(path: Path) -> None:
    watcher = Watcher(source(str(path)))
    watcher.poll()
    watcher.poll()
    path.write_text(budget(2))
    seconds = watcher.delay()
    while not watcher.poll():
        seconds += watcher.delay()
    assert seconds < 1


def test_a_server_is_asked_by_the_thread(watch: Callable[..., Watcher], wait_for: Wait) -> None:
    with policy_server() as server:
        server.answer = with_etag(budget(1), '"1"')
        watcher = watch(server.url, refresh=0.02)
        wait_for(lambda: in_force(watcher) == 1 and len(server.requests) > 3)
        assert watcher.fetched == 1
        server.answer = document("{", 200)
        wait_for(lambda: watcher.problem)
        assert in_force(watcher) == 1
        server.answer = with_etag(budget(2), '"2"')
        wait_for(lambda: in_force(watcher) == 2)
        assert watcher.problem == ""


def test_a_stopped_watcher_asks_no_more(watch: Callable[..., Watcher], wait_for: Wait) -> None:
    with policy_server() as server:
        server.answer = document(budget(1))
        watcher = watch(server.url, refresh=0.02)
        wait_for(lambda: in_force(watcher) == 1)
        threads = [each for each in threading.enumerate() if each.name == "tidegate-policy"]
        watcher.stop()
        wait_for(lambda: not any(each.is_alive() for each in threads))
        assert in_force(watcher) == 1


def test_stopping_does_not_wait_for_a_server_that_is_silent(wait_for: Wait) -> None:
    silence = threading.Event()
    with policy_server() as server:
        server.answer = lambda handler: (silence.wait(60), None)[1]
        watcher = Watcher(source(server.url))
        watcher.start()
        wait_for(lambda: server.requests)
        (thread,) = [each for each in threading.enumerate() if each.name == "tidegate-policy"]
        watcher.stop()
        wait_for(lambda: not thread.is_alive(), timeout=10)  # and not after the server's minute
        silence.set()


def test_subscribing_does_not_wait_for_a_server_that_is_silent(watch: Callable[..., Watcher], wait_for: Wait) -> None:
    silence = threading.Event()
    with policy_server() as server:
        server.answer = lambda handler: (silence.wait(60), None)[1]
        watcher = watch(server.url)
        wait_for(lambda: server.requests)
        subscribing = threading.Thread(target=watcher.subscribe, args=(print,))
        subscribing.start()
        subscribing.join(10)
        assert not subscribing.is_alive()
        silence.set()


def test_a_watcher_can_be_started_twice_and_again(path: Path, watch: Callable[..., Watcher], wait_for: Wait) -> None:
    watcher = watch(path)
    watcher.start()
    watcher.stop()
    watcher.stop()
    watcher.start()
    path.write_text(budget(3))
    wait_for(lambda: in_force(watcher) == 3)


def test_its_thread_does_not_keep_a_program_alive(path: Path) -> None:
    program = f"""
from tidegate.gate.policies.sources import source
from tidegate.gate.policies.watcher import Watcher
Watcher(source({str(path)!r})).start()
print("end")
"""
    assert (
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=30).stdout == b"end\n"
    )


def test_a_forked_child_follows_the_source_too(path: Path) -> None:
    program = f"""
import os, time, warnings
from tidegate.gate.policies.sources import source
from tidegate.gate.policies.watcher import Watcher
warnings.simplefilter("ignore", DeprecationWarning)
path = {str(path)!r}
watcher = Watcher(source(path))
watcher.start()
child = os.fork()
if not child:
    open(path, "w").write('{{"traces": {{"budget": 9}}}}')
deadline = time.monotonic() + 20
while watcher.policy.traces.budget != 9 and time.monotonic() < deadline:
    time.sleep(0.02)
os.write(1, b"%r\\n" % watcher.policy.traces.budget)  # in one piece: both processes tell it
if child:
    os.waitpid(child, 0)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60)
    assert done.stdout == b"9.0\n9.0\n"


def test_a_problem_in_the_thread_does_not_reach_the_program(
    path: Path, watch: Callable[..., Watcher], wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = watch(path)
    os.chmod(path, 0o644)
    path.write_text("{")
    # it is a problem a moment before it is told
    wait_for(lambda: watcher.problem and logging.WARNING in [record.levelno for record in caplog.records])
    path.write_text(budget(4))
    wait_for(lambda: in_force(watcher) == 4)

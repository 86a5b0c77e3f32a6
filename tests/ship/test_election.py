"""One process leads a route, whatever becomes of the others."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leading import Candidate, Clock, lead
from tidegate.ship.election import CONFIRM_S, STALE_S, Election, Superseded, leads

Stand = Callable[..., Candidate]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """``stand(kind)``: a process that may lead the route in `tmp_path`."""
    standing: list[Candidate] = []

    def stand(kind: str = "application") -> Candidate:
        standing.append(Candidate(tmp_path, kind))
        return standing[-1]

    yield stand
    for each in standing:
        each.close()


def heartbeat(directory: Path, generation: int = 1) -> Path:
    return directory / "election" / f"{generation:08x}.lock"


def test_the_first_candidate_leads(tmp_path: Path) -> None:
    assert lead(tmp_path).generation == 1


def test_a_second_one_in_the_same_process_does_not(tmp_path: Path) -> None:
    lead(tmp_path)
    assert Election(str(tmp_path)).try_lead() is None


def test_a_second_process_does_not(tmp_path: Path, stand: Stand) -> None:
    assert stand()("lead") == 1
    assert Election(str(tmp_path)).try_lead() is None


def test_of_many_that_begin_at_once_one_leads(stand: Stand) -> None:
    candidates = [stand() for _ in range(4)]
    for each in candidates:
        each("look")  # they have begun
    leaders: list[Candidate] = []
    while not leaders:  # two that look at one another may both stand back
        for each in candidates:
            each.tell("lead")
        leaders = [each for each in candidates if each.answer() is not None]
    assert len(leaders) == 1


def test_when_it_gives_up_the_next_one_leads_at_once(tmp_path: Path) -> None:
    lead(tmp_path).release()
    assert lead(tmp_path).generation == 2


def test_when_it_is_killed_the_next_one_leads_at_once(tmp_path: Path, stand: Stand) -> None:
    leader = stand()
    leader("lead")
    leader.close()
    assert lead(tmp_path).generation == 2


def test_one_that_is_stopped_is_superseded_when_its_heartbeat_is_late(
    tmp_path: Path, stand: Stand, clock: Clock
) -> None:
    leader = stand()
    leader("lead")
    leader.process.send_signal(signal.SIGSTOP)
    candidate = Election(str(tmp_path), clock=clock)
    assert candidate.try_lead() is None
    clock.now += STALE_S
    assert candidate.try_lead() is not None
    leader.process.send_signal(signal.SIGCONT)
    assert leader("beat") is False


def test_one_with_a_heartbeat_leads_on(tmp_path: Path, clock: Clock) -> None:
    leader, candidate = lead(tmp_path), Election(str(tmp_path), clock=clock)
    for _ in range(5):
        assert candidate.try_lead() is None
        clock.now += STALE_S - 1
        assert leader.beat()


def test_a_heartbeat_that_is_late_by_the_wall_clock_is_watched_for_a_moment(tmp_path: Path, clock: Clock) -> None:
    lead(tmp_path)
    os.utime(heartbeat(tmp_path), (1, 1))
    candidate = Election(str(tmp_path), clock=clock)
    assert candidate.try_lead() is None
    clock.now += CONFIRM_S
    assert candidate.try_lead() is not None


def test_a_jump_of_the_wall_clock_makes_nobody_late(tmp_path: Path, clock: Clock) -> None:
    lead(tmp_path)
    candidate = Election(str(tmp_path), clock=clock)
    for jumped in (1, 2):  # each time another heartbeat, that is old as it seems
        os.utime(heartbeat(tmp_path), (jumped, jumped))
        assert candidate.try_lead() is None
        clock.now += CONFIRM_S


def test_a_superseded_leader_knows_it_also_when_its_successor_is_superseded(tmp_path: Path, clock: Clock) -> None:
    first = lead(tmp_path)
    for generation in (2, 3):
        candidate = Election(str(tmp_path), clock=clock)
        candidate.try_lead()
        clock.now += STALE_S
        successor = candidate.try_lead()
        assert successor is not None
        assert successor.generation == generation
    assert not first.holds()
    with pytest.raises(Superseded):
        first.check()


def test_of_the_locks_of_former_leaders_none_is_left(tmp_path: Path) -> None:
    for _ in range(3):
        lead(tmp_path).release()
    assert [path.name for path in (tmp_path / "election").iterdir()] == ["00000003.lock"]


def test_an_application_gives_up_when_a_standalone_process_waits(tmp_path: Path) -> None:
    application, standalone = lead(tmp_path), Election(str(tmp_path), standalone=True)
    assert application.beat()
    assert standalone.try_lead() is None
    assert not application.beat()
    application.release()
    assert standalone.try_lead() is not None
    standalone.close()


def test_it_holds_the_lead_until_it_has_given_up(tmp_path: Path) -> None:
    application, standalone = lead(tmp_path), Election(str(tmp_path), standalone=True)
    standalone.try_lead()
    application.beat()
    assert application.holds()
    standalone.close()


def test_no_application_leads_beside_a_standalone_process(tmp_path: Path) -> None:
    standalone = Election(str(tmp_path), standalone=True)
    leadership = standalone.try_lead()
    assert leadership is not None
    leadership.release()
    assert Election(str(tmp_path)).try_lead() is None
    standalone.close()
    assert lead(tmp_path).generation == 2


def test_a_standalone_process_that_is_killed_stands_in_nobodys_way(tmp_path: Path, stand: Stand) -> None:
    standalone = stand("standalone")
    assert standalone("lead") == 1
    standalone.close()
    assert lead(tmp_path).generation == 2


def test_a_standalone_process_that_is_stopped_stands_in_nobodys_way_for_long(
    tmp_path: Path, stand: Stand, clock: Clock
) -> None:
    standalone = stand("standalone")
    standalone("lead")
    standalone.process.send_signal(signal.SIGSTOP)
    candidate = Election(str(tmp_path), clock=clock)
    found = []
    for _ in range(3):  # its precedence is late, and then its lead
        found.append(candidate.try_lead())
        clock.now += STALE_S
    assert found[-1] is not None


def test_a_second_standalone_process_waits(tmp_path: Path, stand: Stand) -> None:
    first = Election(str(tmp_path), standalone=True)
    leadership = first.try_lead()
    second = stand("standalone")
    assert second("lead") is None
    assert leadership is not None
    leadership.release()
    first.close()
    assert second("lead") == 2


def test_a_standalone_process_leads_on_while_it_beats(tmp_path: Path) -> None:
    standalone = Election(str(tmp_path), standalone=True)
    leadership = standalone.try_lead()
    assert leadership is not None
    assert leadership.beat()
    standalone.close()


def test_a_forked_child_does_not_lead_and_takes_nothing_from_its_parent(tmp_path: Path, stand: Stand) -> None:
    leader = stand()
    leader("lead")
    assert leader("fork") == [False, True]
    assert Election(str(tmp_path)).try_lead() is None


def test_to_look_who_leads_does_not_give_the_lock_away(tmp_path: Path, stand: Stand) -> None:
    leader = stand()
    leader("lead")
    assert leader("look") is True
    assert Election(str(tmp_path)).try_lead() is None


def test_nobody_leads_before_the_first_and_after_the_last(tmp_path: Path) -> None:
    assert not leads(str(tmp_path))
    leader = lead(tmp_path)
    assert leads(str(tmp_path))
    leader.release()
    assert not leads(str(tmp_path))


def test_a_leader_without_a_heartbeat_does_not_count_as_one(tmp_path: Path) -> None:
    lead(tmp_path)
    os.utime(heartbeat(tmp_path), (1, 1))
    assert not leads(str(tmp_path))


def test_a_leader_whose_directory_was_removed_leads_nothing(tmp_path: Path) -> None:
    leader = lead(tmp_path)
    shutil.rmtree(tmp_path / "election")
    assert not leader.beat()
    leader.release()
    assert lead(tmp_path).generation == 1


def test_generations_go_on_above_those_of_verdicts_when_the_locks_are_gone(tmp_path: Path) -> None:
    (tmp_path / "verdicts").mkdir()
    (tmp_path / "verdicts" / "0000000a-000000.verdicts").touch()
    assert lead(tmp_path).generation == 11


def test_what_is_released_twice_is_released(tmp_path: Path) -> None:
    leader = lead(tmp_path)
    leader.release()
    leader.release()
    assert not leader.holds()

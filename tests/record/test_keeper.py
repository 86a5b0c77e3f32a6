"""The upkeep's thread: it gives way to forks and to the end of the process, and never raises."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tidegate.record import keeper, workers
from tidegate.record.keeper import Keeper
from tidegate.store.upkeep.pace import Pace, Stopped

WaitFor = Callable[..., None]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run is due at once, and what was cut off is begun again at once."""
    monkeypatch.setattr(keeper, "FIRST_S", 0.0)
    monkeypatch.setattr(keeper, "AGAIN_S", 0.0)
    workers.install()


class Work:
    """Upkeep that goes on until it is let go, in small steps."""

    def __init__(self) -> None:
        self.paces: list[Pace] = []
        self.threads: list[str] = []
        self.done = threading.Event()
        self.stopped = 0

    def __call__(self, pace: Pace) -> None:
        self.paces.append(pace)
        self.threads.append(threading.current_thread().name)
        try:
            while not self.done.is_set():
                sum(range(10_000))
                pace.step()
        except Stopped:
            self.stopped += 1
            raise


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.done.set()


def test_it_has_a_thread_of_its_own(now: None, work: Work, wait_for: WaitFor) -> None:
    kept = Keeper(work)
    kept.look()
    wait_for(lambda: work.threads)
    work.done.set()
    wait_for(lambda: kept._has_run)
    kept.finish(60, recorded=False)
    assert work.threads == ["tidegate-upkeep"]


def test_nothing_is_done_before_it_is_time(work: Work) -> None:
    kept = Keeper(work)
    kept.look()
    assert not kept._worker.running


def test_a_process_that_ends_early_does_a_little_at_its_end(work: Work) -> None:
    work.done.set()
    Keeper(work).finish(60, recorded=True)
    assert work.threads == [threading.current_thread().name]
    assert work.paces[0].files < Pace().files


def test_at_the_end_its_time_is_bounded(work: Work) -> None:
    Keeper(work).finish(60, recorded=True)
    assert work.stopped == 1


def test_a_process_that_recorded_nothing_does_nothing(work: Work) -> None:
    Keeper(work).finish(60, recorded=False)
    assert work.threads == []


def test_a_process_that_has_kept_the_store_looks_once_more_at_its_end_but_seals_nothing(work: Work) -> None:
    work.done.set()
    kept = Keeper(work)
    kept._has_run = True
    kept.finish(60, recorded=True)
    assert [pace.only_retains for pace in work.paces] == [True]


def test_a_store_that_grows_fast_is_looked_at_sooner(
    monkeypatch: pytest.MonkeyPatch, work: Work, wait_for: WaitFor
) -> None:
    monkeypatch.setattr(keeper, "SOONEST_S", 0.0)
    work.done.set()
    written = [0.0]
    kept = Keeper(work, lambda: written[0])
    kept.look()
    assert not kept._worker.running
    for runs in (1, 2):
        written[0] += keeper.GROWN
        kept.look()
        wait_for(lambda: len(work.paces) == runs and kept._next > time.monotonic() + 60)  # noqa: B023
    kept.finish(60, recorded=False)


def test_a_store_that_grows_fast_is_not_looked_at_all_the_time(work: Work) -> None:
    written = [0.0]
    kept = Keeper(work, lambda: written[0])
    written[0] = 5.0
    before = time.monotonic()
    kept.look()
    assert kept._ran < before < kept._next == kept._ran + keeper.SOONEST_S
    kept.finish(60, recorded=False)


def test_the_end_of_the_process_ends_what_is_under_way(now: None, work: Work, wait_for: WaitFor) -> None:
    kept = Keeper(work)
    kept.look()
    wait_for(lambda: work.threads)
    kept._worker.stop(60)
    assert work.stopped == 1


def test_a_failure_is_left_to_the_next_run(now: None, wait_for: WaitFor) -> None:
    def fail(pace: Pace) -> None:
        raise OSError(28, "No space left on device")

    kept = Keeper(fail)
    kept.look()
    wait_for(lambda: kept._has_run)
    kept.finish(60, recorded=True)


def test_a_fork_cuts_it_off_and_it_begins_again_with_less(now: None, work: Work, wait_for: WaitFor) -> None:
    kept = Keeper(work)
    kept.look()
    wait_for(lambda: work.threads)
    child = os.fork()
    if child == 0:
        os._exit(0 if not kept._has_run else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    wait_for(lambda: len(work.paces) == 2)
    assert (work.stopped, work.paces[1].size < work.paces[0].size) == (1, True)
    work.done.set()
    kept.finish(60, recorded=True)


def test_it_rests_in_proportion_to_what_it_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    taken = itertools.count()
    monkeypatch.setattr(time, "thread_time", lambda: next(taken) / 50)

    def rest(seconds: float) -> bool:
        rests.append(seconds)
        return True

    pace = Pace(0.1, rest)
    pace.step()
    pace.step()
    assert rests == [pytest.approx(0.18)] * 2


def test_what_is_nearly_done_is_brought_to_its_end() -> None:
    pace = Pace(seconds=0)
    pace.step(is_nearly_done=True)
    with pytest.raises(Stopped):
        pace.step()

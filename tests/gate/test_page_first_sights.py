"""A first sight is looked up in the page by a thread: decisions never wait for a file."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import Decision

from sampling import Clock
from tidegate.gate.budget import SharedBudget
from tidegate.gate.page import ControlPage
from tidegate.gate.sampler import AdaptiveSampler
from tidegate.gate.steering import MAX_ASKED, UNANSWERED

#: What chance drops unless the key is a first sight.
LEAST_RANDOM = 1


class Later:
    """Works when it is told to, once for all wakes."""

    all: list[Later]

    def __init__(self, work: Callable[[], object]) -> None:
        self.work, self.woken = work, False
        self.all.append(self)

    def wake(self) -> None:
        self.woken = True

    def end(self) -> None:
        self.woken = False

    def run(self) -> None:
        if self.woken:
            self.woken = False
            self.work()


class Counting(ControlPage):
    """How often it was read."""

    reads = 0

    def _read(self, size: int, at: int) -> bytes:
        self.reads += 1
        return super()._read(size, at)


class Steered:
    """A sampler whose budget is spent, its page, and the thread that looks at it, which stands still until `look`."""

    def __init__(self, path: Path) -> None:
        self.clock, self.page = Clock(0.0), Counting(path)
        threads: list[Later] = []
        background: Any = type("Background", (Later,), {"all": threads})
        self.sampler = AdaptiveSampler(10.0, clock=self.clock)
        self.sampler.steer(self.page, background=background)
        self._thread = threads[0]
        self._draw = random.Random(1)
        for _ in range(20):
            self.serve(0.1)
            self.look()

    def serve(self, seconds: float) -> None:
        """A hundred times as much as may be kept."""
        for _ in range(round(seconds * 1000)):
            self.clock.now += 0.001
            self.sampler.should_sample(None, self._draw.getrandbits(128), f"GET /{self._draw.randrange(20)}")

    def look(self) -> None:
        self._thread.run()

    def is_sampled(self, name: str) -> bool:
        return self.sampler.should_sample(None, LEAST_RANDOM, name).decision is Decision.RECORD_AND_SAMPLE


@pytest.fixture
def steered(tmp_path: Path) -> Steered:
    return Steered(tmp_path / "control.page")


def test_decisions_read_no_file(steered: Steered) -> None:
    before = steered.page.reads
    for number in range(100):
        steered.is_sampled(f"PUT /{number}")
    assert steered.page.reads == before


def test_a_key_is_a_first_sight_once_the_page_has_said_so(steered: Steered) -> None:
    assert [steered.is_sampled("new") for _ in range(3)] == [False, False, False]
    steered.look()
    assert [steered.is_sampled("new") for _ in range(3)] == [True, False, False]


def test_a_key_that_another_process_saw_is_none(steered: Steered, tmp_path: Path) -> None:
    other = Steered(tmp_path / "control.page")
    for each in (other, steered):
        each.is_sampled("new")
        each.look()
    assert [each.is_sampled("new") for each in (other, steered)] == [True, False]


def test_what_the_page_does_not_say_is_taken_for_new_in_the_end(steered: Steered) -> None:
    assert not steered.is_sampled("new")
    steered.serve(UNANSWERED - 0.01)
    assert not steered.is_sampled("new")
    steered.serve(0.02)
    assert steered.is_sampled("new")


def test_no_more_keys_are_asked_for_at_once_than_there_is_room_for(steered: Steered) -> None:
    for number in range(2 * MAX_ASKED):
        steered.is_sampled(f"PUT /{number}")
    before = steered.page.reads
    steered.look()
    assert MAX_ASKED <= steered.page.reads - before < MAX_ASKED + 50


def test_a_key_of_which_it_is_not_known_yet_whether_it_is_new_is_not_told_apart() -> None:
    budget = SharedBudget(10.0)
    budget.is_new = lambda key: None
    budget.offer("key", 0.0)
    assert budget.keys == 0
    budget.is_new = lambda key: True
    assert (budget.offer("key", 0.1), budget.keys) == (1.0, 1)

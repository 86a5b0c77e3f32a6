"""A replay waits for a receiver that has taken something, for a while."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from making import log
from shipping import Clock, Scripted
from tidegate.record import logs
from tidegate.records import Resource
from tidegate.ship import replay
from tidegate.ship.outcome import RETRY, SENT, Outcome
from tidegate.ship.replay import CHUNK, PATIENCE, Replay, Stopped
from tidegate.store import Reader
from tidegate.store import open as open_store
from tidegate.store.sinks import FileSink

FAILED = Outcome(RETRY, error="busy")


def stored(directory: Path, count: int) -> Reader:
    sink = FileSink(str(directory))
    sink.append(Resource(), logs.batch([log(f"number {number}", number) for number in range(count)]))
    sink.close()
    return open_store(directory)


class Answers:
    """One after the other; then everything is taken."""

    def __init__(self, *answers: Outcome | None) -> None:
        self._answers = list(answers)

    def __call__(self, bodies: Sequence[Any]) -> Outcome:
        answer = self._answers.pop(0) if self._answers else None
        return answer or Outcome(SENT, len(bodies))


def replayed(directory: Path, count: int, answers: Answers) -> tuple[Replay, Scripted, Clock, str]:
    clock, there = Clock(), Scripted(answers)
    made, why = Replay([there], clock=clock, wait=clock.tick), ""
    with stored(directory, count) as reader:
        try:
            assert sum(made.run(reader, [("logs", {})])) == count
        except Stopped as stopped:
            why = str(stopped)
    return made, there, clock, why


def test_a_failure_in_between_is_waited_out(store_dir: Path) -> None:
    made, there, clock, why = replayed(store_dir, 2 * CHUNK, Answers(None, FAILED, FAILED))
    assert (made.sent, why) == ({"logs": 2 * CHUNK}, "")
    assert [len(bodies) for bodies in there.requests] == [CHUNK] * 4
    assert clock.now > 1000


def test_a_receiver_that_has_taken_nothing_is_not_waited_for(store_dir: Path) -> None:
    made, there, _, why = replayed(store_dir, 5, Answers(FAILED))
    assert (made.sent.total(), len(there.requests), why) == (0, 1, "busy")


def test_patience_ends(store_dir: Path) -> None:
    made, _, clock, why = replayed(store_dir, 2 * CHUNK, Answers(None, *[FAILED] * 20))
    assert (made.sent, why) == ({"logs": CHUNK}, "busy")
    assert clock.now - 1000 <= PATIENCE


def test_settings_that_are_wrong_are_not_waited_for(store_dir: Path) -> None:
    answers = Answers(None, Outcome(RETRY, error="401", advice="check the headers"))
    made, there, _, why = replayed(store_dir, 2 * CHUNK, answers)
    assert (made.sent, len(there.requests), why) == ({"logs": CHUNK}, 2, "401; check the headers")


def test_a_chunk_is_sent_once_whatever_blocks_it_is_from(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "CHUNK", 4)
    sink = FileSink(str(store_dir))
    for first in (0, 1):  # two blocks whose times alternate
        sink.append(Resource(), logs.batch([log(f"number {number}", number) for number in range(first, 10, 2)]))
    sink.close()
    there = Scripted()
    with open_store(store_dir) as reader:
        assert list(Replay([there]).run(reader, [("logs", {})])) == [4, 4, 2]
    assert [sorted(bodies) for bodies in there.requests] == [
        [f"number {number}" for number in range(first, min(first + 4, 10))] for first in (0, 4, 8)
    ]

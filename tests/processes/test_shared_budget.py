"""Eight processes share one budget by a page: real forks, a clock that one of them turns, so that nothing is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

#: The parent turns the clock by 50 ms at a time. Each worker then makes the arrivals of that time, at a rate that it
#: is told, and says how many it kept, and its share. After 15 s the busiest is killed.
PROGRAM = """
import json, multiprocessing, random, sys
from tidegate.gate.page import ControlPage
from tidegate.gate.sampler import AdaptiveSampler

STEP, now = 0.05, 0.0
sampler = AdaptiveSampler(100.0, clock=lambda: now)
sampler.steer(ControlPage(sys.argv[1]), in_thread=False)
sampler.should_sample(None, 1, "before the forks")

def work(number, rate, pipe):
    global now
    draw = random.Random(number)
    while (begin := pipe.recv()) is not None:
        kept, now = 0, begin + draw.expovariate(rate)
        while now < begin + STEP:
            result = sampler.should_sample(None, draw.getrandbits(128), f"GET /{draw.randrange(20)}")
            kept += result.decision.value == 2
            now += draw.expovariate(rate)
        pipe.send((kept, sampler.steering()["share"]))

if __name__ == "__main__":
    fork, pipes, workers = multiprocessing.get_context("fork"), [], []
    for number, rate in enumerate([1000.0] + 7 * [100.0]):
        ours, theirs = fork.Pipe()
        workers.append(fork.Process(target=work, args=(number, rate, theirs)))
        pipes.append(ours)
        workers[-1].start()
    steps = []
    for step in range(600):
        if step == 300:
            tokens = [slot.token for slot in ControlPage(sys.argv[1]).slots() if slot.token]
            workers[0].kill()
            workers[0].join()
            del pipes[0]
        for pipe in pipes:
            pipe.send(step * STEP)
        steps.append([pipe.recv() for pipe in pipes])
    for pipe in pipes:
        pipe.send(None)
    for worker in workers:
        worker.join()
    print(json.dumps({"steps": steps, "tokens": tokens}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program saw: for each step, of each process, what it kept and its share; tokens of slots at 15 s."""
    directory = tmp_path_factory.mktemp("shared")
    program = directory / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-W", "error", str(program), str(directory / "control.page")]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    return dict(json.loads(shown))


def kept(seen: dict[str, Any], begin: float, end: float) -> float:
    """Traces per second that all kept between two times."""
    steps = seen["steps"][round(begin * 20) : round(end * 20)]
    return sum(int(kept) for step in steps for kept, _ in step) / (end - begin)


def test_eight_processes_of_which_one_has_ten_times_the_load_of_each_other_keep_one_budget(
    seen: dict[str, Any],
) -> None:
    assert kept(seen, 5, 15) == pytest.approx(100, rel=0.05)


def test_each_fork_has_a_slot_of_its_own(seen: dict[str, Any]) -> None:
    assert len(set(seen["tokens"])) == 8


def test_the_share_of_one_that_is_killed_goes_to_the_others_within_two_seconds(seen: dict[str, Any]) -> None:
    before, after = (sum(share for _, share in seen["steps"][step][-7:]) for step in (299, 340))
    assert before < 80
    assert after > 95


def test_when_one_is_killed_the_others_keep_the_whole_budget(seen: dict[str, Any]) -> None:
    assert kept(seen, 17, 27) == pytest.approx(100, rel=0.05)

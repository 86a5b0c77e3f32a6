"""Whatever comes, the miner stays within its bounds, and its counts stay exact in sum."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from random import Random
from types import FrameType

import pytest

from tidegate.patterns import Miner

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def junk(messages: int, words: int = 10, seed: int = 1) -> Iterator[str]:
    """Lines of random words, each seen once."""
    rng = Random(seed)
    for _ in range(messages):
        yield " ".join("".join(rng.choices(LETTERS, k=7)) for _ in range(words))


def test_there_are_never_more_patterns_than_allowed() -> None:
    miner = Miner(max_patterns=100)
    for line in junk(1_000):
        miner.match(line)
        assert len(miner.patterns()) <= 100


def test_counts_sum_exactly_though_patterns_went() -> None:
    miner = Miner(max_patterns=50)
    for line in junk(500):
        miner.match(line)
        miner.match_template(line)
        miner.match_site(line, 1, "f", line)
    assert sum(pattern.count for pattern in miner.patterns()) == 1_500
    assert miner.evicted > 0


def test_what_is_in_use_stays() -> None:
    miner = Miner(max_patterns=50)
    ids = {miner.match("user 1 logged in").id}
    for line in junk(500):
        miner.match(line)
        ids.add(miner.match("user 2 logged in").id)
    assert len(ids) == 1


def test_a_pattern_that_went_comes_back_with_its_id_and_counts_anew() -> None:
    miner = Miner(max_patterns=20)
    before = miner.match("user 1 logged in").id
    for line in junk(200):
        miner.match(line)
    assert miner.resolve(before) is None
    again = miner.match("user 2 logged in")
    assert (again.id, again.count) == (before, 1)


def test_one_pattern_is_enough_to_count() -> None:
    miner = Miner(max_patterns=1)
    for line in junk(20):
        miner.match(line)
    assert sum(pattern.count for pattern in miner.patterns()) == 20


def alike(messages: int) -> Iterator[str]:
    """Lines of many parts that begin and end as others do."""
    for line in junk(messages, 20):
        words = line.split()
        yield f"{words[0][:1]} is {': '.join(words)} for {words[1][:1]}"


@pytest.mark.parametrize("lines", [junk(11_000, 10), junk(4_000, 60), alike(4_000)], ids=["short", "long", "alike"])
def test_memory_is_bounded(lines: Iterator[str]) -> None:
    texts = list(lines)
    tracemalloc.start()
    try:
        miner = Miner()
        for text in texts:
            miner.match(text)
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(miner.patterns()) <= 10_000
    assert used < 16 << 20


def test_values_without_end_in_one_place_take_no_more_memory() -> None:
    miner = Miner(max_bytes=1 << 20)
    rng = Random(5)
    for _ in range(12_000):
        miner.match(f"loading plugin {''.join(rng.choices(LETTERS, k=9))} from the shared directory")
    assert len(miner.patterns()) == 1
    assert len(miner._keeper.masked) + len(miner._keeper.recent) < 6_000


def test_less_memory_holds_fewer_patterns() -> None:
    miner = Miner(max_bytes=1 << 18)
    for line in junk(3_000):
        miner.match(line)
    assert len(miner.patterns()) < 500


def test_lines_of_one_form_that_merge_for_ever_are_bounded() -> None:
    miner = Miner(max_patterns=200)
    rng = Random(3)
    for number in range(6_000):
        word = "".join(rng.choices(LETTERS, k=3))
        miner.match(f"{word} took {''.join(rng.choices(LETTERS, k=2))}_x from {word} to the end {'x' * (number % 5)}")
    assert len(miner._keeper.by_id) <= 200
    assert len(miner._merger.holes._general) <= 400
    assert sum(pattern.count for pattern in miner.patterns()) == 6_000


def steps(message: object) -> int:
    """Calls made while a message is matched, by Python and by its functions in C."""
    Miner().match(message)  # expressions are compiled when one is needed first, once for a process
    miner = Miner()
    count = 0

    def step(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(step)
    try:
        miner.match(message)
    finally:
        sys.setprofile(None)
    return count


ADVERSARIES = [
    "a",
    "'",
    "<a",
    "((((",
    "a@",
    "a=1,",
    "[1, ",
    "1.1.",
    "-0",
    "/",
    "Error: ",
    "{'a': ",
    "x.y.",
    ":",
    "\\",
    '"a" ',
]


@pytest.mark.parametrize("piece", ADVERSARIES)
def test_a_longer_line_takes_no_more_steps_once_it_is_longer_than_what_is_looked_at(piece: str) -> None:
    assert steps(piece * 100_000) <= steps(piece * 4_000) + 10


@pytest.mark.parametrize("piece", ADVERSARIES)
def test_steps_grow_no_faster_than_the_line(piece: str) -> None:
    short, long = (steps((piece * 500)[:size]) for size in (250, 1_000))
    assert long <= 4 * short + 200


def test_a_megabyte_of_bytes_or_of_values_takes_few_steps() -> None:
    values = {str(number): number for number in range(100_000)}
    assert max(steps(b"x 1 " * 250_000), steps(values), steps(list(values))) < 3_000

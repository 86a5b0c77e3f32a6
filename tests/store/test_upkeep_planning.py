"""What is sealed and merged with what: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.store.retention import ACTIVE, ENDED, File
from tidegate.store.upkeep.planning import (
    DAY_NS,
    GRACE_NS,
    HOUR_NS,
    MERGE_FROM,
    MOST_MERGED,
    SEAL_AFTER_NS,
    SEAL_BYTES,
    SEAL_FROM,
    batches,
    merges,
    most_bytes,
)

NOW = 1000 * DAY_NS + 5 * HOUR_NS


def ended(number: int, age: int = 0, size: int = 10) -> File:
    return File(f"{number}", ENDED, NOW - age, NOW - age, size)


def sealed(number: int, start: int, size: int = 10, kind: str = "info") -> File:
    return File(f"{number}", kind, start, start + 1, size)


def test_few_small_young_segments_wait() -> None:
    assert batches([ended(number) for number in range(SEAL_FROM - 1)], NOW, 99, 1 << 30) == []


def test_many_segments_are_sealed() -> None:
    files = [ended(number) for number in range(SEAL_FROM)]
    assert batches(files, NOW, 99, 1 << 30) == [sorted(files, key=lambda file: file.path)]


def test_large_segments_are_sealed() -> None:
    assert len(batches([ended(1, size=SEAL_BYTES)], NOW, 99, 1 << 30)) == 1


def test_old_segments_are_sealed() -> None:
    assert len(batches([ended(1, age=SEAL_AFTER_NS)], NOW, 99, 1 << 30)) == 1


def test_segments_from_the_future_are_sealed() -> None:
    assert len(batches([ended(1, age=-1)], NOW, 99, 1 << 30)) == 1


def test_segments_of_living_processes_are_not_sealed() -> None:
    assert batches([File(str(number), ACTIVE, 0, 0, 10) for number in range(99)], NOW, 99, 1 << 30) == []


def test_segments_of_two_hours_are_sealed_apart() -> None:
    files = [ended(number, age=number % 2 * HOUR_NS) for number in range(SEAL_FROM)]
    assert [len({file.start // HOUR_NS for file in batch}) for batch in batches(files, NOW, 99, 1 << 30)] == [1, 1]


def test_files_of_an_hour_that_is_over_become_one() -> None:
    hour = NOW - 2 * HOUR_NS
    assert merges([sealed(1, hour), sealed(2, hour + 1)], NOW) == [[sealed(1, hour), sealed(2, hour + 1)]]


def test_files_of_an_hour_that_lasts_wait_until_there_are_many() -> None:
    files = [sealed(number, NOW) for number in range(MERGE_FROM)]
    assert (merges(files[1:], NOW), len(merges(files, NOW))) == ([], 1)


def test_files_of_different_size_of_an_hour_that_lasts_are_left() -> None:
    files = [sealed(number, NOW, size=10 if number else 10_000) for number in range(MERGE_FROM)]
    assert merges(files, NOW) == []


def test_files_of_a_day_that_is_over_become_one() -> None:
    day = NOW - 2 * DAY_NS
    files = [sealed(number, day + number * HOUR_NS) for number in range(3)]
    assert merges(files, NOW) == [files]


def test_classes_are_merged_apart() -> None:
    hour = NOW - 2 * HOUR_NS
    assert merges([sealed(1, hour, kind="info"), sealed(2, hour, kind="error")], NOW) == []


@pytest.mark.parametrize(("store", "file"), [(4 << 20, 256 << 10), (64 << 20, 4 << 20), (1 << 40, 64 << 20)])
def test_a_sealed_file_is_a_small_part_of_its_store(store: int, file: int) -> None:
    assert most_bytes(store) == file


def test_a_large_file_is_not_written_again_for_next_to_nothing() -> None:
    day = NOW - 2 * DAY_NS
    assert merges([sealed(1, day, size=50 << 20), sealed(2, day, size=1 << 10)], NOW) == []


files = st.lists(
    st.builds(
        lambda number, kind, ago, size: File(str(number), kind, NOW - ago, NOW - ago, size),
        st.integers(),
        st.sampled_from([ENDED, ACTIVE, "info", "error"]),
        st.integers(-HOUR_NS, 4 * DAY_NS),
        st.integers(0, 1000),
    ),
    unique_by=lambda file: file.path,
    max_size=60,
)


@given(files, st.integers(1, 30), st.integers(1, 3000))
def test_each_ended_segment_is_in_one_batch_at_most(all_files: list[File], most_files: int, most_bytes: int) -> None:
    found = batches(all_files, NOW, most_files, most_bytes)
    members = [file.path for batch in found for file in batch]
    assert len(set(members)) == len(members)
    assert not found or len(members) == sum(file.kind == ENDED for file in all_files)


@given(files, st.integers(1, 30), st.integers(1, 3000))
def test_batches_are_bounded_and_of_one_hour(all_files: list[File], most_files: int, most_bytes: int) -> None:
    for batch in batches(all_files, NOW, most_files, most_bytes):
        assert len(batch) <= most_files
        assert len(batch) == 1 or sum(file.size for file in batch) <= most_bytes
        assert len({file.start // HOUR_NS for file in batch}) == 1


@given(files, st.integers(1, 3000))
def test_merges_are_bounded_and_of_one_class_and_day(all_files: list[File], most_bytes: int) -> None:
    only = [file for file in all_files if file.kind in ("info", "error")]
    found = merges(only, NOW, most_bytes)
    members = [file.path for group in found for file in group]
    assert len(set(members)) == len(members)
    for group in found:
        assert len(group) > 1
        assert sum(file.size for file in group) <= most_bytes
        assert len({(file.kind, file.start // DAY_NS) for file in group}) == 1


@given(files)
def test_merging_ends_with_few_files_of_each_class_and_day(all_files: list[File]) -> None:
    left = [file for file in all_files if file.kind in ("info", "error")]
    while groups := merges(left, NOW):
        for number, group in enumerate(groups):
            gone = {file.path for file in group}
            left = [file for file in left if file.path not in gone]
            start, end = min(file.start for file in group), max(file.end for file in group)
            left.append(
                File(f"{len(left)} {number} {gone}", group[0].kind, start, end, sum(file.size for file in group))
            )
    old = [(file.kind, file.start // DAY_NS) for file in left if file.start < (NOW - GRACE_NS) // DAY_NS * DAY_NS]
    assert all(old.count(each) < MERGE_FROM for each in old)


@pytest.mark.parametrize("hours", [0, 3, 30])
def test_no_more_files_are_merged_at_a_time_than_may_be_open(hours: int) -> None:
    files = [sealed(number, NOW - hours * HOUR_NS) for number in range(3 * MOST_MERGED)]
    assert [len(group) for group in merges(files, NOW)] == [MOST_MERGED] * 3

"""Retention: pure, so every store, policy and clock can be tried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.kinds import CLASSES, RETENTION_ENTRIES, Limits
from tidegate.store.retention import ACTIVE, DAMAGED, ENDED, UNSENT_AGES, File, Policy, plan

DAY = 86_400 * 10**9
NOW = 100 * DAY


def file(kind: str, age: float = 0.0, size: int = 10, count: int = 0) -> File:
    """A file whose last commit was so many days ago."""
    end = NOW - int(age * DAY)
    return File(f"{end}-{kind}", kind, end, end, size, count)


def gone(files: list[File], retention: str = "", size: int = 1 << 40) -> list[tuple[str, str]]:
    return [(found.kind, reason) for found, reason in plan(files, Policy.of(retention, size), NOW)]


def test_each_class_goes_at_its_own_age() -> None:
    files = [file(name, 2) for name in CLASSES]
    assert gone(files, "error=30d, debug=1d, default=7d") == [("debug", "age")]


def test_error_stands_for_traces_with_errors() -> None:
    assert gone([file("error-trace", 20), file("trace", 20)], "error=30d, default=7d") == [("trace", "age")]


def test_traces_with_errors_may_have_an_age_of_their_own() -> None:
    assert gone([file("error-trace", 20), file("error", 20)], "error=30d, error-trace=1d") == [("error-trace", "age")]


def test_an_entry_takes_the_place_of_that_of_its_class_and_the_others_stay() -> None:
    found = {name: str(limits) for name, limits in Policy.of("debug=1h", 0).limits.items()}
    assert found == {"error": "2592000s 25%", "debug": "3600s", "default": "604800s"}


def test_without_an_entry_all_built_in_ones_hold() -> None:
    assert Policy.of("", 0) == Policy.of(RETENTION_ENTRIES, 0)


def test_what_no_policy_speaks_of_goes_after_a_week() -> None:
    assert gone([file("trace", 6.9), file("trace", 7.1)]) == [("trace", "age")]


def test_what_is_not_sealed_yet_goes_when_any_class_would_have_gone() -> None:
    assert gone([file(ENDED, 29), file(ENDED, 31)], "error=30d, debug=1d") == [(ENDED, "age")]


def test_what_is_damaged_goes_by_the_default_age() -> None:
    assert gone([file(DAMAGED, 3)], "error=30d, default=2d") == [(DAMAGED, "age")]


def test_a_file_from_the_future_is_not_too_old() -> None:
    assert gone([file("debug", -400)], "debug=1d") == []


def test_the_oldest_go_first_when_there_is_too_much() -> None:
    files = [file("info", age) for age in (1, 3, 2)]
    assert [found.end for found, _ in plan(files, Policy.of("", 20), NOW)] == [NOW - 3 * DAY]


def test_what_is_reserved_for_errors_stays() -> None:
    files = [file("error", 5, size=25), file("info", 1, size=50), file("info", 2, size=50)]
    assert gone(files, "error=30d 25%", 100) == [("info", "size")]


def test_errors_beyond_what_is_reserved_go_like_others() -> None:
    files = [file("error", 5, size=25), file("error", 4, size=25), file("info", 1, size=100)]
    assert gone(files, "error=30d 25%", 125) == [("error", "size")]


def test_errors_and_traces_with_errors_share_what_is_reserved() -> None:
    files = [file("error-trace", 5, size=20), file("error", 4, size=20), file("info", 1, size=80)]
    assert gone(files, "error=30d 25%", 100) == [("error-trace", "size")]


def test_what_is_reserved_goes_when_living_processes_have_taken_the_rest() -> None:
    files = [file(ACTIVE, 0, size=100), file("error", 5, size=20)]
    assert gone(files, "error=30d 25%", 100) == [("error", "size")]


def test_what_may_be_reserved_waits_to_be_sealed_and_takes_nothing_that_is_reserved() -> None:
    files = [file(ENDED, 4, size=100), file("error", 5, size=20), file("info", 1, size=20)]
    found = plan(files, Policy.of("error=30d 25%", 100), NOW, {files[0].path})
    assert [(each.kind, reason) for each, reason in found] == [("info", "size")]


def test_living_processes_lose_nothing() -> None:
    assert gone([file(ACTIVE, 400, size=1000)], "default=1d", 10) == []


def test_a_class_keeps_so_many_of_its_newest_records() -> None:
    files = [file("info", age, count=60) for age in (1, 2, 3)] + [file("debug", 3, count=1000)]
    assert gone(files, "info=100, debug=30d") == [("info", "count")]


def test_a_count_leaves_at_least_so_many() -> None:
    assert gone([file("info", 1, count=99), file("info", 2, count=1000)], "info=100") == []


def unsent(kind: str, age: float = 0.0, size: int = 10, count: int = 0) -> File:
    """A file of which something is still to be sent."""
    return file(kind, age, size, count)._replace(unsent=("route",))


def test_what_is_unsent_stays_twice_as_long() -> None:
    files = [file("info", 6), unsent("info", 9), unsent("info", 11)]
    assert plan(files, Policy.of("default=5d", 1000), NOW) == [(files[2], "age"), (files[0], "age")]


def test_what_is_unsent_goes_after_what_is_newer_but_sent() -> None:
    files = [unsent("info", 3), file("trace", 2), file(ENDED, 1), unsent("info", 2)]
    removed = [found for found, _ in plan(files, Policy.of("", 10), NOW)]
    assert removed == [files[1], files[2], files[0]]


def test_what_is_unsent_gives_way_to_what_is_reserved() -> None:
    files = [file("error", 5, size=25), unsent("info", 1, size=100)]
    assert plan(files, Policy.of("error=30d 25%", 100), NOW) == [(files[1], "size")]


def test_a_count_takes_nothing_that_is_unsent() -> None:
    assert gone([file("info", 1, count=100), unsent("info", 2, count=100)], "info=100") == []


def test_what_is_unsent_waits_for_what_may_be_reserved_to_be_sealed() -> None:
    files = [file(ENDED, 4, size=100), unsent("info", 5, size=20)]
    assert plan(files, Policy.of("error=30d 25%", 100), NOW, {files[0].path}) == []


kinds = st.sampled_from((*CLASSES, ACTIVE, ENDED, DAMAGED))
files = st.builds(
    lambda kind, end, length, size, count, number, unsent: File(
        str(number), kind, end - length, end, size, count, unsent
    ),
    kinds, st.integers(0, 100), st.integers(0, 50), st.integers(0, 1000), st.integers(0, 100), st.integers(),
    st.sampled_from([(), ("route",)]),
)  # fmt: skip
stores = st.lists(files, unique_by=lambda found: found.path)
limits = st.builds(
    Limits,
    age=st.none() | st.integers(0, 120).map(lambda ns: ns / 1e9),
    count=st.none() | st.integers(0, 300),
    share=st.none() | st.floats(0.01, 0.14),
)
policies = st.builds(
    Policy,
    limits=st.dictionaries(st.sampled_from((*CLASSES, "default")), limits),
    size=st.integers(0, 5000),
)


def left(all_files: list[File], policy: Policy, now: int) -> list[File]:
    removed = {found.path for found, _ in plan(all_files, policy, now)}
    return [found for found in all_files if found.path not in removed]


@given(stores, policies, st.integers(0, 250))
def test_what_is_left_is_young_enough(all_files: list[File], policy: Policy, now: int) -> None:
    assert all(
        now - found.end <= policy.age(found.kind) * (UNSENT_AGES if found.unsent else 1)
        for found in left(all_files, policy, now)
        if found.kind != ACTIVE
    )


@given(stores, policies, st.integers(0, 250))
def test_what_is_left_has_room_beside_living_processes(all_files: list[File], policy: Policy, now: int) -> None:
    kept = left(all_files, policy, now)
    assert sum(found.size for found in kept) <= policy.size or all(found.kind == ACTIVE for found in kept)


@given(stores, policies, st.integers(0, 250))
def test_nothing_goes_twice_or_of_a_living_process(all_files: list[File], policy: Policy, now: int) -> None:
    removed = [found for found, _ in plan(all_files, policy, now)]
    assert len({found.path for found in removed}) == len(removed)
    assert all(found.kind != ACTIVE for found in removed)


@given(stores, policies, st.integers(0, 250))
def test_nothing_more_goes_the_next_time(all_files: list[File], policy: Policy, now: int) -> None:
    assert plan(left(all_files, policy, now), policy, now) == []


@given(stores, policies, st.integers(0, 250))
def test_a_count_never_takes_the_newest_records(all_files: list[File], policy: Policy, now: int) -> None:
    removed = plan(all_files, policy, now)
    for found, reason in removed:
        if reason == "count":
            newer = [other for other in all_files if other.kind == found.kind and other.end >= found.end]
            assert sum(other.records for other in newer if other is not found) >= (policy.count_of(found.kind) or 0)


@given(stores, policies, st.integers(0, 250))
def test_size_takes_nothing_while_there_is_room(all_files: list[File], policy: Policy, now: int) -> None:
    removed = plan(all_files, policy, now)
    others = {found.path for found, reason in removed if reason != "size"}
    taken = [found for found, reason in removed if reason == "size"]
    total = sum(found.size for found in all_files if found.path not in others)
    assert not taken or total - sum(found.size for found in taken[:-1]) > policy.size


@given(stores, policies, st.integers(0, 250))
def test_a_reserved_share_outlives_what_is_not_reserved(all_files: list[File], policy: Policy, now: int) -> None:
    removed = [found for found, reason in plan(all_files, policy, now) if reason == "size"]
    kept = left(all_files, policy, now)
    for name in {policy.share_of(found.kind) for found in removed} - {""}:
        still = sum(found.size for found in kept if policy.share_of(found.kind) == name)
        last = [found for found in removed if policy.share_of(found.kind) == name][-1]
        if still + last.size <= policy.reserved(name):
            assert not any(found.kind != ACTIVE and not policy.share_of(found.kind) for found in kept)


@given(stores, policies, st.integers(0, 250))
def test_what_is_unsent_outlives_what_is_sent_and_not_reserved(all_files: list[File], policy: Policy, now: int) -> None:
    removed = [found for found, reason in plan(all_files, policy, now) if reason == "size"]
    if any(found.unsent for found in removed):
        kept = left(all_files, policy, now)
        assert all(found.unsent or found.kind == ACTIVE or policy.share_of(found.kind) for found in kept)


@pytest.mark.parametrize(("text", "shown"), [("error=30d 25%", "2592000s 25%"), ("info=100", "100")])
def test_limits_say_what_they_are(text: str, shown: str) -> None:
    assert shown in map(str, Policy.of(text, 0).limits.values())

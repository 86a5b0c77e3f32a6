"""Deleting: what is older than a time is gone for every reader at once, in part of a block, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sealing
import tidegate.store
from making import T0, log, put, resource, span
from metering import Made, put_points, shown
from storing import Store
from tidegate.errors import QueryError, StoreError
from tidegate.records import Log
from tidegate.store import deleted
from tidegate.store.reader import Reader


@pytest.fixture(params=["directory", "sealed", "memory"])
def new_store(request: pytest.FixtureRequest, stores_of: Callable[[str], Callable[[], Store]]) -> Callable[[], Store]:
    return stores_of(request.param)


def delete(store: Store, before: int) -> None:
    with store.reader() as reader:
        reader.delete_before(T0 + before)


def bodies(reader: Reader) -> list[Any]:
    return [record.body for record in reader.logs()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    blocks=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=5),
    befores=st.lists(st.integers(-1, 10), min_size=1, max_size=3),
)
def test_what_is_older_is_gone_and_what_is_not_is_there(
    new_store: Callable[[], Store], blocks: list[list[int]], befores: list[int]
) -> None:
    store = new_store()
    writers = [store.writer() for _ in range(2)]
    for number, times in enumerate(blocks):
        put(writers[number % 2], [log(time, time, severity=9 + 4 * (time % 3)) for time in times])
    open_before = store.reader()
    for before in befores:
        delete(store, before)
    left = sorted(time for times in blocks for time in times if time >= max(befores))
    for reader in (open_before, store.reader()):
        assert sorted(bodies(reader)) == left
        assert sum(service.logs for service in reader.services()) == len(left)
        assert reader.count("logs") == len(left)
        reader.close()


def test_a_trace_loses_the_spans_that_are_older(store: Store) -> None:
    put(store.writer(), [span("root", 0, trace=7, id=1), span("child", 5, trace=7, id=2, parent=1)])
    delete(store, 3)
    trace = store.reader().trace(f"{7:032x}")
    assert trace is not None
    assert [each.name for each in trace.spans] == ["child"]
    assert [[each.name for each in trace.spans] for trace in store.reader().traces()] == [["child"]]


def test_what_is_committed_to_a_new_segment_later_is_there_however_old_it_is(directory: Store) -> None:
    put(directory.writer(), [log("old")])
    delete(directory, 10)
    put(directory.writer(), [log("later")])
    assert bodies(directory.reader()) == ["later"]


def test_what_was_deleted_stays_so_when_it_is_sealed(directory: Store) -> None:
    put(directory.writer(), [log(number, number) for number in range(6)])
    delete(directory, 3)
    directory.close()
    sealing.seal(directory.location, block_rows=4)
    assert bodies(directory.reader()) == [5, 4, 3]


def test_a_follower_goes_on_behind_what_was_deleted(store: Store) -> None:
    writer, reader = store.writer(), store.reader()
    follower = reader.follower("logs", within=0)
    put(writer, [log(number, number) for number in range(4)])
    reader.delete_before(T0 + 2)
    assert [record.body for record in follower.poll() if isinstance(record, Log)] == [2, 3]
    put(writer, [log(number, number) for number in range(4, 6)])
    assert [record.body for record in follower.poll() if isinstance(record, Log)] == [4, 5]


def test_totals_still_count_what_they_counted(directory: Store) -> None:
    put_points(directory.writer(), Made("orders", 3))
    delete(directory, 10**15)
    reader = directory.reader()
    assert (list(reader.metrics()), shown(reader.current_metrics())) == ([], {"orders": 3})


def test_times_are_given_as_to_any_question(store: Store) -> None:
    put(store.writer(), [log("old")])
    with store.reader() as reader:
        reader.delete_before("1h")
        assert bodies(reader) == []


def test_a_reader_of_one_service_does_not_delete(store: Store) -> None:
    put(store.writer(), [log()], resource("shop"))
    reader = tidegate.store.open(store.location, service="shop")
    with pytest.raises(QueryError, match=r"'shop' alone.*open it without a service"):
        reader.delete_before(T0)


@pytest.mark.damaging
def test_marks_that_nobody_has_written_are_refused(directory: Store, store_dir: object) -> None:
    put(directory.writer(), [log()])
    with open(f"{directory.location}/{deleted.NAME}", "wb") as file:
        file.write(b"nonsense")
    with pytest.raises(StoreError, match=r"is damaged; remove it"):
        directory.reader().services()


def test_a_question_that_was_begun_goes_on_when_something_else_is_deleted(store: Store) -> None:
    writer = store.writer()
    for number in range(3):
        put(writer, [log(10 * number + at, 10 * number + at) for at in range(10)])
    reader = store.reader()
    delete(store, 15)
    found = reader.logs()
    got = [next(found).body]
    for before in (1, 17):
        delete(store, before)
        reader.count("logs")  # which looks again
    got += [record.body for record in found]
    assert got == list(range(15, 30))[::-1]
    assert reader.damaged == 0
    reader.close()

"""Following: every record once, whatever happens to segments, followers and their processes meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from making import log, put, resource, span
from merged import merge
from storing import Store
from tidegate.records import Log, Trace
from tidegate.store import follow
from tidegate.store.catalog import directory as catalog_directory
from tidegate.store.follow import Follower
from tidegate.store.reader import Reader
from tidegate.store.watermark import Watermark
from worlds import CountingCatalog, World, steps


def bodies(records: Iterable[Any]) -> list[Any]:
    return [record.body for record in records if isinstance(record, Log)]


def begin(store: Store, signal: Any = "logs", **options: Any) -> Follower:
    """A follower with a reader of its own, as in a process of its own."""
    return store.reader().follower(signal, within=0, **options)


def drain(follower: Follower) -> list[Any]:
    """The bodies of all that waits."""
    found = bodies(follower.poll())
    while follower.pending:
        found += bodies(follower.poll())
    return found


# One process of a hundred things that may happen, in any order


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(steps=steps, portion=st.sampled_from([1, 4, 2048]))
def test_nothing_is_lost_and_nothing_doubled(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], portion: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "PORTION", portion)
        patch.setattr(catalog_directory, "OPEN_FILES", 1)
        world = World(tmp_path_factory.mktemp("world") / "store")
        world.run(steps)
    assert world.lost() <= world.removed
    assert world.is_doubled_only_where_it_may_be()


# What single polls hand out


def test_a_new_follower_gets_nothing_from_before(store: Store) -> None:
    put(store.writer(), [log("before")])
    assert drain(begin(store)) == []


def test_a_poll_is_oldest_first_over_all_writers(store: Store) -> None:
    follower = begin(store)
    put(store.writer(), [log(3, 3), log(1, 1)])
    put(store.writer(), [log(2, 2), log(4, 4)])
    assert drain(follower) == [1, 2, 3, 4]


def test_each_signal_is_followed(store: Store) -> None:
    followers = [begin(store, signal) for signal in ("logs", "spans", "metrics", "traces")]
    writer = store.writer()
    put(writer, [log()])
    put(writer, [span()])
    assert [len(follower.poll()) for follower in followers] == [1, 1, 0, 1]
    assert [follower.signal for follower in followers] == ["logs", "spans", "metrics", "traces"]


def test_filters_hold(store: Store) -> None:
    follower = begin(store, min_level="error", where={"user": "ann"})
    put(store.writer(), [log(1, severity=17, attributes={"user": "ann"}), log(2, attributes={"user": "ann"}),
                         log(3, severity=17)])  # fmt: skip
    assert drain(follower) == [1]


def test_a_record_has_the_cursor_that_a_query_gives_it(store: Store) -> None:
    follower = begin(store)
    put(store.writer(), [log("a")])
    assert [record.cursor for record in follower.poll()] == [next(store.reader().logs()).cursor]


def test_a_block_that_moved_meanwhile_is_handed_out_once(directory: Store) -> None:
    follower = begin(directory)
    for number in range(3):
        put(directory.writer(), [log(number, number)])
    merge(directory.location)
    assert drain(follower) == [0, 1, 2]
    put(directory.writer(), [log(3)])
    assert drain(follower) == [3]


# Portions and the bound of the backlog


@pytest.fixture
def hundred(directory: Store) -> tuple[CountingCatalog, Watermark]:
    """A hundred blocks of ten records each, and the place before them."""
    before = begin(directory).watermark
    writer = directory.writer()
    for number in range(100):
        put(writer, [log(10 * number + n, 10 * number + n) for n in range(10)])
    return CountingCatalog(directory.location), before


def test_a_poll_opens_a_portion(hundred: tuple[CountingCatalog, Watermark], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "PORTION", 35)
    catalog, before = hundred
    follower = Reader(catalog).follower("logs", after=before)
    assert (bodies(follower.poll()), catalog.opened, follower.pending) == (list(range(30)), 3, True)
    assert (bodies(follower.poll()), catalog.opened, follower.pending) == (list(range(30, 60)), 6, True)


def test_a_block_larger_than_a_portion_is_opened_alone(
    hundred: tuple[CountingCatalog, Watermark], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PORTION", 5)
    catalog, before = hundred
    follower = Reader(catalog).follower("logs", after=before)
    assert [bodies(follower.poll()) for _ in range(2)] == [list(range(10)), list(range(10, 20))]


def test_nothing_is_pending_at_the_end(hundred: tuple[CountingCatalog, Watermark]) -> None:
    catalog, before = hundred
    follower = Reader(catalog).follower("logs", after=before)
    assert (len(follower.poll()), follower.pending) == (1000, False)


def test_of_a_long_backlog_the_newest_is_handed_out_and_the_rest_counted_unopened(
    hundred: tuple[CountingCatalog, Watermark],
) -> None:
    catalog, before = hundred
    follower = Reader(catalog).follower("logs", after=before, max_backlog=25)
    assert (drain(follower), follower.dropped, catalog.opened) == (list(range(980, 1000)), 980, 2)


def test_a_block_larger_than_the_backlog_waits_alone(hundred: tuple[CountingCatalog, Watermark]) -> None:
    catalog, before = hundred
    follower = Reader(catalog).follower("logs", after=before, max_backlog=1)
    assert (drain(follower), follower.dropped) == (list(range(990, 1000)), 990)


def test_a_slow_client_passes_by_what_exceeds_the_backlog(store: Store) -> None:
    follower = begin(store, max_backlog=2)
    writer = store.writer()
    for number in range(5):
        put(writer, [log(number, number)])
    assert (drain(follower), follower.dropped) == ([3, 4], 3)
    put(writer, [log(5, 5)])
    assert (drain(follower), follower.dropped) == ([5], 3)


def test_a_burst_waits_for_who_is_connected_as_for_who_was_away(directory: Store) -> None:
    before = begin(directory).watermark
    connected = begin(directory)
    writer = directory.writer()
    for number in range(0, 12_000, 1000):
        put(writer, [log(number + each, number + each) for each in range(1000)])
    for follower in (connected, begin(directory, after=before)):
        assert (drain(follower), follower.dropped) == (list(range(12_000)), 0)


def test_what_waits_is_not_opened(hundred: tuple[CountingCatalog, Watermark]) -> None:
    catalog, before = hundred
    follower = Reader(catalog).follower("logs", after=before)
    assert (follower.pending, catalog.opened) == (True, 0)


def test_what_was_passed_by_before_the_first_poll_is_new(store: Store) -> None:
    before = begin(store).watermark
    writer = store.writer()
    for number in range(5):
        put(writer, [log(number, number)])
    follower = begin(store, after=before, max_backlog=2)
    assert [follower.newly_dropped() for _ in range(2)] == [3, 0]
    put(writer, [log(5, 5)])
    assert (drain(follower), follower.newly_dropped(), follower.dropped) == ([4, 5], 1, 4)


def test_what_was_passed_by_does_not_come_after_a_reconnect(store: Store) -> None:
    before = begin(store).watermark
    writer = store.writer()
    for number in range(5):
        put(writer, [log(number, number)])
    follower = begin(store, after=before, max_backlog=2)
    assert (drain(begin(store, after=follower.watermark)), follower.dropped) == ([3, 4], 3)


def test_records_that_cannot_match_are_not_counted_as_dropped(store: Store) -> None:
    follower = begin(store, service="shop", min_level="error", max_backlog=2)
    writer = store.writer()
    for number in range(4):
        put(writer, [log(number, number, severity=17)])
        put(writer, [log("elsewhere", severity=17)], resource("pay"))
        put(writer, [log("fine")])
    assert (drain(follower), follower.dropped) == ([2, 3], 2)


def test_a_catch_up_over_several_processes_drops_the_oldest(store: Store) -> None:
    """Their segments are found one after the other, but their records happened side by side."""
    before = begin(store).watermark
    writers = [store.writer() for _ in range(3)]
    for number in range(9):
        put(writers[number % 3], [log(number, number)])
    follower = begin(store, after=before, max_backlog=4)
    assert (drain(follower), follower.dropped) == ([5, 6, 7, 8], 5)


def test_who_comes_back_within_a_long_catch_up_loses_nothing(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """More segments wait than a place can name."""
    monkeypatch.setattr(follow, "PORTION", 1)
    monkeypatch.setattr("tidegate.store.watermark.MAX_SEGMENTS", 2)
    place = begin(directory).watermark
    for number in range(7):
        put(directory.writer(), [log(number, number)])
    found = []
    for _ in range(7):
        follower = begin(directory, after=place)
        found += bodies(follower.poll())
        place = follower.watermark
    assert (found, follower.pending) == (list(range(7)), False)


def test_followers_share_a_look_at_the_store(store: Store) -> None:
    reader = store.reader()
    first, second = (reader.follower("logs", within=3600) for _ in range(2))
    put(store.writer(), [log("later")])
    assert (drain(first), drain(second)) == ([], [])


# Traces


def traces(follower: Follower) -> list[tuple[int, list[str]]]:
    return [
        (int(trace.trace_id, 16) >> 100, [span.name for span in trace.spans])
        for trace in follower.poll()
        if isinstance(trace, Trace)
    ]


def test_a_trace_comes_whole_when_its_root_has_come(store: Store) -> None:
    follower = begin(store, "traces")
    writer = store.writer()
    put(writer, [span("child", 1, trace=1 << 100, id=2, parent=1)])
    assert traces(follower) == []
    put(store.writer(), [span("root", 0, trace=1 << 100, id=1)])
    assert traces(follower) == [(1, ["root", "child"])]
    assert traces(follower) == []


def test_a_trace_of_which_several_processes_took_part_comes_once_a_poll(store: Store) -> None:
    follower = begin(store, "traces")
    put(store.writer(), [span("entry", 1, trace=1 << 100, id=2, parent=1, remote=True)], resource("pay"))
    put(store.writer(), [span("root", 0, trace=1 << 100, id=1)])
    assert traces(follower) == [(1, ["root", "entry"])]
    put(store.writer(), [span("late", 2, trace=1 << 100, id=3, parent=1, remote=True)])
    assert traces(follower) == [(1, ["root", "entry", "late"])]


def test_traces_come_by_the_start_of_their_entries(store: Store) -> None:
    follower = begin(store, "traces")
    put(store.writer(), [span("b", 2, trace=2 << 100), span("a", 1, trace=1 << 100), span("c", 3, trace=3 << 100)])
    assert [number for number, _ in traces(follower)] == [1, 2, 3]


def test_the_entry_is_what_must_match(store: Store) -> None:
    follower = begin(store, "traces", errors=True)
    put(store.writer(), [span("fine", trace=1 << 100, id=1), span("bad", trace=1 << 100, id=2, parent=1, error=True)])
    put(store.writer(), [span("failed", trace=2 << 100, error=True)])
    assert traces(follower) == [(2, ["failed"])]


def test_a_trace_has_the_cursor_of_its_entry(store: Store) -> None:
    follower = begin(store, "traces")
    put(store.writer(), [span("root", 5, id=1), span("child", 6, id=2, parent=1)])
    assert [trace.cursor for trace in follower.poll()] == [next(store.reader().spans(name="root")).cursor]


def test_only_blocks_that_may_hold_a_trace_are_opened_for_it(directory: Store) -> None:
    for number in range(20):
        put(directory.writer(), [span(trace=(number + 2) << 100)])
    catalog = CountingCatalog(directory.location)
    follower = Reader(catalog).follower("traces", within=0)
    put(directory.writer(), [span("child", trace=1 << 100, id=2, parent=1)])
    put(directory.writer(), [span("root", trace=1 << 100, id=1)])
    assert len(follower.poll()) == 1
    assert catalog.opened == 2


def test_a_reader_follows_after_a_watermark(store: Store) -> None:
    put(store.writer(), [log("before")])
    mark = begin(store).watermark
    put(store.writer(), [log("since")])
    looks = iter([False, True])
    with store.reader() as reader:
        assert bodies(reader.follow("logs", poll=0, stop=lambda: next(looks), after=mark)) == ["since"]

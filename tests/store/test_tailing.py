"""Rows followed and found again by their places, whatever happens to the files that they are in meanwhile."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import sealing
import tidegate.store
from making import T0, log, put, span
from storing import Store
from tidegate.store import follow, tailing
from tidegate.store.catalog import AnyRef, DirectoryCatalog, cache
from tidegate.store.catalog import directory as catalog_directory
from tidegate.store.query import Position
from tidegate.store.reader import Reader
from tidegate.store.sinks import FileSink, MemorySink
from tidegate.store.tailing import Portion, RowsFollower
from tidegate.store.watermark import Watermark
from worlds import CountingCatalog, World, steps

ROUTE = "0123456789abcdef"


def bodies(portions: Iterable[Portion]) -> list[Any]:
    return [portion.rows.record(row).body for portion in portions for row in portion.picked]  # type: ignore[union-attr]


def places(portions: Iterable[Portion]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for portion in portions:
        for row in portion.picked:
            segment, number = portion.rows.places[row]
            found.setdefault(segment, []).append(number)
    return found


def identified(portion: Portion) -> Iterable[tuple[Any, tuple[str, int]]]:
    """The bodies of some rows, and their places."""
    return ((portion.rows.record(row).body, portion.rows.places[row]) for row in portion.picked)  # type: ignore[union-attr]


def begin(store: Store, signal: Any = "logs", **options: Any) -> RowsFollower:
    """A follower with a reader of its own, as in a process of its own."""
    return store.reader().rows_follower(signal, within=0, **options)


def everything(store: Store) -> RowsFollower:
    return begin(store, after=Watermark())


def drain(follower: RowsFollower) -> list[Portion]:
    found = follower.poll()
    while follower.pending:
        found += follower.poll()
    return found


# Following


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(steps=steps, portion=st.sampled_from([1, 4, 2048]))
@example(steps=[("begin", 0), ("write", 2), ("poll", 0), ("reconnect", 1)], portion=4)
def test_nothing_is_lost_and_nothing_doubled(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], portion: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "PORTION", portion)
        patch.setattr(catalog_directory, "OPEN_FILES", 1)
        world = RowsWorld(tmp_path_factory.mktemp("world") / "store")
        world.run(steps)
    assert world.lost() <= world.removed
    assert world.is_doubled_only_where_it_may_be()


class RowsWorld(World):
    """The same, followed by rows; who goes on elsewhere has not decided about all that was handed out."""

    def __init__(self, path: Path) -> None:
        self.handed: dict[tuple[str, int], Any] = {}
        super().__init__(path)

    def follow(self, after: Watermark | None) -> Any:
        return tidegate.store.open(self.path, missing_ok=True).rows_follower("logs", after=after, within=0)

    def place(self) -> Watermark:
        watermark: Watermark = self.follower.watermark()
        return watermark

    def bodies(self, found: Any) -> list[Any]:
        self.handed.update((place, body) for portion in found for body, place in identified(portion))
        return bodies(found)

    def reconnect(self, which: int) -> None:
        newest = sorted(self.handed)[-which:] if which else []
        undecided = dict(reversed(newest))
        come_again = {body for (name, number), body in self.handed.items() if number >= undecided.get(name, 1 << 60)}
        self.got = [body for body in self.got if body not in come_again]
        self.mark, self.last = self.follower.watermark(undecided).text(), []
        self.follower = self.follow(Watermark.parse(self.mark))


def test_a_new_follower_gets_nothing_from_before(store: Store) -> None:
    put(store.writer(), [log("before")])
    assert bodies(drain(begin(store))) == []


def test_a_follower_from_the_beginning_gets_all_that_there_is(store: Store) -> None:
    put(store.writer(), [log("before")])
    assert bodies(drain(everything(store))) == ["before"]


def test_each_signal_is_followed(store: Store) -> None:
    followers = [begin(store, signal) for signal in ("logs", "spans", "metrics")]
    writer = store.writer()
    put(writer, [log()])
    put(writer, [span()])
    assert [[portion.rows.signal for portion in follower.poll()] for follower in followers] == [["logs"], ["spans"], []]


def test_all_rows_of_a_block_are_a_range(tmp_path: Path) -> None:
    sink = FileSink(str(tmp_path))
    put(sink, [log(n) for n in range(5)])
    (portion,) = tidegate.store.open(tmp_path).rows_follower("logs", after=Watermark()).poll()
    assert portion.picked == range(5)
    sink.close()


def test_nothing_is_passed_by_however_much_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_BACKLOG", 3)
    monkeypatch.setattr(follow, "PORTION", 2)
    follower = begin(store)
    writer = store.writer()
    for number in range(9):
        put(writer, [log(number, number)])
    assert (bodies(drain(follower)), follower.dropped, follower.gone) == (list(range(9)), 0, 0)


def test_what_could_not_be_read_comes_with_the_next_poll(directory: Store) -> None:
    put(directory.writer(), [log("there")])
    catalog = BusyCatalog(directory.location)
    follower = Reader(catalog).rows_follower("logs", after=Watermark(), within=0)
    with pytest.raises(OSError, match="Too many open files"):
        follower.poll()
    assert bodies(follower.poll()) == ["there"]


def test_what_is_removed_before_it_is_handed_out_is_counted() -> None:
    sink = MemorySink(1)
    follower = begin(Store("memory:", lambda: sink), after=Watermark())
    put(sink, [log(1), log(2)])
    follower._look()
    put(sink, [log(3)])
    assert (bodies(drain(follower)), follower.gone) == ([3], 2)


# Routes


def test_a_follower_gets_its_route_and_nothing_else(store: Store) -> None:
    for number, route in enumerate(["", ROUTE, "fedcba9876543210", ROUTE]):
        put(store.writer(route=route), [log(number, number, severity=9 + 8 * (number % 2))])
    assert bodies(drain(begin(store, after=Watermark(), route=ROUTE))) == [1, 3]


def test_a_follower_without_a_route_gets_what_has_none(store: Store) -> None:
    for number, route in enumerate(["", ROUTE, ""]):
        put(store.writer(route=route), [log(number, number)])
    assert bodies(drain(everything(store))) == [0, 2]


def test_other_routes_take_no_room_in_a_watermark(store: Store) -> None:
    for route in (ROUTE, "", "fedcba9876543210"):
        put(store.writer(route=route), [log(route)])
    follower = begin(store, after=Watermark(), route=ROUTE)
    assert len(follower.watermark().positions) == 1


# Going on in another process


def test_a_follower_goes_on_before_what_is_undecided(store: Store) -> None:
    first = everything(store)
    writer = store.writer()
    for number in range(4):
        put(writer, [log(number, number)])
    first = everything(store)
    (segment,) = places(drain(first))
    mark = Watermark.parse(first.watermark({segment: 2}).text())
    assert sorted(bodies(drain(begin(store, after=mark)))) == [2, 3]


@pytest.mark.parametrize("hours", [2, 24 * 365 * 30])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_clock_that_is_set_back_hides_nothing_from_who_goes_on(
    directory: Store, monkeypatch: pytest.MonkeyPatch, hours: int, when: str
) -> None:
    """Before another follower comes, or after."""
    put(directory.writer(), [log("then", 1)])
    first = everything(directory)
    assert bodies(drain(first)) == ["then"]
    mark, real = first.watermark(), time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - hours * 3600 * 10**9)
    writer = directory.writer()
    put(writer, [log("now", 2)])
    if when == "after":
        assert bodies(drain(first)) == ["now"]
        mark = Watermark.parse(first.watermark().text())
        put(writer, [log("later", 3)])
    assert bodies(drain(begin(directory, after=mark))) == [{"before": "now", "after": "later"}[when]]


def test_what_is_undecided_in_the_middle_of_a_block_comes_again_and_what_is_before_it_does_not(store: Store) -> None:
    put(store.writer(), [log(number, number, severity=9 + 4 * (number % 2)) for number in range(6)])
    first = everything(store)
    (segment,) = places(drain(first))
    assert sorted(bodies(drain(begin(store, after=first.watermark({segment: 4}))))) == [4, 5]


def test_what_is_decided_elsewhere_does_not_come_again(store: Store) -> None:
    put(store.writer(), [log("decided")])
    put(store.writer(), [log("undecided", 1)])
    first = everything(store)
    found = {body: segment for portion in drain(first) for body, (segment, _) in identified(portion)}
    mark = first.watermark({found["undecided"]: 0})
    assert bodies(drain(begin(store, after=mark))) == ["undecided"]


def test_what_is_undecided_and_what_waits_both_come(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "PORTION", 1)
    writer = directory.writer()
    for number in range(4):
        put(writer, [log(number, number)])
    first = everything(directory)
    (segment,) = places([*first.poll(), *first.poll()])
    assert bodies(drain(begin(directory, after=first.watermark({segment: 1})))) == [1, 2, 3]


def test_more_undecided_segments_than_a_place_can_name_may_come_again_but_none_is_lost(
    directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "MOST_SEGMENTS", 3)
    for number in range(7):
        put(directory.writer(), [log(number, number)])
    first = everything(directory)
    undecided = dict.fromkeys(places(drain(first)), 0)
    mark = Watermark.parse(first.watermark(undecided).text())
    assert bodies(drain(begin(directory, after=mark))) == list(range(7))


# Rows by their places


def test_rows_are_found_by_their_places(store: Store) -> None:
    writers = [store.writer() for _ in range(3)]
    for number in range(60):
        severity = 9 + 4 * (number % 4)
        put(writers[number % 3], [log(2 * number, 2 * number, severity=severity), log(2 * number + 1, 2 * number + 1)])
    with store.reader() as reader:
        everywhere = places(drain(reader.rows_follower("logs", after=Watermark())))
        chosen = {segment: sorted(numbers)[3::7] for segment, numbers in everywhere.items()}
        at = {Position.parse(log.cursor).key()[1:]: log.body for log in reader.logs()}
        expected = sorted(at[segment, number] for segment, numbers in chosen.items() for number in numbers)
        for _ in range(2):  # again when it is known what the blocks hold
            found = list(reader.rows_at("logs", chosen))
            assert sorted(bodies(found)) == expected
            assert {segment: sorted(numbers) for segment, numbers in places(found).items()} == chosen


def found_at(store: Store, chosen: Mapping[str, Sequence[int]]) -> list[Any]:
    """The bodies of the rows at some places, as a reader of its own finds them."""
    return sorted(bodies(store.reader().rows_at("logs", chosen)))


def all_places(store: Store) -> dict[str, list[int]]:
    return {segment: sorted(numbers) for segment, numbers in places(drain(everything(store))).items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(before=steps, after=steps, spans=st.sampled_from([1, 4, 20_000]))
def test_what_is_there_is_found_wherever_it_has_gone(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[str, int]],
    after: list[tuple[str, int]],
    spans: int,
) -> None:
    """One reader looks for the same records before and after all that may happen to their files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tailing, "KNOWN_SPANS", spans)
        world = RowsWorld(tmp_path_factory.mktemp("world") / "store")
        world.run(before)
        store = Store(str(world.path), FileSink)
        known = all_places(store)
        there = set(world.committed) - world.removed
        with store.reader() as reader:
            assert sorted(bodies(reader.rows_at("logs", known))) == sorted(there)
            world.run(after)
            assert sorted(bodies(reader.rows_at("logs", known))) == sorted(there - world.removed)


def test_rows_that_are_exchanged_during_the_search_are_found_once(directory: Store) -> None:
    writer = directory.writer()
    for number in range(6):
        put(writer, [log(number, number)])
    search = directory.reader().rows_at("logs", all_places(directory))
    first = next(search)
    writer.close()
    sealing.seal(directory.location)
    assert sorted(bodies([first, *search])) == list(range(6))


def test_what_is_gone_is_not_handed_out() -> None:
    sink = MemorySink(1)
    store = Store("memory:", lambda: sink)
    put(sink, [log("gone")])
    gone = all_places(store)
    put(sink, [log("there")])
    assert found_at(store, {segment: [*numbers, 1] for segment, numbers in gone.items()}) == ["there"]


def test_what_was_deleted_is_not_handed_out(store: Store) -> None:
    put(store.writer(), [log("deleted", 1), log("there", 5)])
    reader = store.reader()
    known = all_places(store)
    reader.delete_before(T0 + 3)
    assert bodies(reader.rows_at("logs", known)) == ["there"]


def test_places_that_never_were_are_not_handed_out(store: Store) -> None:
    put(store.writer(), [log("there")])
    (segment,) = all_places(store)
    assert found_at(store, {segment: [1, 2], "0123456789abcdef": [0]}) == []


def test_places_of_another_signal_are_not_handed_out(store: Store) -> None:
    writer = store.writer()
    put(writer, [span()])
    put(writer, [log("there")])
    (segment,) = all_places(store)
    assert found_at(store, {segment: [0, 1]}) == ["there"]


def test_nothing_asked_for_is_nothing_found(store: Store) -> None:
    put(store.writer(), [log("there")])
    assert found_at(store, {}) == found_at(store, {"0123456789abcdef": []}) == []


def test_a_block_is_opened_once_and_others_are_not(directory: Store) -> None:
    writer = directory.writer()
    for number in range(30):
        put(writer, [log(2 * number), log(2 * number + 1)])
    (segment,) = all_places(directory)
    catalog = CountingCatalog(directory.location)
    assert bodies(Reader(catalog).rows_at("logs", {segment: [6, 7, 11]})) == [6, 7, 11]
    assert catalog.opened == 2


def test_what_is_open_is_not_read_again(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CACHED_BLOCKS", 3)
    writer = directory.writer()
    for number in range(5):
        put(writer, [log(number)])
    known = all_places(directory)
    catalog = CountingCatalog(directory.location)
    reader = Reader(catalog)
    for _ in range(2):
        assert sorted(bodies(reader.rows_at("logs", known))) == list(range(5))
    assert catalog.opened == 5 + 2


def test_a_sealed_block_is_opened_again_only_for_what_it_holds(
    directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "CACHED_BLOCKS", 1)
    writer = directory.writer()
    put(writer, [log(number, number) for number in range(9)])
    writer.close()
    sealing.seal(directory.location, block_rows=3)
    known = all_places(directory)
    (segment,) = known
    catalog = CountingCatalog(directory.location)
    reader = Reader(catalog)
    assert sorted(bodies(reader.rows_at("logs", known))) == list(range(9))
    assert (catalog.opened, bodies(reader.rows_at("logs", {segment: [1, 2]})), catalog.opened) == (3, [1, 2], 4)


def test_a_damaged_block_is_passed_by(directory: Store) -> None:
    writer = directory.writer()
    for number in range(3):
        put(writer, [log(number)])
    known = all_places(directory)
    catalog = DamagingCatalog(directory.location)
    assert bodies(Reader(catalog).rows_at("logs", known)) == [0, 2]


class BusyCatalog(DirectoryCatalog):
    """A directory of which no file can be opened the first time."""

    is_busy = True

    def frame(self, ref: AnyRef) -> bytes | None:
        if self.is_busy:
            self.is_busy = False
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().frame(ref)


class DamagingCatalog(DirectoryCatalog):
    """A directory of which the disk gives back other bytes in one place."""

    def frame(self, ref: AnyRef) -> bytes | None:
        return b"damaged" if ref.index.sequence == 1 else super().frame(ref)

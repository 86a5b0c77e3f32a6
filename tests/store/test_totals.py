"""What every metric of a service amounts to now, over all its processes; true of every kind of store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tidegate.store
from making import T0, log, put, resource
from metering import Made, S, gauge, histogram, put_points, shown, updown
from storing import Store
from tidegate.errors import QueryError
from tidegate.store import locks
from tidegate.store.catalog import DirectoryCatalog
from tidegate.store.metrics import feeding, series, totals
from tidegate.store.sinks import FileSink, Sink


@pytest.fixture(params=["directory", "memory"])
def new_store(request: pytest.FixtureRequest, stores_of: Callable[[str], Callable[[], Store]]) -> Callable[[], Store]:
    """Stores whose processes live on: what is sealed is counted by the checkpoint."""
    return stores_of(request.param)


@pytest.fixture
def writer(store: Store) -> Sink:
    return store.writer()


@pytest.fixture
def now(store: Store) -> Callable[..., dict[str, Any]]:
    """``now(**filters)``: what a reader that stays open shows."""
    reader = store.reader()
    return lambda **filters: shown(reader.current_metrics(**filters))


Now = Callable[..., dict[str, Any]]


def test_a_store_without_metrics_has_no_series(store: Store, writer: Sink) -> None:
    put(writer, [log()])
    assert store.reader().current_metrics() == []


def test_the_newest_point_of_a_process_is_its_total(writer: Sink, now: Now) -> None:
    for number in (1, 2, 7):
        put_points(writer, Made("orders", number, at=number))
    assert now() == {"orders": 7}


def test_counters_and_histograms_are_added_over_processes(store: Store, now: Now) -> None:
    for number in (1, 2):
        put_points(store.writer(), Made("orders", number), histogram("wait", [number, 1], [5.0]))
    assert now() == {"orders": 3, "wait": 5}


def test_a_reader_that_goes_on_and_one_that_begins_see_the_same(store: Store, now: Now) -> None:
    writers = [store.writer() for _ in range(3)]
    for step in range(5):
        for number, writer in enumerate(writers):
            put_points(writer, Made("orders", step * number, at=step), updown("open", step - number, at=step))
        assert now() == shown(store.reader().current_metrics()) == {"orders": 3 * step, "open": 3 * step - 3}


def test_series_are_told_apart_by_attributes_whatever_their_order(store: Store, now: Now) -> None:
    put_points(store.writer(), Made("a", 1, attributes={"x": 1, "y": 2}), Made("a", 10, attributes={"x": 1, "y": 3}))
    put_points(store.writer(), Made("a", 1, attributes={"y": 2, "x": 1}), Made("a", 10, attributes={"x": "1", "y": 3}))
    assert [point.value["as_int"] for point in store.reader().current_metrics()] == [10, 2, 10]


@pytest.mark.parametrize("other", [{"type": "histogram"}, {"unit": "s"}, {"is_monotonic": False}], ids=repr)
def test_metrics_of_one_name_and_another_kind_are_not_added(store: Store, other: dict[str, Any]) -> None:
    value: Any = histogram("a", [1], []).value if "type" in other else 1
    put_points(store.writer(), Made("a", 1))
    put_points(store.writer(), Made("a", value, **other))
    assert len(store.reader().current_metrics()) == 2


def test_services_and_their_namespaces_are_told_apart(store: Store) -> None:
    for of in (resource("shop"), resource("pay"), resource("shop", **{"service.namespace": "eu"}), resource("shop")):
        put_points(store.writer(), Made("orders", 1), of=of)
    found = [(point.service, point.value["as_int"]) for point in store.reader().current_metrics()]
    assert found == [("pay", 1), ("shop", 2), ("shop", 1)]


def test_series_stand_by_name_then_service_then_attributes(store: Store) -> None:
    for service in ("shop", "pay"):
        made = [Made(name, 1, attributes={"k": key}) for name in "ba" for key in "dc"]
        put_points(store.writer(), *made, of=resource(service))
    found = [(point.metric.name, point.service, point.attributes["k"]) for point in store.reader().current_metrics()]
    assert found == sorted(found)


def test_a_gauge_stays_with_its_process_told_by_its_instance(store: Store) -> None:
    for number in (1, 2):
        put_points(store.writer(), gauge("load", number), of=resource(**{"service.instance.id": f"i{number}"}))
    found = store.reader().current_metrics()
    assert [(point.resource.attributes["service.instance.id"], point.value) for point in found] == [
        ("i1", {"as_int": 1}),
        ("i2", {"as_int": 2}),
    ]


def test_a_process_without_an_instance_id_is_given_one(store: Store) -> None:
    for number in (1, 2):
        put_points(store.writer(), gauge("load", number))
    ids = {point.resource.attributes["service.instance.id"] for point in store.reader().current_metrics()}
    assert len(ids) == 2


def test_a_sum_says_what_its_processes_agree_on(store: Store) -> None:
    for pid in (1, 2):
        own: dict[str, Any] = {
            "process.pid": pid,
            "process.owner": "me",
            "service.instance.id": str(pid),
            "host.name": "box",
        }
        put_points(store.writer(), Made("orders", 1), of=resource(zone=f"z{pid}", **own))
    (point,) = store.reader().current_metrics()
    assert point.resource.attributes == {"service.name": "shop", "host.name": "box"}


def test_what_a_sum_says_of_its_processes_changes_with_them(store: Store) -> None:
    reader = store.reader()
    put_points(store.writer(), Made("orders", 1), of=resource(zone="a"))
    (point,) = reader.current_metrics()
    before = point.resource.attributes
    put_points(store.writer(), Made("orders", 1), of=resource(zone="b"))
    assert (before, reader.current_metrics()[0].resource.attributes) == (
        {"service.name": "shop", "zone": "a"},
        {"service.name": "shop"},
    )


def test_a_series_keeps_its_point_and_the_point_replaces_what_it_holds(store: Store, writer: Sink) -> None:
    reader = store.reader()
    put_points(writer, Made("orders", 1, at=1), gauge("load", 1, at=1))
    points = reader.current_metrics()
    former = [point.value for point in points]
    put_points(writer, Made("orders", 2, at=2), gauge("load", 2, at=2))
    assert [id(point) for point in reader.current_metrics()] == [id(point) for point in points]
    assert [former, [point.value for point in points]] == [[{"as_int": 1}] * 2, [{"as_int": 2}] * 2]


def test_times_are_those_of_the_first_start_and_the_last_point(store: Store) -> None:
    for start, at in ((3, 9), (1, 5)):
        put_points(store.writer(), Made("orders", 1, start=start, at=at))
    (point,) = store.reader().current_metrics()
    assert (point.start_time_unix_nano, point.time_unix_nano) == (T0 + S - 1, T0 + 9 * S)


# --- what changes within a process


def test_a_counter_that_begins_again_goes_on(writer: Sink, now: Now) -> None:
    for value, at, start in ((5, 1, 0), (2, 3, 2), (3, 4, 2), (1, 6, 5)):
        put_points(writer, Made("orders", value, at=at, start=start))
    assert now() == {"orders": 5 + 3 + 1}


def test_a_counter_that_falls_without_beginning_again_goes_on(writer: Sink, now: Now) -> None:
    for value, at in ((5, 1), (2, 2), (3, 3)):
        put_points(writer, Made("orders", value, at=at))
    assert now() == {"orders": 8}


def test_a_histogram_that_begins_again_goes_on(writer: Sink, now: Now) -> None:
    put_points(writer, histogram("wait", [3, 4], [1.0], at=1))
    put_points(writer, histogram("wait", [1, 0], [1.0], at=3, start=2))
    assert now() == {"wait": 8}


def test_an_up_down_counter_may_fall(writer: Sink, now: Now) -> None:
    for value, at in ((5, 1), (2, 2)):
        put_points(writer, updown("open", value, at))
    assert now() == {"open": 2}


def test_differences_are_accumulated_and_shown_as_totals(store: Store, writer: Sink) -> None:
    for value, at in ((5, 1), (2, 2)):
        put_points(writer, Made("orders", value, at=at, start=at - 1, temporality="delta"))
    (point,) = store.reader().current_metrics()
    assert (point.value, point.metric.temporality, point.start_time_unix_nano) == ({"as_int": 7}, "cumulative", T0 - 1)


def test_floats_are_added_as_exactly_as_they_can_be_shown(store: Store, writer: Sink) -> None:
    for value in [0.1] * 10:
        put_points(store.writer(), Made("cost", value))
    assert store.reader().current_metrics()[0].value == {"as_double": 1.0}


def test_a_process_that_counts_in_other_numbers_makes_the_sum_a_float(store: Store) -> None:
    put_points(store.writer(), Made("cost", 1))
    put_points(store.writer(), Made("cost", 0.5))
    assert store.reader().current_metrics()[0].value == {"as_double": 1.5}


def test_what_a_process_no_longer_observes_stays_counted_but_is_no_longer_gauged(writer: Sink, now: Now) -> None:
    put_points(writer, Made("jobs", 4), gauge("load", 1), updown("open", 2), Made("orders", 1))
    assert now() == {"jobs": 4, "load": 1, "open": 2, "orders": 1}
    put_points(writer, Made("orders", 2, at=1))
    assert now() == {"jobs": 4, "orders": 2}


def test_a_series_that_comes_back_is_counted_once(writer: Sink, now: Now) -> None:
    put_points(writer, Made("jobs", 4), Made("orders", 1))
    put_points(writer, Made("orders", 2, at=1))
    put_points(writer, Made("jobs", 5, at=2), Made("orders", 3, at=2))
    assert now() == {"jobs": 5, "orders": 3}


def test_instruments_that_conflict_are_added(writer: Sink, now: Now) -> None:
    for value in (1, 2):
        put_points(writer, Made("orders", value, at=value), Made("orders", 10 * value, at=value, start=0.5))
    assert now() == {"orders": 22}


def test_a_process_of_two_services_counts_for_each(store: Store, writer: Sink) -> None:
    for value in (1, 2):
        for service in ("shop", "pay"):
            put_points(writer, Made("orders", value, at=value), of=resource(service))
    assert [(point.service, point.value) for point in store.reader().current_metrics()] == [
        ("pay", {"as_int": 2}),
        ("shop", {"as_int": 2}),
    ]


def test_the_newest_exemplars_are_kept_while_there_are_no_newer_ones(store: Store, writer: Sink) -> None:
    exemplars = [{"time_unix_nano": n, "as_int": n} for n in range(1, 2 * series.MAX_EXEMPLARS)]
    put_points(writer, Made("orders", 1, exemplars=exemplars))
    put_points(writer, Made("orders", 2, at=1))
    put_points(store.writer(), Made("orders", 2, exemplars=[{"time_unix_nano": 99, "as_int": 99}]))
    (point,) = store.reader().current_metrics()
    found = [exemplar["time_unix_nano"] for exemplar in point.exemplars]
    assert (found[0], found[1], len(found)) == (99, 2 * series.MAX_EXEMPLARS - 1, series.MAX_EXEMPLARS)


# --- what is asked for


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"name": "a"}, "a"),
        ({"service": "pay"}, "b"),
        ({"where": {"k": "1"}}, "c"),
        ({"where": {"service.name": "pay"}}, "b"),
        ({"text": "UN"}, "c"),
        ({"since": T0 + 3 * S}, "c"),
        ({"since": T0 + 3 * S, "name": "a"}, ""),
        ({"name": None}, "abc"),
    ],
    ids=repr,
)
def test_series_can_be_asked_for(store: Store, filters: dict[str, Any], names: str) -> None:
    put_points(store.writer(), Made("a", 1, at=1), Made("c", 1, at=3, attributes={"k": 1, "city": "Duns"}))
    put_points(store.writer(), Made("b", 1, at=2), of=resource("pay"))
    assert "".join(point.metric.name for point in store.reader().current_metrics(**filters)) == names


@pytest.mark.parametrize("name", ["until", "limit", "cursor", "level"])
def test_a_filter_that_makes_no_sense_is_refused(store: Store, name: str) -> None:
    with pytest.raises(QueryError, match=name):
        store.reader().current_metrics(**{name: 1})


def test_a_reader_of_one_service_counts_its_own_alone(store: Store) -> None:
    for service in ("shop", "pay"):
        put_points(store.writer(), Made("orders", 1), of=resource(service))
    found = tidegate.store.open(store.location, service="shop").current_metrics()
    assert [point.service for point in found] == ["shop"]


def test_a_block_that_is_no_block_of_points_is_passed_by(store: Store, writer: Sink, now: Now) -> None:
    put_points(writer, Made("orders", 1))
    put_points(writer, Made("orders", {"unheard": 1}, at=1))
    reader = store.reader()
    assert (shown(reader.current_metrics()), reader.damaged) == ({"orders": 1}, 1)


# --- what ends; in a directory, where processes are told by their locks


def test_a_process_that_ended_stays_counted_but_has_no_gauge(directory: Store) -> None:
    writer, reader = directory.writer(), directory.reader()
    put_points(writer, Made("orders", 3), histogram("wait", [1], []), gauge("load", 1), updown("open", 2))
    assert len(reader.current_metrics()) == 4
    writer.close()
    assert shown(reader.current_metrics()) == shown(directory.reader().current_metrics()) == {"orders": 3, "wait": 1}


def test_a_process_that_records_after_its_end_is_counted_once(directory: Store) -> None:
    writer, reader = directory.writer(), directory.reader()
    put_points(writer, Made("orders", 3), gauge("load", 1))
    writer.close()
    reader.current_metrics()
    put_points(writer, Made("orders", 4, at=1), gauge("load", 2, at=1))
    assert shown(reader.current_metrics()) == {"orders": 4, "load": 2}


def test_a_forked_child_counts_from_zero(directory: Store) -> None:
    writer = directory.writer()
    put_points(writer, Made("orders", 3))
    writer.abandon()
    put_points(writer, Made("orders", 2))
    assert shown(directory.reader().current_metrics()) == {"orders": 5}


def test_a_process_whose_segment_is_closed_for_a_new_one_lives_on(store_dir: Any) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=1)
    reader = tidegate.store.open(store_dir, missing_ok=True)
    for number in range(5):
        put_points(writer, Made("orders", number, at=number), gauge("load", number, at=number))
        assert shown(reader.current_metrics()) == {"orders": number, "load": number}
    put(writer, [log()])  # its newest segment has no metrics at all
    assert shown(reader.current_metrics()) == {"orders": 4, "load": 4}
    writer.close()


def test_a_process_that_goes_on_to_a_new_segment_while_it_is_looked_for_lives_on(
    store_dir: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=1)
    put_points(writer, gauge("load", 1))
    look = DirectoryCatalog.newer

    def go_on_after(catalog: DirectoryCatalog, number: int, **options: Any) -> Any:
        found = look(catalog, number, **options)
        monkeypatch.setattr(DirectoryCatalog, "newer", look)
        put_points(writer, gauge("load", 2, at=1))
        return found

    monkeypatch.setattr(DirectoryCatalog, "newer", go_on_after)
    with tidegate.store.open(store_dir) as reader:
        assert shown(reader.current_metrics()) == {"load": 2}
    writer.close()


def test_an_ended_process_is_not_asked_again(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def is_free(lock: str) -> bool:
        asked.append(lock)
        return True

    monkeypatch.setattr(locks, "is_free", is_free)
    put_points(directory.writer(), Made("orders", 1))
    reader = directory.reader()
    for _ in range(3):
        reader.current_metrics()
    assert len(asked) == 1


def test_ended_processes_beyond_a_bound_are_put_together(directory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "MAX_ENDED", 2)
    reader = directory.reader()
    for number in range(1, 6):
        writer = directory.writer()
        put_points(writer, Made("orders", 1, at=number), Made("cost", 0.1, at=number))
        writer.close()
        reader.current_metrics()
    assert len(reader._current._totals.processes) == 2
    assert shown(reader.current_metrics()) == {"orders": 5, "cost": 0.5}


# --- totals that are only told what happens

steps = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["count", "count", "count", "reset", "end", "fold"])), max_size=25
)


@given(steps)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_to_processes_a_counter_is_what_was_counted(happened: list[tuple[int, str]]) -> None:
    found = totals.Totals()
    counted = former = 0
    alive: dict[int, tuple[str, int, int]] = {}
    for at, (slot, what) in enumerate(happened, 1):
        if what in ("count", "reset"):
            id, value, start = alive.get(slot, (f"{slot}.{at}", 0, at))
            value, start, counted = (1, at, counted + 1) if what == "reset" else (value + 1, start, counted + 1)
            alive[slot] = (id, value, start)
            _count(found, id, Made("orders", value, at=at, start=start))
        elif slot in alive:
            process = found.process(alive.pop(slot)[0])
            found.end(process, at)
            if what == "fold":
                found.fold(process)
        (total,) = shown(found.points()).values() or (0,)
        assert former <= total == counted
        former = total


def _count(found: totals.Totals, id: str, made: Made) -> None:
    columns = {"t0": str(T0), "metrics": [made.metric], "value": [{"as_int": made.value}],
               "time": [round(made.at * S)], "age": [round((made.at - made.start) * S) + 1]}  # fmt: skip
    found.absorb(found.process(id), resource(), columns, 1)


def test_series_that_no_living_process_has_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "MAX_BASES", 2)
    found = totals.Totals()
    for number in range(4):
        _count(found, str(number), Made(f"m{number}", 1, at=number, start=number))
        found.fold(found.process(str(number)))
    found.trim(0)
    assert (shown(found.points()), found.evicted) == ({"m2": 1, "m3": 1}, 2)


def test_a_service_that_has_recorded_nothing_for_long_goes() -> None:
    found = totals.Totals()
    _count(found, "1", Made("a", 1, at=5, start=1))
    found.fold(found.process("1"))
    found.trim(T0 + 5 * S)
    assert shown(found.points()) == {"a": 1}
    found.trim(T0 + 5 * S + 1)
    assert (found.points(), found.evicted) == ([], 1)


def test_folded_processes_are_known_even_when_their_ids_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "MAX_FOLDED", 1)
    found = totals.Totals()
    for number in (1, 2):
        _count(found, str(number), Made("a", 1, at=number, start=0))
        found.fold(found.process(str(number)))
    known = [found.is_folded(id, T0 + at * S) for id, at in (("1", 1), ("2", 2), ("3", 2))]
    assert (known, len(found.folded)) == ([True, True, False], 1)

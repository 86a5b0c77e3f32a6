"""Metrics over time: growth over processes and resets, quantiles of histograms, values of everything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from making import T0, resource
from metering import Made, S, gauge, histogram, put_points, updown
from storing import Store
from tidegate.errors import QueryError
from tidegate.store.questions import lines

STEP = "10s"


@pytest.fixture(params=["directory", "sealed", "memory"])
def new_store(request: pytest.FixtureRequest, stores_of: Callable[[str], Callable[[], Store]]) -> Callable[[], Store]:
    return stores_of(request.param)


def values(store: Store, name: str, **question: Any) -> list[Sequence[float | None]]:
    with store.reader() as reader:
        return [line.values for line in reader.series(name, **{"step": STEP, "since": T0, **question}).series]


def test_a_counters_rate_is_its_growth_per_second(store: Store) -> None:
    writer = store.writer()
    for at, value in ((0, 5), (5, 15), (12, 35), (21, 35)):
        put_points(writer, Made("orders", value, at, start=0))
    assert values(store, "orders") == [[1.5, 2.0, 0.0]]


def test_growth_may_be_had_as_it_is(store: Store) -> None:
    writer = store.writer()
    for at, value in ((0, 5), (5, 15), (12, 35)):
        put_points(writer, Made("orders", value, at))
    assert values(store, "orders", rate=False) == [[15, 20]]


def test_a_counter_that_begins_anew_counts_from_there(store: Store) -> None:
    writer = store.writer()
    for at, start, value in ((0, 0, 50), (5, 0, 60), (15, 10, 4), (18, 10, 9)):
        put_points(writer, Made("orders", value, at, start=start))
    assert values(store, "orders", rate=False) == [[60, 9]]


def test_a_counter_that_falls_without_saying_so_counts_from_there(store: Store) -> None:
    writer = store.writer()
    for at, value in ((0, 50), (15, 4)):
        put_points(writer, Made("orders", value, at))
    assert values(store, "orders", rate=False) == [[50, 4]]


def test_what_was_counted_before_the_time_asked_for_is_not_counted(store: Store) -> None:
    writer = store.writer()
    for at, value in ((-5, 100), (5, 130)):
        put_points(writer, Made("orders", value, at, start=-4000))
    assert values(store, "orders", rate=False) == [[30]]


def test_what_a_process_counted_before_it_was_seen_first_is_not_of_that_time(store: Store) -> None:
    writer = store.writer()
    for at, value in ((5, 130), (15, 131)):
        put_points(writer, Made("orders", value, at, start=-4000))
    assert values(store, "orders", rate=False) == [[None, 1]]


def test_a_delta_is_counted_when_it_was_recorded(store: Store) -> None:
    writer = store.writer()
    for at, value in ((0, 5), (5, 3), (12, 2)):
        put_points(writer, Made("orders", value, at, temporality="delta"))
    assert values(store, "orders", rate=False) == [[8, 2]]


growing = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(0, 9)), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(written=growing)
def test_growth_is_added_over_processes(new_store: Callable[[], Store], written: list[tuple[int, int, int]]) -> None:
    store = new_store()
    writers = [store.writer() for _ in range(3)]
    total = [0, 0, 0]
    expected: dict[int, int] = defaultdict(int)
    for process, at, more in sorted(written, key=lambda each: each[1]):
        if any((process, at) == (other, time) for other, time, _ in written if (other, time, _) != (process, at, more)):
            continue  # two points of one process at one time have no order
        total[process] += more
        expected[at // 10] += more
        put_points(writers[process], Made("orders", total[process], at))
    found = values(store, "orders", rate=False)
    drawn = {place: value for place, value in enumerate(found[0] if found else ()) if value is not None}
    assert drawn == expected


def test_series_are_told_apart_by_attributes_and_services(store: Store) -> None:
    put_points(store.writer(), Made("orders", 1, 1, attributes={"a": 1}), Made("orders", 2, 1, attributes={"a": 2}))
    put_points(store.writer(), Made("orders", 4, 1, attributes={"a": 1}), of=resource("pay"))
    with store.reader() as reader:
        found = reader.series("orders", step=STEP, rate=False).series
    assert [(line.service, line.attributes, line.values) for line in found] == [
        ("pay", {"a": 1}, [4]),
        ("shop", {"a": 1}, [1]),
        ("shop", {"a": 2}, [2]),
    ]


def test_series_are_added_up_by_the_attributes_that_are_named(store: Store) -> None:
    made = [Made("orders", 1 << n, 1, attributes={"a": n % 2, "b": n}) for n in range(4)]
    put_points(store.writer(), *made)
    assert values(store, "orders", rate=False, by=["a"]) == [[5], [10]]
    assert values(store, "orders", rate=False, by=[]) == [[15]]


def test_quantiles_are_those_of_the_histograms_of_all_processes_in_the_step(store: Store) -> None:
    one, two = store.writer(), store.writer()
    for at, first, second in ((1, [10, 0, 0], [0, 0, 0]), (11, [10, 10, 0], [0, 10, 0])):
        put_points(one, bounded(first, [1, 2], at, 0.5, 2))
        put_points(two, bounded(second, [1, 2], at, 0.5, 2))
    with store.reader() as reader:
        [line] = reader.series("took", step=STEP, since=T0, q=[0.5, 1]).series
    assert line.values == [1.0, 2.0]
    assert [[float(value or 0) for value in each] for each in line.quantiles] == [[0.75, 1.5], [1.0, 2.0]]


def test_quantiles_of_what_has_grown_lie_between_the_least_and_the_greatest(store: Store) -> None:
    writer = store.writer()
    put_points(writer, bounded([1, 0], [100], 1, 90, 90), bounded([2, 17], [100], 11, 5, 190))
    with store.reader() as reader:
        [line] = reader.series("took", step=STEP, since=T0 + 10 * S, q=[0, 0.95, 1]).series
    assert [list(each) for each in line.quantiles] == [[5.0], [pytest.approx(185, abs=5)], [190.0]]


def test_one_quantile_may_be_asked_for_as_a_number(store: Store) -> None:
    put_points(store.writer(), histogram("took", [10, 0], [1], 1))
    with store.reader() as reader:
        [line] = reader.series("took", step=STEP, since=T0, q=0.5).series
    assert line.quantiles == [[0.75]]


def bounded(counts: Sequence[int], bounds: Sequence[float], at: float, least: float, greatest: float) -> Made:
    """A point of a histogram with these extremes."""
    made = histogram("took", counts, bounds, at)
    return replace(made, value={**made.value, "min": least, "max": greatest})


def exponential(counts: Sequence[int], at: float, scale: int = 0, offset: int = 0) -> Made:
    value = {"count": sum(counts), "sum": 1.0, "scale": scale, "zero_count": 0}
    sides = {"positive": {"offset": offset, "bucket_counts": counts}, "negative": {"offset": 0, "bucket_counts": []}}
    return Made("took", {**value, **sides}, at, type="exponential_histogram", is_monotonic=False)


def test_exponential_histograms_grow_also_when_their_scale_falls(store: Store) -> None:
    writer = store.writer()
    put_points(writer, exponential([4, 4], 1, scale=1))
    put_points(writer, exponential([8, 6], 11, scale=0))
    with store.reader() as reader:
        [line] = reader.series("took", step=STEP, rate=False, since=T0, q=[1]).series
    assert (line.values, line.quantiles) == ([8, 6], [[2.0, 4.0]])


def test_gauges_are_of_their_processes_and_other_sums_are_added(store: Store) -> None:
    one, two = store.writer(), store.writer()
    for at in (1, 5):
        put_points(one, gauge("heat", at, at), updown("queue", at, at))
        put_points(two, gauge("heat", at + 10, at), updown("queue", at + 10, at))
    assert sorted(values(store, "heat"), key=str) == [[15], [5]]
    assert values(store, "queue") == [[20]]


def test_quantiles_of_what_is_no_histogram_are_refused(store: Store) -> None:
    put_points(store.writer(), Made("orders", 1))
    with store.reader() as reader, pytest.raises(QueryError, match="'orders' is no histogram, so it has no quantiles"):
        reader.series("orders", q=[0.5])


def test_series_beyond_the_bound_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_SERIES", 2)
    put_points(store.writer(), *(Made("orders", 1, 1, attributes={"a": n}) for n in range(5)))
    with store.reader() as reader:
        found = reader.series("orders", step=STEP)
    assert (len(found.series), found.left_out) == (2, 3)


def test_steps_begin_at_their_multiples_since_the_epoch(store: Store) -> None:
    put_points(store.writer(), Made("orders", 1, 7))
    with store.reader() as reader:
        found = reader.series("orders", step="4s")
    assert (found.start, found.step) == ((T0 + 7 * S) // (4 * S) * 4 * S, 4 * S)

"""Answers in numbers, against naive ones: over all records, one by one."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from making import T0, log, put, resource, span
from storing import Store
from tidegate.errors import QueryError
from tidegate.records import Log, Span
from tidegate.store.conditions import as_text
from tidegate.store.query import value_of
from tidegate.store.questions import distribution, scan
from tidegate.store.reader import Reader
from tidegate.store.sealed.shapes import MISSING

S = 10**9


@pytest.fixture(params=["directory", "sealed", "memory"])
def new_store(request: pytest.FixtureRequest, stores_of: Callable[[str], Callable[[], Store]]) -> Callable[[], Store]:
    return stores_of(request.param)


made = st.fixed_dictionaries(
    {
        "at": st.integers(0, 12).map(lambda seconds: seconds * S // 2),
        "error": st.booleans(),
        "duration": st.integers(0, 1 << 40),
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                "route": st.sampled_from(["/a", "/b", 1, "1", True, 1.0, None, ["x"]]),
                "size": st.sampled_from([0, 5, -3, 2.5, "big", float("nan"), True]),
            },
        ),
    }
)
blocks = st.lists(st.tuples(st.sampled_from(["shop", "pay"]), st.lists(made, min_size=1, max_size=6)), max_size=5)
filters = st.fixed_dictionaries(
    {},
    optional={
        "since": st.integers(0, 7).map(lambda seconds: T0 + seconds * S),
        "until": st.integers(0, 7).map(lambda seconds: T0 + seconds * S),
        "service": st.sampled_from(["shop", "pay"]),
        "where": st.sampled_from([["route?"], ["size>0"], ["route=/a"], ["route!=/a"]]),
    },
)
keys = st.sampled_from(["route", "size", "service", "name", "status", "severity", "region", "nothing"])
signals = st.sampled_from(["spans", "logs"])
several = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)

Written = Sequence[tuple[str, list[dict[str, Any]]]]


def write(store: Store, written: Written) -> None:
    writers = {service: store.writer() for service in ("shop", "pay")}
    for service, records in written:
        of = resource(service, region="eu")
        put(writers[service], [span(**each) for each in records], of)
        logs = [log(at=e["at"], severity=17 if e["error"] else 9, attributes=e["attributes"]) for e in records]
        put(writers[service], logs, of)


def everything(reader: Reader, signal: str, filters: dict[str, Any]) -> list[Any]:
    return list(getattr(reader, signal)(**filters))


def time_of(record: Span | Log) -> int:
    return record.start_time_unix_nano if isinstance(record, Span) else record.time_unix_nano


def text_of(record: Span | Log, key: str) -> str | None:
    value = value_of(record, key)
    return None if value is MISSING else as_text(value)


@several
@given(written=blocks, query=filters, signal=signals, errors=st.booleans())
def test_a_count_is_how_many_records_there_are(
    new_store: Callable[[], Store], written: Written, query: dict[str, Any], signal: Any, errors: bool
) -> None:
    store = new_store()
    write(store, written)
    if errors:
        query |= {"errors": True} if signal == "spans" else {"min_level": "error"}
    with store.reader() as reader:
        assert reader.count(signal, **query) == len(everything(reader, signal, query))


@several
@given(written=blocks, query=filters, signal=signals, by=st.none() | keys, interval=st.sampled_from(["1s", "3s", "1m"]))
def test_a_histogram_counts_each_record_in_its_interval_and_group(
    new_store: Callable[[], Store], written: Written, query: dict[str, Any], signal: Any, by: Any, interval: str
) -> None:
    store = new_store()
    write(store, written)
    with store.reader() as reader:
        found = reader.histogram(signal, by=by, interval=interval, **query)
        expected = Counter(
            (text_of(record, by) if by else None, time_of(record) // found.interval * found.interval)
            for record in everything(reader, signal, query)
        )
    counted = {
        (group.value, found.start + place * found.interval): count
        for group in found.groups
        for place, count in enumerate(group.counts)
        if count
    }
    assert counted == expected


def quantile(values: list[float], share: float) -> float:
    """The least of the values with at least this share of all at or below it."""
    return min(value for value in values if sum(other <= value for other in values) >= share * len(values))


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


@several
@given(written=blocks, query=filters, by=st.none() | keys, of=st.sampled_from(["duration", "size"]))
def test_quantiles_are_those_of_the_records(
    new_store: Callable[[], Store], written: Written, query: dict[str, Any], by: Any, of: str
) -> None:
    store = new_store()
    write(store, written)
    shares = (0, 0.5, 0.95, 1)
    with store.reader() as reader:
        records = everything(reader, "spans", query)
        numbers: dict[str | None, list[tuple[float, bool]]] = defaultdict(list)
        for record in records:
            if is_number(value_of(record, of)):
                numbers[text_of(record, by) if by else None].append((value_of(record, of), record.is_error))
        if not numbers and any(value_of(record, of) is not MISSING for record in records):
            with pytest.raises(QueryError, match="'size' is no number in any of these records"):
                reader.quantiles(of=of, by=by, q=shares, **query)
            return
        found = reader.quantiles(of=of, by=by, q=shares, **query)
    assert {each.value: (each.count, each.errors, list(each.quantiles)) for each in found.groups} == {
        group: (
            len(pairs),
            sum(error for _, error in pairs),
            [quantile([value for value, _ in pairs], share) for share in shares],
        )
        for group, pairs in numbers.items()
    }
    assert (found.relative_error, found.other) == (0, None)


@several
@given(written=blocks, query=filters, signal=signals, key=keys, limit=st.integers(1, 4))
def test_top_values_are_the_most_frequent_ones(
    new_store: Callable[[], Store], written: Written, query: dict[str, Any], signal: Any, key: str, limit: int
) -> None:
    store = new_store()
    write(store, written)
    with store.reader() as reader:
        expected = Counter(text_of(record, key) for record in everything(reader, signal, query))
        found = reader.top(key, signal, limit=limit, **query)
    missing = expected.pop(None, 0)
    assert (found.missing, found.total, found.error) == (missing, sum(expected.values()), 0)
    assert [count for _, count in found.values] == sorted(expected.values(), reverse=True)[:limit]
    assert all(expected[value] == count for value, count in found.values)


calls = st.lists(
    st.tuples(st.sampled_from(["shop", "pay", "mail"]), st.integers(0, 6), st.integers(1, 2), st.booleans()), max_size=8
)


@several
@given(written=calls, query=filters)
def test_edges_lead_from_the_service_of_the_parent(
    new_store: Callable[[], Store], written: list[tuple[str, int, int, bool]], query: dict[str, Any]
) -> None:
    query.pop("where", None)
    store = new_store()
    writers = {service: store.writer() for service in ("shop", "pay", "mail")}
    for number, (service, parent, trace, error) in enumerate(written, 1):
        made = span(at=number * S // 2, id=number, parent=parent, trace=trace, error=error)
        put(writers[service], [made], resource(service))
    with store.reader() as reader:
        services = {(record.trace_id, record.span_id): record.service for record in reader.spans()}
        children = [record for record in reader.spans(**query) if record.parent_span_id]
        expected: Counter[tuple[str | None, str]] = Counter()
        errors: Counter[tuple[str | None, str]] = Counter()
        for child in children:
            edge = services.get((child.trace_id, child.parent_span_id)), child.service
            if edge[0] != edge[1]:
                expected[edge] += 1
                errors[edge] += child.is_error
        found = reader.edges(**query)
    assert {(edge.caller, edge.callee): (edge.count, edge.errors) for edge in found} == {
        edge: (count, errors[edge]) for edge, count in expected.items()
    }


# --- bounds


def test_groups_beyond_the_bound_are_counted_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_GROUPS", 2)
    put(store.writer(), [log(attributes={"n": n}) for n in range(5)])
    with store.reader() as reader:
        found = reader.histogram("logs", by="n", interval="1s")
    assert found.other is not None
    assert (len(found.groups), found.other.total, found.totals) == (2, 3, [5])


def test_quantiles_of_groups_beyond_the_bound_are_had_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_GROUPS", 2)
    put(store.writer(), [span(at=n, duration=n, attributes={"n": n}) for n in range(5)])
    with store.reader() as reader:
        found = reader.quantiles(by="n", q=[1])
    assert found.other is not None
    assert (len(found.groups), found.other.count, found.other.quantiles) == (2, 3, [4])


def test_the_greatest_groups_have_places_of_their_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_GROUPS", 2)
    records = [(n, n) for n in range(5)] + [(n, "hot") for n in range(5, 12)] + [(n, "warm") for n in range(12, 15)]
    writer = store.writer()
    put(writer, [span(at=at, duration=at, attributes={"user": user}) for at, user in records])
    put(writer, [log(at=at, attributes={"user": user}) for at, user in records])
    with store.reader() as reader:
        counted = reader.histogram("logs", by="user", interval="1s")
        fares = reader.quantiles(by="user", q=1)
    assert [(group.value, group.total) for group in counted.groups] == [("hot", 7), ("warm", 3)]
    assert [(group.value, *group.quantiles) for group in fares.groups] == [("hot", 11), ("warm", 14)]
    assert counted.other is not None
    assert fares.other is not None
    assert (counted.other.total, counted.error, fares.other.count, fares.error) == (5, 0, 5, 0)


def test_the_greatest_groups_of_quantiles_are_those_with_most_numbers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_GROUPS", 1)
    users = ["a", "a", "a", "b", "b"]
    put(store.writer(), [span(at=n, attributes={"user": user}) for n, user in enumerate(users)])
    put(store.writer(), [span(at=n, attributes={"user": user, "size": n}) for n, user in enumerate(users[2:])])
    with store.reader() as reader:
        found = reader.quantiles(of="size", by="user", q=[1])
    assert [(group.value, group.count) for group in found.groups] == [("b", 2)]


def test_greatest_groups_among_too_many_say_how_much_greater_another_may_be(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_GROUPS", 1)
    monkeypatch.setattr(scan, "MAX_VALUES", 3)
    writer = store.writer()
    for block in range(3):
        put(writer, [log(attributes={"n": n}) for n in ["hot"] * 9 + [*range(10 * block, 10 * block + 8)]])
    with store.reader() as reader:
        found = reader.histogram("logs", by="n", interval="1s")
    assert [(group.value, group.total) for group in found.groups] == [("hot", 27)]
    assert found.error > 0


def test_quantiles_of_what_no_record_has_say_how_many_there_are_without_it(store: Store) -> None:
    put(store.writer(), [span(at=n) for n in range(3)])
    with store.reader() as reader:
        found = reader.quantiles(of="nosuch")
    assert (found.groups, found.missing, found.to_dict()["missing"]) == ([], 3, 3)


def test_one_quantile_may_be_asked_for_as_a_number(store: Store) -> None:
    put(store.writer(), [span(at=n, duration=n) for n in range(1, 4)])
    with store.reader() as reader:
        [group] = reader.quantiles(q=0.5).groups
    assert group.quantiles == [2]


def test_the_most_frequent_bodies_are_found(store: Store) -> None:
    put(store.writer(), [log("a", 0), log({"b": 1}, 1), log("a", 2), log(None, 3)])
    with store.reader() as reader:
        found = reader.top("body", "logs")
    assert (found.values, found.missing) == ([("a", 2), ('{"b":1}', 1)], 1)


def test_quantiles_of_many_values_are_within_the_error_that_is_stated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "MAX_KEPT", 10)
    durations = [(n * 7919) % 1000 * 1_000_003 + 1 for n in range(1000)]
    put(store.writer(), [span(at=n, duration=duration) for n, duration in enumerate(durations)])
    shares = (0.0, 0.01, 0.5, 0.95, 0.99, 1.0)
    with store.reader() as reader:
        found = reader.quantiles(q=shares)
    exact = [quantile(list(map(float, durations)), share) for share in shares]
    assert 0 < found.relative_error < 0.006
    assert [found.groups[0].quantiles[i] == pytest.approx(exact[i], rel=found.relative_error) for i in range(6)] == [
        True
    ] * 6


def test_top_values_beyond_the_bound_say_how_far_they_may_be_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_VALUES", 3)
    writer = store.writer()
    for block in range(4):
        put(
            writer,
            [log(attributes={"n": n if n % 2 else 100 * block + n}) for n in [1] * 9 + [3] * 5 + [*range(0, 20, 2)]],
        )
    with store.reader() as reader:
        found = reader.top("n", "logs", limit=2)
    assert found.error > 0
    assert [value for value, _ in found.values] == ["1", "3"]
    assert all(exact - found.error <= count <= exact for (_, count), exact in zip(found.values, [36, 20], strict=True))


def test_too_many_intervals_are_refused(store: Store) -> None:
    put(store.writer(), [log(at=0), log(at=86400 * S)])
    with store.reader() as reader, pytest.raises(QueryError, match=r"86,401 intervals.*; at most 10,000"):
        reader.histogram("logs", interval="1s")


def test_without_an_interval_there_are_sixty_at_most(store: Store) -> None:
    put(store.writer(), [log(at=0), log(at=7200 * S - 1)])
    with store.reader() as reader:
        found = reader.histogram("logs")
    assert (found.interval, len(found.totals), sum(found.totals)) == (300 * S, 25, 2)


def test_an_empty_store_counts_nothing(store: Store) -> None:
    with store.reader() as reader:
        answers = (reader.count("logs"), sum(reader.histogram("spans").totals), reader.top("a").values)
        assert (*answers, reader.quantiles().groups, reader.edges(), reader.series("none").series) == (
            0,
            0,
            [],
            [],
            [],
            [],
        )


# --- refusals


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda reader: reader.count("sounds"), "the signal is 'sounds'"),
        (lambda reader: reader.count("logs", limit=5), "'limit' is not a filter of this question"),
        (lambda reader: reader.count("logs", order="oldest"), "'order' is not a filter"),
        (lambda reader: reader.count("metrics", level="info"), "'level' is not a filter"),
        (lambda reader: reader.histogram("logs", interval="soon"), "the interval is 'soon'; it must be ns, or text"),
        (lambda reader: reader.histogram("logs", interval=0), "the interval is 0"),
        (lambda reader: reader.histogram("logs", by=""), "by is ''; it must be a key"),
        (lambda reader: reader.histogram("logs", by=["a"]), "by is ['a']"),
        (lambda reader: reader.quantiles(q=[2]), "q is [2]; it must be a number from 0 to 1, or several"),
        (lambda reader: reader.quantiles(q="95"), "q is '95'"),
        (lambda reader: reader.quantiles(q=95), "q is 95"),
        (lambda reader: reader.quantiles(q=True), "q is True"),
        (lambda reader: reader.series("a", q=None), "q is None"),
        (lambda reader: reader.quantiles("logs"), "logs have no duration; name an attribute"),
        (lambda reader: reader.top("a", limit=0), "the limit is 0"),
        (lambda reader: reader.top(None), "key is None; it must be a key"),
        (lambda reader: reader.series("a", step="x"), "the step is 'x'"),
        (lambda reader: reader.series("a", by="b"), "by is 'b'; it must be a list of attributes"),
        (lambda reader: reader.edges(min_level="info"), "'min_level' is not a filter"),
        (lambda reader: reader.count("logs", timeout=0), "the timeout is 0; it must be a number of seconds above 0"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(store: Store, ask: Callable[[Reader], object], message: str) -> None:
    with store.reader() as reader, pytest.raises(QueryError) as refused:
        ask(reader)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda reader: reader.count("logs"),
        lambda reader: reader.histogram("logs"),
        lambda reader: reader.quantiles(),
        lambda reader: reader.top("a"),
        lambda reader: reader.series("a"),
        lambda reader: reader.edges(),
    ],
    ids=["count", "histogram", "quantiles", "top", "series", "edges"],
)
def test_a_served_store_refuses_to_count_and_says_where_it_can_be_done(
    stores_of: Callable[[str], Callable[[], Store]], ask: Callable[[Reader], object]
) -> None:
    with stores_of("served")().reader() as reader, pytest.raises(QueryError, match="ask this where the store is"):
        ask(reader)


def test_a_served_store_refuses_to_delete(stores_of: Callable[[str], Callable[[], Store]]) -> None:
    with (
        stores_of("served")().reader() as reader,
        pytest.raises(QueryError, match="nothing can be deleted; do it where"),
    ):
        reader.delete_before("7d")

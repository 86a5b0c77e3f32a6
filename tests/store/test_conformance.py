"""What every store answers, against a naive one: a sorted list that looks at each record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from making import T0, log, put, resource, span
from served import TOKEN
from storing import Store
from tidegate import ndjson
from tidegate.errors import QueryError, QueryTimeout
from tidegate.records import SEVERITIES, Log

SERVICES = ("shop", "pay")
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")


@pytest.fixture(params=["directory", "sealed", "memory", "served"])
def new_store(
    request: pytest.FixtureRequest,
    stores_of: Callable[[str], Callable[[], Store]],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], Store]:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN)
    return stores_of(request.param)


@dataclass(frozen=True)
class Entry:
    """A log record as the naive store keeps it; ``n`` tells it from all others."""

    n: int
    time: int
    service: str
    severity: int
    event_name: str
    attributes: dict[str, Any] = field(hash=False)


entries: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    time=st.integers(0, 6),
    severity=st.integers(1, 24),
    event_name=st.sampled_from(["", "ordered", "paid"]),
    attributes=st.fixed_dictionaries(
        {}, optional={"user": st.sampled_from(["ann", "bob", 7, "7", True]), "region": st.sampled_from(["eu", "us"])}
    ),
)
#: Blocks of two writers for each service, in the order of writing.
blocks = st.lists(
    st.tuples(st.sampled_from(SERVICES), st.integers(0, 1), st.lists(entries, min_size=1, max_size=5)), max_size=6
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "since": st.integers(0, 7),
        "until": st.integers(0, 7),
        "service": st.sampled_from(SERVICES),
        "level": st.sampled_from(LEVELS),
        "min_level": st.sampled_from(LEVELS),
        "event_name": st.sampled_from(["ordered", "paid"]),
        "where": st.dictionaries(
            st.sampled_from(["user", "region", "scope", "nothing"]),
            st.sampled_from(["ann", "7", "true", "eu", "made"]),
            max_size=2,
        )
        | st.lists(st.sampled_from(["user>6", "user<=7", "user!=7", "user?", "user!?", "region!=eu"]), max_size=2),
        "order": st.sampled_from(["newest", "oldest"]),
    },
)  # fmt: skip

Written = Sequence[tuple[str, int, list[dict[str, Any]]]]


def write(store: Store, written: Written) -> list[Entry]:
    """Write to the store, and keep a naive list of what it holds."""
    kept: list[Entry] = []
    writers = {(service, number): store.writer() for service in SERVICES for number in (0, 1)}
    for service, number, records in written:
        made = [Entry(len(kept) + n, service=service, **record) for n, record in enumerate(records)]
        kept += made
        put(
            writers[service, number],
            [
                log(e.n, e.time, severity=e.severity, event_name=e.event_name or None, attributes=e.attributes)
                for e in made
            ],
            resource(service, region="eu"),
        )
    return kept


def naive(kept: Sequence[Entry], query: dict[str, Any]) -> list[Entry]:
    """The answer in order."""
    found = [entry for entry in kept if all(CONDITIONS[name](entry, value) for name, value in query.items())]
    return sorted(found, key=lambda entry: entry.time, reverse=query.get("order") != "oldest")


def _where(entry: Entry, wanted: dict[str, str] | list[str]) -> bool:
    """By OpenTelemetry a record's own attributes come before those of its resource."""
    known = {"scope": "made", "region": "eu", **entry.attributes}
    if isinstance(wanted, list):
        return all(HOLDS[condition](known) for condition in wanted)
    texts = {name: str(value).lower() if value is True else str(value) for name, value in known.items()}
    return all(texts.get(name) == value for name, value in wanted.items())


HOLDS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "user>6": lambda known: known.get("user") == 7 and known["user"] is not True,
    "user<=7": lambda known: known.get("user") == 7 and known["user"] is not True,
    "user!=7": lambda known: str(known.get("user")) != "7",
    "user?": lambda known: "user" in known,
    "user!?": lambda known: "user" not in known,
    "region!=eu": lambda known: known["region"] != "eu",
}


CONDITIONS: dict[str, Callable[[Entry, Any], bool]] = {
    "since": lambda entry, since: entry.time >= since,
    "until": lambda entry, until: entry.time < until,
    "service": lambda entry, service: entry.service == service,
    "level": lambda entry, name: SEVERITIES[name.upper()] <= entry.severity <= SEVERITIES[name.upper()] + 3,
    "min_level": lambda entry, name: entry.severity >= SEVERITIES[name.upper()],
    "event_name": lambda entry, name: entry.event_name == name,
    "where": _where,
    "order": lambda entry, order: True,
}


def asked(query: dict[str, Any]) -> dict[str, Any]:
    """The same question in the reader's words: times since the epoch."""
    return {name: value + T0 if name in ("since", "until") else value for name, value in query.items()}


def numbers(logs: Sequence[Log]) -> list[int]:
    return [log.body for log in logs]


several = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@several
@given(written=blocks, query=filters)
def test_the_answer_is_the_naive_one(new_store: Callable[[], Store], written: Written, query: dict[str, Any]) -> None:
    store = new_store()
    kept = write(store, written)
    with store.reader() as reader:
        found = list(reader.logs(**asked(query)))
    expected = naive(kept, query)
    assert sorted(numbers(found)) == sorted(entry.n for entry in expected)
    assert [log.time_unix_nano - T0 for log in found] == [entry.time for entry in expected]


@several
@given(written=blocks, query=filters, size=st.integers(1, 5))
def test_pages_put_together_are_the_whole_answer(
    new_store: Callable[[], Store], written: Written, query: dict[str, Any], size: int
) -> None:
    store = new_store()
    write(store, written)
    with store.reader() as reader:
        whole = numbers(list(reader.logs(**asked(query))))
        paged: list[int] = []
        cursor = None
        while page := list(reader.logs(**asked(query), limit=size, cursor=cursor)):
            assert len(page) <= size
            paged += numbers(page)
            cursor = page[-1].cursor
    assert paged == whole


def test_a_record_that_arrives_late_is_on_the_next_page(store: Store) -> None:
    writer, late = store.writer(), store.writer()
    put(writer, [log("new", 9), log("old", 1)])
    with store.reader() as reader:
        first = next(reader.logs(limit=1))
        put(late, [log("late", 5)])
        assert [log.body for log in reader.logs(cursor=first.cursor)] == ["late", "old"]


def test_a_record_that_arrives_late_is_on_the_next_page_of_the_oldest_first(store: Store) -> None:
    writer, late = store.writer(), store.writer()
    put(writer, [log("old", 1), log("new", 9)])
    with store.reader() as reader:
        first = next(reader.logs(limit=1, order="oldest"))
        put(late, [log("late", 5)])
        assert [log.body for log in reader.logs(cursor=first.cursor, order="oldest")] == ["late", "new"]


def test_traces_come_oldest_first_each_once(store: Store) -> None:
    put(store.writer(), [span(at=1, trace=1, id=1), span(at=5, trace=2, id=2), span(at=9, trace=1, id=3)])
    put(store.writer(), [span(at=0, trace=3, id=4)])
    with store.reader() as reader:
        assert [int(trace.trace_id, 16) for trace in reader.traces(order="oldest")] == [3, 1, 2]


@pytest.mark.parametrize("question", ["logs", "spans", "traces"])
def test_a_question_that_takes_longer_than_its_timeout_says_how_far_it_came(store: Store, question: str) -> None:
    writer = store.writer()
    for number in range(3):
        put(writer, [log(at=number)])
        put(writer, [span(at=number)])
    with store.reader() as reader:
        found = getattr(reader, question)(timeout=1e-9)
        with pytest.raises(QueryTimeout, match=r"longer than its timeout of 1e-09 s, after \d (of \d blocks|records)"):
            list(found)


def test_a_trace_that_takes_longer_than_its_timeout_is_not_waited_for(store: Store) -> None:
    put(store.writer(), [span(trace=0xABC << 100)])
    with store.reader() as reader, pytest.raises(QueryTimeout, match="longer than its timeout of 1e-09 s"):
        reader.trace(f"{0xABC << 100:032x}", timeout=1e-9)


def test_an_empty_store_has_no_records(store: Store) -> None:
    with store.reader() as reader:
        answers = [reader.spans(), reader.logs(), reader.metrics(), reader.traces(), iter(reader.services())]
        assert [list(answer) for answer in answers] == [[], [], [], [], []]


def test_what_one_reader_is_asked_next_includes_what_was_written_meanwhile(store: Store) -> None:
    writer = store.writer()
    with store.reader() as reader:
        before = list(reader.logs())
        put(writer, [log("new")])
        assert (before, [log.body for log in reader.logs()]) == ([], ["new"])


def test_spans_are_found_by_name(store: Store) -> None:
    put(store.writer(), [span("a", 1), span("b", 2), span("a", 3)])
    with store.reader() as reader:
        assert [span.start_time_unix_nano - T0 for span in reader.spans(name="a")] == [3, 1]


def test_spans_with_errors_are_found(store: Store) -> None:
    put(store.writer(), [span("fine"), span("failed", error=True)])
    with store.reader() as reader:
        assert [span.name for span in reader.spans(errors=True)] == ["failed"]


@pytest.mark.parametrize("value", [(1 << 64) - 1, 1 << 70, -(1 << 63) - 1, [1 << 70], [b"abc", {"a": float("nan")}]])
def test_what_json_lacks_is_found_by_the_text_that_shows_it(store: Store, value: Any) -> None:
    put(store.writer(), [log("a", attributes={"v": value}), log("b", attributes={"v": 5})])
    with store.reader() as reader:
        (record,) = (each for each in reader.logs() if each.body == "a")
        shown = orjson.loads(ndjson.dumps(record.to_dict()))["attributes"]["v"]
        text = shown if isinstance(shown, str) else orjson.dumps(shown).decode()
        assert [found.body for found in reader.logs(where=[f"v={text}"])] == ["a"]


@pytest.mark.parametrize("where", [{"kind": "internal"}, {"status": "Error"}, {"name": "failed"}, {"scope": "made"}])
def test_spans_are_found_by_their_own_fields(store: Store, where: dict[str, str]) -> None:
    put(store.writer(), [span("failed", error=True)])
    with store.reader() as reader:
        assert [span.name for span in reader.spans(where=where)] == ["failed"]


def test_a_field_that_a_record_does_not_have_equals_nothing(store: Store) -> None:
    put(store.writer(), [log(), log("second")])
    with store.reader() as reader:
        assert [list(reader.logs(where={"nothing": text})) for text in ("", "\0", "None", "null")] == [[], [], [], []]


def test_spans_and_logs_are_found_by_trace(store: Store) -> None:
    writer = store.writer()
    put(writer, [span("mine", trace=0xABC), span("other", trace=0xDEF)])
    put(writer, [log("mine", trace=0xABC), log("other", trace=0xDEF), log("none")])
    with store.reader() as reader:
        trace_id = f"{0xABC:032x}"
        assert [span.name for span in reader.spans(trace_id=trace_id.upper())] == ["mine"]
        assert [log.body for log in reader.logs(trace_id=trace_id)] == ["mine"]


def test_a_trace_is_whole_over_all_writers(store: Store) -> None:
    put(store.writer(), [span("root", 1, trace=5 << 100, id=1)])
    put(
        store.writer(),
        [span("child", 2, trace=5 << 100, id=2, parent=1), span("other", trace=6 << 100)],
        resource("pay"),
    )
    put(store.writer(), [log("second", 4, trace=5 << 100), log("first", 3, trace=5 << 100)])
    with store.reader() as reader:
        trace = reader.trace(f"{5 << 100:032x}")
    assert trace is not None
    assert [span.name for span in trace.spans] == ["root", "child"]
    assert [log.body for log in trace.logs] == ["first", "second"]
    assert (trace.name, trace.service, trace.services) == ("root", "shop", ["pay", "shop"])


@pytest.mark.parametrize("digits", [4, 8, 9, 31, 32])
def test_a_trace_is_found_by_the_beginning_of_its_id(store: Store, digits: int) -> None:
    ids = [0xAAAA << 112, 0xBBBBCCCCDDDD << 80]
    put(store.writer(), [span("a", trace=ids[0]), span("b", trace=ids[1])])
    with store.reader() as reader:
        trace = reader.trace(f"{ids[1]:032x}"[:digits].upper())
    assert trace is not None
    assert trace.root.name == "b"


def test_records_are_selected_by_the_beginning_of_their_trace_id(store: Store) -> None:
    put(store.writer(), [log("a", trace=0xAAAA << 112), log("b", trace=0xBBBB << 112)])
    with store.reader() as reader:
        assert [record.body for record in reader.logs(trace_id="BBBB0")] == ["b"]


def test_a_beginning_that_two_traces_share_is_refused(store: Store) -> None:
    put(store.writer(), [span(trace=0xAAAAB << 108), span(trace=0xAAAAC << 108)])
    with store.reader() as reader, pytest.raises(QueryError, match="2 traces begin with 'aaaa'; give more digits"):
        reader.trace("aaaa")


def test_an_unknown_trace_is_none(store: Store) -> None:
    put(store.writer(), [span(trace=1 << 100)])
    with store.reader() as reader:
        assert reader.trace("ffff") is None


def test_any_matching_span_selects_its_whole_trace(store: Store) -> None:
    put(store.writer(), [span("root", 1, trace=1, id=1), span("failed", 2, trace=1, id=2, parent=1, error=True)])
    put(store.writer(), [span("fine", 3, trace=2)])
    with store.reader() as reader:
        assert [[span.name for span in trace.spans] for trace in reader.traces(errors=True)] == [["root", "failed"]]


def test_traces_come_newest_first_each_once(store: Store) -> None:
    put(store.writer(), [span(at=1, trace=1, id=1), span(at=5, trace=2, id=2), span(at=9, trace=1, id=3)])
    put(store.writer(), [span(at=7, trace=3, id=4)])
    with store.reader() as reader:
        assert [int(trace.trace_id, 16) for trace in reader.traces()] == [1, 3, 2]


spans_of_traces = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4), st.booleans()), min_size=1, max_size=5), max_size=5
)


@several
@given(written=spans_of_traces, size=st.integers(1, 3), errors=st.booleans())
def test_pages_of_traces_lose_none_and_double_none(
    new_store: Callable[[], Store], written: list[list[tuple[int, int, bool]]], size: int, errors: bool
) -> None:
    store = new_store()
    writer = store.writer()
    for spans in written:
        put(writer, [span(at=at, trace=trace, error=error) for at, trace, error in spans])
    expected = {trace for spans in written for _, trace, error in spans if error or not errors}
    paged: list[int] = []
    cursor = None
    with store.reader() as reader:
        while page := list(reader.traces(limit=size, cursor=cursor, errors=errors)):
            paged += [int(trace.trace_id, 16) for trace in page]
            cursor = page[-1].cursor
    assert sorted(paged) == sorted(expected)


def test_services_are_counted_from_all_writers(store: Store) -> None:
    put(store.writer(), [span(at=3, error=True), span(at=9)])
    put(store.writer(), [log(at=1), log(at=2, severity=17)])
    put(store.writer(), [log(at=5)], resource("pay"))
    with store.reader() as reader:
        pay, shop = reader.services()
    assert (pay.name, pay.logs, pay.processes) == ("pay", 1, 1)
    assert (shop.name, shop.spans, shop.logs, shop.errors, shop.processes) == ("shop", 2, 2, 2, 2)
    assert (shop.first_time_unix_nano, shop.last_time_unix_nano) == (T0 + 1, T0 + 9)


def test_following_gives_every_new_record_of_every_writer_once_and_none_from_before(store: Store) -> None:
    writers = [store.writer() for _ in range(3)]
    put(writers[0], [log(-1)])
    with store.reader() as reader:
        looks = iter(range(11))
        found: list[str] = []

        def write_more() -> bool:
            """Between two looks at the store, each writer commits; a new writer appears half-way."""
            look = next(looks, None)
            if look == 5:
                writers.append(store.writer())
            if look == 10:
                put(writers[0], [log("end", 10)])
            elif look is not None:
                for number, writer in enumerate(writers):
                    put(writer, [log(f"{look}.{number}", look)])
            return "end" in found

        for record in reader.follow("logs", poll=0, stop=write_more):
            assert isinstance(record, Log)
            found.append(record.body)
    expected = [f"{look}.{number}" for look in range(10) for number in range(3 if look < 5 else 4)]
    assert sorted(found) == sorted([*expected, "end"])


def test_following_keeps_to_what_was_asked_for(store: Store) -> None:
    writer = store.writer()
    with store.reader() as reader:
        coming = reader.follow("logs", min_level="error", service="shop", poll=0)
        put(writer, [log("no"), log("yes", 1, severity=17)])
        put(writer, [log("elsewhere", severity=17)], resource("pay"))
        put(writer, [log("again", 2, severity=21)])
        assert [record.body for record in islice(coming, 2) if isinstance(record, Log)] == ["yes", "again"]


def test_following_begins_with_the_call_and_not_with_the_first_look(store: Store) -> None:
    writer = store.writer()
    put(writer, [log("before")])
    with store.reader() as reader:
        coming = reader.follow("logs", poll=0)
        put(writer, [log("after")])
        assert [record.body for record in islice(coming, 1) if isinstance(record, Log)] == ["after"]

"""Lines straight from columns are what the records would give, whatever values they hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from making import T0, log, put, resource, span
from storing import Store
from tidegate import ndjson
from tidegate.record import logs
from tidegate.records import ORIGIN, Origin
from tidegate.store.block import Batch
from tidegate.store.reader import Reader
from tidegate.store.rows import LogRows


def long_way(reader: Reader, signal: str, **filters: Any) -> list[bytes]:
    return [
        ndjson.dumps({**record.to_dict(), "cursor": record.cursor}) for record in getattr(reader, signal)(**filters)
    ]


def nested(depth: int) -> Any:
    value: Any = "deep"
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


texts = st.text(st.characters(exclude_categories=()), max_size=10)  # surrogates and NUL too
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(),
    st.binary(max_size=10),
    texts,
    st.sampled_from(
        [nested(30), nested(90), nested(120), nested(200), nested(260), (1 << 64) - 1, 1 << 63, -(1 << 63)]
    ),
)
names = st.one_of(texts, st.sampled_from(["$bytes", "$map", "code.file.path", "resource", "cursor"]))
odd = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)
attributes = st.dictionaries(names, odd, max_size=4)
records = st.lists(st.tuples(odd, st.integers(0, 3), attributes, st.booleans()), min_size=1, max_size=4)

several = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


@several
@given(made=records, of=attributes)
@example(made=[(math.nan, 0, {"a": b"\xff", "b": "\ud800"}, True), ("fine", 0, {}, True)], of={"odd": 1 << 63})
def test_a_log_record_is_the_same_line(
    new_store: Callable[[], Store], made: list[tuple[Any, int, dict[str, Any], bool]], of: dict[str, Any]
) -> None:
    store = new_store()
    written = []
    for body, at, attrs, located in made:
        record = log(body, at, attributes=attrs, trace=at << 100, event_name="event" if located else None)
        if located:
            setattr(record.log_record, ORIGIN, Origin("template %s", "/srv/shop.py", 7, "buy"))
        written.append(record)
    store.writer().append(resource(odd=of), logs.batch(written))
    with store.reader() as reader:
        assert list(reader.lines("logs")) == long_way(reader, "logs")


@several
@given(attrs=attributes, of=attributes, error=st.booleans())
def test_a_span_is_the_same_line(
    new_store: Callable[[], Store], attrs: dict[str, Any], of: dict[str, Any], error: bool
) -> None:
    store = new_store()
    put(store.writer(), [span(attributes=attrs, error=error), span("child", 1, id=2, parent=1)], resource(**of))
    with store.reader() as reader:
        assert list(reader.lines("spans")) == long_way(reader, "spans")


@several
@given(attrs=attributes, of=attributes, value=odd)
def test_a_point_is_the_same_line(
    new_store: Callable[[], Store], attrs: dict[str, Any], of: dict[str, Any], value: Any
) -> None:
    store = new_store()
    columns = {"t0": str(T0), "metrics": [{"name": "made", "type": "gauge"}], "value": [{"as_double": value}],
               "attributes": [attrs]}  # fmt: skip
    store.writer().append(resource(**of), Batch("metrics", 1, columns, T0, T0))
    with store.reader() as reader:
        assert list(reader.lines("metrics")) == long_way(reader, "metrics")


def test_a_line_is_one_line_of_json_with_its_cursor(store: Store) -> None:
    put(store.writer(), [log("two\nlines")])
    with store.reader() as reader:
        (line,) = reader.lines("logs")
        (record,) = reader.logs()
    assert line.count(b"\n") == 1
    assert line.endswith(f'"cursor":"{record.cursor}"}}\n'.encode())


def test_no_record_is_made_for_a_line_that_json_can_carry(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store.writer(), [log("plain", attributes={"user": "ann", "n": [1, 2.5, None, True]})])

    def fail(*_: object) -> None:
        raise AssertionError("a record was made")

    with store.reader() as reader, monkeypatch.context() as patched:
        patched.setattr(LogRows, "record", fail)
        assert len(list(reader.lines("logs"))) == 1


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"limit": 3},
        {"min_level": "error"},
        {"where": {"user": "ann"}},
        {"text": "record 4"},
        {"since": T0 + 2, "until": T0 + 5},
        {"trace_id": f"{3 << 100:032x}"},
        {"service": "pay"},
    ],
    ids=repr,
)
def test_filters_and_order_are_those_of_records(store: Store, filters: dict[str, Any]) -> None:
    writers = [store.writer() for _ in range(3)]
    for number in range(12):
        made = [
            log(f"record {number}.{n}", number // 2 + n, severity=17 if n else 9, trace=number << 100,
                attributes={"user": "ann" if number % 2 else "bob"})
            for n in range(3)
        ]  # fmt: skip
        put(writers[number % 3], made, resource("shop" if number % 4 else "pay"))
    with store.reader() as reader:
        found = list(reader.lines("logs", **filters))
        assert found
        assert found == long_way(reader, "logs", **filters)


def test_a_page_of_lines_goes_on_where_the_former_ended(store: Store) -> None:
    put(store.writer(), [log(number, number) for number in range(9)])
    with store.reader() as reader:
        whole = list(reader.lines("logs"))
        cursor = list(reader.logs(limit=4))[-1].cursor
        assert whole[4:] == list(reader.lines("logs", cursor=cursor))

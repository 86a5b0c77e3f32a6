"""The conditions of ``where``: what they say, and that columns and records give the same answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from making import log, put, span
from storing import Store
from tidegate.errors import QueryError
from tidegate.store.conditions import MAX_CONDITIONS, Condition, as_text, conditions
from tidegate.store.query import Query, value_of
from tidegate.store.sealed.shapes import MISSING


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("http.route=/a=b", Condition("http.route", "=", "/a=b")),
        ("key=", Condition("key", "=", "")),
        ("key!=a?", Condition("key", "!=", "a?")),
        ("key>5", Condition("key", ">", "5")),
        ("key>=-5.5", Condition("key", ">=", "-5.5")),
        ("key<1e3", Condition("key", "<", "1e3")),
        ("key<=5", Condition("key", "<=", "5")),
        ("duration>=500ms", Condition("duration", ">=", "500ms")),
        ("key?", Condition("key", "?")),
        ("key!?", Condition("key", "!?")),
        ("a!b=c", Condition("a!b", "=", "c")),
        ("a key=two\nlines", Condition("a key", "=", "two\nlines")),
    ],
)
def test_a_condition_is_read_and_written_back(text: str, condition: Condition) -> None:
    assert (Condition.parse(text), str(condition)) == (condition, text)


@pytest.mark.parametrize("text", ["", "key", "=value", "?", ">5", "<", 5, None])
def test_what_is_no_condition_is_refused(text: Any) -> None:
    with pytest.raises(QueryError, match=r"a condition is .*; it must be KEY=VALUE, "):
        Condition.parse(text)


@pytest.mark.parametrize("text", ["key>ten", "key>", "key<=nan", "key>inf", "key>1ms", "key<1_0", "key>" + "9" * 31])
def test_a_comparison_with_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="it must be a number"):
        Condition.parse(text)


@pytest.mark.parametrize(
    ("text", "holding", "failing"),
    [
        ("key=5", [5, "5"], [5.0, 55, "05", None, MISSING]),
        ("key=true", [True, "true"], [1, "True", MISSING]),
        ("key!=5", [6, "", None, MISSING], [5, "5"]),
        ("key>5", [6, 5.1, float("inf"), 1 << 70], [5, "6", True, None, [6], float("nan"), MISSING]),
        ("key>=5", [5, 5.0], [4.9, "5", MISSING]),
        ("key<5", [4, -1e300], [5, "4", False, MISSING]),
        ("key<=5", [5, 0], [5.1, MISSING]),
        ("key?", [None, "", 0, False], [MISSING]),
        ("key!?", [MISSING], [None, "", 0, False]),
        ("duration>1.5s", [1_500_000_001], [1_500_000_000]),
        ("status=error", ["ERROR", "error"], ["OK", "Error"]),
        ("other=error", ["error"], ["ERROR"]),
        ("severity=warning", ["WARN", "warning"], ["ERROR", MISSING]),
        ("severity=17", [17, "17"], [18, "ERROR", MISSING]),
        ("severity>=9", [9, 24], [8, "ERROR", MISSING]),
        ("severity>=warn", [13, 17], [12]),
        ("severity>Warn", [17], [13, 16]),
        ("severity<=warn", [1, 16], [17]),
        ("severity<warn", [12], [13]),
    ],
)
def test_a_condition_holds_for_some_values_and_not_for_others(
    text: str, holding: list[Any], failing: list[Any]
) -> None:
    test = Condition.parse(text).test()
    assert ([test(value) for value in holding], [test(value) for value in failing]) == (
        [True] * len(holding),
        [False] * len(failing),
    )


def test_log_records_are_asked_for_by_their_severity_s_number_or_name(store: Store) -> None:
    put(store.writer(), [log(str(number), number, severity=number) for number in (0, 5, 9, 10, 17)])
    with store.reader() as reader:
        found = {
            text: [record.body for record in reader.logs(where=[text], order="oldest")]
            for text in ("severity>=9", "severity=10", "severity!=10", "severity=ERROR", "severity<info")
        }
    assert found == {
        "severity>=9": ["9", "10", "17"],
        "severity=10": ["10"],
        "severity!=10": ["0", "5", "9", "17"],
        "severity=ERROR": ["17"],
        "severity<info": ["5"],
    }


def test_a_mapping_asks_for_equality_with_any_key() -> None:
    assert conditions({"a=b": 1, "c?": True}) == (Condition("a=b", "=", "1"), Condition("c?", "=", "true"))


def test_one_text_is_one_condition() -> None:
    assert conditions("key=5") == (Condition("key", "=", "5"),)


def test_two_values_of_one_key_are_refused() -> None:
    with pytest.raises(QueryError, match="where asks that 'a' be '1' and '2'; nothing can be both"):
        conditions(["a=1", "b=1", "a=2"])


def test_a_range_of_one_key_is_not_refused() -> None:
    assert len(conditions(["a>1", "a<5", "a!=3", "a!=4"])) == 4


def test_too_many_conditions_are_refused() -> None:
    with pytest.raises(QueryError, match=f"where has {MAX_CONDITIONS + 1} conditions"):
        conditions([f"a!={n}" for n in range(MAX_CONDITIONS + 1)])


def test_what_a_block_must_have_is_said_of_attributes_alone() -> None:
    query = Query.build("spans", where=["a=1", "b>2", "c?", "d!=1", "e!?", "name=x", "status=error"])
    assert query.needs == (("a", "1"), ("b", None), ("c", None))


KEYS = (
    "user",
    "size",
    "region",
    "name",
    "scope",
    "service",
    "kind",
    "status",
    "severity",
    "event_name",
    "body",
    "none",
)
VALUES = ("1", "17", "ann", "7", "eu", "shop", "made", "internal", "ERROR", "info", "ordered", "")
written = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "user": st.sampled_from(["ann", 7, "7", True, None, ["ann"]]),
            "size": st.sampled_from([5, 6.5, -1, "6", float("nan")]),
            "severity": st.sampled_from([3, "ERROR"]),
            "name": st.sampled_from(["ann", "work"]),
        },
    ),
    min_size=1,
    max_size=5,
)
asked = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(["=", "!="]), st.sampled_from(VALUES)),
        st.tuples(st.sampled_from(["size", "user"]), st.sampled_from([">", ">=", "<", "<="]), st.just("6")),
        st.tuples(st.just("severity"), st.sampled_from([">", ">=", "<", "<="]), st.sampled_from(["9", "17", "info"])),
        st.tuples(st.sampled_from(KEYS), st.sampled_from(["?", "!?"]), st.just("")),
    ).map("".join),
    min_size=1,
    max_size=3,
    unique_by=lambda text: text.partition("=")[0],
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(spans=written, logs=written, where=asked)
def test_columns_give_the_answer_of_records(
    new_store: Callable[[], Store], spans: list[dict[str, Any]], logs: list[dict[str, Any]], where: list[str]
) -> None:
    store = new_store()
    writer = store.writer()
    put(writer, [span(at=n, error=n % 2 == 1, attributes=each) for n, each in enumerate(spans)])
    put(writer, [log(n, n, severity=9 + 8 * (n % 2), event_name="ordered" if n % 2 else None, attributes=each)
                 for n, each in enumerate(logs)])  # fmt: skip
    tests = [((each.key, each.field), each.test()) for each in conditions(where)]
    with store.reader() as reader:
        for every, found in ((reader.spans(), reader.spans(where=where)), (reader.logs(), reader.logs(where=where))):
            expected = [
                record.cursor for record in every if all(test(value_of(record, *names)) for names, test in tests)
            ]
            assert [record.cursor for record in found] == expected


@pytest.mark.parametrize("value", ["text", 5, True, 0.1])
def test_what_is_asked_for_by_a_mapping_is_found_by_text(store: Store, value: Any) -> None:
    put(store.writer(), [log("with", attributes={"key": value}), log("without")])
    with store.reader() as reader:
        assert [
            [found.body for found in reader.logs(where=where)] for where in ({"key": value}, [f"key={as_text(value)}"])
        ] == [["with"]] * 2

"""What query strings may say, and how a wrong one is answered."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tidegate.serve.message import Problem
from tidegate.serve.parameters import MAX_NUMBER, MAX_PARAMETERS, PARAMETERS, named, parse
from tidegate.serve.routes import ROUTES
from tidegate.store.query import FILTERS, Query

ALL = tuple(PARAMETERS)
LAST = (1 << 63) - 1

TAKEN: list[tuple[str, str, Any]] = [
    ("since", "0", 0),
    ("since", "1763715600.5", 1763715600_500_000_000),
    ("since", "1763715600.123456789", 1763715600_123_456_789),
    ("since", "2026-11-21T08:00:00Z", 1795248000 * 10**9),
    ("since", "2026-11-21T10:00:00+02:00", 1795248000 * 10**9),
    ("since", "2026-11-21T10:00:00 02:00", 1795248000 * 10**9),
    ("since", "2026-11-21 08:00:00Z", 1795248000 * 10**9),
    ("since", "0001-01-01T00:00:00Z", 0),
    ("since", "99999w", 0),
    ("until", "9999-12-31T23:59:59Z", LAST),
    ("until", "9999999999999999999", LAST),
    ("trace_id", "0AF7", "0AF7"),
    ("errors", "true", True),
    ("errors", "false", False),
    ("level", "WARNING", "WARNING"),
    ("min_level", "error", "error"),
    ("service", "\x00\n", "\x00\n"),
    ("text", "ünïcode 🦀", "ünïcode 🦀"),
    ("where", "http.route=/a=b&c", ["http.route=/a=b&c"]),
    ("where", "key=", ["key="]),
    ("where", "key!=a", ["key!=a"]),
    ("where", "http.response.status_code>=500", ["http.response.status_code>=500"]),
    ("where", "duration<1.5ms", ["duration<1.5ms"]),
    ("where", "user.id?", ["user.id?"]),
    ("where", "user.id!?", ["user.id!?"]),
    ("event_name", "order.placed", "order.placed"),
    ("order", "oldest", "oldest"),
    ("limit", "1", 1),
    ("limit", str(MAX_NUMBER), MAX_NUMBER),
    ("offset", "0", 0),
    ("cursor", "18a.0af7-x_Y.0", "18a.0af7-x_Y.0"),
    ("signal", "spans", "spans"),
    ("sort", "change", "change"),
    ("price", "0", 0.0),
    ("price", "2.5e-01", 0.25),
]

REFUSED = {
    "since": [
        *("", " ", "-1", "+1", "nan", "inf", "-inf", "1e9", "0x10", "1_000", "٣", "1m ago", "15 parsecs", "-15m", "m"),
        *("9" * 5000, "9" * 5000 + "w"),
        *("2026-13-01", "2026-02-30", "2026-11-21T25:00", "yesterday", "\x00", "1."),
    ],
    "trace_id": ["", "0af", "0" * 33, "0afg", "0af7\n", " 0af7", "٣af7", "0af7\x00", "../../etc"],
    "errors": ["", "1", "yes", "True", "TRUE", "null", "truefalse"],
    "level": ["", "loud", "17", "error,warn", "\x00"],
    "text": [""],
    "where": ["", "key", "=value", "=", "key>", "key>ten", "key<=nan", "key>1ms", "?", ">5", "key>" + "9" * 31],
    "event_name": [""],
    "order": ["", "NEWEST", "first"],
    "limit": ["", "0", "-1", "+1", "1.0", "1e3", "nan", "inf", " 1", "1 ", "0x1", "1_0", "٣", "9" * 19, "9" * 5000],
    "offset": ["", "-1", "-0", "1.5", str(MAX_NUMBER + 1)],
    "cursor": [
        *("", ".", "..", "1.2", "1.2.3.4", "-1.a.1", "1.a.-1", "0x1.a.1", "1_0.a.1", "٣.a.1", "1..1", "1./etc.1"),
        *("A.a.1", "1.a.1\n", "f" * 17 + ".a.1", "1." + "a" * 65 + ".1", "1.a.", " 1.a.1"),
    ],
    "signal": ["", "metrics", "Logs", "logs "],
    "sort": ["", "counts", "Count", "name"],
    "price": ["", "-1", "nan", "inf", "1_0", "0x1", " 1", "1000001", "1e400", "9" * 5000],
}  # fmt: skip


def refused(query: str, names: tuple[str, ...] = ALL) -> Problem:
    with pytest.raises(Problem) as problem:
        parse(query, names)
    assert problem.value.status == 400
    return problem.value


@pytest.mark.parametrize(("name", "text", "value"), TAKEN)
def test_a_value_is_taken(name: str, text: str, value: Any) -> None:
    assert parse(urlencode({name: text}), ALL) == {name: value}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_a_wrong_value_is_refused_by_parameter_value_and_rule(name: str, text: str) -> None:
    problem = refused(urlencode({name: text}))
    assert problem.members["parameter"] == name
    assert problem.members["value"] == text[:200]
    assert problem.members["rule"] == PARAMETERS[name].rule
    assert str(problem) == f"the parameter {name!r} is {text[:200]!r}; it must be {PARAMETERS[name].rule}."


def test_every_parameter_is_tried_or_takes_what_another_takes() -> None:
    tried = {PARAMETERS[name].rule for name in REFUSED}
    any_text = {"the name of a service", "a name", "the code of a login URL"}
    assert {each.rule for each in PARAMETERS.values()} == tried | any_text


def test_a_plus_sign_means_a_time_zone_however_it_is_written() -> None:
    written = ["since=2026-11-21T10:00:00%2B02:00", "since=2026-11-21T10:00:00+02:00"]
    assert len({parse(query, ALL)["since"] for query in written}) == 1


def test_a_parameter_twice_is_refused() -> None:
    assert refused("limit=1&limit=1").members["rule"] == "given once"


def test_attributes_may_be_asked_for_together() -> None:
    assert parse("where=a=1&where=b>2&where=a=1", ALL) == {"where": ["a=1", "b>2", "a=1"]}


def test_two_values_of_one_attribute_are_refused() -> None:
    assert refused("where=a=1&where=a=2").members == {
        "title": "Bad Request",
        "status": 400,
        "detail": "where asks that 'a' be '1' and '2'; nothing can be both: leave one out.",
        "parameter": "where",
        "value": "a=2",
        "rule": "true together with the others",
    }


@pytest.mark.parametrize("query", ["since=2&until=1", "until=2h&since=1h", "since=9999999999999&until=1"])
def test_a_beginning_after_the_end_is_refused(query: str) -> None:
    assert refused(query).members["parameter"] == "since"


def test_times_in_the_wrong_order_are_named_as_they_came() -> None:
    problem = refused("since=1m&until=2026-01-01T00:00%2B02:00")
    assert str(problem) == "the parameter 'since' is '1m'; it must be not later than until, '2026-01-01T00:00+02:00'."
    assert problem.members["value"] == "1m"


def test_a_beginning_that_is_the_end_is_taken() -> None:
    assert parse("since=1&until=1", ALL) == {"since": 10**9, "until": 10**9}


@pytest.mark.parametrize(
    ("name", "hint"), [("levle", "level"), ("min-level", "min_level"), ("traceid", "trace_id"), ("Limit", "limit")]
)
def test_a_name_that_is_nearly_right_is_guessed(name: str, hint: str) -> None:
    assert str(refused(f"{name}=1")).endswith(f"Did you mean {hint!r}?")


def test_an_unknown_parameter_is_refused_with_all_that_are_known() -> None:
    problem = refused("colour=1", ("since", "limit"))
    assert str(problem) == "the parameter 'colour' is not known here; it must be one of since, limit."


def test_where_no_parameter_is_known_that_is_said() -> None:
    assert refused("a=1", ()).members["rule"] == "none: this endpoint takes no parameters"


def test_the_value_of_an_unknown_parameter_may_be_a_secret() -> None:
    assert "hush" not in str(refused("token=hush").members)


def test_a_long_value_is_cut_in_the_answer() -> None:
    assert len(str(refused("limit=" + "a" * 8000).members)) < 1000
    assert len(str(refused("a" * 8000 + "=1", ("since",)).members)) < 1000


@pytest.mark.parametrize(
    "query",
    ["text=%ff", "text=%ED%A0%80", "text=%C0%AE", "text=\xff", "text=é", "limit=1&text=a%ff&service=b"],
)
def test_a_value_that_is_no_text_is_refused_by_its_parameter(query: str) -> None:
    problem = refused(query)
    assert str(problem) == "the value of the parameter 'text' is not percent-encoded UTF-8; encode it."
    assert (problem.members["parameter"], problem.members["rule"]) == ("text", "percent-encoded UTF-8")


@pytest.mark.parametrize("query", ["%ff=1", "é=1", "%ff"])
def test_a_name_that_is_no_text_is_refused(query: str) -> None:
    assert "the name of a parameter in the query string is not percent-encoded UTF-8" in str(refused(query))


def test_too_many_parameters_are_refused() -> None:
    assert f"more than {MAX_PARAMETERS} parameters" in str(refused("&" * MAX_PARAMETERS + "text=a"))


def test_as_many_parameters_as_there_may_be_are_taken() -> None:
    query = "&".join(f"where=k{n}=1" for n in range(MAX_PARAMETERS))
    assert len(parse(query, ALL)["where"]) == MAX_PARAMETERS


@pytest.mark.parametrize("query", ["", "&", "&&text=a&", "text=a;limit=1"])
def test_separators_are_ampersands_and_may_stand_alone(query: str) -> None:
    assert parse(query, ALL).keys() <= {"text"}


@pytest.mark.parametrize("name", ["limit", "text"])
def test_a_parameter_without_a_value_is_refused(name: str) -> None:
    assert refused(name).members["value"] == ""


def test_a_part_of_a_path_is_checked_as_a_parameter() -> None:
    assert named({"trace_id": "0af7"}) == {"trace_id": "0af7"}
    with pytest.raises(Problem, match="4 to 32 hexadecimal digits"):
        named({"trace_id": "../etc"})


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_a_route_takes_only_parameters_that_are_known(route: Any) -> None:
    assert set(route.takes) <= set(PARAMETERS)


@pytest.mark.parametrize("signal", FILTERS)
def test_whatever_the_parameters_give_a_reader_takes(signal: str) -> None:
    given = {name: value for name, _, value in TAKEN if name in FILTERS[signal]}
    Query.build(signal, **given)
    assert {*given} >= {*FILTERS[signal]} - {"name", "timeout"}


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path in ("/logs", "/spans", "/metrics")],
                         ids=lambda route: route.path)  # fmt: skip
def test_a_route_takes_every_filter_of_its_signal(route: Any) -> None:
    assert set(FILTERS[route.path[1:]]) - {"timeout"} <= set(route.takes)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_has_one_sentence_of_help(name: str) -> None:
    assert PARAMETERS[name].help.endswith(".")
    assert quote(name, safe="") == name
